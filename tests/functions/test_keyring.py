"""The access table's stream -> key files: whatever comes, in whatever order and however often, the file equals the table."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.keyring.handler import handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.calls import Call
from slipway.edge.stream import BatchFailed, Wired
from slipway.keyring import path
from slipway.keys import Keys, NewKey
from slipway.members import Members
from slipway.ports import Blobs, Row, Store, StoreUnavailable
from slipway.problems import Conflict
from slipway.upgrades import upgrader
from tests.functions.events import Context
from tests.records import record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Bucket(MemoryBlobs):
    down: set[str] = frozenset()  # type: ignore[assignment]

    def put(self, key: str, body: bytes, **named: Any) -> str:
        if key in self.down:
            raise StoreUnavailable("down")
        return super().put(key, body, **named)


class World:
    """A table whose stream is kept as records."""

    def __init__(self) -> None:
        self.store, self.blobs, self.quarantine = MemoryStore(), Bucket(), MemoryBlobs()
        self.records: list[dict[str, Any]] = []
        self.store.listen(self._note)
        self.number = 0
        self.keys = Keys(self.store, self._entropy, upgrader("key"))
        self.members = Members(self.store, upgrader("member"))
        self.ids: list[str] = []

    def _note(self, table: str, old: Row | None, new: Row | None) -> None:
        self.records.append(record(table, old, new, len(self.records) + 1))

    def _entropy(self, size: int) -> bytes:
        self.number += 1
        return self.number.to_bytes(size, "little")

    def call(self) -> Call:
        self.number += 1
        return Call(Principal("member", "mbr_root", "admin"), "test", NOW + timedelta(seconds=self.number), f"n{self.number}")

    def create(self, environment: str = "prod") -> None:
        self.ids.append(self.keys.create(self.call(), NewKey("k", "server", environment)).stored.id)

    def wired(self, raise_failures: bool = False) -> Wired[tuple[Store, Blobs]]:
        return Wired((self.store, self.blobs), self.quarantine, raise_failures)

    def deliver(self, records: list[dict[str, Any]]) -> Any:
        with handler.testing(self.wired()):
            return handler({"Records": records}, Context())

    def file(self, environment: str) -> set[str]:
        blob = self.blobs.objects.get(path(environment))
        return set() if blob is None else set(json.loads(blob.body)["keys"])

    def table(self, environment: str) -> set[str]:
        return {sk for pk, sk in self.store.tables.get("access", {}) if pk == f"verifiers#{environment}"}


@pytest.fixture
def world() -> World:
    return World()


def test_a_new_key_is_published(world: World) -> None:
    world.create()
    assert world.deliver(world.records) == {"batchItemFailures": []}
    assert world.file("prod") == world.table("prod")
    assert len(world.file("prod")) == 1


def test_a_batch_writes_each_file_once(world: World) -> None:
    for environment in ("prod", "dev", "prod", "prod"):
        world.create(environment)
    world.deliver(world.records)
    assert {name: json.loads(blob.body)["generation"] for name, blob in world.blobs.objects.items()} == {
        path("prod"): 1,
        path("dev"): 1,
    }


def test_what_is_no_verifier_publishes_nothing(world: World) -> None:
    world.members.invite(world.call(), "ada@example.com", "admin")
    world.keys.create(world.call(), NewKey("ci", "admin", role="admin"))
    assert world.deliver(world.records) == {"batchItemFailures": []}
    assert world.blobs.objects == {}


def test_an_admin_key_is_in_no_file(world: World) -> None:
    issued = world.keys.create(world.call(), NewKey("ci", "admin", role="admin"))
    world.create()
    world.deliver(world.records)
    assert issued.stored.data["selector"] not in repr(world.blobs.objects)


STEPS = st.lists(st.tuples(st.sampled_from(["create", "rotate", "revoke"]), st.integers(0, 5)), min_size=1, max_size=10)


@settings(deadline=None, max_examples=80)
@given(STEPS, st.randoms(use_true_random=False))
def test_the_file_equals_the_table_whatever_the_order_and_however_often(steps: list[tuple[str, int]], random: Any) -> None:
    world = World()
    for what, number in steps:
        if what == "create" or not world.ids:
            world.create(("prod", "dev")[number % 2])
            continue
        id = world.ids[number % len(world.ids)]
        if world.keys.shelf.read(id).data["status"] == "revoked":
            continue
        if what == "rotate":
            with suppress(Conflict):  # four earlier secrets work still
                world.keys.rotate(world.call(), id, None, (0, 3600)[number % 2])
        else:
            world.keys.revoke(world.call(), id, None)
    records = world.records + random.sample(world.records, random.randint(0, len(world.records)))
    random.shuffle(records)
    while records:
        size = random.randint(1, len(records))
        assert world.deliver(records[:size]) == {"batchItemFailures": []}
        records = records[size:]
    for environment in ("prod", "dev"):
        assert world.file(environment) == world.table(environment)


def test_a_file_that_cannot_be_written_comes_again_and_holds_no_other_up(world: World) -> None:
    world.create("prod")
    world.create("dev")
    world.blobs.down = {path("prod")}
    failed = world.deliver(world.records)["batchItemFailures"]
    assert len(failed) == 1
    assert (world.file("prod"), len(world.file("dev"))) == (set(), 1)
    world.blobs.down = set()
    again = [one for one in world.records if one["dynamodb"]["SequenceNumber"] == failed[0]["itemIdentifier"]]
    assert world.deliver(again) == {"batchItemFailures": []}
    assert world.file("prod") == world.table("prod")


def test_where_partial_answers_are_ignored_the_whole_batch_fails(world: World) -> None:
    world.create("prod")
    world.blobs.down = {path("prod")}
    with handler.testing(world.wired(raise_failures=True)), pytest.raises(BatchFailed):
        handler({"Records": world.records}, Context())


def test_a_record_that_cannot_be_read_is_put_aside(world: World) -> None:
    world.create()
    broken = {**world.records[0], "dynamodb": {**world.records[0]["dynamodb"], "NewImage": {"pk": {"X": "?"}}}}
    assert world.deliver([broken, *world.records[1:]]) == {"batchItemFailures": []}
    assert len(world.quarantine.objects) == 1
    assert world.file("prod") == world.table("prod")


def test_a_secret_is_put_aside_nowhere(world: World) -> None:
    world.create()
    image = {"pk": {"X": "?"}, "secret": {"S": "c2VjcmV0"}}
    broken = {**world.records[0], "dynamodb": {**world.records[0]["dynamodb"], "NewImage": image, "OldImage": image}}
    assert world.deliver([broken]) == {"batchItemFailures": []}
    [aside] = world.quarantine.objects.values()
    assert b'"X": "?"' in aside.body
    assert b"secret" not in aside.body.replace(b"secrets", b"")
    assert b"c2VjcmV0" not in aside.body
