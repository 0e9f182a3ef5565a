"""What each operator's arguments have to be, as far as they are written out: see `slipway.flags.rules` for the codes.

A check takes the arguments and where each stands, and gives place, code and detail of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from slipway.flags.extensions import moment, network
from slipway.flags.fractional import MOST_WEIGHT
from slipway.flags.grammar import BadPattern
from slipway.flags.regex import Pattern
from slipway.flags.semver import COMPARISONS
from slipway.flags.semver import parse as version

Found = Iterator[tuple[str, str, str]]
Check = Callable[[list[Any], list[str]], Found]


def _is_rule(value: Any) -> bool:
    return isinstance(value, dict)


def _var(args: list[Any], places: list[str]) -> Found:
    path = args[0]
    if isinstance(path, str) and path.split(".")[0] == "$flagd" and path not in ("$flagd.flagKey", "$flagd.timestamp"):
        yield places[0], "bad_path", "Of $flagd there are $flagd.flagKey and $flagd.timestamp (Unix seconds)."
    elif not isinstance(path, str) and not (_is_rule(path) and len(args) == 1):
        yield places[0], "bad_path", "A path is text such as 'customer.plan', or without a default a rule that gives one."
    elif len(args) == 2 and isinstance(args[1], (list, dict)):
        yield places[1], "bad_argument", "What `var` gives in the place of nothing is text, a number, true, false or null."


def _missing(args: list[Any], places: list[str]) -> Found:
    for arg, place in zip(args, places, strict=True):
        if not isinstance(arg, str):
            yield place, "bad_argument", "A path is text such as 'customer.plan'."


def _missing_some(args: list[Any], places: list[str]) -> Found:
    if _number(args[0]) is None:
        yield places[0], "bad_argument", "How many are needed is a number."
    if not isinstance(args[1], list):
        yield places[1], "bad_argument", "The paths are a list of texts."
        return
    yield from _missing(args[1], [f"{places[1]}/{index}" for index in range(len(args[1]))])


def _texts(args: list[Any], places: list[str]) -> Found:
    for arg, place in zip(args, places, strict=True):
        if not isinstance(arg, str) and (not _is_rule(arg) or "$ref" in arg):
            yield place, "bad_argument", "Both arguments are text, or rules that give it."


def _fractional(args: list[Any], places: list[str]) -> Found:
    first = 0 if isinstance(args[0], list) else 1
    if first and not _is_rule(args[0]):
        yield places[0], "bad_argument", 'What is bucketed by is a rule, such as {"var": "account"}.'
    if first == len(args):
        yield places[0], "wrong_arity", "'fractional' needs at least one [variant, weight]."
        return
    total, known = 0, True
    for part, place in zip(args[first:], places[first:], strict=True):
        if not isinstance(part, list) or not 1 <= len(part) <= 2:
            yield place, "wrong_arity", "A part of 'fractional' is [variant, weight] or [variant]."
            return
        weight = part[1] if len(part) == 2 else 1
        if _is_rule(weight):
            known = False
        elif not _is_whole(weight) or weight < 0:
            yield f"{place}/1", "bad_weight", "A weight is a whole number, 0 or more."
            return
        else:
            total += int(weight)
    if total > MOST_WEIGHT or (known and total == 0):
        yield places[0].rpartition("/")[0], "bad_weight", f"The weights have a sum from 1 to {MOST_WEIGHT:,}, not {total:,}."


def _is_whole(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _sem_ver(args: list[Any], places: list[str]) -> Found:
    for index in (0, 2):
        read = version(args[index]) if isinstance(args[index], str) and args[index].count(".") >= 2 else None
        if (read is None or args[index][0] in "vV") and not (_is_rule(args[index]) and "var" in args[index]):
            yield places[index], "bad_version", "A version is written in full, such as 1.4.0 or 2.0.0-rc.1, or is a `var`."
    if not isinstance(args[1], str) or args[1] not in COMPARISONS:
        yield places[1], "bad_comparison", f"A comparison is one of {' '.join(COMPARISONS)}."


def _matches(args: list[Any], places: list[str]) -> Found:
    if not isinstance(args[1], str):
        yield places[1], "bad_pattern", "A pattern is text, written out in the rule."
        return
    try:
        Pattern(args[1])
    except BadPattern as wrong:
        yield places[1], "bad_pattern", str(wrong)


def _in_cidr(args: list[Any], places: list[str]) -> Found:
    listed = isinstance(args[1], list)
    for index, item in enumerate(args[1] if listed else [args[1]]):
        if not _is_rule(item) and network(item) is None:
            place = f"{places[1]}/{index}" if listed else places[1]
            yield place, "bad_network", "A network is written 10.0.0.0/8 or 2001:db8::/32, with no bits after its prefix."


def _bounds(read: Callable[[Any], Any], code: str, kind: str) -> Check:
    def bounds(args: list[Any], places: list[str]) -> Found:
        limits = []
        for bound, place in zip(args[1:], places[1:], strict=True):
            if bound is None or _is_rule(bound):
                continue
            if read(bound) is None:
                yield place, code, f"A bound is {kind}, or null for none."
                return
            limits.append(read(bound))
        if limits != sorted(limits):
            yield places[2], "bad_range", "The first bound comes before the last."

    return bounds


def _number(value: Any) -> Any:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None


ARGUMENTS: dict[str, Check] = {
    "var": _var,
    "missing": _missing,
    "missing_some": _missing_some,
    "starts_with": _texts,
    "ends_with": _texts,
    "fractional": _fractional,
    "sem_ver": _sem_ver,
    "matches": _matches,
    "in_cidr": _in_cidr,
    "in_dates": _bounds(moment, "bad_moment", "a moment as RFC 3339 has it, such as 2026-11-23T18:00:00Z, or Unix seconds"),
    "in_range": _bounds(_number, "bad_number", "a number"),
}
