"""The door of the flags function, and what its pages have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from slipway import history
from slipway.adapters import connect
from slipway.edge.http import Answer, Api
from slipway.flags.control import Control
from slipway.flags.fields import Reason
from slipway.flags.flag import WHY
from slipway.history import Version
from slipway.resources import Created, Stored
from slipway.settings import Desk
from slipway.shape import Shape, Writing

View = Callable[[Stored], dict[str, Any]]
Found = tuple[list[Version], int | None]


class Reasoning(Shape):
    """The query of a change that has no body of its own."""

    reason: Reason | None = Field(default=None, description=WHY)


class ReasonedWriting(Writing, Reasoning):
    pass


def wire() -> Control:
    return Control(connect.store(Desk.load()), products=True)


api: Api[Control] = Api("flags", wire)


def created(made: Created, view: View, collection: str, only_validated: bool) -> Answer:
    """`collection`: the path that the resource stands below, by its key."""
    body = view(made.stored)
    if only_validated:
        return Answer(200, body)
    location = f"{collection}/{made.stored.id.rpartition('#')[2]}"
    return Answer(201, body, location=location, etag=made.stored.etag, replayed=made.replayed)


def changed(stored: Stored, view: View, only_validated: bool) -> Answer:
    """With the ETag of its version, unless that is none yet."""
    return Answer(200, view(stored), etag=None if only_validated else stored.etag)


def version_page(found: Found, parts: list[str | None]) -> Answer:
    items, next = history.page(found, parts)
    return Answer(200, {"items": items}, next=next)
