"""How many bytes DynamoDB counts for a row (its documented rules): what a write costs, and what may be written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def row_bytes(row: Mapping[str, Any]) -> int:
    """Names and values in UTF-8; a list or map 3 bytes and 1 for each entry. A number is rounded up to a whole byte or two."""
    return sum(len(name.encode()) + _value(value) for name, value in row.items())


def _value(value: Any) -> int:
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, int | Decimal):
        return len(Decimal(value).as_tuple().digits) // 2 + 3
    if isinstance(value, Mapping):
        return 3 + len(value) + row_bytes(value)
    return 3 + sum(1 + _value(item) for item in value)
