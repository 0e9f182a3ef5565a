"""Cursors of lists: opaque to the caller, bound to their query, checked on the way back.

A cursor is base64url of `[check, position]`; it names a place in an order and carries no authority: what it leads to is
read under the caller's own rights. `check` covers the query and the position, so that a cursor of another query, or one
that was cut or edited, is refused instead of giving a wrong page.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence

from slipway.problems import BadCursor

LONGEST = 2048  # characters
Position = Mapping[str, str | int]


def encode(query: Sequence[str | None], position: Position) -> str:
    """The cursor of the page after `position`, for the query that these parts name (filters and order, not the limit)."""
    return urlsafe_b64encode(_json([_check(query, position), dict(position)])).rstrip(b"=").decode()


def decode(cursor: str, query: Sequence[str | None], kinds: Mapping[str, type[str] | type[int]]) -> dict[str, str | int]:
    """The position: exactly these names, each of its kind. Anybody can make one up: look at the values. Raises BadCursor."""
    try:
        if not 0 < len(cursor) <= LONGEST or not cursor.isascii():
            raise ValueError
        check, position = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(position, dict) or {name: type(value) for name, value in position.items()} != dict(kinds):
            raise ValueError
        if check != _check(query, position) or not all(_sane(value) for value in position.values()):
            raise ValueError
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise BadCursor(
            "Use next_cursor of the page before, with the same filters; without a cursor a list starts anew."
        ) from None
    return dict(position)


def unknown() -> BadCursor:
    """What to raise for a place where no page ends."""
    return BadCursor("Use next_cursor of the page before; without a cursor a list starts anew.")


def _sane(value: str | int) -> bool:
    if isinstance(value, int):
        return 1 <= value < 10**15
    return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _check(query: Sequence[str | None], position: Position) -> str:
    return hashlib.sha256(_json([list(query), position])).hexdigest()[:16]


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
