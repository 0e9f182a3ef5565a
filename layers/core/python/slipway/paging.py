"""Pages of a list: up to 100 entries, and about 1 MB of them.

A function may answer 6 MB, in which quotes and backslashes stand once more escaped.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from slipway import cursors
from slipway.shape import Shape

PAGE_BYTES = 1_000_000  # a page ends with the entry that goes beyond


def _limit(limit: int) -> int:
    return min(max(limit, 1), 100)


Limit = Annotated[int, AfterValidator(_limit), Field(description="1 to 100")]
Cursor = Annotated[str | None, Field(max_length=cursors.LONGEST, description="`next_cursor` of the page before")]


class Paging(Shape):
    limit: Limit = 50
    cursor: Cursor = None


compact = json.JSONEncoder(default=float, ensure_ascii=False, separators=(",", ":")).encode


def json_bytes(value: Any) -> int:
    """What the value takes in an answer; a Decimal in it is a number."""
    return len(compact(value).encode())
