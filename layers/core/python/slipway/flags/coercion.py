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

from slipway.flags.limits import MOST_BITS, MOST_ITEMS, MOST_NODES, Unanswerable, made, walked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAN = float("nan")
INFINITY = float("inf")


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
    for _ in range(MOST_ITEMS):
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


def text(value: Any) -> str:
    """At most MOST_TEXT characters. Raises Unanswerable."""
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
        return made(",".join([made(text(item)) for item in walked(value)]))
    return "[object Object]" if isinstance(value, dict) else str(value)


def loosely_equal(a: Any, b: Any) -> bool:
    """`==`: numbers with text that is one, and so on; lists and objects are equal to themselves alone."""
    one, other = type(a), type(b)
    if one is other:
        return a is b if one is list or one is dict else bool(a == b)
    if a is None or b is None:
        return False
    if isinstance(a, (int, float)) or isinstance(b, (int, float)):
        return number(a) == number(b)
    if one is str or other is str:
        return text(a) == text(b)
    return False


def equal(a: Any, b: Any) -> bool:
    """`===`: of one kind, numbers being one, and equal all through. Raises Unanswerable for what is too large to compare."""
    one, other = type(a), type(b)
    if one is bool or other is bool:
        return a is b
    if isinstance(a, (list, dict)):
        return one is other and _deeply(a, b)
    return bool(a == b)


def _deeply(a: Any, b: Any) -> bool:
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
            pairs += zip(walked(a), b, strict=True)
        elif isinstance(a, dict) and isinstance(b, dict):
            if a.keys() != b.keys():
                return False
            pairs += [(a[name], b[name]) for name in a]
        elif not equal(a, b):
            return False
    return True


def contains(haystack: Any, needle: Any) -> bool:
    """`in`: an item of a list, which may be as long as a rule can hold, or a part of a text."""
    if isinstance(haystack, list):
        walked(haystack, MOST_NODES)
        return needle in haystack if type(needle) is str else any(equal(item, needle) for item in haystack)
    return isinstance(haystack, str) and text(needle) in haystack


def ordered(a: Any, b: Any) -> tuple[Any, Any]:
    """Both as they are to be compared by `<`: as numbers, or as texts where neither is a number, null or a truth value."""
    if type(a) is str and type(b) is str:
        return a, b
    if isinstance(a, str) and isinstance(b, (str, list, dict)):
        return a, text(b)
    if isinstance(b, str) and isinstance(a, (list, dict)):
        return text(a), b
    return number(a), number(b)
