"""From a written row to the audit, through the real stream, relay, bus and consumer: nothing lost, nothing twice."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.journey import MERGE
from tests.e2e.stack import Stack, until, with_query
from tests.e2e.wire import Fate, Wire
from tests.figures import Tell

pytestmark = pytest.mark.e2e

PATIENCE = 120.0  # seconds for events that have to be sent again by a function that starts anew for each try


def entries(stack: Stack, subjects: list[str]) -> Counter[tuple[str, int]]:
    """How often the audit table has each (subject, sequence), read behind the API's back."""
    wanted = set(subjects)
    found: Counter[tuple[str, int]] = Counter()
    for row in stack.rows(stack.setting("record", "SLIPWAY_TABLE_AUDIT"), "pk", "sequence"):
        subject = row["pk"]["S"]
        if subject in wanted:
            found[subject, int(row["sequence"]["N"])] += 1
    return found


def create(stack: Stack, count: int) -> list[str]:
    items = [{"name": f"Burst {number}", "price": number} for number in range(count)]
    made = stack.call("POST", "/v1/products/batch", {"items": items})
    assert made.status in (201, 207), made.body
    return [item["product"]["id"] for item in made.json()["items"]]


@contextmanager
def held_back(stack: Stack, function: str) -> Iterator[None]:
    """The function reads no stream for a while: then it gets all that was written meanwhile at once."""
    client, name = stack.client("lambda"), stack.functions()[function]["FunctionName"]
    mappings = [mapping["UUID"] for mapping in client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]]
    for mapping in mappings:
        client.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        yield
    finally:
        for mapping in mappings:
            client.update_event_source_mapping(UUID=mapping, Enabled=True)


def test_every_change_is_in_the_audit_once(stack: Stack) -> None:
    ids = create(stack, 20)
    for id in ids[:5]:
        stack.call("PATCH", f"/v1/products/{id}", {"price": 99}, headers={**MERGE, "If-Match": '"1"'})
    expected = Counter({(id, 1): 1 for id in ids} | {(id, 2): 1 for id in ids[:5]})
    until(lambda: entries(stack, ids).total() >= expected.total(), within=PATIENCE, what="all changes are in the audit")
    assert entries(stack, ids) == expected
    entry = next(iter(stack.pages(with_query("/v1/audit", subject=ids[0]))))
    assert entry["changes"] == [
        {"field": "price", "from": {"amount": 0, "currency": "EUR"}, "to": {"amount": 9900, "currency": "EUR"}}
    ]
    assert entry["actor"].startswith("admin:key_")


def test_a_relay_that_fails_in_mid_batch_loses_nothing_and_doubles_nothing(stack: Stack, tell: Tell) -> None:
    """The first calls go through, then an answer is lost, twice, and all tries of the call are used up; then all is well."""

    def fate(call: int) -> Fate:
        return "pass" if call <= 3 or call > 7 else "lose the answer" if call <= 5 else "refuse"

    with Wire.between(stack.aws, fate) as wire, stack.changed({"relay": {"AWS_ENDPOINT_URL": wire.url}}):
        with held_back(stack, "relay"):
            ids = create(stack, 100)
        until(lambda: entries(stack, ids).total() >= len(ids), within=PATIENCE, what="all events of the burst")
        until(lambda: len(wire.fates) >= 7 + 10, within=PATIENCE, what="the batch is sent again")
    tell(f"{wire.arrived} events reached the bus for {len(ids)} changes: {Counter(wire.fates)}")
    assert wire.arrived > len(ids), "nothing was sent twice: the failure came too early to prove anything"
    assert entries(stack, ids) == Counter({(id, 1): 1 for id in ids})


READERS = [("relay", "products"), ("relay", "access"), ("keyring", "access"), ("relay", "flags"), ("snapshot", "flags")]


@pytest.mark.parametrize(("function", "table"), READERS)
def test_a_poisoned_record_is_put_aside_and_holds_nothing_up(stack: Stack, function: str, table: str) -> None:
    """A row with a set, which no code of ours writes: its reader can make nothing of it."""
    poison = f"prd_{secrets.token_hex(13)}"
    stack.client("dynamodb").put_item(
        TableName=stack.setting(table, f"SLIPWAY_TABLE_{table.upper()}"),
        Item={"pk": {"S": poison}, "sk": {"S": "head"}, "version": {"N": "1"}, "events": {"SS": ["product.created.v1"]}},
    )
    made = {"access": key, "flags": flag}
    ids = create(stack, 3) if table == "products" else [made[table](stack) for _ in range(3)]
    until(lambda: entries(stack, ids).total() == 3, within=PATIENCE, what="the healthy events behind the poisoned one")
    bucket, objects = stack.setting(function, "SLIPWAY_BUCKET_QUARANTINE"), stack.client("s3")

    def put_aside() -> list[str]:
        found = objects.list_objects_v2(Bucket=bucket, Prefix=f"records/{function}/").get("Contents", [])
        bodies = [objects.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode() for one in found]
        return [body for body in bodies if poison in body]

    assert len(until(put_aside, within=PATIENCE, what="the poisoned record is in quarantine")) == 1
    assert entries(stack, [poison]) == Counter()


def key(stack: Stack) -> str:
    made = stack.call("POST", "/v1/keys", {"name": "Behind", "kind": "client", "environment": "behind"})
    return str(made.json()["id"])


def flag(stack: Stack) -> str:
    made = stack.call("POST", "/v1/flags", {"key": f"behind-{secrets.token_hex(4)}", "type": "boolean"})
    return f"flag#{made.json()['key']}"
