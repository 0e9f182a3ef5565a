"""The versions of a resource, each with what it changed: newest first, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, NamedTuple

from pydantic import Field

from slipway import cursors
from slipway.calls import Call, timestamp
from slipway.moments import Moment
from slipway.paging import PAGE_BYTES, Paging, json_bytes
from slipway.problems import Fault, Invalid
from slipway.resources import Shelf, Stored
from slipway.shape import Shape

Differ = Callable[[Mapping[str, Any], Mapping[str, Any]], list[dict[str, Any]]]


class Reading(Shape):
    """The query of a read."""

    as_of: Moment | None = Field(default=None, description="RFC 3339; the version that was in force at this moment")


class ChangeView(Shape):
    """`from` is missing where the resource began."""

    field: str
    from_: Any = Field(default=None, alias="from")
    to: Any = None


class VersionView(Shape):
    version: int = Field(ge=1)
    at: str
    actor: str = Field(description="`kind:id` of who did it")
    changes: list[ChangeView]


def at(shelf: Shelf, call: Call, head: Stored, moment: datetime) -> Stored:
    """The version that was in force. Raises NotFound before the creation, Invalid in the future."""
    if timestamp(moment) > max(call.stamp, head.updated_at):  # it may bear the time of a clock that is ahead of ours
        detail = "The moment lies in the future; leave as_of out to read what stands now."
        raise Invalid(detail, errors=[Fault("/query/as_of", "in_the_future", detail)])
    return shelf.at(head, moment)


class Version(NamedTuple):
    """One version and what it changed: `[{"field", "from", "to"}]`, with all values; `from` is missing in the first one."""

    stored: Stored
    changes: list[dict[str, Any]]


def versions(
    shelf: Shelf, id: str, differ: Differ, *, below: int | None = None, limit: int = 50
) -> tuple[list[Version], int | None]:
    """Newest first, only those below `below`; and where to go on (None: that was all). Raises NotFound."""
    found = shelf.versions(id, below=below, limit=limit + 1)
    shown, size = list[Version](), 0
    for one, before in zip_longest(found, found[1:]):
        if len(shown) == limit or size > PAGE_BYTES:
            break
        if before or one.version == 1:
            shown.append(Version(one, differ(before.data if before else {}, one.data)))
            size += json_bytes(shown[-1].changes)
    return shown, (shown[-1].stored.version if shown and shown[-1].stored.version > 1 else None)


def below(query: Paging, parts: Sequence[str | None]) -> int | None:
    """Where this page begins. Raises BadCursor."""
    return None if query.cursor is None else int(cursors.decode(query.cursor, parts, {"version": int})["version"])


def page(found: tuple[list[Version], int | None], parts: Sequence[str | None]) -> tuple[list[dict[str, Any]], str | None]:
    """VersionViews, and the cursor of what follows."""
    shown, more = found
    items = [
        {"version": one.stored.version, "at": one.stored.updated_at, "actor": one.stored.actor, "changes": one.changes}
        for one in shown
    ]
    return items, cursors.encode(parts, {"version": more}) if more else None
