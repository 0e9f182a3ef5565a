"""Which rows a request is about, by the requests that the adapters really make."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.leading import family, keys
from slipway.adapters.dynamodb import DynamoStore
from slipway.ports import Absent, Check, Delete, Put, Span, Update
from slipway.tables import ACCESS, BY_CREATED, PRODUCTS

TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/t-access"


class Asked:
    """A client that keeps what it is asked, and finds nothing."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((operation, request))
        return {"Items": [], "Responses": {}}


def asked(do: Any, *actions: str, resource: str = TABLE) -> list[list[str]]:
    """The keys of each action of what this does with a store."""
    client = Asked()
    do(DynamoStore(client, {"access": "t-access", "products": "t-products"}))  # type: ignore[arg-type]
    ((operation, request),) = client.requests
    body = json.dumps(request).encode()
    return [keys(f"dynamodb:{action}", resource, body) for action in actions or (operation,)]


def test_a_row_that_is_read_or_written() -> None:
    assert asked(lambda store: store.get(ACCESS, "mbr_1", "head")) == [["mbr_1"]]
    assert asked(lambda store: store.put(ACCESS, {"pk": "used#prod", "sk": "key_1"})) == [["used#prod"]]
    assert asked(lambda store: store.update(Update(ACCESS, "key_1", "head", {"a": 1}))) == [["key_1"]]


def test_several_rows_each_once() -> None:
    several = [("mbr_2", "head"), ("mbr_1", "head"), ("mbr_1", "email")]
    assert asked(lambda store: store.get_many(ACCESS, several)) == [["mbr_1", "mbr_2"]]


@pytest.mark.parametrize("span", [Span(), Span(prefix="a"), Span(low="a", high="b"), Span(equal=("a",))])
def test_a_partition(span: Span) -> None:
    assert asked(lambda store: store.query(ACCESS, ("verifiers#prod",), span)) == [["verifiers#prod"]]


def test_an_index_has_other_partitions() -> None:
    index = f"{TABLE}/index/by_created"
    assert asked(lambda store: store.query(ACCESS, ("member",), index=BY_CREATED), resource=index) == [[]]


def test_of_a_transaction_the_writes_of_a_kind_in_the_table() -> None:
    writes = [
        Put(ACCESS, {"pk": "mbr_1", "sk": "head"}),
        Put(PRODUCTS, {"pk": "prd_1", "sk": "head"}),
        Delete(ACCESS, "email#1", "key"),
        Check(ACCESS, "members", "admins", Absent()),
    ]
    actions = ("PutItem", "DeleteItem", "ConditionCheckItem", "UpdateItem")
    assert asked(lambda store: store.transact(writes, "t" * 8), *actions) == [["mbr_1"], ["email#1"], ["members"], []]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"Key": {}}', b'{"Key": {"pk": {"N": "1"}}}', b'{"TransactItems": [1]}']
)
def test_what_cannot_be_read_has_none(body: bytes) -> None:
    assert keys("dynamodb:GetItem", TABLE, body) == []


def test_a_kind_of_row_says_nothing_of_whose_it_is() -> None:
    told = {
        key: family(key) for key in ("mbr_1x", "used#prod", "used#all", "verifiers#all", "email#0a", "members", "Ada_L", "")
    }
    assert list(told.values()) == ["mbr_", "used#", "used#all", "verifiers#all", "email#", "members", "other", "other"]
    assert [family(key) for key in ("list#schedules", "list#tag#web", "flag#a", "counting", "secret#pepper")] == [
        *("list#schedules", "list#tag#", "flag#", "counting", "secret#pepper")
    ]
