"""Many vote at once, and items are merged: API, stream and counts, with IAM enforced."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.adapters.attributes import marshal_row
from tests.e2e.stack import Response, Stack, until
from tests.figures import Tell

pytestmark = pytest.mark.e2e

PATIENCE = 60
VOTERS, AT_ONCE = 200, 16


@pytest.fixture(scope="module")
def product(stack: Stack) -> str:
    key = f"voted-{secrets.token_hex(4)}"
    assert stack.call("POST", "/v1/products", {"key": key, "name": "Mug", "price": "9.99"}).status == 201
    return key


def item(stack: Stack, product: str, title: str) -> str:
    told = stack.call("POST", "/v1/feedback", {"type": "idea", "product": product, "title": title}, token="server")
    assert told.status == 201, told.body
    return str(told.json()["id"])


def vote(stack: Stack, id: str, who: object, what: str = "votes") -> Response:
    voted = stack.call("POST", f"/v1/feedback/{id}/{what}", {"targeting_key": f"{who}"}, token="server")
    assert voted.status == 200, voted.body
    return voted


def merged(stack: Stack, id: str, what: str, body: Any = None) -> None:
    answer = stack.call("POST", f"/v1/feedback/{id}/{what}", body, headers={"If-Match": "*"})
    assert answer.status == 200, answer.body


def come_to(stack: Stack, id: str, votes: int) -> None:
    def read() -> int:
        return int(stack.call("GET", f"/v1/feedback/{id}").json()["votes"])

    until(lambda: read() == votes, within=PATIENCE, what=f"there are {votes} votes")


def test_many_at_once_count_exactly(stack: Stack, product: str, tell: Tell) -> None:
    """Every fourth twice, every tenth withdraws."""
    id = item(stack, product, "A lid")

    def person(number: int) -> None:
        for _ in range(2 if number % 4 == 0 else 1):
            vote(stack, id, number)
        if number % 10 == 0:
            vote(stack, id, number, "votes/withdraw")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(person, range(VOTERS)))
    come_to(stack, id, VOTERS * 9 // 10)
    listed = [one["person"] for one in stack.pages(f"/v1/feedback/{id}/votes?limit=100")]
    assert len(listed) == len(set(listed)) == VOTERS * 9 // 10
    tell(f"{VOTERS} voters, {AT_ONCE} at once, a tenth withdraws: {len(listed)} counted")


def test_a_group_has_the_distinct_voters_of_its_items(stack: Stack, product: str) -> None:
    one, two, three = (item(stack, product, title) for title in ("Lids", "Please a lid", "Where is the lid"))
    for who, items in {"ada": (one, two), "bob": (two,), "eve": (three, one)}.items():
        for id in items:
            vote(stack, id, who)
    behalf = stack.call("POST", f"/v1/feedback/{two}/votes", {"email": "joe@example.com"})
    assert behalf.status == 200, behalf.body
    merged(stack, two, "merge", {"into": one})
    merged(stack, three, "merge", {"into": two})
    come_to(stack, one, 4)
    assert vote(stack, three, "bob", "votes/withdraw").json()["counts_for"] == one
    come_to(stack, one, 3)
    merged(stack, two, "unmerge")
    come_to(stack, one, 2)
    come_to(stack, two, 2)


def test_the_daily_round_repairs_what_is_not_right(stack: Stack, product: str) -> None:
    id = item(stack, product, "A spout")
    vote(stack, id, "ada")
    come_to(stack, id, 1)
    dynamodb, table = stack.client("dynamodb"), stack.setting("ballots", "SLIPWAY_TABLE_FEEDBACK")
    key = marshal_row({"pk": id, "sk": "count"})
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET own = :own",
        ExpressionAttributeValues=marshal_row({":own": 7}),
    )
    come_to(stack, id, 7)
    event = {"source": "aws.events", "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    ran = stack.client("lambda").invoke(FunctionName=stack.functions()["ballots"]["FunctionName"], Payload=json.dumps(event))
    assert "FunctionError" not in ran, ran["Payload"].read()
    come_to(stack, id, 1)


def test_a_row_that_nobody_wrote_is_put_aside(stack: Stack) -> None:
    table, bucket = (stack.setting("ballots", f"SLIPWAY_{name}") for name in ("TABLE_FEEDBACK", "BUCKET_QUARANTINE"))
    strange = {"pk": "fbk_strange", "sk": "mark", "schema": 1, "what": secrets.token_hex(4)}
    stack.client("dynamodb").put_item(TableName=table, Item=marshal_row(strange))

    def put_aside() -> list[Any]:
        return list(stack.client("s3").list_objects_v2(Bucket=bucket, Prefix="records/ballots/").get("Contents", []))

    until(put_aside, within=PATIENCE, what="the strange record is in quarantine")
