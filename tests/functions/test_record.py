"""Bus -> audit table: a row per event, exactly one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from functions.record.handler import handler
from slipway.adapters.memory import MemoryStore
from slipway.ports import StoreUnavailable
from tests.records import arrival


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with handler.testing(store):
        yield store


def envelope(**changed: Any) -> dict[str, Any]:
    return {
        "id": "evt_" + "0" * 26,
        "source": "slipway.products",
        "type": "product.updated.v1",
        "version": 1,
        "sequence": 2,
        "time": "2026-11-23T10:00:00.250Z",
        "subject": "prd_1",
        "actor": "member:mbr_1",
        "correlation_id": "c-1",
        "traceparent": "",
        "data": {"version": 2, "changes": [{"field": "stage", "from": "alpha", "to": "beta"}], "key": "ada"},
        **changed,
    }


def test_an_event_is_written_down(store: MemoryStore) -> None:
    handler(arrival(envelope()), None)
    ((key, row),) = store.tables["audit"].items()
    assert key == ("prd_1", "2026-11-23T10:00:00.250Z#evt_" + "0" * 26)
    assert row == {
        "pk": key[0],
        "sk": key[1],
        "schema": 2,
        "month": "2026-11",
        "time": "2026-11-23T10:00:00.250Z",
        "type": "product.updated.v1",
        "sequence": 2,
        "actor": "member:mbr_1",
        "correlation_id": "c-1",
        "changes": [{"field": "stage", "from": "alpha", "to": "beta"}],
        "expires": 1829988000,
    }


def test_a_second_delivery_changes_nothing(store: MemoryStore) -> None:
    handler(arrival(envelope()), None)
    store.tables["audit"][("prd_1", "2026-11-23T10:00:00.250Z#evt_" + "0" * 26)]["mark"] = "first"
    handler(arrival(envelope()), None)
    (row,) = store.tables["audit"].values()
    assert row["mark"] == "first"


def test_an_event_of_a_contract_that_is_not_known_here_is_written_down_as_well(store: MemoryStore) -> None:
    handler(arrival(envelope(type="flag.turned_on.v3", version=3, source="slipway.flags", data={"share": 0.25})), None)
    (row,) = store.tables["audit"].values()
    assert (row["type"], row["changes"]) == ("flag.turned_on.v3", [])


def test_a_fraction_is_kept_exactly(store: MemoryStore) -> None:
    handler(arrival(envelope(data={"changes": [{"field": "share", "from": 0.1, "to": 0.25}]})), None)
    (row,) = store.tables["audit"].values()
    assert [str(row["changes"][0][end]) for end in ("from", "to")] == ["0.1", "0.25"]


def test_what_is_no_envelope_fails_loudly(store: MemoryStore) -> None:
    with pytest.raises(ValidationError):
        handler({**arrival(envelope()), "detail": {"id": "x"}}, None)
    assert store.tables == {}


def test_a_store_that_is_out_fails_loudly(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    def out(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "put", out)
    with pytest.raises(StoreUnavailable):
        handler(arrival(envelope()), None)
