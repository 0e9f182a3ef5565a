"""`GET /v1/audit` through its door."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.audit.handler import handler
from functions.record.handler import handler as record
from slipway import cursors
from slipway.adapters.memory import MemoryStore
from slipway.calls import derived_id
from tests.records import arrival

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with record.testing(store), handler.testing(use=store, now=NOW, nonce=lambda: "nonce"):
        yield store


MUG, JUG = derived_id("prd_", "mug"), derived_id("prd_", "jug")


def happened(number: int, time: str, subject: str = MUG, actor: str = "member:mbr_1", changes: Any = ()) -> str:
    id = derived_id("evt_", str(number))
    envelope = {
        "id": id,
        "source": "slipway.products",
        "type": "product.updated.v1",
        "version": 1,
        "sequence": number + 1,
        "time": time,
        "subject": subject,
        "actor": actor,
        "correlation_id": "c-1",
        "traceparent": "",
        "data": {"version": number + 1, "changes": list(changes)},
    }
    record(arrival(envelope), None)
    return id


def asked(role: str = "admin", **query: str | int) -> tuple[int, dict[str, Any]]:
    event = {
        "version": "2.0",
        "rawPath": "/v1/audit",
        "rawQueryString": urlencode(query),
        "headers": {},
        "requestContext": {
            "requestId": "r-1",
            "stage": "$default",
            "http": {"method": "GET", "path": "/v1/audit"},
            "authorizer": {"lambda": {"kind": "member", "id": "mbr_1", "role": role, "environment": ""}},
        },
        "isBase64Encoded": False,
    }
    answer = handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_who_did_what_when_from_what_to_what() -> None:
    changes = [
        {"field": "stage", "from": "alpha", "to": "beta"},
        {"field": "key", "from": None, "to": "ada"},
        {"field": "description"},
    ]
    id = happened(1, "2026-11-23T10:00:00.250Z", changes=changes)
    assert asked() == (
        200,
        {
            "items": [
                {
                    "id": id,
                    "time": "2026-11-23T10:00:00.250Z",
                    "type": "product.updated.v1",
                    "subject": MUG,
                    "sequence": 2,
                    "actor": "member:mbr_1",
                    "correlation_id": "c-1",
                    "changes": changes,
                }
            ]
        },
    )


def test_pages_follow_each_other_newest_first() -> None:
    ids = [happened(n, f"2026-11-{10 + n:02}T10:00:00.000Z") for n in range(13)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        status, page = asked(limit=4, **cursor)
        assert status == 200
        found += [item["id"] for item in page["items"]]
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == ids[::-1]


def test_filters_narrow_it_down() -> None:
    mine = happened(1, "2026-11-20T10:00:00.000Z", subject=MUG, actor="admin:key_1")
    happened(2, "2026-11-21T10:00:00.000Z", subject=JUG)
    old = happened(3, "2026-01-05T10:00:00.000Z", subject=MUG)

    def ids(**query: str) -> list[str]:
        status, page = asked(**query)
        assert status == 200
        return [item["id"] for item in page["items"]]

    assert ids(actor="admin:key_1") == [mine]
    assert ids(subject=MUG) == [mine, old]
    assert ids(subject=MUG, **{"from": "2026-11-01"}) == [mine]
    assert ids(to="2026-11-20") == [mine]
    assert ids(to="2026-01-10") == [old]
    assert ids(type="product.created.v1") == []
    assert ids(**{"from": "2026-11-21", "to": "9999-12-31", "actor": "admin:key_1"}) == []
    assert ids(**{"from": "0001-01-01", "to": "0001-01-01"}) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "2026-11-02", "to": "2026-11-01"}, "/query/from"),
        ({"from": "yesterday"}, "/query/from"),
        ({"from": "1763856000"}, "/query/from"),
        ({"to": "2026-13-01"}, "/query/to"),
        ({"type": "everything"}, "/query/type"),
        ({"subject": ""}, "/query/subject"),
        ({"subject": "enamel-mug"}, "/query/subject"),
        ({"subject": "prd_1"}, "/query/subject"),
        ({"subject": f"{MUG}#"}, "/query/subject"),
        ({"subject": "flag#a b"}, "/query/subject"),
        ({"subject": f"flag#{'a' * 300}"}, "/query/subject"),
        ({"who": "me"}, "/query/who"),
        ({"limit": "many"}, "/query/limit"),
    ],
)
def test_a_wrong_parameter_is_named(query: dict[str, str], pointer: str) -> None:
    status, problem = asked(**query)
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, [pointer])


def test_a_subject_that_is_no_id_is_told_how_one_looks() -> None:
    _, problem = asked(subject="enamel-mug")
    assert "prd_..., key_..., mbr_..." in problem["errors"][0]["detail"]


@pytest.mark.parametrize("subject", ["flag#checkout", "environment#production", "flag#checkout#production"])
def test_what_has_only_a_name_is_a_subject_too(subject: str) -> None:
    id = happened(1, "2026-11-20T10:00:00.000Z", subject=subject)
    assert [entry["id"] for entry in asked(subject=subject)[1]["items"]] == [id]


def test_a_cursor_belongs_to_its_query() -> None:
    for n in range(3):
        happened(n, f"2026-11-2{n}T10:00:00.000Z")
    _, page = asked(limit=1)
    status, problem = asked(limit=1, actor="member:mbr_1", cursor=page["next_cursor"])
    assert (status, problem["code"]) == (400, "bad_cursor")
    assert asked(cursor="x")[0] == 400


def test_a_made_up_cursor_of_a_subject_that_no_row_can_have_is_refused() -> None:
    place = {"day": "2026-11-23", "pk": "\N{ROCKET}" * 300, "sk": "2026-11-23T00:00:00.000Z#evt_" + "0" * 26}
    escaped = cursors.encode(["audit", None, None, None, None, None], place)
    text = json.dumps(json.loads(urlsafe_b64decode(escaped + "==")), ensure_ascii=False)
    status, problem = asked(cursor=urlsafe_b64encode(text.encode()).decode())
    assert (status, problem["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("limit", ["0", "-5", "1000"])
def test_a_limit_out_of_bounds_is_taken_as_the_bound(limit: str) -> None:
    for n in range(3):
        happened(n, f"2026-11-2{n}T10:00:00.000Z")
    status, page = asked(limit=limit)
    assert (status, len(page["items"])) == (200, 1 if limit != "1000" else 3)


def test_only_admins_read_it() -> None:
    assert asked(role="editor")[0] == 403
