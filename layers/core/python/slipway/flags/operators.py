"""The operators that need a meter and their arguments' values alone; one that is left out is null, one too many is ignored.

Those that decide which arguments to evaluate, or what `var` reads meanwhile, are in `slipway.flags.compiler`.
"""

from __future__ import annotations

import operator

from slipway.flags.coercion import (
    INFINITY,
    NAN,
    contains,
    equal,
    loosely_equal,
    number,
    ordered,
    text,
    truth,
    whole,
)
from slipway.flags.limits import MOST_BITS, MOST_TEXT, made, spend, walked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from slipway.flags.limits import Meter


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """`<` and its like: of two values, or of three, each with the next."""

    def operate(meter: Meter | None, a: Any = None, b: Any = None, *more: Any) -> bool:
        return compare(*ordered(a, b, meter)) and (not more or compare(*ordered(b, more[0], meter)))

    return operate


def _bounded(value: int | float) -> int | float:
    if type(value) is int and value.bit_length() > MOST_BITS:
        return INFINITY if value > 0 else -INFINITY
    return value


def _add(_: Meter | None, *values: Any) -> int | float:
    total: int | float = 0
    for value in values:
        total = _bounded(_calculated(operator.add, total, number(value)))
    return total


def _multiply(_: Meter | None, *values: Any) -> int | float:
    product: int | float = 1
    for value in values:
        product = _bounded(_calculated(operator.mul, product, number(value)))
    return product


def _subtract(_: Meter | None, a: Any = None, *more: Any) -> int | float:
    return _bounded(_calculated(operator.sub, number(a), number(more[0]))) if more else -number(a)


def _divide(_: Meter | None, a: Any = None, b: Any = None, *_more: Any) -> float:
    dividend, divisor = number(a), number(b)
    if divisor == 0:
        positive = (dividend > 0) == (str(divisor)[0] != "-")
        return NAN if dividend == 0 or dividend != dividend else INFINITY if positive else -INFINITY
    return float(_calculated(operator.truediv, dividend, divisor))


def _remainder(_: Meter | None, a: Any = None, b: Any = None, *_more: Any) -> int | float:
    dividend, divisor = number(a), number(b)
    if divisor == 0 or divisor != divisor or dividend != dividend or abs(dividend) == INFINITY:
        return NAN
    if abs(divisor) == INFINITY:
        return dividend
    rest: int | float = _calculated(operator.mod, abs(dividend), abs(divisor))
    return -rest if dividend < 0 else rest


def _calculated(operation: Callable[[Any, Any], Any], a: int | float, b: int | float) -> Any:
    """Whole numbers are exact; beside a float, or beyond what one holds, they are floats."""
    try:
        return operation(a, b)
    except OverflowError:
        return operation(_as_float(a), _as_float(b))


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return INFINITY if value > 0 else -INFINITY


def _extreme(choose: Callable[[list[int | float]], int | float]) -> Callable[..., int | float]:
    def operate(_: Meter | None, *values: Any) -> int | float:
        numbers = [number(value) for value in values]
        return NAN if not numbers or any(found != found for found in numbers) else choose(numbers)

    return operate


def _cat(meter: Meter | None, *values: Any) -> str:
    return made("".join([text(value, meter) for value in values]))


def _substr(meter: Meter | None, source: Any = None, start: Any = None, *more: Any) -> str:
    """`length`: characters from `start`, or, when negative, how many to leave out at the end."""
    string = text(source, meter)
    size = len(string)
    begin = whole(start, -MOST_TEXT, size) or 0
    if begin < 0:
        begin = size + begin if -begin < size else 0
    if not more:
        return string[begin:]
    length = whole(more[0], -size, size)
    if length is None:
        return ""
    return string[begin : size + length if length < 0 else begin + length]


def _merge(meter: Meter | None, *values: Any) -> list[Any]:
    merged: list[Any] = []
    for value in values:
        if isinstance(value, list):
            spend(meter, len(walked(value)))
            merged.extend(value)
        else:
            merged.append(value)
    return walked(merged)


def _starts_with(_: Meter | None, *values: Any) -> bool | None:
    return values[0].startswith(values[1]) if _two_texts(values) else None


def _ends_with(_: Meter | None, *values: Any) -> bool | None:
    return values[0].endswith(values[1]) if _two_texts(values) else None


def _two_texts(values: tuple[Any, ...]) -> bool:
    return len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], str)


def _sem_ver(_: Meter | None, *values: Any) -> bool | None:
    from slipway.flags.semver import compare

    return compare(*values) if len(values) == 3 else None


STRICT: dict[str, Callable[..., Any]] = {
    "==": lambda meter, a=None, b=None, *_: loosely_equal(a, b, meter),
    "!=": lambda meter, a=None, b=None, *_: not loosely_equal(a, b, meter),
    "===": lambda meter, a=None, b=None, *_: equal(a, b, meter),
    "!==": lambda meter, a=None, b=None, *_: not equal(a, b, meter),
    "<": _compared(operator.lt),
    "<=": _compared(operator.le),
    ">": _compared(operator.gt),
    ">=": _compared(operator.ge),
    "!": lambda _, a=None, *_more: not truth(a),
    "!!": lambda _, a=None, *_more: truth(a),
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
    "min": _extreme(min),
    "max": _extreme(max),
    "in": lambda meter, a=None, b=None, *_: contains(b, a, meter),
    "cat": _cat,
    "substr": _substr,
    "merge": _merge,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "sem_ver": _sem_ver,
}


# --- reading the context --------------------------------------------------------------------------------

_LONG_PATH, _MANY_KEYS = 256, 16  # what is shorter takes no steps


def var(data: Any, meter: Meter | None, key: Any = None, default: Any = None) -> Any:
    """What stands at a dotted path of objects and lists, `default` where nothing does; all of `data` without a key."""
    if key is None or key == "":
        return data
    if isinstance(key, (int, float)) and isinstance(data, (list, str)):
        index = number(key)
        return data[int(index)] if 0 <= index < len(data) and index == int(index) else default
    path = text(key, meter)
    if len(path) > _LONG_PATH:
        spend(meter, len(path))
    for part in path.split("."):
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, (list, str)):
            if part == "length":
                return len(data)
            if not (part.isascii() and part.isdigit() and len(part) < 10) or str(int(part)) != part or int(part) >= len(data):
                return default
            data = data[int(part)]
        else:
            return default
    return default if data is None else data


def missing(data: Any, meter: Meter | None, *keys: Any) -> list[Any]:
    """The keys, given one by one or as one list, at which nothing, null or an empty text stands."""
    wanted = walked(keys[0]) if keys and isinstance(keys[0], list) else keys
    if len(wanted) > _MANY_KEYS:
        spend(meter, len(wanted))
    return [key for key in wanted if var(data, meter, key) in (None, "")]


def missing_some(data: Any, meter: Meter | None, needed: Any = 0, keys: Any = None, *_: Any) -> list[Any]:
    """As `missing`, and nothing where at least `needed` of the keys are there."""
    if not isinstance(keys, list):
        return []
    absent = missing(data, meter, keys)
    return [] if len(keys) - len(absent) >= number(needed) else absent


READING = {"var": var, "missing": missing, "missing_some": missing_some}
