"""Pages of resources, in the order of an index: the one loop behind every list.

The index gives the order, what it finds is read strongly, and the filter looks at that: a page may be short before the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from slipway.paging import PAGE_BYTES
from slipway.ports import Row, Span
from slipway.resources import Shelf, Stored
from slipway.tables import BY_CREATED, Index

READS = 3  # rounds of up to 100 rows that one page may cost while the filter takes few

Position = Mapping[str, Any]  # the key attributes of a row in an index


def page(
    shelf: Shelf,
    takes: Callable[[Stored], bool],
    limit: int,
    start: Position | None,
    *,
    index: Index = BY_CREATED,
    prefix: str | None = None,
    round: int = 100,
    size: Callable[[Stored], int] = lambda _: 0,
) -> tuple[list[Stored], Position | None]:
    """Up to `limit` resources that the filter takes, and where to go on (None at the end).

    `prefix`: of the index's first sort attribute; `round`: how many rows to read at a time; `size`: bytes that one takes in
    the answer."""
    found, total = list[Stored](), 0
    for _ in range(READS):
        entries, start = read(shelf, round, start, index=index, prefix=prefix)
        for place, stored, after in followed(entries, start):
            if stored is None or not takes(stored) or place[index.sort[0]] != stored.row[index.sort[0]]:
                continue  # filtered out, or moved since the index last heard of it
            found.append(stored)
            total += size(stored)
            if len(found) == limit or total > PAGE_BYTES:
                return found, after
        if start is None:
            break
    return found, start


def read(
    shelf: Shelf, limit: int, start: Position | None, *, index: Index = BY_CREATED, prefix: str | None = None
) -> tuple[list[tuple[Row, Stored | None]], Position | None]:
    """Entries of the index, each with what stands in the table now, and where to go on."""
    keys = shelf.store.query(shelf.table, (shelf.kind,), Span(prefix=prefix), index=index, limit=limit, start=start)
    heads = {stored.id: stored for stored in shelf.read_all([entry["pk"] for entry in keys.rows])}
    return [(entry, heads.get(entry["pk"])) for entry in keys.rows], keys.next


def followed(
    entries: list[tuple[Row, Stored | None]], next: Position | None
) -> Iterator[tuple[Row, Stored | None, Position | None]]:
    """Each entry with the place to go on after it: None after the last one, where nothing follows."""
    for number, (entry, stored) in enumerate(entries, 1):
        yield entry, stored, entry if number < len(entries) or next is not None else None
