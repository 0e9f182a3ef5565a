"""Our feature files, in the step grammar of flagd's evaluator tests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.flags.compiler import EXTENSIONS
from slipway.flags.evaluation import Evaluation, FlagSet
from slipway.flags.rules import ARITY
from tests.domain.flags.gherkin import Scenario, scenarios
from tests.domain.flags.oracle import NOW

FEATURES = Path(__file__).parent / "features"
DOCUMENT = json.loads((FEATURES / "flags.json").read_text())
FLAGS = FlagSet.parse(DOCUMENT)
ALL = [(path.stem, scenario) for path in sorted(FEATURES.glob("*.feature")) for scenario in scenarios(path)]


def read(kind: str, text: str) -> Any:
    if kind == "Boolean":
        return {"true": True, "false": False}[text]
    reads: dict[str, Callable[[str], Any]] = {"String": str, "Integer": int, "Float": float, "Object": json.loads}
    return reads[kind](text)


class World:
    """What the steps of one scenario share."""

    def __init__(self) -> None:
        self.context: dict[str, Any] = {}
        self.kind = self.key = ""
        self.fallback: Any = None
        self.answer: Evaluation | None = None

    def step(self, text: str, table: list[dict[str, str]]) -> None:
        for pattern, meaning in MEANINGS.items():
            if match := re.fullmatch(pattern, text):
                meaning(self, *match.groups(), **({"table": table} if table else {}))
                return
        raise AssertionError(f"no meaning for {text!r}")

    @property
    def details(self) -> Evaluation:
        assert self.answer is not None, "the flag was not evaluated"
        return self.answer

    def flag(self, kind: str, key: str, fallback: str) -> None:
        self.kind, self.key, self.fallback = kind, key, read(kind, fallback)

    def attribute(self, key: str, kind: str, value: str) -> None:
        self.context[key] = read(kind, value)

    def evaluate(self) -> None:
        self.answer = FLAGS.evaluate(self.key, self.context, now=NOW)

    def value(self, expected: str) -> None:
        found = self.details.value if self.details.has_value else self.fallback
        assert found == read(self.kind, expected), self.details
        assert type(found) is type(read(self.kind, expected))

    def metadata(self, table: list[dict[str, str]]) -> None:
        assert self.details.metadata == {row["key"]: read(row["metadata_type"], row["value"]) for row in table}


def _is(field: str) -> Any:
    def check(world: World, expected: str) -> None:
        assert (getattr(world.details, field) or "") == expected, world.details

    return check


MEANINGS: dict[str, Any] = {
    "an evaluator": lambda world: None,
    '(?:a )?(\\w+)-flag with key "(.*)" and a fallback value "(.*)"': World.flag,
    'a context containing a targeting key with value "(.*)"': lambda world, value: world.context.update(targetingKey=value),
    'a context containing a key "(.*)", with type "(\\w+)" and with value "(.*)"': World.attribute,
    'a context containing a nested property with outer key "(.*)" and inner key "(.*)", with value "(.*)"': (
        lambda world, outer, inner, value: world.context.update({outer: {inner: value}})
    ),
    "the flag was evaluated with details": World.evaluate,
    'the resolved details value should be "(.*)"': World.value,
    'the variant should be "(.*)"': _is("variant"),
    'the reason should be "(.*)"': _is("reason"),
    'the error-code should be "(.*)"': _is("error_code"),
    "the resolved metadata should contain": World.metadata,
    "the resolved metadata is empty": lambda world: World.metadata(world, []),
}


@pytest.mark.parametrize(("feature", "scenario"), ALL, ids=[f"{feature}: {scenario.name}" for feature, scenario in ALL])
def test_features(feature: str, scenario: Scenario) -> None:
    world = World()
    for step in scenario.steps:
        world.step(step.text, step.table)


def quoted(step: str) -> set[str]:
    """What stands first between quotes in the steps of that wording."""
    return {one.text.split('"')[1] for _, scenario in ALL for one in scenario.steps if step in one.text}


def test_the_features_cover_every_operator_and_every_flag() -> None:
    written = json.dumps(DOCUMENT)
    assert not [name for name in (*ARITY, "$ref") if f"{json.dumps(name)}: " not in written]
    assert set(DOCUMENT["flags"]) <= quoted("-flag with key")


def test_the_features_cover_both_hashes_what_is_off_what_has_no_default_and_errors() -> None:
    flags = DOCUMENT["flags"].values()
    assert {flag["metadata"]["hash"] for flag in flags if "fractional" in json.dumps(flag)} == {"v2", "v3"}
    assert {flag.get("defaultVariant", "none") for flag in flags} >= {None, "none"}
    assert quoted("the reason should be") == {"STATIC", "TARGETING_MATCH", "DEFAULT", "DISABLED", "ERROR"}
    assert quoted("the error-code should be") == {"FLAG_NOT_FOUND", "PARSE_ERROR", "GENERAL"}


def test_our_own_operators_are_told() -> None:
    found = {key: FLAGS.extensions(key) for key in FLAGS.keys if FLAGS.extensions(key)}
    assert found == {
        "ext-matches": {"matches"},
        "ext-in-cidr": {"in_cidr"},
        "ext-in-dates": {"in_dates"},
        "ext-in-dates-now": {"in_dates"},
        "ext-in-range": {"in_range"},
    }
    assert set().union(*found.values()) == set(EXTENSIONS)
