"""The rows of one person: what the index of persons finds, read from the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.resources import HEAD, Stored
from slipway.tables import BY_PERSON, FEEDBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from slipway.feedback.items import Items
    from slipway.ports import Row

    Belonging = tuple[Row, Stored | Row]  # its place in the index; an item, or a row beside one

_PAGE = 100


def belongings(items: Items, pid: str, start: Mapping[str, Any] | None = None, limit: int = _PAGE) -> Iterator[list[Belonging]]:
    """Page by page, the oldest first: the person's items, and the rows of that person beside anybody's items, such as votes.

    `start`: the place after which it begins."""
    store = items.shelf.store
    while True:
        page = store.query(FEEDBACK, (pid,), index=BY_PERSON, limit=limit, start=start)
        heads = [row["pk"] for row in page.rows if row["sk"] == HEAD]
        beside = [(row["pk"], row["sk"]) for row in page.rows if row["sk"] != HEAD]
        found: dict[tuple[str, str], Stored | Row] = {(stored.id, HEAD): stored for stored in items.shelf.read_all(heads)}
        found |= {(row["pk"], row["sk"]): row for row in (store.get_many(FEEDBACK, beside) if beside else ())}
        places = [(row, (row["pk"], row["sk"])) for row in page.rows]
        yield [(row, found[place]) for row, place in places if place in found]
        if (start := page.next) is None:
            return
