"""Programs answer as the closures do: on random rules of the forms that they know, on random rules of any form, and where a
context makes an expression fail."""

from __future__ import annotations

import json
import os
from collections.abc import Container
from random import Random
from typing import Any

import pytest

from slipway.flags import ofrep
from slipway.flags import program as programs
from slipway.flags.evaluation import FlagSet
from slipway.flags.limits import Allowance
from slipway.flags.murmur3 import pure
from slipway.flags.ofrep import CHUNK, Bulk
from slipway.flags.program import program
from tests.domain.flags import random_rules

SETS = 400 if os.environ.get("SLIPWAY_PROVE") == "1" else 40
NOW = 1_795_435_200
VARIANTS = random_rules.VARIANTS
SHARED = {"grown": {">=": [{"var": "n"}, 1]}, "texts": {"in": [{"var": "s"}, ["a", "ab"]]}}


def clause(random: Random, depth: int) -> Any:
    attribute = {"var": random.choice(random_rules.NAMES)}
    if depth and random.random() < 0.4:
        name = random.choice(("and", "or", "!", "!!"))
        inner = [clause(random, depth - 1) for _ in range(1 if name[0] == "!" else random.randint(1, 3))]
        return {name: inner[0] if name == "!" and random.random() < 0.5 else inner}
    name = random.choice(
        ("==", "!=", "===", "!==", "<", "<=", ">", ">=", "in", "part", "starts_with", "ends_with", "var", "$ref")
    )
    if name == "var":
        return attribute
    if name == "$ref":
        return {"$ref": random.choice(list(SHARED))}
    if name == "part":
        return {"in": [random.choice(random_rules.TEXTS), attribute]}
    if name == "in":
        return {"in": [attribute, random.choices(random_rules.TEXTS, k=random.randint(0, 4))]}
    if name in ("<", "<=", ">", ">="):
        args = [attribute, random.choice((*random_rules.NUMBERS, "1", True))]
    else:
        args = [attribute, random.choice(random_rules.TEXTS)]
    return {name: args[::-1] if random.random() < 0.3 and name[0] not in "se" else args}


def outcome(random: Random, depth: int) -> Any:
    chosen = random.random()
    if depth and chosen < 0.6:
        rest = [outcome(random, depth - 1)] if random.random() < 0.8 else []
        pairs = [(clause(random, 2), outcome(random, depth - 1)) for _ in range(random.randint(1, 2))]
        return {"if": [*(part for pair in pairs for part in pair), *rest]}
    if chosen < 0.8:
        weights = random.choice(([50, 50], [0, 1], [30, 30, 40], [1, 0, 2], [2**30, 2**30 - 1], [-1, 3]))
        return {"fractional": [list(pair) for pair in zip(VARIANTS, weights, strict=False)]}
    return random.choice((*VARIANTS, "nowhere", None, True, 1))


def flag_set(random: Random, *, any_form: bool) -> FlagSet:
    def flag(number: int) -> dict[str, Any]:
        rule = random_rules.targeting(random) if any_form else outcome(random, 2)
        metadata = {"hash": random.choice(("v2", "v3"))}
        default = random.choice(("b", None))
        same = {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": default, "metadata": metadata}
        return {**same, "targeting": rule} if rule is not None else same

    return FlagSet.parse({"$evaluators": SHARED, "flags": {f"flag-{number}": flag(number) for number in range(2 * CHUNK + 3)}})


def ready(flags: FlagSet, visible: Container[str] | None = None) -> Bulk:
    """With all its programs."""
    bulk = Bulk(flags, "1", visible=visible)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ofrep, "PATIENCE", 0)
        for _ in range(4):
            bulk.answer({}, NOW)
    assert len(bulk._programs) * CHUNK >= len(bulk._rules)
    return bulk


@pytest.mark.parametrize("any_form", [False, True])
@pytest.mark.parametrize("without_mmh3", [False, True])
def test_programs_answer_as_closures_do(monkeypatch: pytest.MonkeyPatch, any_form: bool, without_mmh3: bool) -> None:
    if without_mmh3:
        monkeypatch.setattr(programs, "murmur3", pure)
    for seed in range(SETS):
        random = Random(seed)
        flags = flag_set(random, any_form=any_form)
        fresh, bulk = Bulk(flags, "1"), ready(flags)
        for _ in range(20):
            context = random_rules.context(random)
            assert bulk.answer(context, NOW) == fresh.answer(context, NOW), (seed, context)
        assert bulk.answer(None, NOW) == fresh.answer(None, NOW)


def test_client_keys_are_told_no_word_of_a_rule_by_programs_either() -> None:
    random, told = Random(1), set[str]()
    flags = flag_set(random, any_form=True)
    fresh, bulk = Bulk(flags, "1", visible=flags.keys), ready(flags, flags.keys)
    for _ in range(20):
        context = random_rules.context(random)
        answer = bulk.answer(context, NOW)
        assert answer == fresh.answer(context, NOW), context
        told |= {item["errorDetails"] for item in json.loads(answer[1])["flags"] if "errorDetails" in item}
    assert told == {"The flag cannot be evaluated for this context; a server key is told why."}


def test_the_forms_are_known() -> None:
    """Else the test above compares closures with closures."""
    random, asked = Random(7), list[Any]()

    def closure(context: Any, now: float, _: Allowance) -> bytes:
        asked.append((context, now))
        return b""

    rules: list[Any] = []
    for number in range(200):
        rule = {"if": [clause(random, 1), "a", "b"]}
        outcomes: dict[str | None, bytes] = {name: str(name).encode() for name in (*VARIANTS, None)}
        rules.append((f"flag-{number}", "v3", rule, outcomes, closure))
    program(rules, SHARED)({"targetingKey": "u"}, NOW, Allowance())
    assert len(asked) < 30, "truth values, lists without an item and numbers as texts have no form"


def test_a_context_that_makes_one_rule_fail_is_answered_by_the_closures() -> None:
    rule = {"if": [{"==": [{"var": "a"}, "x"]}, "a", {"fractional": [["a", 1], ["b", 1]]}]}
    flags = FlagSet.parse(
        {"flags": {f"f{number}": {"state": "ENABLED", "variants": VARIANTS, "targeting": rule} for number in range(3)}}
    )
    fresh, bulk = Bulk(flags, "1"), ready(flags)
    for context in (
        {},
        {"targetingKey": ""},
        {"targetingKey": 7},
        {"targetingKey": "\ud800"},
        {"a": "x"},
        {"targetingKey": "k" * 70_000},
    ):
        assert bulk.answer(context, NOW) == fresh.answer(context, NOW)
    assert {answer["variant"] for answer in json.loads(bulk.answer({"a": "x"}, NOW)[1])["flags"]} == {"a"}


def test_a_reference_that_is_no_text_is_an_operator_that_does_not_exist() -> None:
    targeting = {"if": [{"$ref": [next(iter(SHARED))]}, "a", "b"]}
    flags = FlagSet.parse(
        {"$evaluators": SHARED, "flags": {"f": {"state": "ENABLED", "variants": VARIANTS, "targeting": targeting}}}
    )
    answer = ready(flags).answer({}, NOW)
    assert answer == Bulk(flags, "1").answer({}, NOW)
    assert json.loads(answer[1])["flags"][0]["errorCode"] == "PARSE_ERROR"


def test_nothing_of_a_rule_is_in_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[str] = []

    def kept(source: str, *more: str) -> Any:
        sources.append(source)
        return compile(source, *more)

    monkeypatch.setattr(programs, "compile", kept, raising=False)
    evil = '");import os #'
    outcomes: dict[str | None, bytes] = {evil: b"evil", "b": b"b", None: b""}
    rules: list[Any] = [
        ("f", "v3", {"if": [{"==": [{"var": evil}, evil]}, evil, {"fractional": [[evil, 1], ["b", 1]]}]}, outcomes, len),
        (evil, "v2", {"if": [{"in": [{"var": "a"}, [evil]]}, "b"]}, outcomes, len),
    ]
    assert program(rules, {})({evil: evil, "targetingKey": "u"}, NOW, Allowance()) == [b"evil", b""]
    (source,) = sources
    assert evil not in source
    assert "import" not in source


@pytest.mark.parametrize("deep", [{"!": None}, {"and": [None]}])
def test_a_rule_that_is_deep_or_long_has_no_form(deep: dict[str, Any]) -> None:
    condition: Any = {"var": "a"}
    ((name, value),) = deep.items()
    for _ in range(60):
        condition = {name: [condition] if isinstance(value, list) else condition}
    long = {"or": [{"==": [{"var": "a"}, str(number)]} for number in range(500)]}
    outcomes: dict[str | None, bytes] = {"b": b"b", None: b""}
    rules: list[Any] = [("f", "v3", {"if": [rule, "b"]}, outcomes, lambda *_: b"closure") for rule in (condition, long)]
    assert program(rules, {})({"a": "1"}, NOW, Allowance()) == [b"closure", b"closure"]
