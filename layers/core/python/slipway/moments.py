"""Moments as the API takes them: RFC 3339 with an offset, to whatever fraction of a second."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_RFC3339 = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"


def _moment(raw: Any) -> datetime:
    """In UTC; a fraction beyond microseconds is cut off."""
    try:
        if not isinstance(raw, str) or not re.fullmatch(_RFC3339, raw):
            raise ValueError
        return datetime.fromisoformat(raw.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("invalid_moment", "{detail}", {"detail": _how(raw)}) from None


def _how(raw: Any) -> str:
    how = "Write a moment as RFC 3339 has it, such as 2026-11-23T18:00:00Z."
    if isinstance(raw, str) and " " in raw and re.fullmatch(_RFC3339, raw.replace(" ", "+")):
        how += " In a query string a + is a space: write the offset with %2B, or the moment in UTC with Z."
    return how


Moment = Annotated[datetime, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
