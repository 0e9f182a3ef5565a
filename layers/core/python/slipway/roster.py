"""Pages of resources in some order: the one loop behind every list.

A reader gives the order: an index, or the rows of a list kept beside the resources. What it finds is read strongly, and the
filter looks at that: a page may be short before the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from slipway import cursors
from slipway.paging import PAGE_BYTES
from slipway.ports import Row, Span
from slipway.resources import HEAD, Shelf, Stored
from slipway.tables import BY_CREATED, Index

_PLACE = ("created_at", "pk")
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
READS = 3  # rounds of up to 100 rows that one page may cost while the filter takes few

Position = Mapping[str, Any]  # the key attributes of a row in the order
Entry = tuple[Row, Stored | None]  # a place in the order, and what stands there now, if that belongs there
Reader = Callable[[int, Position | None], tuple[list[Entry], Position | None]]  # up to so many from there, and where to go on


def page(
    read: Reader,
    takes: Callable[[Stored], bool],
    limit: int,
    start: Position | None,
    *,
    round: int = 100,
    size: Callable[[Stored], int] = lambda _: 0,
) -> tuple[list[Stored], Position | None]:
    """Up to `limit` resources that the filter takes, and where to go on (None at the end).

    `round`: how many rows to read at a time; `size`: bytes that one takes in the answer."""
    found, total = list[Stored](), 0
    for _ in range(READS):
        entries, start = read(round, start)
        for _place, stored, after in followed(entries, start):
            if stored is None or not takes(stored):
                continue
            found.append(stored)
            total += size(stored)
            if len(found) == limit or total > PAGE_BYTES:
                return found, after
        if start is None:
            break
    return found, start


def indexed(shelf: Shelf, index: Index = BY_CREATED, prefix: str | None = None, within: Sequence[str] = ()) -> Reader:
    """In the order of an index; `prefix`: of its first sort attribute; `within`: what its partition names beside the kind. What
    moved since the index heard of it is left out."""
    partition = (shelf.kind, *within)

    def read(limit: int, start: Position | None) -> tuple[list[Entry], Position | None]:
        keys = shelf.store.query(shelf.table, partition, Span(prefix=prefix), index=index, limit=limit, start=start)
        heads = {stored.id: stored for stored in shelf.read_all([entry["pk"] for entry in keys.rows])}
        found = [(entry, heads.get(entry["pk"])) for entry in keys.rows]
        order = index.sort[0]
        return [(place, one if one is None or one.row[order] == place[order] else None) for place, one in found], keys.next

    return read


def cursor(parts: Sequence[str | None], place: Position | None) -> str | None:
    """Of the order of creation; None at the end."""
    return None if place is None else cursors.encode(parts, {name: place[name] for name in _PLACE})


def start(
    cursor: str | None, parts: Sequence[str | None], kind: str, prefix: str, rest: str = "[0-9a-z]{26}"
) -> Position | None:
    """Where the page begins in the order of creation. A made-up cursor may name any place of it. Raises BadCursor.

    `prefix`, and the pattern of the rest: what the ids of that kind look like."""
    if cursor is None:
        return None
    place = cursors.decode(cursor, parts, dict.fromkeys(_PLACE, str))
    if not re.fullmatch(prefix + rest, str(place["pk"])) or not re.fullmatch(_TIME, str(place["created_at"])):
        raise cursors.unknown()
    return {**place, "kind": kind, "sk": HEAD}


def followed(entries: list[Entry], next: Position | None) -> Iterator[tuple[Row, Stored | None, Position | None]]:
    """Each entry with the place to go on after it: None after the last one, where nothing follows."""
    for number, (entry, stored) in enumerate(entries, 1):
        yield entry, stored, entry if number < len(entries) or next is not None else None
