"""How JsonLogic turns one kind of value into another, and compares them.

The answers are those of the Python package `panzi-json-logic`, on which flagd-core stands, save where they are accidents of
Python; there they are JavaScript's, which json-logic-js, and so flagd's other providers, give:

    texts           `true` and `false` in text are "true" and "false", not "True"
    numbers         text is a number when it is an ASCII decimal: not "1_000", "infinity" or digits of other scripts
    truth and 1     `===`, `!==` and `in` keep them apart; arithmetic makes a number of a truth value
    null            equals null alone, also loosely: an absent attribute is neither 0 nor false
    order           null is compared with text as a number, not as the text "null"
    arguments       one that is null is there: it is not as if it were left out
    remainder       has the sign of the dividend
    division by 0   gives an infinity, or NaN for 0 / 0
    least, most     of anything that is no number: NaN, whatever the order

`tests/domain/flags/differences.py` lists them with an example each.
"""

from __future__ import annotations

from slipway.flags.limits import MOST_BITS, MOST_ITEMS, MOST_NEST, MOST_NODES, Unanswerable, made, spend, walked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.flags.limits import Meter

NAN = float("nan")
INFINITY = float("inf")

_SHORT_LIST = 64  # items
SHORT_TEXT = 1_024  # characters


def truth(value: Any) -> bool:
    """As `if` sees it: null, false, 0, NaN, "" and [] are false; {} is true."""
    if value is None or value is False:
        return False
    return isinstance(value, dict) or (value == value and bool(value))


def number(value: Any) -> int | float:
    """NaN for what is no number; null and [] are 0, a list of one is its item."""
    kind = type(value)
    if kind is int:
        return value if value.bit_length() <= MOST_BITS else INFINITY if value > 0 else -INFINITY
    if kind is float:
        return value  # type: ignore[no-any-return]
    for _ in range(MOST_NEST):
        if type(value) is not list or len(value) != 1:
            break
        value = value[0]
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return number(value + 0)
    if isinstance(value, str):
        return _parsed(value)
    return 0 if value == [] else NAN


def _parsed(text: str) -> float:
    # Python's own reading takes "nan", "inf", "infinity" and "1_000".
    if len(text) > 400 or not text.isascii() or "_" in text or "n" in text or "N" in text:
        return NAN
    try:
        return float(text)
    except ValueError:
        return NAN


def whole(value: Any, low: int, high: int) -> int | None:
    """The number cut to a whole one between `low` and `high`; None for NaN."""
    found = number(value)
    if found != found:
        return None
    return int(min(max(found, low), high))


def text(value: Any, meter: Meter | None = None) -> str:
    """At most MOST_TEXT characters. Raises Unanswerable; Unmetered for a list without a meter."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value) if value.bit_length() <= MOST_BITS else text(number(value))
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, list):
        spend(meter, len(walked(value)))
        return made(",".join([made(text(item, meter)) for item in value]))
    return "[object Object]" if isinstance(value, dict) else str(value)


def loosely_equal(a: Any, b: Any, meter: Meter | None = None) -> bool:
    """`==`: numbers with text that is one, and so on; lists and objects are equal to themselves alone."""
    one, other = type(a), type(b)
    if one is other:
        return a is b if one is list or one is dict else bool(a == b)
    if a is None or b is None:
        return False
    if isinstance(a, (int, float)) or isinstance(b, (int, float)):
        return number(a) == number(b)
    if one is str or other is str:
        return text(a, meter) == text(b, meter)
    return False


def equal(a: Any, b: Any, meter: Meter | None = None) -> bool:
    """`===`: of one kind, numbers being one, and equal all through. Raises Unanswerable for what is too large to compare, and
    Unmetered for two lists or objects without a meter."""
    one, other = type(a), type(b)
    if one is bool or other is bool:
        return a is b
    if isinstance(a, (list, dict)):
        return one is other and _deeply(a, b, meter)
    return bool(a == b)


def _deeply(a: Any, b: Any, meter: Meter | None) -> bool:
    pairs: list[tuple[Any, Any]] = [(a, b)]
    compared = 0
    while pairs:
        a, b = pairs.pop()
        compared += 1
        if compared > MOST_ITEMS:
            raise Unanswerable("GENERAL", f"Values of more than {MOST_ITEMS:,} parts are compared.")
        if isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            spend(meter, len(walked(a)))
            pairs += zip(a, b, strict=True)
        elif isinstance(a, dict) and isinstance(b, dict):
            if a.keys() != b.keys():
                return False
            spend(meter, len(a))
            pairs += [(a[name], b[name]) for name in a]
        elif not equal(a, b):
            return False
    return True


def contains(haystack: Any, needle: Any, meter: Meter | None = None) -> bool:
    """`in`: an item of a list, which may be as long as a rule can hold, or a part of a text. What is short takes no steps."""
    if isinstance(haystack, list):
        size, plain = len(walked(haystack, MOST_NODES)), type(needle) is str
        if size > _SHORT_LIST:
            spend(meter, size // 8 if plain else size)
        return needle in haystack if plain else any(equal(item, needle, meter) for item in haystack)
    if not isinstance(haystack, str):
        return False
    if len(haystack) > SHORT_TEXT:
        spend(meter, len(haystack) // 64)
    return text(needle, meter) in haystack


def ordered(a: Any, b: Any, meter: Meter | None = None) -> tuple[Any, Any]:
    """Both as they are to be compared by `<`: as numbers, or as texts where neither is a number, null or a truth value."""
    if type(a) is str and type(b) is str:
        return a, b
    if isinstance(a, str) and isinstance(b, (str, list, dict)):
        return a, text(b, meter)
    if isinstance(b, str) and isinstance(a, (list, dict)):
        return text(a, meter), b
    return number(a), number(b)
