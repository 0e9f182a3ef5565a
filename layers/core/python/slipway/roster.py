"""Lists of keys and of members, in the order in which they were made.

The index gives the order, what it finds is read strongly, and the filter looks at that: a page may be short before the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slipway.resources import Shelf, Stored
from slipway.tables import BY_CREATED

READS = 3  # rounds of up to 100 rows that one page may cost while the filter takes few
POSITION = ("kind", "created_at", "pk", "sk")  # the names of a place in the order

Position = Mapping[str, Any]


def page(
    shelf: Shelf, takes: Callable[[Stored], bool], limit: int, start: Position | None
) -> tuple[list[Stored], Position | None]:
    """Up to `limit` resources that the filter takes, and where to go on (None at the end)."""
    found: list[Stored] = []
    for _ in range(READS):
        keys = shelf.store.query(shelf.table, (shelf.kind,), index=BY_CREATED, limit=100, start=start)
        heads = {stored.id: stored for stored in shelf.read_all([row["pk"] for row in keys.rows])}
        for row in keys.rows:
            stored = heads.get(row["pk"])
            if stored is not None and takes(stored):
                found.append(stored)
                if len(found) == limit:
                    more = keys.next is not None or row is not keys.rows[-1]
                    return found, {name: row[name] for name in POSITION} if more else None
        start = keys.next
        if start is None:
            break
    return found, start
