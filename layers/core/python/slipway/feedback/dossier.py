"""Everything about one person, as that person may ask for it, page by page.

By person, and the oldest first: an item, the notes on it, the next one; among them rows beside anybody's items, such as votes.
Anybody may have given an e-mail address in another's name: by it, of who has a targeting key or is a member, only those items
are told that hold it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from slipway import cursors
from slipway.feedback.belongings import belongings
from slipway.feedback.people import ADDRESS, PID, email
from slipway.paging import PAGE_BYTES, json_bytes
from slipway.resources import HEAD, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slipway.feedback.items import Items
    from slipway.feedback.notes import Notes
    from slipway.feedback.people import Who
    from slipway.ports import Row

    Entry = dict[str, Any]
    Place = Mapping[str, Any]  # of an entry: its place in the index of persons, and of a note its key as well

MOST = 50  # entries of a page
# Attributes of rows that tell how they are kept, and nothing of the person.
_OURS = frozenset({"pk", "sk", "schema", "person", "kind", "expires", "sealed", "events", "cause"})
_PLACE = {
    "person": PID,
    "created_at": r"[0-9TZ:.-]{24}",
    "pk": r"[a-z]{3}_[0-9a-z]{26}",
    "sk": r"[!-~]{1,100}",
    "note": r"|note#[0-9TZ:.-]{24}#nte_[0-9a-z]{26}",
}


def dossier(items: Items, notes: Notes, who: Who, cursor: str | None) -> dict[str, Any]:
    """A DossierView: one page of all who are meant. Raises BadCursor."""
    parts = ["people.export", items.people.lookup(who)]
    start = None if cursor is None else _start(cursor, parts)
    people, told, count, size = list[str](), {name: list[Any]() for name in ("feedback", "notes", "beside")}, 0, 0
    found = sorted({*items.people.found(who)})
    named = items.people.named(who, found) if who[0] == ADDRESS else set[str]()
    for pid in found:
        if start is not None and pid < start["person"]:
            continue
        people.append(pid)
        begin = start if start is not None and start["person"] == pid else None
        for place, name, entry in _entries(items, notes, pid, who if pid in named else None, begin):
            count += 1  # also what is not told: a page ends in time
            if entry is not None:
                told[name].append(entry)
                size += json_bytes(entry)
            if count == MOST or size > PAGE_BYTES:
                return {"people": people, **told, "next_cursor": cursors.encode(parts, place)}
    return {"people": people, **told}


def _entries(
    items: Items, notes: Notes, pid: str, address: Who | None, start: Place | None
) -> Iterator[tuple[Place, str, Entry | None]]:
    """What follows that place: where it stands, under what name it is told, and what is told.

    `address`: what an item has to hold; the entry of another, and of what is beside, is None."""

    def meant(view: Entry) -> bool:
        return address is None or (view["email"] is not None and email(view["email"]) == address)

    after: Row | None = None
    if start is not None:
        after = {name: value for name, value in start.items() if name != "note"}
        item = items.shelf.find(start["pk"]) if start["sk"] == HEAD else None
        if item is not None and item.data["person"] == pid and meant(items.views([item])[0]):
            yield from _noted(notes, item, after, start["note"])
    for page in belongings(items, pid, after, MOST):
        owned = [one for _, one in page if isinstance(one, Stored)]
        views = {view["id"]: view for view in items.views(owned)}
        for place, one in page:
            at = {**place, "note": ""}
            if not isinstance(one, Stored):
                yield at, "beside", _shown(one) if address is None else None
            elif meant(views[one.id]):
                yield at, "feedback", views[one.id]
                yield from _noted(notes, one, place)
            else:
                yield at, "feedback", None


def _noted(notes: Notes, item: Stored, place: Row, after: str = "") -> Iterator[tuple[Place, str, Entry]]:
    for key, view in notes.all(item, after):
        yield {**place, "note": key}, "notes", {"item": item.id, **view}


def _start(cursor: str, parts: list[str]) -> Place:
    """A made-up cursor may name any place of theirs."""
    place = cursors.decode(cursor, parts, dict.fromkeys(_PLACE, str))
    if not all(re.fullmatch(pattern, str(place[name])) for name, pattern in _PLACE.items()):
        raise cursors.unknown()
    return place


def _shown(row: Row) -> dict[str, Any]:
    """Such as a vote: of which item, what, when."""
    told = {name: value for name, value in row.items() if name not in _OURS and not isinstance(value, bytes)}
    return {"item": row["pk"], "what": row["sk"].partition("#")[0], **told}
