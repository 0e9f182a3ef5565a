"""A backfill rewrites what is old, loses nothing, and sends nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from ops.backfill import HEADS, Tally, backfill
from slipway.outbox import due
from slipway.ports import Condition, Row
from slipway.tables import PRODUCTS, Table
from slipway.upgrades import Unreadable, upgrade
from tests.ops.catalogue import Catalogue

COUNT = HEADS * 2 + 3


def louder(row: Row) -> Row:
    return {**row, "data": {**row["data"], "name": row["data"]["name"].upper()}}


CHAIN = {("product", 1): louder}


def newer(row: Row) -> Row:
    return upgrade("product", row, CHAIN)


def run(catalogue: Catalogue, start: Mapping[str, Any] | None = None, *, dry_run: bool = False, pages: int = 99) -> Any:
    position, tally = start, Tally()
    walk = backfill(catalogue.store, PRODUCTS, "product", 2, newer, dry_run=dry_run, start=start)
    for _ in range(pages):
        tally, position = next(walk)
        if position is None:
            break
    return tally, position


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(COUNT)


def schemas(catalogue: Catalogue) -> set[int]:
    return {row["schema"] for row in catalogue.store.tables["products"].values()}


def test_every_row_becomes_the_newest_and_nothing_else_changes(catalogue: Catalogue) -> None:
    before = copy.deepcopy(catalogue.store.tables["products"])
    tally, position = run(catalogue)
    assert position is None
    assert (tally.read, tally.old, tally.written, tally.passed) == (len(before),) * 3 + (0,)
    assert catalogue.store.tables["products"] == {key: newer(row) for key, row in before.items()}


def test_no_event_is_sent(catalogue: Catalogue) -> None:
    sent = len(catalogue.changes)
    run(catalogue)
    assert len(catalogue.changes) == sent + len(catalogue.store.tables["products"])
    assert [envelope for old, new in catalogue.changes[sent:] for envelope in due(old, new)] == []


def test_a_second_run_writes_nothing(catalogue: Catalogue) -> None:
    run(catalogue)
    tally, _ = run(catalogue)
    assert (tally.old, tally.written) == (0, 0)


def test_a_dry_run_counts_and_writes_nothing(catalogue: Catalogue) -> None:
    tally, _ = run(catalogue, dry_run=True)
    assert (tally.old, tally.written) == (len(catalogue.store.tables["products"]), 0)
    assert schemas(catalogue) == {1}


def test_a_run_that_was_stopped_goes_on_where_it_was(catalogue: Catalogue) -> None:
    first, position = run(catalogue, pages=1)
    assert 0 < first.written < len(catalogue.store.tables["products"])
    second, _ = run(catalogue, position)
    assert first.read + second.read == len(catalogue.store.tables["products"])
    assert schemas(catalogue) == {2}


def test_a_newer_write_is_never_overwritten(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody changes each head between the read of it and its rewriting."""
    put, busy = catalogue.store.put, False

    def raced(table: Table, row: Row, condition: Condition | None = None) -> None:
        nonlocal busy
        if row["sk"] == "head" and not busy:
            busy = True
            head = catalogue.store.tables["products"][row["pk"], "head"]
            put(PRODUCTS, {**head, "version": head["version"] + 1, "schema": 2, "data": {"name": "newest"}})
            busy = False
        put(table, row, condition)

    monkeypatch.setattr(catalogue.store, "put", raced)
    tally, _ = run(catalogue)
    heads = [row for (_, sk), row in catalogue.store.tables["products"].items() if sk == "head"]
    assert tally.passed == len(heads) == COUNT
    assert {head["data"]["name"] for head in heads} == {"newest"}


def test_a_row_that_newer_code_wrote_stops_it(catalogue: Catalogue) -> None:
    catalogue.store.tables["products"][catalogue.ids[0], "head"]["schema"] = 3
    with pytest.raises(Unreadable, match="schema 3"):
        run(catalogue)
