"""Our evaluator against flagd-core 2.0.0 on random rules and contexts: no difference that `differences.py` does not explain.

With SLIPWAY_PROVE, ten times as many.
"""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from json_logic import builtins as logic
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.contrib.tools.flagd.core.targeting import custom_ops
from openfeature.exception import GeneralError

from slipway.flags.compiler import Compiler
from slipway.flags.evaluation import FlagSet
from slipway.flags.limits import Meter, Unanswerable
from tests.domain.flags import oracle, random_rules
from tests.domain.flags.differences import DIFFERENCES, ESCAPES, Difference, mended, rules, strictly
from tests.domain.flags.oracle import KEY, NOW, Escaped
from tests.figures import Tell

ROUNDS = 20_000 if os.environ.get("SLIPWAY_PROVE") == "1" else 2_000


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "time", SimpleNamespace(time=lambda: NOW))


def ours(rule: Any, context: dict[str, Any], hash: str = "v3") -> Any:
    """What the rule gives; the error code where it gives none."""
    try:
        run = Compiler(KEY, hash, {}).compile(rule)
        own = {"targetingKey": context.get("targetingKey"), "$flagd": {"flagKey": KEY, "timestamp": NOW}}
        return run({**context, **own}, Meter())
    except Unanswerable as wrong:
        return wrong.code


def theirs(rule: Any, context: dict[str, Any]) -> Any:
    try:
        return oracle.value(rule, context)
    except ReferenceError:
        return "PARSE_ERROR"
    except Escaped:
        return ESCAPES


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return strictly(a, b) or (a != a and b != b)


def cases(offset: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for seed in range(offset, offset + ROUNDS):
        random = Random(seed)
        yield random_rules.targeting(random), random_rules.context(random)


def test_random_rules_give_the_values_that_flagd_core_gives(tell: Tell) -> None:
    seen: Counter[str] = Counter()
    for rule, context in cases(0):
        found, plain = ours(rule, context), theirs(rule, context)
        with mended():
            expected = theirs(rule, context)
        seen["alike"] += same(found, plain)
        seen["explained"] += not same(found, plain)
        if expected == ESCAPES:
            seen["escaped all the same"] += 1
            continue
        assert same(found, expected), (rule, context, found, expected)
    assert seen["alike"] > ROUNDS * 0.8
    assert seen["escaped all the same"] < ROUNDS * 0.01
    tell(f"values of {ROUNDS:,} random rules: {dict(seen)}, not explained: 0")


def test_random_flags_are_answered_as_flagd_core_answers_them(tell: Tell) -> None:
    seen: Counter[Any] = Counter()
    with mended():
        for rule, context in cases(1_000_000):
            flag = {"state": "ENABLED", "variants": random_rules.VARIANTS, "defaultVariant": "b", "targeting": rule}
            answer = FlagSet.parse({"flags": {KEY: flag}}).evaluate(KEY, context, now=NOW)
            try:
                expected = oracle.resolved(flag, context)
            except Escaped:
                seen["escaped"] += 1
                continue
            assert (answer.value, answer.variant, answer.reason, answer.error_code) == expected, (rule, context)
            seen[answer.reason if answer.error_code is None else answer.error_code] += 1
    assert seen["escaped"] < ROUNDS * 0.01
    tell(f"answers of {ROUNDS:,} random flags: {dict(seen)}")


def test_v2_is_the_same_over_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """flagd-core 2 knows v3 alone; with v2's input in the place of CBOR, all else of its `fractional` is v2's."""

    def utf8(value: Any, **_: Any) -> bytes:
        return "".join(value).encode() if isinstance(value, list) else value.encode()

    monkeypatch.setattr(custom_ops, "cbor2", SimpleNamespace(dumps=utf8))
    drawn = 0
    with mended():
        for seed in range(ROUNDS):
            random = Random(seed)
            rule, context = {"fractional": random_rules.SHAPES["fractional"](random, 1)}, random_rules.context(random)
            found, expected = ours(rule, context, "v2"), theirs(rule, context)
            drawn += found is not None
            assert same(found, expected), (rule, context, found, expected)
    assert drawn > ROUNDS / 10


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_each_listed_difference_is_one_and_its_mend_takes_it_away(difference: Difference) -> None:
    assert same(ours(difference.rule, difference.context), difference.ours)
    assert same(theirs(difference.rule, difference.context), difference.theirs)
    with mended():
        assert same(theirs(difference.rule, difference.context), difference.ours)


def test_a_whole_number_names_its_variant_without_a_fraction() -> None:
    flag = {"state": "ENABLED", "variants": {"1": "one"}, "targeting": {"+": ["1"]}}
    assert FlagSet.parse({"flags": {KEY: flag}}).evaluate(KEY, {}, now=NOW).value == "one"
    assert oracle.resolved(flag, {})[3] == "GENERAL"
    with mended():
        assert oracle.resolved(flag, {})[0] == "one"


def test_the_mends_leave_nothing_behind() -> None:
    before = dict(rules.OPERATORS), logic.to_string, logic.to_number
    with mended():
        pass
    assert (rules.OPERATORS, logic.to_string, logic.to_number) == before


# --- of whole documents ---------------------------------------------------------------------------------

PLAIN = {"state": "ENABLED", "variants": {"a": "A", "b": "B"}, "defaultVariant": "a"}


def by_both(document: Any, key: str = "f", context: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """Our value and flagd-core's; ESCAPES where it fails to load the document or raises what is no error of OpenFeature."""
    found = FlagSet.parse(copy.deepcopy(document)).evaluate(key, context or {}, now=NOW).value
    core = FlagdCore()
    try:
        core.set_flags(copy.deepcopy(document))
        return found, core._resolve(key, None, oracle.given(context or {})).value
    except GeneralError:
        return found, None
    except Exception:
        return found, ESCAPES


DEEP = json.dumps({"flags": {"f": {**PLAIN, "targeting": {"!": "deep"}}}})
DEEP = DEEP.replace('"deep"', '{"!": ' * 3_000 + "1" + "}" * 3_000)
ACCENTED = {
    "$evaluators": {"s": {"==": [{"var": "n"}, "é"]}},
    "flags": {"f": {**PLAIN, "targeting": {"if": [{"$ref": "s"}, "b"]}}},
}


@pytest.mark.parametrize(
    ("why", "document", "context", "expected"),
    [
        (
            "one bad flag makes the whole document fail to load",
            {"flags": {"f": PLAIN, "g": {"state": "ENABLED"}}}, {}, ("A", ESCAPES),
        ),
        (
            "a flag with attributes of a management system fails to load",
            {"flags": {"f": {**PLAIN, "owner": "ada"}}}, {}, ("A", ESCAPES),
        ),
        (
            "the backslash of a character that is not ASCII is taken for one of a regular expression",
            ACCENTED, {"n": "é"}, ("B", ESCAPES),
        ),
        (
            "a reference is replaced in the text of the whole document, also where it is a value",
            {"$evaluators": {"s": {"x": 1}}, "flags": {"f": {**PLAIN, "variants": {"a": {"$ref": "s"}}}}}, {},
            ({"$ref": "s"}, {"x": 1}),
        ),
        (
            "a shared rule finds only those that come after it",
            {
                "$evaluators": {"inner": {"==": [1, 1]}, "outer": {"!": [{"$ref": "inner"}]}},
                "flags": {"f": {**PLAIN, "targeting": {"if": [{"$ref": "outer"}, "a", "b"]}}},
            },
            {}, ("B", ESCAPES),
        ),
        (
            "a rule that is too deep is RecursionError; ours is a bad flag",
            DEEP, {}, (None, ESCAPES),
        ),
        (
            "a list as `flags` is refused, which flagd's schema has",
            {"flags": [{**PLAIN, "key": "f"}]}, {}, ("A", ESCAPES),
        ),
        (
            "a variant whose value is null is answered, which no type has; ours is a bad flag",
            {"flags": {"f": {**PLAIN, "variants": {"a": None, "b": "B"}, "targeting": {"if": [True, "b"]}}}}, {}, (None, "B"),
        ),
    ],
)  # fmt: skip
def test_differences_of_whole_documents(why: str, document: Any, context: Any, expected: Any) -> None:
    assert by_both(document, context=context) == expected, why
