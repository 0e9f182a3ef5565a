from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.events import parse
from slipway.outbox import due, envelopes
from slipway.ports import Row
from slipway.resources import Shelf
from slipway.tables import PRODUCTS


@pytest.fixture
def seen() -> list[tuple[Row | None, Row | None]]:
    """What the stream shows of a product that was created and then renamed."""
    store, images = MemoryStore(), []
    store.listen(lambda table, old, new: images.append((old, new)))
    shelf = Shelf(store, PRODUCTS, kind="product", schema=1, upgrade=lambda row: row)
    call = Call(
        Principal("member", "mbr_1", "editor"), "products.create", datetime(2026, 11, 23, tzinfo=UTC), "n", traceparent=""
    )
    created = shelf.create(call, "prd_1", {"name": "Ada"}, [("product.created.v1", event(1))]).stored
    shelf.update(call, created, {"name": "Eve"}, [("product.updated.v1", event(2)), ("product.archived.v1", event(2))])
    return images


def event(version: int) -> dict[str, Any]:
    changes = [{"field": "name", "from": "Ada", "to": "Eve"}]
    return {"version": version, "changes": changes, "name": "Eve", "stage": "idea", "status": "active"}


def test_a_head_gives_its_events_once_and_its_version_row_none(seen: list[tuple[Row | None, Row | None]]) -> None:
    sent = [envelope for old, new in seen for envelope in due(old, new)]
    assert [(e["type"], e["sequence"]) for e in sent] == [
        ("product.created.v1", 1),
        ("product.updated.v1", 2),
        ("product.archived.v1", 2),
    ]
    assert len({e["id"] for e in sent}) == 3
    for envelope in sent:
        assert parse(envelope).envelope() == envelope
    assert sent[0] == {
        "id": sent[0]["id"],
        "source": "slipway.products",
        "type": "product.created.v1",
        "version": 1,
        "sequence": 1,
        "time": "2026-11-23T00:00:00.000Z",
        "subject": "prd_1",
        "actor": "member:mbr_1",
        "correlation_id": "",
        "traceparent": "",
        "data": event(1),
    }


def test_a_version_row_makes_the_same_envelopes_as_the_head_that_it_was(seen: list[tuple[Row | None, Row | None]]) -> None:
    rows = [new for _, new in seen if new is not None]
    created, past = rows[0], next(row for row in rows if row["sk"].startswith("v#"))
    assert "kind" not in past
    assert envelopes(past) == envelopes(created)


def test_a_head_rewritten_at_its_version_is_silent(seen: list[tuple[Row | None, Row | None]]) -> None:
    head = seen[0][1]
    assert head is not None
    assert due(head, {**head, "schema": 2}) == []


def test_a_row_that_went_or_is_no_head_is_silent(seen: list[tuple[Row | None, Row | None]]) -> None:
    assert due(seen[0][1], None) == []
    assert due(None, {"pk": "key#slug", "sk": "key", "id": "prd_1"}) == []


@pytest.mark.parametrize("missing", ["version", "events", "cause", "updated_at"])
def test_a_head_without_its_parts_is_an_error(seen: list[tuple[Row | None, Row | None]], missing: str) -> None:
    head = seen[0][1]
    assert head is not None
    with pytest.raises((KeyError, TypeError, ValueError)):
        due(None, {name: value for name, value in head.items() if name != missing})


def test_an_event_of_an_unknown_kind_is_an_error(seen: list[tuple[Row | None, Row | None]]) -> None:
    head = seen[0][1]
    assert head is not None
    with pytest.raises(KeyError):
        due(None, {**head, "events": [{"type": "ghost.seen.v1", "data": {}}]})
