"""JSON values as they are kept: one text of one value. What storage has no type for, 1.0 and its like, survives so."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def written(value: Any) -> str:
    """Equal values, equal text: names sorted, no space. A Decimal is the nearest double, with its fraction: 1.0 stays 1.0.

    Raises ValueError for what is no finite number."""
    return _encoded(value)


def read(text: str) -> Any:
    return json.loads(text)


def plain(value: Any) -> Any:
    """The value as JSON has it: floats where Decimals stood."""
    return read(written(value))


def is_exact(value: Any) -> bool:
    """Whether each of its whole numbers, however deep, is a double: what clients that know nothing else read exactly."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
        elif isinstance(part, int) and int(float(part)) != part:
            return False
    return True


def _double(value: Decimal) -> float:
    return float(value)


_encoded = json.JSONEncoder(default=_double, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode
