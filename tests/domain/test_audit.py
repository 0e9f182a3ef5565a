"""The audit's pages: newest first, every row once, bounded work."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.audit import KEPT, READS, Filter, Position, entries, record
from slipway.calls import derived_id
from slipway.events import AnyEvent
from slipway.ports import Page
from slipway.problems import BadCursor

FIRST, LAST = date(2026, 10, 26), date(2026, 11, 4)
WHOLE = Filter(FIRST, LAST)


@pytest.fixture
def store() -> MemoryStore:
    """Three events a day, from two days before the range to two days after it, of two subjects and two actors."""
    store = MemoryStore()
    for number in range(14 * 3):
        day = FIRST - timedelta(days=2) + timedelta(days=number // 3)
        record(store, event(number, f"{day}T0{number % 3}:00:00.000Z"))
    return store


def event(number: int, time: str) -> AnyEvent:
    return AnyEvent(
        id=derived_id("evt_", str(number)),
        source="slipway.products",
        type=f"product.{'created' if number % 3 == 0 else 'updated'}.v1",
        version=1,
        sequence=1,
        time=time,
        subject=f"prd_{number % 2}",
        actor=f"member:mbr_{number % 4}",
        correlation_id="",
        traceparent="",
        data={},
    )


def all_pages(store: MemoryStore, filter: Filter, limit: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    position = None
    while True:
        page, position = entries(store, filter, limit, position)
        assert len(page) <= limit
        rows += page
        if position is None:
            return rows
        position = Position.at(asdict(position), filter)  # as it comes back in a cursor


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize("subject", [None, "prd_0"])
@pytest.mark.parametrize("actor", [None, "member:mbr_2"])
@pytest.mark.parametrize("type", [None, "product.created.v1"])
def test_every_row_that_fits_comes_once_newest_first(
    store: MemoryStore, limit: int, subject: str | None, actor: str | None, type: str | None
) -> None:
    wanted = sorted(
        (
            row
            for row in store.tables["audit"].values()
            if FIRST.isoformat() <= row["time"][:10] <= LAST.isoformat()
            and subject in (None, row["pk"])
            and actor in (None, row["actor"])
            and type in (None, row["type"])
        ),
        key=lambda row: row["sk"],
        reverse=True,
    )
    assert wanted
    assert all_pages(store, Filter(FIRST, LAST, subject, actor, type), limit) == wanted


@pytest.fixture
def asked(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The queries of the store."""
    asked = list[Any]()
    query = store.query

    def counted(*args: Any, **named: Any) -> Page:
        asked.append(args)
        return query(*args, **named)

    monkeypatch.setattr(store, "query", counted)
    return asked


def test_all_that_is_kept_costs_a_bounded_number_of_reads(store: MemoryStore, asked: list[Any]) -> None:
    last = date(2028, 2, 1)
    assert entries(store, Filter(last - KEPT, last), 50) == ([], None)
    assert len(asked) == 15 <= READS


def test_a_fortnight_costs_a_read_or_two(store: MemoryStore, asked: list[Any]) -> None:
    entries(store, Filter(date(2027, 1, 10), date(2027, 1, 23)), 50)
    assert len(asked) == 1
    entries(store, Filter(date(2027, 1, 25), date(2027, 2, 7)), 50)
    assert len(asked) == 3


def test_a_narrow_filter_costs_a_bounded_number_of_reads(store: MemoryStore, asked: list[Any]) -> None:
    rows, position = entries(store, Filter(FIRST, LAST, actor="member:nobody"), 1)
    assert (rows, len(asked)) == ([], READS)
    assert position is not None
    assert position.sk


def test_a_row_of_an_older_shape_is_written_anew_when_its_event_comes_again(store: MemoryStore) -> None:
    """As `slipway replay` has them come: until then the list does not show it, its subject's does."""
    key, row = next(iter(store.tables["audit"].items()))
    old = {**{name: value for name, value in row.items() if name != "month"}, "schema": 1, "day": row["time"][:10]}
    store.tables["audit"][key] = old
    for number in range(14 * 3):
        day = FIRST - timedelta(days=2) + timedelta(days=number // 3)
        record(store, event(number, f"{day}T0{number % 3}:00:00.000Z"))
    assert store.tables["audit"][key] == row
    assert len(store.tables["audit"]) == 14 * 3


@pytest.mark.parametrize(
    "position",
    [
        {"day": "2026-11-05"},
        {"day": "2026-W45-1"},
        {"day": "today"},
        {"day": "2026-11-02", "sk": "2026-11-03T00:00:00.000Z#evt_" + "0" * 26, "pk": "prd_0"},
        {"day": "2026-11-02", "sk": "2026-11-02T00:00:00.000Z#evt_" + "0" * 26, "pk": ""},
        {"day": "2026-11-02", "sk": "2026-11-02T00:00:00.000Z#evt_" + "0" * 26, "pk": "p" * 301},
        {"day": "2026-11-02", "sk": "2026-11-02T00:00:00.000Z#evt_" + "0" * 26, "pk": "\N{ROCKET}" * 300},
        {"day": "2026-11-02", "sk": "2026-11-02T00:00:00.000Z#evt_" + "0" * 26, "pk": "\ud800"},
        {"day": "2026-11-02", "sk": "", "pk": "prd_0"},
        {"day": "2026-11-02", "sk": "2026-11-02", "pk": "prd_0"},
    ],
    ids=str,
)
def test_a_position_where_no_page_ended_is_refused(position: dict[str, str]) -> None:
    with pytest.raises(BadCursor):
        Position.at({"pk": "", "sk": "", **position}, WHOLE)


def test_a_position_of_another_subject_is_refused() -> None:
    position = {"day": "2026-11-02", "pk": "prd_1", "sk": "2026-11-02T00:00:00.000Z#evt_" + "0" * 26}
    assert Position.at(position, WHOLE).pk == "prd_1"
    with pytest.raises(BadCursor):
        Position.at(position, Filter(FIRST, LAST, subject="prd_0"))
    with pytest.raises(BadCursor):
        Position.at({"day": "2026-11-02", "pk": "", "sk": ""}, Filter(FIRST, LAST, subject="prd_0"))


def test_the_pages_end_where_the_first_day_has_moved_past_them(store: MemoryStore) -> None:
    assert entries(store, WHOLE, 10, Position("2026-10-25")) == ([], None)
    row = Position("2026-10-25", "prd_0", "2026-10-25T00:00:00.000Z#evt_" + "0" * 26)
    assert entries(store, Filter(FIRST, LAST, subject="prd_0"), 10, row) == ([], None)
