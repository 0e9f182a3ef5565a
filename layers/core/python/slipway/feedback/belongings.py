"""The rows of one person: what the index of persons finds, read from the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.resources import HEAD, Stored
from slipway.tables import BY_PERSON, FEEDBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from slipway.feedback.items import Items

_PAGE = 100


def belongings(items: Items, pid: str) -> Iterator[tuple[list[Stored], list[dict[str, Any]]]]:
    """Page by page: the person's items, and the rows of that person beside anybody's items, such as votes."""
    start: Mapping[str, Any] | None = None
    store = items.shelf.store
    while True:
        page = store.query(FEEDBACK, (pid,), index=BY_PERSON, limit=_PAGE, start=start)
        heads = [row["pk"] for row in page.rows if row["sk"] == HEAD]
        beside = [(row["pk"], row["sk"]) for row in page.rows if row["sk"] != HEAD]
        yield items.shelf.read_all(heads), store.get_many(FEEDBACK, beside) if beside else []
        if (start := page.next) is None:
            return
