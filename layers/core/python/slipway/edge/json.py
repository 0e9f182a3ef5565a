"""A strict reader of JSON: what it passes can be stored, answered and hashed without surprise.

Beyond RFC 8259 it refuses, each with its place: repeated names, more than 1,000 of them, NaN and Infinity, numbers of absurd
length, U+0000, lone surrogates, and nesting deeper than 64. A number with a fraction or an exponent is a Decimal of exactly
that text.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from slipway.problems import Fault, Invalid, Malformed
from slipway.values import Value

DEEPEST = 64
MOST_DIGITS = 38  # what storage keeps
EXPONENTS = (-324, 308)  # those of a double
MOST_NAMES = 1_000  # of one object: what validates it may say something of each

# Possessive, with an optional end, so that no text takes more than one pass.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def read(raw: bytes) -> Any:
    """The value of a UTF-8 document. Raises Malformed where it is not JSON, Invalid where a value is not taken."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} cannot be decoded.") from None
    _check_depth(text)
    unfit: list[_Unfit] = []

    def whole(digits: str) -> Any:
        if len(digits.removeprefix("-")) > MOST_DIGITS:
            return _noted(unfit, "out_of_range", f"has more than {MOST_DIGITS} digits")
        return int(digits)

    def fraction(number: str) -> Any:
        try:
            value = Decimal(number) if len(number) <= 2 * MOST_DIGITS else None
        except InvalidOperation:  # an exponent beyond what even a Decimal has
            value = None
        if value is None or len(value.as_tuple().digits) > MOST_DIGITS or not _is_double(value):
            return _noted(unfit, "out_of_range", "has too many digits or too large an exponent")
        return value

    def members(pairs: list[tuple[str, Any]]) -> Any:
        if len(pairs) > MOST_NAMES:
            return _noted(unfit, "too_long", f"has more than {MOST_NAMES} names")
        found = dict(pairs)
        if len(found) < len(pairs):
            return _noted(unfit, "duplicate", "has a name twice")
        return found

    try:
        value = json.loads(
            text, object_pairs_hook=members, parse_int=whole, parse_float=fraction, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    if unfit or "\\u" in text:
        _refuse_unfit(value)
    return value


def _is_double(value: Decimal) -> bool:
    least, most = EXPONENTS
    return least <= value.adjusted() <= most and isfinite(float(value))


class _Unfit(Value):
    """Stands for a value that is not taken until its place is known."""

    code: str
    detail: str


def _noted(unfit: list[_Unfit], code: str, detail: str) -> _Unfit:
    unfit.append(_Unfit(code, detail))
    return unfit[-1]


def _refuse_constant(name: str) -> Any:
    raise Malformed(f"The body is not JSON: {name} is no JSON number.")


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise Malformed(f"The body is nested deeper than {DEEPEST}.")


def _refuse_unfit(value: Any, place: str = "") -> None:
    if isinstance(value, _Unfit):
        kind = Malformed if value.code == "duplicate" else Invalid
        raise kind(
            f"The value at {place or 'the top'!r} {value.detail}.", errors=[Fault(place, value.code, f"It {value.detail}.")]
        )
    if isinstance(value, str):
        if _UNFIT.search(value):
            detail = "Text may have no U+0000 and no lone surrogate."
            raise Invalid(detail, errors=[Fault(place, "text", detail)])
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_unfit(item, f"{place}/{number}")
    elif isinstance(value, dict):
        for name, item in value.items():
            if _UNFIT.search(name):
                _refuse_unfit(name, place)
            _refuse_unfit(item, f"{place}/{escaped(name)}")


def escaped(name: str) -> str:
    """One reference token of an RFC 6901 pointer, cut to a length that is fit for an answer."""
    name = name if len(name) <= 80 else name[:79] + "…"
    return name.replace("~", "~0").replace("/", "~1")
