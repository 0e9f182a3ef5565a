"""Rewrite what still stands in an old shape. Safe to stop, to start again, and to run beside every reader and writer:

- a row is written on condition that it is the one that was read, so that no newer write is lost;
- a head keeps its version, so that the relay sends nothing;
- rows in the newest shape are only read, so that a second run does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.ports import ConditionFailed, Equals, Row, Span, Store
from slipway.resources import HEAD
from slipway.tables import BY_CREATED, Table
from slipway.upgrades import Step

Position = Mapping[str, Any]

HEADS = 25  # a page: so much is read again after a stop


@dataclass(slots=True)
class Tally:
    """Rows so far. `passed`: somebody wrote them meanwhile, in the newest shape."""

    read: int = 0
    old: int = 0
    written: int = 0
    passed: int = 0


def backfill(
    store: Store, table: Table, kind: str, newest: int, upgrade: Step, *, dry_run: bool, start: Position | None = None
) -> Iterator[tuple[Tally, Position | None]]:
    """Walk all resources of a kind in the order of their creation, each with its past versions; yields after every page how
    far it came, and where to start again (None at the end). Raises Unreadable for a row of an unknown schema."""
    tally, position = Tally(), start
    while True:
        page = store.query(table, (kind,), index=BY_CREATED, limit=HEADS, start=position)
        for found in page.rows:
            for row in rows(store, table, found["pk"]):
                tally.read += 1
                upgraded = upgrade(row)
                if row["schema"] == newest:
                    continue
                tally.old += 1
                if not dry_run:
                    _write(store, table, row, upgraded, tally)
        position = page.next
        yield tally, position
        if position is None:
            return


def _write(store: Store, table: Table, row: Row, upgraded: Row, tally: Tally) -> None:
    # A head may only be replaced at its version; a past version has one shape after the other and no other change.
    same = Equals("version", row["version"]) if row["sk"] == HEAD else Equals("schema", row["schema"])
    try:
        store.put(table, upgraded, same)
        tally.written += 1
    except ConditionFailed:
        tally.passed += 1


def rows(store: Store, table: Table, id: str) -> Iterator[Row]:
    """Past versions, oldest first, then the head: strong reads."""
    head = store.get(table, id, HEAD)  # first: a version that is made meanwhile is not seen twice, and none is missed
    start: Position | None = None
    while True:
        page = store.query(table, (id,), Span(prefix="v#"), start=start)
        yield from (row for row in page.rows if head is None or row["version"] < head["version"])
        start = page.next
        if start is None:
            break
    if head is not None:
        yield head
