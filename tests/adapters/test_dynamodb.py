"""What the store does with the service's passing refusals: told by a client that says them, since no backend here does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from slipway.adapters.client import Backoff, Refused
from slipway.adapters.dynamodb import DynamoStore
from slipway.counts import Counts
from slipway.ports import ConditionFailed, Equals, Put, StoreUnavailable, Update
from slipway.tables import BY_CREATED, PRODUCTS

WRITES = [Put(PRODUCTS, {"pk": "a", "sk": "b"}, Equals("n", 1)), Put(PRODUCTS, {"pk": "c", "sk": "d"}, Equals("n", 1))]


class Scripted:
    """Answers each call with the next of its script, the last one for ever."""

    def __init__(self, *script: Exception | Mapping[str, Any]) -> None:
        self.counts = Counts()
        self.script = [*script]
        self.requests: list[Mapping[str, Any]] = []

    def call(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self.requests.append(request)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        return said


def store(client: Scripted) -> tuple[DynamoStore, list[float]]:
    slept: list[float] = []
    return DynamoStore(client, {"products": "physical"}, Backoff(sleep=slept.append)), slept


def cancelled(*codes: str, **more: Any) -> Refused:
    reasons = [{"Code": code, **(more if code == "ConditionalCheckFailed" else {})} for code in codes]
    return Refused("TransactWriteItems", "TransactionCanceledException", "", {"CancellationReasons": reasons})


PASSING = [
    cancelled("TransactionConflict", "None"),
    cancelled("None", "ThrottlingError"),
    cancelled("ProvisionedThroughputExceeded", "TransactionConflict"),
    Refused("TransactWriteItems", "TransactionInProgressException"),
    Refused("TransactWriteItems", "TransactionConflictException"),
]


@pytest.mark.parametrize("refusal", PASSING, ids=str)
def test_a_transaction_that_met_another_one_is_tried_again_with_its_token(refusal: Refused) -> None:
    client = Scripted(refusal, refusal, {})
    it, slept = store(client)
    it.transact(WRITES, "token")
    assert [request["ClientRequestToken"] for request in client.requests] == ["token"] * 3
    assert client.requests[0] == client.requests[2]
    assert (len(slept), client.counts.retries) == (2, 2)


@pytest.mark.parametrize("refusal", PASSING, ids=str)
def test_a_transaction_that_always_meets_another_one_is_unavailable(refusal: Refused) -> None:
    it, slept = store(Scripted(refusal))
    with pytest.raises(StoreUnavailable):
        it.transact(WRITES, "token")
    assert 3 <= len(slept) <= 10


def test_a_failed_condition_decides_over_a_conflict() -> None:
    it, slept = store(
        Scripted(cancelled("TransactionConflict", "ConditionalCheckFailed", Item={"pk": {"S": "c"}, "n": {"N": "2"}}))
    )
    with pytest.raises(ConditionFailed) as failed:
        it.transact(WRITES, "token")
    assert (failed.value.index, failed.value.row, slept) == (1, {"pk": "c", "n": 2}, [])


@pytest.mark.parametrize(
    "refusal",
    [
        cancelled("ValidationError", "None"),
        cancelled("ItemCollectionSizeLimitExceeded", "TransactionConflict"),
        cancelled(),
        Refused("TransactWriteItems", "AccessDeniedException"),
        Refused("TransactWriteItems", "ResourceNotFoundException"),
    ],
    ids=str,
)
def test_what_will_never_succeed_is_told_at_once(refusal: Refused) -> None:
    it, slept = store(Scripted(refusal))
    with pytest.raises(Refused) as told:
        it.transact(WRITES, "token")
    assert told.value is refusal
    assert slept == []


WRITE_ONE: list[Callable[[DynamoStore], None]] = [
    lambda it: it.put(PRODUCTS, {"pk": "a", "sk": "b"}),
    lambda it: it.update(Update(PRODUCTS, "a", "b", {"n": 1})),
]


@pytest.mark.parametrize("write", WRITE_ONE, ids=["put", "update"])
def test_a_write_that_met_a_transaction_is_tried_again(write: Callable[[DynamoStore], None]) -> None:
    conflict = Refused("PutItem", "TransactionConflictException")
    it, slept = store(Scripted(conflict, conflict, {}))
    write(it)
    assert len(slept) == 2
    it, slept = store(Scripted(conflict))
    with pytest.raises(StoreUnavailable):
        write(it)
    assert 3 <= len(slept) <= 10


def test_every_read_of_a_table_is_strong_and_none_of_an_index() -> None:
    client = Scripted({"Items": []})
    it, _ = store(client)
    it.get(PRODUCTS, "a", "b")
    it.query(PRODUCTS, ("a",))
    it.get_many(PRODUCTS, [("a", "b")])
    get, query, batch = client.requests
    assert get["ConsistentRead"] is query["ConsistentRead"] is batch["RequestItems"]["physical"]["ConsistentRead"] is True
    it.query(PRODUCTS, ("a",), index=BY_CREATED)
    assert "ConsistentRead" not in client.requests[-1]  # the service refuses it there


def item(number: int) -> dict[str, Any]:
    return {"pk": {"S": f"{number}"}, "sk": {"S": "x"}}


def test_many_rows_come_in_as_many_answers_as_the_service_likes() -> None:
    keys = [(f"{number}", "x") for number in range(30)]

    def part(first: int) -> dict[str, Any]:
        rest = {"physical": {"Keys": [item(number) for number in range(first + 1, 30)], "ConsistentRead": True}}
        return {"Responses": {"physical": [item(first)]}, "UnprocessedKeys": rest if first < 29 else {}}

    client = Scripted(*(part(number) for number in range(30)))
    it, slept = store(client)
    assert [row["pk"] for row in it.get_many(PRODUCTS, keys)] == [f"{number}" for number in range(30)]
    assert [len(request["RequestItems"]["physical"]["Keys"]) for request in client.requests] == list(range(30, 0, -1))
    assert slept == []  # each answer brought something


def test_keys_that_stay_unprocessed_are_waited_for_and_then_unavailable() -> None:
    nothing = {"Responses": {}, "UnprocessedKeys": {"physical": {"Keys": [item(1)], "ConsistentRead": True}}}
    it, slept = store(Scripted(nothing, nothing, {"Responses": {"physical": [item(1)]}}))
    assert it.get_many(PRODUCTS, [("1", "x")]) == [{"pk": "1", "sk": "x"}]
    assert len(slept) == 2
    it, slept = store(Scripted(nothing))
    with pytest.raises(StoreUnavailable):
        it.get_many(PRODUCTS, [("1", "x")])
    assert 3 <= len(slept) <= 10
