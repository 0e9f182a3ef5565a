"""Canonical CBOR of JSON values: RFC 7049 section 3.9, the form that flagd hashes for a fraction.

Shortest heads, shortest floating point that keeps the value, map keys by length and then by their bytes. As flagd does, a
float that is a whole number of 64 bits is written as that number, so that JSON writers who disagree do not move anyone.
"""

from __future__ import annotations

from slipway.flags.limits import MOST_BITS, MOST_DEPTH, MOST_ITEMS, MOST_TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def encode(value: Any) -> bytes:
    """Raises ValueError for what is no JSON value, or has more parts or text than an operator may take."""
    parts: list[bytes] = []
    _write(value, parts, MOST_DEPTH)
    return b"".join(parts)


def text(value: str) -> bytes:
    """Raises ValueError for halves of surrogate pairs."""
    if len(value) > MOST_TEXT:
        raise ValueError("the text is too long")
    raw = value.encode()
    return head(3, len(raw)) + raw


def head(major: int, argument: int) -> bytes:
    """A major type (0 to 7) with its argument (0 to 2^64 - 1) in the fewest bytes."""
    major <<= 5
    if argument < 24:
        return bytes((major | argument,))
    for additional, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes((major | additional,)) + argument.to_bytes(size, "big")
    raise ValueError("the argument is too large")


def _write(value: Any, parts: list[bytes], depth: int) -> None:
    if depth == 0 or len(parts) > MOST_ITEMS:
        raise ValueError("the value is too deep or has too many parts")
    if isinstance(value, str):
        parts.append(text(value))
    elif value is None:
        parts.append(b"\xf6")
    elif isinstance(value, bool):
        parts.append(b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        parts.append(_integer(value))
    elif isinstance(value, float):
        parts.append(_integer(int(value)) if value.is_integer() and -(2.0**63) <= value < 2.0**64 else _float(value))
    elif isinstance(value, (list, tuple)):
        parts.append(head(4, len(value)))
        for item in value:
            _write(item, parts, depth - 1)
    elif isinstance(value, dict):
        parts.append(head(5, len(value)))
        for name, inner in sorted(((text(name), inner) for name, inner in value.items()), key=_by_length):
            parts.append(name)
            _write(inner, parts, depth - 1)
    else:
        raise ValueError(f"{type(value).__name__} is no JSON value")


def _by_length(pair: tuple[bytes, Any]) -> tuple[int, bytes]:
    return len(pair[0]), pair[0]


def _integer(value: int) -> bytes:
    major, argument = (1, -1 - value) if value < 0 else (0, value)
    if argument < 1 << 64:
        return head(major, argument)
    if argument.bit_length() > MOST_BITS:
        raise ValueError("the number is too large")
    raw = argument.to_bytes((argument.bit_length() + 7) // 8, "big")
    return head(6, 2 + major) + head(2, len(raw)) + raw


def _float(value: float) -> bytes:
    from struct import pack, unpack

    if value != value:
        return b"\xf9\x7e\x00"
    for initial, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            raw = pack(form, value)
        except OverflowError:
            continue
        if unpack(form, raw)[0] == value:
            return initial + raw
    return b"\xfb" + pack(">d", value)
