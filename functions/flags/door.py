"""The door of the flags function, and what its pages have in common."""

from __future__ import annotations

from slipway import history
from slipway.adapters import connect
from slipway.edge.http import Answer, Api
from slipway.flags.control import Control
from slipway.history import Version
from slipway.settings import FlagsAndUsage as Settings

Found = tuple[list[Version], int | None]


def wire() -> Control:
    return Control(connect.store(Settings.load()))


api: Api[Control] = Api("flags", wire)


def version_page(found: Found, parts: list[str | None]) -> Answer:
    items, next = history.page(found, parts)
    return Answer(200, {"items": items}, next=next)
