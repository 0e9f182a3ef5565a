"""Rows as DynamoDB's attribute values and back: `{"S": ...}`, `{"N": "..."}`, `{"M": ...}`.

`decimal` costs a cold start as much as all of this client's own modules, and few rows have a fraction: it is imported on need.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping

from slipway.ports import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any

    Attribute = dict[str, Any]

_DIGITS = 38  # of precision; the magnitude reaches from 1E-130 to 9.9E+125
_LARGE = 10**_DIGITS


def marshal(value: Any) -> Attribute:
    """One attribute value. Raises TypeError for what storage does not take, ValueError for a number out of its range."""
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value) if -_LARGE < value < _LARGE else _number(_decimal(value))}
    if isinstance(value, Mapping):
        return {"M": marshal_row(value)}
    if isinstance(value, list | tuple):
        return {"L": [marshal(item) for item in value]}
    if isinstance(value, bytes):
        return {"B": value}
    if type(value).__name__ == "Decimal":
        return {"N": _number(value)}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def marshal_row(row: Mapping[str, Any]) -> dict[str, Attribute]:
    return {str(name): marshal(item) for name, item in row.items()}


def unmarshal(value: Mapping[str, Any]) -> Any:
    """The plain value; a whole number is an int, any other a Decimal."""
    ((kind, held),) = value.items()
    if kind == "S" or kind == "BOOL":
        return held
    if kind == "N":
        if held.isdigit() or (held.startswith("-") and held[1:].isdigit()):
            return int(held)
        number = _decimal(held)
        return int(number) if number == number.to_integral_value() else number
    if kind == "M":
        return {name: unmarshal(item) for name, item in held.items()}
    if kind == "L":
        return [unmarshal(item) for item in held]
    if kind == "NULL":
        return None
    if kind == "B":
        return a2b_base64(held) if isinstance(held, str) else bytes(held)
    raise TypeError(f"attribute type {kind} is not one that is written here")


def unmarshal_row(attributes: Mapping[str, Any]) -> Row:
    return {name: unmarshal(value) for name, value in attributes.items()}


def _decimal(value: int | str) -> Decimal:
    from decimal import Decimal

    return Decimal(value)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} cannot be stored")
    digits = len("".join(map(str, value.as_tuple().digits)).strip("0"))
    if digits > _DIGITS or (value and not -130 <= value.adjusted() <= 125):
        raise ValueError(f"a number of {digits} digits or of that size cannot be stored exactly")
    return str(value)
