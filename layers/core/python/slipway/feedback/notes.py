"""Internal notes on items: the team's own words, never public, sealed like what they are about.

    fbk_... / note#<time>#<note>     `sealed` {text}, `author`, `created_at`
    fbk_... / noted#<note>           which row an Idempotency-Key made, and of what request

They go with the person: who is forgotten is forgotten in the notes as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from slipway import cursors, text
from slipway.calls import Call
from slipway.feedback.items import Items
from slipway.fields import cleaned, published
from slipway.paging import Paging
from slipway.ports import Absent, ConditionFailed, Put, Row, Span, every
from slipway.problems import Conflict, IdempotencyMismatch
from slipway.resources import Stored
from slipway.shape import Shape
from slipway.tables import FEEDBACK
from slipway.upgrades import upgrade

SCHEMA = 1
TEXT = 4_000  # characters
_OPENED = 25  # at a time, where all are
NOTE = r"nte_[0-9a-z]{26}"

_KEY = re.compile(rf"note#[0-9TZ:.-]{{24}}#{NOTE}")


class NewNote(Shape):
    text: Annotated[str, AfterValidator(cleaned(text.passage, TEXT)), published(text.PASSAGE, TEXT)]


class FeedbackNoteView(Shape):
    id: str = Field(pattern=f"^{NOTE}$", examples=["nte_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    text: str | None = Field(description="null where the person was erased")
    author: str = Field(description="`kind:id` of who wrote it")
    created_at: str


class Notes:
    def __init__(self, items: Items) -> None:
        self._items, self._store = items, items.shelf.store

    def add(self, call: Call, id: str, new: NewNote) -> tuple[dict[str, Any], bool]:
        """A FeedbackNoteView, and whether an earlier try made it. Raises NotFound, Conflict, IdempotencyMismatch."""
        item = self._items.read(id)
        sealed = self._items.sealed(item, {"text": new.text})
        if sealed is None:
            raise Conflict("The person was erased: nothing more can be written about what it told.")
        put = written(call, id, sealed)
        try:
            if call.idempotency_key is None:
                self._store.put(FEEDBACK, put.row, put.condition)
            else:
                row = {"pk": id, "sk": _pointer(put.row), "schema": SCHEMA, "note": put.row["sk"], "digest": call.digest}
                self._store.transact([put, Put(FEEDBACK, row, Absent())], call.new_id("", id, call.nonce))
        except ConditionFailed:
            return self._made(call, put.row), True
        return _view(put.row, {"text": new.text}), False

    def page(self, id: str, query: Paging) -> tuple[list[dict[str, Any]], str | None]:
        """FeedbackNoteViews, oldest first, and the cursor of the next page (None at the end). Raises NotFound, BadCursor."""
        parts = ["feedback.notes", id]
        start = None if query.cursor is None else {"pk": id, "sk": _after(query.cursor, parts)}
        item = self._items.read(id)
        rows = self._store.query(FEEDBACK, (id,), Span(prefix="note#"), limit=query.limit, start=start)
        return self._views(item, rows.rows), None if rows.next is None else cursors.encode(parts, {"sk": rows.next["sk"]})

    def all(self, item: Stored, after: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """FeedbackNoteViews, oldest first, each with its key; `after` one of those."""
        found = every(self._store, FEEDBACK, item.id, Span(low=after or "note#", high="note#~"))
        rows = (row for row in found if row["sk"] != after)
        while some := list(islice(rows, _OPENED)):
            yield from zip((row["sk"] for row in some), self._views(item, some), strict=True)

    def _made(self, call: Call, row: Row) -> dict[str, Any]:
        """What an earlier try of the call made. Raises IdempotencyMismatch."""
        pointer = self._store.get(FEEDBACK, row["pk"], _pointer(row)) or {"note": row["sk"], "digest": call.digest}
        if pointer["digest"] != call.digest:
            raise IdempotencyMismatch("This Idempotency-Key was used with another request; send a new key with a new request.")
        made = self._store.get(FEEDBACK, row["pk"], pointer["note"])
        assert made is not None, "a note is never removed"
        return self._views(self._items.read(row["pk"]), [made])[0]

    def _views(self, item: Stored, rows: Sequence[Row]) -> list[dict[str, Any]]:
        rows = [upgrade("note", row) for row in rows]
        opened = self._items.open_rows(item, [row["sealed"] for row in rows])
        return [_view(row, fields) for row, fields in zip(rows, opened, strict=True)]


def written(call: Call, id: str, sealed: bytes, *salt: str) -> Put:
    """A note on an item, made by this call; `salt` where it makes several."""
    note = call.new_id("nte_", id, *salt)
    row = {
        "pk": id,
        "sk": f"note#{call.stamp}#{note}",
        "schema": SCHEMA,
        "sealed": sealed,
        "author": call.cause["actor"],
        "created_at": call.stamp,
    }
    return Put(FEEDBACK, row, Absent())


def _pointer(row: Row) -> str:
    return f"noted#{_id(row)}"


def _id(row: Row) -> str:
    return str(row["sk"]).rpartition("#")[2]


def _view(row: Row, sealed: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": _id(row),
        "text": None if sealed is None else sealed["text"],
        "author": row["author"],
        "created_at": row["created_at"],
    }


def _after(cursor: str, parts: Sequence[str | None]) -> str:
    """Where a page goes on. A made-up cursor may name any place among the notes."""
    key = str(cursors.decode(cursor, parts, {"sk": str})["sk"])
    if not _KEY.fullmatch(key):
        raise cursors.unknown()
    return key
