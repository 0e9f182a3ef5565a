"""What holds whatever the document, the context and the users: never raised, bounded, sticky, fair, independent."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.flags import limits, ofrep
from slipway.flags.compiler import Compiler
from slipway.flags.definition import flag_faults, shared_faults
from slipway.flags.evaluation import Evaluation, FlagSet
from slipway.flags.limits import MOST_DEPTH, MOST_ITEMS, MOST_NODES, MOST_STEPS, MOST_STEPS_TOGETHER, Meter
from slipway.flags.ofrep import Bulk, item, single
from slipway.flags.rules import ARITY
from tests.domain.flags import random_rules
from tests.figures import Tell

PROVE = os.environ.get("SLIPWAY_PROVE") == "1"
EXAMPLES = 2_000 if PROVE else 100
UNITS = 100_000 if PROVE else 10_000
REASONS = {"STATIC", "TARGETING_MATCH", "DEFAULT", "DISABLED", "ERROR"}
CODES = {None, "FLAG_NOT_FOUND", "PARSE_ERROR", "INVALID_CONTEXT", "GENERAL"}


class Hostile:
    """Raises at whatever is done with it."""

    def _raise(self, *_: Any) -> Any:
        raise ZeroDivisionError

    __eq__ = __lt__ = __len__ = __bool__ = __str__ = __float__ = __iter__ = __getitem__ = _raise
    __hash__ = None  # type: ignore[assignment]


class HostileDict(dict[Any, Any]):
    def get(self, *_: Any) -> Any:
        raise ZeroDivisionError


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def endless() -> Any:
    value: dict[str, Any] = {}
    value["a"] = value["list"] = [value, value]
    return value


MAKERS: list[Any] = [
    *(lambda value=value: value for value in (math.nan, math.inf, 10**5000, -(10**400), "\ud800", "x" * 100_000, b"", {1: 2})),
    lambda: nested(5_000),
    endless,
    Hostile,
]
# By number: to print these would itself fail.
ODD = st.integers(0, len(MAKERS) - 1).map(lambda number: MAKERS[number]())
JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("alist.$", max_size=5), inner, max_size=4),
    max_leaves=12,
)
OPERATORS = [*ARITY, "$ref", "nonsense", "?:"]
RULES = st.recursive(
    JSONISH | st.builds(lambda path: {"var": path}, st.sampled_from(["a", "list", "", "$flagd.timestamp", "targetingKey"])),
    lambda inner: st.dictionaries(st.sampled_from(OPERATORS), st.lists(inner, max_size=4) | inner, min_size=1, max_size=2),
    max_leaves=15,
)
FLAG = st.fixed_dictionaries(
    {"state": st.sampled_from(["ENABLED", "DISABLED", "", None]), "variants": st.just({"a": 1, "true": 2.5}) | JSONISH},
    optional={
        "targeting": RULES,
        "defaultVariant": st.sampled_from(["a", "true", "gone"]) | JSONISH,
        "metadata": st.sampled_from([{"hash": "v2"}, {"hash": "v3"}, {"type": "float"}]) | JSONISH,
    },
)
DOCUMENT = JSONISH | st.fixed_dictionaries(
    {"flags": JSONISH | st.dictionaries(st.sampled_from(["f", "g", "\ud800"]), FLAG | JSONISH, max_size=3) | st.lists(FLAG)},
    optional={"$evaluators": JSONISH | st.dictionaries(st.sampled_from(["a", "list"]), RULES), "metadata": JSONISH},
)
CONTEXT = JSONISH | st.dictionaries(st.sampled_from(["a", "list", "targetingKey", "$flagd"]), JSONISH)


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(DOCUMENT, CONTEXT, st.integers() | ODD)
def test_nothing_is_raised_whatever_the_document_the_context_and_the_time(document: Any, context: Any, now: Any) -> None:
    flags = FlagSet.parse(document)
    assert isinstance(flags.errors, dict)
    for key in [*flags.keys, "f", "nowhere"]:
        answer = flags.evaluate(key, context, now=now)
        assert isinstance(answer, Evaluation)
        assert answer.reason in REASONS
        assert answer.error_code in CODES
        assert (answer.error_code is None) == (answer.reason != "ERROR")
        explained = flags.explain(key, context, now=now).evaluation
        assert (explained.variant, explained.reason, explained.error_code) == (answer.variant, answer.reason, answer.error_code)
        status, body = single(answer)
        assert status in (200, 400, 404)
        assert ("errorCode" in json.loads(body)) == (status != 200)
    assert len(flags.evaluate_all(context, now=now)) == len(flags.keys)
    _, body = Bulk(flags, "7").answer(context, now)
    assert len(json.loads(body)["flags"]) == len(flags.keys)


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(DOCUMENT, st.text() | st.binary())
def test_nothing_is_raised_at_the_door(document: Any, text: str | bytes) -> None:
    FlagSet.parse(text)
    flags = document.get("flags") if isinstance(document, dict) else document
    for flag in flags.values() if isinstance(flags, dict) else [flags]:
        flag_faults(flag, {}, key="f")
    shared_faults(document)


@pytest.mark.parametrize("key", [None, 7, [], {}, Hostile(), "\ud800"])
def test_a_key_that_is_none_is_an_error(key: Any) -> None:
    assert FlagSet.parse({"flags": {}}).evaluate(key, {}, now=0).reason == "ERROR"


@pytest.mark.parametrize("context", [[], "text", 7, Hostile(), ()])
def test_a_context_that_is_no_object(context: Any) -> None:
    rule = {"if": [{"var": "a"}, "a"]}
    document = {"flags": {"f": {"state": "ENABLED", "variants": {"a": 1}, "targeting": rule}}}
    assert FlagSet.parse(document).evaluate("f", context, now=0).error_code == "INVALID_CONTEXT"


def test_contexts_may_be_left_out_and_may_be_of_a_class_that_raises() -> None:
    document = {"flags": {"f": {"state": "ENABLED", "variants": {"a": 1}, "targeting": {"if": [{"var": "a"}, "a"]}}}}
    flags = FlagSet.parse(document)
    assert flags.evaluate("f", None, now=0).reason == "DEFAULT"
    assert flags.evaluate("f", HostileDict(a=1), now=0).error_code == "GENERAL"


# --- bounds ---------------------------------------------------------------------------------------------


def answer(targeting: Any, context: Any, **more: Any) -> Evaluation:
    flag = {"state": "ENABLED", "variants": {"a": 1, "true": 2, "false": 3}, "targeting": targeting}
    return FlagSet.parse({"flags": {"f": flag}, **more}).evaluate("f", context, now=0)


def loops(depth: int) -> Any:
    return {"map": [{"var": ""}, 1]} if depth == 0 else {"map": [{"var": "list"}, loops(depth - 1)]}


def test_steps_are_bounded() -> None:
    inside: dict[str, Any] = {"list": list(range(200))}
    inside["list"] = [{"list": [inside["list"]] * 200}] * 200
    rule = {"some": [{"var": "list"}, {"some": [{"var": "list"}, {"some": [{"var": ""}, False]}]}]}
    assert "steps" in (answer(rule, inside).error_details or "")
    compiled, meter = Compiler("f", "v3", {}).compile({"map": [{"var": "list"}, {"+": [{"var": ""}, 1]}]}), Meter()
    compiled({"list": [0] * 100}, meter)
    assert meter.left == MOST_STEPS - 100 * 5  # the body has four nodes, and each item is one step


@pytest.mark.parametrize(
    "rule",
    [
        {"cat": [{"reduce": [{"var": "list"}, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "x"]}]},
        {"!!": [{"reduce": [{"var": "list"}, {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]}, [1]]}]},
        {"in": [1, {"var": "endless"}]},
        {"in": ["x", {"var": "endless"}]},
        {"merge": [{"var": "long"}]},
        {"missing": {"var": "long"}},
        {"some": [{"var": "long"}, False]},
        {"===": [{"var": "long"}, {"var": "other"}]},
        {"cat": [{"var": "long"}]},
    ],
    ids=str,
)
def test_what_grows_is_cut_off(rule: Any) -> None:
    context = {
        "list": [0] * 60,
        "endless": [0] * (MOST_NODES + 1),
        "long": [0] * (MOST_ITEMS + 1),
        "other": [0] * (MOST_ITEMS + 1),
    }
    assert answer(rule, context).error_code == "GENERAL"


class Seen(list[Any]):
    """Counts what is looked at in it, however often."""

    looks = 0

    def __iter__(self) -> Iterator[Any]:
        Seen.looks += len(self)
        return super().__iter__()

    def __contains__(self, item: object) -> bool:
        Seen.looks += len(self) // 8
        return super().__contains__(item)


@pytest.mark.parametrize(
    "value", [Seen([1] * 999), Seen([Seen([Seen()] * 90)] * 9), Seen(["x"] * 60_000)], ids=["flat", "nest", "long"]
)
@pytest.mark.parametrize("name", ["==", "!=", "<", ">=", "===", "in", "cat"])
def test_a_context_within_the_limits_makes_no_answer_long(name: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def clause(number: int) -> Any:
        if name == "cat":
            return {"==": [{"cat": [{"var": "a"}]}, f"{number}"]}
        if name == "===":
            return {"===": [{"var": "a"}, {"var": "b"}]}
        return {name: [number, {"var": "a"}] if name == "in" else [{"var": "a"}, f"{number}"]}

    flags = {
        f"f{number}": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "targeting": {"if": [{"or": [clause(5 * number + part) for part in range(5)]}, "on", "off"]},
        }
        for number in range(350)
    }
    together = MOST_STEPS_TOGETHER // 20  # a smaller bound, so that smaller contexts come to it
    monkeypatch.setattr(limits, "MOST_STEPS_TOGETHER", together)
    monkeypatch.setattr(ofrep, "PATIENCE", 0)
    bulk = ofrep.Bulk(FlagSet.parse({"flags": flags}), "1")
    for _ in range(4):
        bulk.answer({}, 0)
        bulk.answer({"a": "x"}, 0)
        hostile = {"a": value, "b": Seen(value)}
        Seen.looks = 0
        bulk.answer(hostile, 0)
        assert Seen.looks <= 2 * together, "each step is a look, or one at either side"


def test_numbers_do_not_grow_without_end() -> None:
    square = {"reduce": [{"var": "list"}, {"*": [{"var": "accumulator"}, {"var": "accumulator"}]}, 3]}
    assert answer({">": [square, 10**300]}, {"list": [0] * 2000}).variant == "true"


def test_deep_and_large_rules_are_bad_flags() -> None:
    rule: Any = {"var": "a"}
    for _ in range(MOST_DEPTH + 1):
        rule = {"!": rule}
    assert answer(rule, {}).error_code == "PARSE_ERROR"
    flag = {"state": "ENABLED", "variants": {"a": 1}, "targeting": rule}
    assert "deeper" in FlagSet.parse({"flags": {"f": flag}}).errors["f"]
    assert answer({"in": ["a", list(map(str, range(99_000)))]}, {}).variant == "false"
    assert answer({"or": [{"in": ["a", list(map(str, range(99_000)))]}] * 2}, {}).error_code == "PARSE_ERROR"


def test_shared_rules_that_refer_to_each_other_end() -> None:
    one, other = {"or": [{"$ref": "b"}, {"$ref": "b"}]}, {"or": [{"$ref": "a"}, {"$ref": "a"}]}
    assert answer({"$ref": "a"}, {}, **{"$evaluators": {"a": one, "b": other}}).error_code == "PARSE_ERROR"


def test_one_bad_flag_harms_no_other() -> None:
    good = {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"}
    flags = FlagSet.parse({"flags": {"bad": {**good, "variants": {}}, "good": good, "worse": None}})
    assert flags.evaluate("good", {}, now=0).value == 1
    assert set(flags.errors) == {"bad", "worse"}


# --- fractions ------------------------------------------------------------------------------------------


def split(percent: int, hash: str, key: str = "a-flag") -> FlagSet:
    rule = {"fractional": [["new", percent], ["old", 100 - percent]]}
    flag = {"state": "ENABLED", "variants": {"new": True, "old": False}, "targeting": rule, "metadata": {"hash": hash}}
    return FlagSet.parse({"flags": {key: flag}})


def treated(percent: int, hash: str, units: range, key: str = "a-flag") -> set[int]:
    flags = split(percent, hash, key)
    return {unit for unit in units if flags.evaluate(key, {"targetingKey": f"unit-{unit}"}, now=0).value}


@pytest.mark.parametrize("hash", ["v2", "v3"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(steps=st.lists(st.integers(0, 100), min_size=2, max_size=5))
def test_a_raise_moves_nobody_out_and_the_same_percentage_finds_the_same_units(hash: str, steps: list[int]) -> None:
    units = range(300)
    found = {percent: treated(percent, hash, units) for percent in steps}
    for low, high in zip(sorted(steps), sorted(steps)[1:], strict=False):
        assert found[low] <= found[high]
    for percent in steps:
        assert treated(percent, hash, units) == found[percent]


@pytest.mark.parametrize("hash", ["v2", "v3"])
def test_every_percentage_holds_those_of_all_before_it_up_and_down(hash: str) -> None:
    units = range(UNITS // 10)
    rising = [treated(percent, hash, units) for percent in range(101)]
    assert (rising[0], rising[-1]) == (set(), set(units))
    assert all(low <= high for low, high in pairwise(rising))
    for percent in range(100, -1, -10):
        assert treated(percent, hash, units) == rising[percent]


@pytest.mark.parametrize("hash", ["v2", "v3"])
@pytest.mark.parametrize("percent", [1, 10, 50, 97])
def test_shares_are_what_they_say(hash: str, percent: int, tell: Tell) -> None:
    """Within 4.5 standard deviations of the binomial distribution."""
    share, found = percent / 100, len(treated(percent, hash, range(UNITS)))
    bound = 4.5 * math.sqrt(UNITS * share * (1 - share))
    assert abs(found - UNITS * share) < bound
    tell(f"{percent} % of {UNITS:,} units by {hash}: {found:,}, bound ± {bound:.0f}")


@pytest.mark.parametrize("hash", ["v2", "v3"])
def test_no_flags_buckets_tell_anothers(hash: str) -> None:
    """Chi-square of the table of two flags' halves, 1 degree of freedom, for every pair of five flags."""
    keys = ["checkout", "checkout-2", "checkout-new", "search", "a"]
    halves = {key: treated(50, hash, range(UNITS), key) for key in keys}
    for number, one in enumerate(keys):
        for other in keys[number + 1 :]:
            cells = Counter((unit in halves[one], unit in halves[other]) for unit in range(UNITS))
            expected = UNITS / 4
            assert sum((cells[cell] - expected) ** 2 / expected for cell in cells) < 30, (one, other, cells)


# --- one answer, whatever the way -----------------------------------------------------------------------


def test_the_trace_and_the_shortcuts_give_one_answer_every_time() -> None:
    for seed in range(20 * EXAMPLES):
        random = Random(seed)
        flag = {"state": "ENABLED", "variants": random_rules.VARIANTS, "targeting": random_rules.targeting(random)}
        context = random_rules.context(random)
        flags = FlagSet.parse(json.dumps({"flags": {"f": flag}}))
        found = flags.evaluate("f", context, now=seed)
        assert flags.evaluate("f", context, now=seed) == found
        assert flags.explain("f", context, now=seed).evaluation == found
        assert json.loads(item(found))["key"] == "f"
