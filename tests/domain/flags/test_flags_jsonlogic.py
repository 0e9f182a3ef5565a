"""JsonLogic: a table of rules, contexts and values."""

from __future__ import annotations

import math
from typing import Any

import pytest

from slipway.flags.compiler import Compiler
from slipway.flags.limits import Meter
from slipway.flags.trace import Tracer, Tracing

PEOPLE = {"people": [{"name": "ann", "age": 30}, {"name": "bob", "age": 17}]}
CASES: list[tuple[Any, Any, Any]] = [
    # what is no operator is a value
    ({"a": 1, "b": 2}, {}, {"a": 1, "b": 2}),
    ([1, {"+": [1, 1]}], {}, [1, 2]),
    ([], {}, []),
    # var
    ({"var": "a"}, {"a": 1}, 1),
    ({"var": ["a"]}, {"a": 1}, 1),
    ({"var": "a"}, {}, None),
    ({"var": ["a", 7]}, {}, 7),
    ({"var": ["a", 7]}, {"a": None}, 7),
    ({"var": ["a", 7]}, {"a": 0}, 0),
    ({"var": ["a.b", {"+": [3, 4]}]}, {"a": {}}, 7),
    ({"var": "a.b.c"}, {"a": {"b": {"c": "deep"}}}, "deep"),
    ({"var": "a.b"}, {"a": "text"}, None),
    ({"var": "a.1"}, {"a": [5, 6]}, 6),
    ({"var": "a.01"}, {"a": [5, 6]}, None),
    ({"var": "a.-1"}, {"a": [5, 6]}, None),
    ({"var": "a.2"}, {"a": [5, 6]}, None),
    ({"var": "a.length"}, {"a": [5, 6]}, 2),
    ({"var": "a.0"}, {"a": "xyz"}, "x"),
    ({"var": {"cat": ["a", ".b"]}}, {"a": {"b": 1}}, 1),
    ({"map": [[[1, 2], [3]], {"var": 0}]}, {}, [1, 3]),
    ({"map": [["xy"], {"var": 1.0}]}, {}, ["y"]),
    # missing
    ({"missing": ["a", "b"]}, {"a": 1}, ["b"]),
    ({"missing": "a"}, {}, ["a"]),
    ({"missing": [["a", "b"]]}, {"b": ""}, ["a", "b"]),
    ({"missing": {"merge": ["a", {"if": [{"var": "a"}, "b", "c"]}]}}, {"a": 1}, ["b"]),
    ({"missing_some": [1, ["a", "b"]]}, {"a": 1}, []),
    ({"missing_some": [2, ["a", "b"]]}, {"a": 1}, ["b"]),
    ({"missing_some": [1, "a"]}, {}, []),
    # if, and, or, not
    ({"if": []}, {}, None),
    ({"if": ["x"]}, {}, "x"),
    ({"if": [True, 1]}, {}, 1),
    ({"if": [False, 1]}, {}, None),
    ({"if": [False, 1, 2]}, {}, 2),
    ({"if": [False, 1, False, 2]}, {}, None),
    ({"if": [False, 1, True, 2, 3]}, {}, 2),
    ({"if": [{"var": "a"}, 1, {"var": "b"}, 2, 3]}, {"b": "0"}, 2),
    ({"?:": [{}, 1, 2]}, {}, 1),
    ({"and": []}, {}, None),
    ({"and": [1, "", 3]}, {}, ""),
    ({"and": [1, 2]}, {}, 2),
    ({"or": [0, [], "x", 1]}, {}, "x"),
    ({"or": [0, None]}, {}, None),
    ({"!": [[]]}, {}, True),
    ({"!": "0"}, {}, False),
    ({"!!": [math.nan]}, {}, False),
    ({"!!": [{"var": "a"}]}, {"a": {}}, True),
    # equality
    ({"==": [1, "1"]}, {}, True),
    ({"==": ["a", ["a"]]}, {}, True),
    ({"==": ["1,2", [1, 2]]}, {}, True),
    ({"==": [[], []]}, {}, False),
    ({"==": [{"var": "a"}, {"var": "a"}]}, {"a": [1]}, True),
    ({"==": [True, "1"]}, {}, True),
    ({"==": [True, "true"]}, {}, False),
    ({"==": [None, None]}, {}, True),
    ({"==": ["[object Object]", {"var": "a"}]}, {"a": {}}, True),
    ({"!=": [1, "2"]}, {}, True),
    ({"===": [1, 1.0]}, {}, True),
    ({"===": [1, "1"]}, {}, False),
    ({"===": [{"var": "a"}, {"var": "b"}]}, {"a": [{"x": [1]}], "b": [{"x": [1.0]}]}, True),
    ({"===": [{"var": "a"}, {"var": "b"}]}, {"a": [{"x": [1]}], "b": [{"x": [True]}]}, False),
    ({"!==": [1, True]}, {}, True),
    # order
    ({"<": ["10", "9"]}, {}, True),
    ({"<": [10, "9"]}, {}, False),
    ({"<": ["a", 1]}, {}, False),
    ({">=": ["a", 1]}, {}, False),
    ({"<": [None, 1]}, {}, True),
    ({"<=": [1, 1, 2]}, {}, True),
    ({">": [3, 2, 2]}, {}, False),
    ({"<": [[2], "10"]}, {}, False),
    # arithmetic
    ({"+": []}, {}, 0),
    ({"+": ["1", 2, True, None, [3]]}, {}, 7),
    ({"-": ["5"]}, {}, -5),
    ({"*": [2, "3"]}, {}, 6),
    ({"/": [7, 2]}, {}, 3.5),
    ({"/": [-1, 0]}, {}, -math.inf),
    ({"/": [0, 0]}, {}, math.nan),
    ({"%": [7, 3]}, {}, 1),
    ({"%": [7, 0]}, {}, math.nan),
    ({"%": [5, {"/": [1, 0]}]}, {}, 5),
    ({"max": []}, {}, math.nan),
    ({"max": [1, "3", 2]}, {}, 3),
    ({"min": [1, {"var": "gone"}]}, {}, 0),
    ({"+": [10**400, 1]}, {}, math.inf),
    ({"*": [10**300, 10**300, -1]}, {}, -math.inf),
    ({"*": [2**62, 2**62]}, {}, 2**124),
    # text and lists
    ({"in": ["b", "abc"]}, {}, True),
    ({"in": [1, "a1"]}, {}, True),
    ({"in": [1, ["1", 1.0]]}, {}, True),
    ({"in": [1, ["1", True]]}, {}, False),
    ({"in": [[1], [[1]]]}, {}, True),
    ({"in": ["a", {"var": "a"}]}, {"a": {"a": 1}}, False),
    ({"cat": []}, {}, ""),
    ({"cat": ["a", 1, 1.0, 1.5, None, False, [1, [2]]]}, {}, "a111.5nullfalse1,2"),
    ({"substr": ["slipway", 4]}, {}, "way"),
    ({"substr": ["slipway", -3]}, {}, "way"),
    ({"substr": ["slipway", -30]}, {}, "slipway"),
    ({"substr": ["slipway", 0, 4]}, {}, "slip"),
    ({"substr": ["slipway", 1, -3]}, {}, "lip"),
    ({"substr": ["slipway", 5, -5]}, {}, ""),
    ({"substr": ["slipway", 99]}, {}, ""),
    ({"substr": ["slipway", "x", "y"]}, {}, ""),
    ({"substr": [12345, 1, 2]}, {}, "23"),
    ({"merge": [1, [2, [3]], []]}, {}, [1, 2, [3]]),
    # lists, item by item
    ({"map": [{"var": "people"}, {"var": "name"}]}, PEOPLE, ["ann", "bob"]),
    ({"map": ["no list", 1]}, {}, []),
    ({"filter": [{"var": "people"}, {">": [{"var": "age"}, 18]}]}, PEOPLE, [PEOPLE["people"][0]]),
    ({"all": [{"var": "people"}, {">": [{"var": "age"}, 18]}]}, PEOPLE, False),
    ({"all": [[], True]}, {}, False),
    ({"some": [{"var": "people"}, {">": [{"var": "age"}, 18]}]}, PEOPLE, True),
    ({"some": [[], True]}, {}, False),
    ({"none": [[], True]}, {}, True),
    ({"none": [{"var": "people"}, {">": [{"var": "age"}, 18]}]}, PEOPLE, False),
    ({"map": [{"var": "people"}, {"var": "targetingKey"}]}, {**PEOPLE, "targetingKey": "u"}, [None, None]),
    ({"reduce": [[1, 2, 3], {"*": [{"var": "current"}, {"var": "accumulator"}]}, 1]}, {}, 6),
    ({"reduce": ["no list", 1, "start"]}, {}, "start"),
    ({"map": [[[1, 2], [3]], {"reduce": [{"var": ""}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}]}, {}, [3, 3]),
    # too few arguments
    *[({name: []}, {}, []) for name in ("map", "filter", "merge", "missing")],
    *[({name: []}, {}, False) for name in ("all", "some", "!==", "!=", "!!", "in")],
    *[({name: []}, {}, True) for name in ("none", "!", "==", "===")],
    *[({name: []}, {}, None) for name in ("reduce", "fractional", "starts_with", "ends_with", "sem_ver")],
    *[({name: []}, {}, None) for name in ("in_range", "in_dates", "in_cidr", "matches")],
    # flagd's
    ({"starts_with": ["slipway", "slip"]}, {}, True),
    ({"starts_with": [1, "slip"]}, {}, None),
    ({"ends_with": ["slipway", 1]}, {}, None),
    ({"sem_ver": [1, "=", "1.0"]}, {}, True),
    ({"sem_ver": ["1.2.3", "^", "1.9"]}, {}, True),
    ({"sem_ver": ["1.2.3", "~", "1.2"]}, {}, True),
    ({"sem_ver": ["1.2.3", "is", "1.2.3"]}, {}, None),
    ({"fractional": ["only a bucket"]}, {}, None),
    # ours
    ({"in_range": [{"var": "a"}, None, 5]}, {"a": 5}, True),
    ({"in_range": ["5", 1, 9]}, {}, None),
    ({"in_range": [5, "1"]}, {}, None),
    ({"in_range": [True, 0, 1]}, {}, None),
    ({"in_dates": [1_767_225_600, "2026-01-01T00:00:00Z"]}, {}, True),
    ({"in_dates": ["2026-01-01T00:00:00Z", None, "2026-01-01T00:00:00Z"]}, {}, False),
    ({"in_dates": ["2026-02-30T00:00:00Z", None]}, {}, None),
    ({"in_dates": ["2026-01-01T00:00:00", None]}, {}, None),
    ({"in_dates": ["2026-01-01T00:00:00.1234567+01:00", "2025-12-31t23:00:00z"]}, {}, True),
    ({"in_cidr": ["192.0.2.7", "192.0.2.7"]}, {}, True),
    ({"in_cidr": ["192.0.2.7", []]}, {}, False),
    ({"in_cidr": ["192.0.2.7", ["192.0.2.1/24"]]}, {}, None),
    ({"in_cidr": ["192.0.2.7", {"var": "nets"}]}, {"nets": ["10.0.0.0/8", "192.0.2.0/24"]}, True),
    ({"matches": ["abc", {"var": "pattern"}]}, {"pattern": "b"}, None),
    ({"matches": ["abc", "("]}, {}, None),
    ({"matches": [5, "5"]}, {}, None),
]  # fmt: skip


def same(a: Any, b: Any) -> bool:
    return (a != a and b != b) or (a == b and isinstance(a, bool) == isinstance(b, bool))


@pytest.mark.parametrize(("rule", "context", "expected"), CASES, ids=[str(rule)[:60] for rule, _, _ in CASES])
def test_a_rule_gives_its_value_with_shortcuts_and_without(rule: Any, context: Any, expected: Any) -> None:
    assert same(Compiler("a-flag", "v3", {}).compile(rule)(context, Meter()), expected)
    assert same(Tracing("a-flag", "v3", {}).compile(rule)(context, Tracer()), expected)
