"""Semantic versions (semver.org 2.0.0), read as flagd's `sem_ver` reads them.

One `v` or `V` in front is passed over, and a missing minor or patch number is 0: "v1.2" is 1.2.0, "1-rc.1" is 1.0.0-rc.1.
"""

from __future__ import annotations

from slipway.flags.coercion import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LONGEST = 256  # characters
Version = tuple[tuple[int, int, int], tuple[tuple[int, int, str], ...]]  # numbers, and what orders the pre-release

_DIGITS = frozenset("0123456789")
_IDENTIFIER = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-")
_RELEASE = ((2, 0, ""),)  # after every pre-release

COMPARISONS: dict[str, Callable[[Version, Version], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "^": lambda a, b: a[0][0] == b[0][0],
    "~": lambda a, b: a[0][:2] == b[0][:2],
}


def parse(raw: Any) -> Version | None:
    """Two versions compare as these do; build metadata is left out. A number is read as its text. None for no version."""
    if not isinstance(raw, str):
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            return None
        raw = repr(raw) if isinstance(raw, float) else text(raw)
    if not 0 < len(raw) <= LONGEST:
        return None
    if raw[0] in "vV":
        raw = raw[1:]
    rest, plus, build = raw.partition("+")
    core, dash, before = rest.partition("-")
    numbers = core.split(".")
    if len(numbers) > 3 or not all(map(_is_number, numbers)):
        return None
    if plus and not all(_is_identifier(part) for part in build.split(".")):
        return None
    order: tuple[tuple[int, int, str], ...] = _RELEASE
    if dash:
        parts = before.split(".")
        if not all(_is_identifier(part) and (not _DIGITS.issuperset(part) or _is_number(part)) for part in parts):
            return None
        # Numbers come before words; what has fewer parts comes first, as tuples do.
        order = tuple((0, int(part), "") if _DIGITS.issuperset(part) else (1, 0, part) for part in parts)
    major, minor, patch = (*map(int, numbers), 0, 0)[:3]
    return (major, minor, patch), order


def compare(one: Any, operator: Any, other: Any) -> bool | None:
    """None where a version or the operator is not one."""
    a, b = parse(one), parse(other)
    comparison = COMPARISONS.get(operator) if isinstance(operator, str) else None
    return None if a is None or b is None or comparison is None else comparison(a, b)


def _is_number(part: str) -> bool:
    return part != "" and _DIGITS.issuperset(part) and (part[0] != "0" or part == "0")


def _is_identifier(part: str) -> bool:
    return part != "" and _IDENTIFIER.issuperset(part)
