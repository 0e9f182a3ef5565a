"""Every known difference between our evaluator and flagd-core 2.0.0, with its reason, an example, and how to mend flagd-core.

`mended` applies all the mends to the oracle: what is then still different is a bug of ours, or a difference nobody knew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import pytest
from json_logic import builtins as logic
from openfeature.contrib.tools.flagd.core import flagd_core
from openfeature.contrib.tools.flagd.core.targeting import custom_ops

rules = import_module("openfeature.contrib.tools.flagd.core.targeting.targeting")
walker = import_module("json_logic.apply")
NAN = float("nan")
ESCAPES = "escapes"  # flagd-core raises what is no error of OpenFeature

Patch = pytest.MonkeyPatch
Operate = Callable[..., Any]


class Difference(NamedTuple):
    """`ours` and `theirs`: what `rule` gives with `context`."""

    name: str
    why: str
    rule: Any
    context: dict[str, Any]
    ours: Any
    theirs: Any
    mend: Callable[[Patch], None]


def _wrapped(patch: Patch, name: str, around: Callable[[Operate], Operate]) -> None:
    """An operator of flagd-core with something around it."""
    patch.setitem(rules.OPERATORS, name, around(rules.OPERATORS[name]))


def _texts(patch: Patch) -> None:
    before = logic.to_string
    patch.setattr(logic, "to_string", lambda value: str(value).lower() if isinstance(value, bool) else before(value))


def _numbers(patch: Patch) -> None:
    before = logic.to_number

    def to_number(value: Any) -> Any:
        odd = isinstance(value, str) and (not value.isascii() or bool({"_", "n", "N"} & set(value)))
        return NAN if odd else before(value)

    patch.setattr(logic, "to_number", to_number)


def _truth(patch: Patch) -> None:
    before = logic.to_number
    patch.setattr(logic, "to_number", lambda value: int(value) if isinstance(value, bool) else before(value))


def strictly(a: Any, b: Any) -> bool:
    """Equal as JSON values: true is not 1, but 1 is 1.0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(strictly, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(strictly(a[name], b[name]) for name in a)
    return bool(a == b)


def _strict(patch: Patch) -> None:
    _wrapped(patch, "===", lambda _: lambda data, a=None, b=None, *_: strictly(a, b))
    _wrapped(patch, "!==", lambda _: lambda data, a=None, b=None, *_: not strictly(a, b))

    def member(before: Operate) -> Operate:
        def operate(data: Any, needle: Any = None, haystack: Any = None, *more: Any) -> Any:
            if isinstance(haystack, list):
                return any(strictly(item, needle) for item in haystack)
            return before(data, needle, haystack, *more)

        return operate

    _wrapped(patch, "in", member)


def _null(patch: Patch) -> None:
    before = logic.op_equals

    def equals(data: Any = None, a: Any = None, b: Any = None, *more: Any) -> Any:
        return a is b if a is None or b is None else before(data, a, b, *more)

    patch.setattr(logic, "op_equals", equals)  # `!=` finds it by its name
    patch.setitem(rules.OPERATORS, "==", equals)


def _order(patch: Patch) -> None:
    def around(before: Operate) -> Operate:
        return lambda a, b: before(*((0 if value is None else value) for value in (a, b)))

    for name in ("less_than", "less_than_or_equal", "greater_than", "greater_than_or_equal"):
        patch.setattr(logic, name, around(getattr(logic, name)))


def _null_arguments(patch: Patch) -> None:
    def with_zero(position: int) -> Callable[[Operate], Operate]:
        def around(before: Operate) -> Operate:
            return lambda data, *args: before(
                data, *(0 if at == position and arg is None else arg for at, arg in enumerate(args))
            )

        return around

    for name in ("<", "<=", ">", ">=", "substr"):
        _wrapped(patch, name, with_zero(2))
    _wrapped(patch, "-", with_zero(1))


def _start(patch: Patch) -> None:
    def around(before: Operate) -> Operate:
        def operate(data: Any, text: Any = None, start: Any = None, *more: Any) -> Any:
            start = logic.to_number(start)
            return before(data, text, 0 if -1 < start < 0 else start, *more)

        return operate

    _wrapped(patch, "substr", around)


def _remainder(patch: Patch) -> None:
    def around(before: Operate) -> Operate:
        def operate(data: Any, a: Any = None, b: Any = None, *_: Any) -> Any:
            a, b = logic.to_number(a), logic.to_number(b)
            rest = before(data, abs(a), abs(b))
            return -rest if a < 0 else rest

        return operate

    _wrapped(patch, "%", around)


def _zero(patch: Patch) -> None:
    def divide(before: Operate) -> Operate:
        def operate(data: Any, a: Any = None, b: Any = None, *more: Any) -> Any:
            try:
                return before(data, a, b, *more)
            except ZeroDivisionError:
                a, b = logic.to_number(a), logic.to_number(b)
                return NAN if a == 0 or a != a else float("inf") * (1 if a > 0 else -1) * (-1 if str(b).startswith("-") else 1)

        return operate

    def remainder(before: Operate) -> Operate:
        def operate(*args: Any) -> Any:
            try:
                return before(*args)
            except ZeroDivisionError:
                return NAN

        return operate

    _wrapped(patch, "/", divide)
    _wrapped(patch, "%", remainder)


def _extremes(patch: Patch) -> None:
    def around(before: Operate) -> Operate:
        return lambda data, *args: (
            NAN if any(logic.to_number(arg) != logic.to_number(arg) for arg in args) else before(data, *args)
        )

    _wrapped(patch, "min", around)
    _wrapped(patch, "max", around)


def _number_keys(patch: Patch) -> None:
    before = logic.op_var

    def var(data: Any = None, key: Any = None, default: Any = None, *_: Any) -> Any:
        if isinstance(data, dict) and isinstance(key, (int, float)):
            key = logic.to_string(key)
        return before(data, key, default)

    patch.setattr(logic, "op_var", var)
    patch.setitem(rules.OPERATORS, "var", var)


def _start_of_reduce(patch: Patch) -> None:
    before = walker.apply

    def apply(rule: Any, data: Any = None, operations: Any = None) -> Any:
        if isinstance(rule, dict) and len(rule) == 1:
            args = rule.get("reduce")
            if isinstance(args, list) and len(args) > 2:
                rule = {"reduce": [*args[:2], apply(args[2], data, operations)]}
        return before(rule, data, operations)

    patch.setattr(walker, "apply", apply)
    patch.setattr(rules, "jsonLogic", apply)


def _whole_weights(patch: Patch) -> None:
    before = custom_ops._parse_fraction

    def parse(part: Any) -> Any:
        if isinstance(part, list) and len(part) == 2 and isinstance(part[1], float) and part[1].is_integer():
            part = [part[0], int(part[1])]
        return before(part)

    patch.setattr(custom_ops, "_parse_fraction", parse)


def _items(patch: Patch) -> None:
    _wrapped(patch, "fractional", lambda before: lambda data, *args: before(data if isinstance(data, dict) else {}, *args))


def _log(patch: Patch) -> None:
    patch.delitem(rules.OPERATORS, "log")


def _names(patch: Patch) -> None:
    before = flagd_core.targeting  # type: ignore[attr-defined]

    def targeting(*args: Any) -> Any:
        result = before(*args)
        return logic.to_string(result) if type(result) is float else result

    patch.setattr(flagd_core, "targeting", targeting)


PEOPLE = {"people": ["ann"], "targetingKey": "u1"}
DIFFERENCES = (
    Difference(
        "truth values in text",
        "JSON and JavaScript write true, Python writes True; a variant is found by the former",
        {"cat": ["is-", True]}, {}, "is-true", "is-True", _texts,
    ),
    Difference(
        "numbers in text",
        "Python takes 1_000 and digits of every script for numbers; other providers do not",
        {"==": [{"var": "amount"}, 1000]}, {"amount": "1_000"}, False, True, _numbers,
    ),
    Difference(
        "infinity in text",
        "flagd-core excludes `inf`, but not `infinity`, for JavaScript's sake: a text of a user that is above every limit",
        {">": [{"var": "age"}, 18]}, {"age": "infinity"}, False, True, _numbers,
    ),
    Difference(
        "truth values are numbers",
        "the largest of [true] is the number 1, which names no variant `true`",
        {"cat": [{"max": [True, 0]}]}, {}, "1", "True", _truth,
    ),
    Difference(
        "true is not 1",
        "strict equality and membership keep kinds apart; Python's == does not",
        {"===": [{"var": "beta"}, 1]}, {"beta": True}, False, True, _strict,
    ),
    Difference(
        "null equals null alone",
        "an absent attribute is neither 0 nor false: `== false` would hold for everybody who does not send it",
        {"==": [{"var": "beta"}, False]}, {}, False, True, _null,
    ),
    Difference(
        "order with null",
        "flagd-core compares the text `null`: an absent name is after `a`. As a number, null is 0 and text is none",
        {">": [{"var": "name"}, "a"]}, {}, False, True, _order,
    ),
    Difference(
        "an argument that is null is there",
        "between with an absent upper bound holds in flagd-core, which takes it for no bound",
        {"<": [1, 2, {"var": "most"}]}, {}, False, True, _null_arguments,
    ),
    Difference(
        "a start just below zero",
        "cut to a whole number, -0.5 is 0, the first character; flagd-core takes it for the end",
        {"substr": ["abc", -0.5]}, {}, "abc", "", _start,
    ),
    Difference(
        "the sign of a remainder",
        "every other provider gives the dividend's",
        {"%": [-7, 3]}, {}, -1, 2, _remainder,
    ),
    Difference(
        "division by zero",
        "ZeroDivisionError escapes from flagd-core; JavaScript gives an infinity, or NaN for 0 / 0 and the remainder",
        {">": [{"/": [1, {"var": "parts"}]}, 5]}, {"parts": 0}, True, ESCAPES, _zero,
    ),
    Difference(
        "the least and the most of no number",
        "with NaN among them Python's answer depends on the order",
        {"==": [{"max": [1, {"var": "age"}]}, 1]}, {"age": "old"}, False, True, _extremes,
    ),
    Difference(
        "number keys of objects",
        "JSON has no others than texts, so 1 is read as \"1\"",
        {"var": 1}, {"1": "one"}, "one", None, _number_keys,
    ),
    Difference(
        "where reduce begins",
        "flagd-core takes the rule itself for the first value, unevaluated",
        {"reduce": [{"var": "list"}, {"+": [{"var": "accumulator"}, {"var": "current"}]}, {"var": "start"}]},
        {"list": [1, 2], "start": 10}, 13, NAN, _start_of_reduce,
    ),
    Difference(
        "whole weights",
        "50.0 is an integer to JSON Schema and to providers whose numbers are doubles",
        {"fractional": [["a", {"/": [100, 2]}]]}, {"targetingKey": "u1"}, "a", None, _whole_weights,
    ),
    Difference(
        "fractional for each item",
        "AttributeError escapes from flagd-core where the item is no object",
        {"map": [{"var": "people"}, {"fractional": [["a", 1]]}]}, PEOPLE, [None], ESCAPES, _items,
    ),
    Difference(
        "log is no operator",
        "it writes what users sent to the standard output",
        {"log": "x"}, {}, "PARSE_ERROR", "x", _log,
    ),
)  # fmt: skip
# Of a flag's answer, not of a rule's value: see the tests.
NAMED_BY_NUMBER = ("numbers that name variants", "1.0 is written 1, as everywhere in JSON", _names)


@contextmanager
def mended() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for difference in DIFFERENCES:
            difference.mend(patch)
        _names(patch)
        yield
