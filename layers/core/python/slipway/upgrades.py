"""Rows of past schemas, as the newest: readers take every shape that was ever stored, writers write the newest only.

A change of a stored shape adds one step here, and the old shape to the corpus in `tests/domain/corpus`. `slipway backfill`
rewrites what still stands in an old shape; until then, and for rows that it never meets, a reader upgrades what it read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from slipway.ports import Row, StoreError

Step = Callable[[Row], Row]


def _audit_by_month(row: Row) -> Row:
    return {**{name: value for name, value in row.items() if name != "day"}, "month": row["time"][:7]}


def _vote_with_origin(row: Row) -> Row:
    """Which kind of key gave it nobody knows any more: none that a page's key may withdraw."""
    return {**row, "origin": row["by"].partition(":")[0] if "by" in row else "unknown"}


# (kind, schema) -> the same row in the next schema. A step sets no `schema`, and touches neither keys nor version.
STEPS: dict[tuple[str, int], Step] = {("audit", 1): _audit_by_month, ("vote", 1): _vote_with_origin}


class Unreadable(StoreError):
    """A row of a schema that this code does not know: newer code wrote it, or it has none."""


def newest(kind: str, steps: Mapping[tuple[str, int], Step] = STEPS) -> int:
    """The schema that rows of this kind are written in."""
    return 1 + max((schema for of, schema in steps if of == kind), default=0)


def upgrade(kind: str, row: Row, steps: Mapping[tuple[str, int], Step] = STEPS) -> Row:
    """The row in the newest schema of its kind; the row itself when it is. Raises Unreadable."""
    schema, last = row.get("schema"), newest(kind, steps)
    if not isinstance(schema, int) or not 1 <= schema <= last:
        raise Unreadable(f"a {kind} row has schema {schema!r}; this version of Slipway reads 1 to {last}")
    for step in range(schema, last):
        row = {**steps[kind, step](row), "schema": step + 1}
    return row


def upgrader(kind: str) -> Step:
    """`upgrade` for rows of this kind, as `slipway.resources.Shelf` wants it."""
    return lambda row: upgrade(kind, row)
