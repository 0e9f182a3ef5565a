"""What may be saved: every fault of a flag at once, each with its place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from slipway.flags.definition import flag_faults, is_key, shared_faults
from slipway.flags.evaluation import FlagSet
from slipway.flags.rules import MOST_FAULTS, targeting_faults
from tests.domain.flags import random_rules
from tests.specs import specification

EACH = 3_000 if os.environ.get("SLIPWAY_PROVE") == "1" else 300  # flags that the schema of flagd is asked about
GOOD = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
SHARED = {"staff": {"ends_with": [{"var": "email"}, "@acme.com"]}}


def faults(**changed: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in flag_faults({**GOOD, **changed}, SHARED)]


def rule_faults(rule: Any) -> list[tuple[str, str]]:
    """Of a condition."""
    found = targeting_faults({"if": [rule, "on"]}, ["on"], SHARED, "")
    assert all(fault.detail.endswith((".", "?")) for fault in found)
    return [(fault.pointer.removeprefix("/if/0"), fault.code) for fault in found]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"targeting": {}}, []),
        ({"targeting": {"$ref": "staff"}, "variants": {"true": 1, "false": 2}, "defaultVariant": None}, []),
        ({"state": "on"}, [("/state", "bad_state")]),
        ({"variants": {}, "defaultVariant": None}, [("/variants", "bad_variants")]),
        ({"variants": {"on": 1, "off": None}}, [("/variants/off", "bad_value")]),
        ({"variants": {"on": 1, "off": [1]}}, [("/variants/off", "bad_value")]),
        ({"variants": {"on": 1, "off": float("nan")}}, [("/variants/off", "bad_value")]),
        ({"variants": {"on": 1, "off": "no"}}, [("/variants/off", "mixed_types")]),
        ({"variants": {"": 1, "off": 2}}, [("/variants/", "bad_variants")]),
        ({"defaultVariant": "none"}, [("/defaultVariant", "bad_default")]),
        ({"defaultVariant": True}, [("/defaultVariant", "bad_default")]),
        ({"metadata": []}, [("/metadata", "bad_metadata")]),
        ({"metadata": {"a": None, "hash": "v1"}}, [("/metadata/a", "bad_metadata"), ("/metadata/hash", "bad_hash")]),
        ({"metadata": {"type": "integer"}}, [("/metadata/type", "bad_type")]),
        ({"metadata": {"type": "boolean", "hash": "v2"}}, []),
        ({"variants": {"off": 1.0}, "metadata": {"type": "integer"}}, []),
        ({"variants": {"off": 1.5}, "metadata": {"type": "integer"}}, [("/metadata/type", "bad_type")]),
        ({"targeting": []}, [("/targeting", "not_a_rule")]),
    ],
)
def test_faults_of_a_flag(changed: Any, expected: Any) -> None:
    assert faults(**changed) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"start_with": [1]}, [("/start_with", "unknown_operator")]),
        ({"a/b~": []}, [("/a~1b~0", "unknown_operator")]),
        ({"==": [1]}, [("/==", "wrong_arity")]),
        ({">": [1, 2, 3]}, [("/>", "wrong_arity")]),
        ({"and": [{"==": [1]}, {"!=": [1, {"in": []}]}]}, [("/and/0/==", "wrong_arity"), ("/and/1/!=/1/in", "wrong_arity")]),
        ({"a": 1, "b": 2}, [("", "not_a_rule")]),
        ({"$ref": "nobody"}, [("/$ref", "unknown_reference")]),
        ({"$ref": "staff"}, []),
        ({"var": "$flagd.secret"}, [("/var", "bad_path")]),
        ({"var": [["a"]]}, [("/var/0", "bad_path")]),
        ({"var": ["$flagd.timestamp", 1]}, []),
        ({"fractional": [["a", -1]]}, [("/fractional/0/1", "bad_weight")]),
        ({"fractional": [["a", 0.5]]}, [("/fractional/0/1", "bad_weight")]),
        ({"fractional": [["a", float("inf")]]}, [("/fractional/0/1", "bad_weight")]),
        ({"fractional": [["a", 50.0], ["b", {"var": "w"}]]}, []),
        ({"fractional": [["a", 0], ["b", 0]]}, [("/fractional", "bad_weight")]),
        ({"fractional": [["a", 2**31 - 1], ["b"]]}, [("/fractional", "bad_weight")]),
        ({"fractional": [{"var": "a"}]}, [("/fractional/0", "wrong_arity")]),
        ({"fractional": [{"var": "a"}, ["a", 1, 1]]}, [("/fractional/1", "wrong_arity")]),
        ({"sem_ver": [{"var": "v"}, "=", "1.x"]}, [("/sem_ver/2", "bad_version")]),
        ({"sem_ver": [{"var": "v"}, "==", "1.2.0-rc.1"]}, [("/sem_ver/1", "bad_comparison")]),
        ({"sem_ver": ["v1.2.0", "=", "1.2"]}, [("/sem_ver/0", "bad_version"), ("/sem_ver/2", "bad_version")]),
        ({"sem_ver": [{"cat": ["1.2.", {"var": "patch"}]}, "=", {"var": "v"}]}, [("/sem_ver/0", "bad_version")]),
        ({"starts_with": [{"var": "v"}, 7]}, [("/starts_with/1", "bad_argument")]),
        ({"ends_with": [{"$ref": "staff"}, "x"]}, [("/ends_with/0", "bad_argument")]),
        ({"or": {"var": "v"}}, [("/or", "not_a_list")]),
        ({"missing": ["a", {"var": "b"}]}, [("/missing/1", "bad_argument")]),
        ({"missing_some": ["1", ["a", 7]]}, [("/missing_some/0", "bad_argument"), ("/missing_some/1/1", "bad_argument")]),
        ({"missing_some": [1, "a"]}, [("/missing_some/1", "bad_argument")]),
        ({"var": ["a", {"var": "b"}]}, [("/var/1", "bad_argument")]),
        ({"fractional": ["u1", ["a", 1]]}, [("/fractional/0", "bad_argument")]),
        ({"matches": [{"var": "v"}, "(a"]}, [("/matches/1", "bad_pattern")]),
        ({"matches": [{"var": "v"}, {"var": "p"}]}, [("/matches/1", "bad_pattern")]),
        ({"in_cidr": [{"var": "ip"}, "10.0.0.1/8"]}, [("/in_cidr/1", "bad_network")]),
        ({"in_cidr": [{"var": "ip"}, ["10.0.0.0/8", "x"]]}, [("/in_cidr/1/1", "bad_network")]),
        ({"in_dates": [{"var": "d"}, "2026-01-01", None]}, [("/in_dates/1", "bad_moment")]),
        ({"in_dates": [{"var": "d"}, "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"]}, [("/in_dates/2", "bad_range")]),
        ({"in_range": [{"var": "n"}, 1, "9"]}, [("/in_range/2", "bad_number")]),
        ({"in_range": [{"var": "n"}, 5, 1]}, [("/in_range/2", "bad_range")]),
        ({"in_range": [{"var": "n"}, None, {"var": "most"}]}, []),
    ],
)  # fmt: skip
def test_faults_of_a_rule(rule: Any, expected: Any) -> None:
    assert rule_faults(rule) == expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [("start_with", "starts_with"), ("startsWith", "starts_with"), ("regex", "matches"), ("eq", "=="), ("?:", "if")],
)
def test_an_unknown_operator_comes_with_the_one_that_was_meant(written: str, meant: str) -> None:
    (fault,) = [fault for fault in targeting_faults({written: [1, 2]}, ["on"], {}) if fault.code == "unknown_operator"]
    assert fault.detail == f"There is no operator {written!r}; did you mean {meant!r}?"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"if": [True, "on", "of"]}, [("/if/2", "unknown_variant")]),
        ({"if": [True, "on", True, "of", None]}, [("/if/3", "unknown_variant")]),
        ({"if": ["of", "on"]}, []),
        ({"if": [True, True]}, [("/if/1", "unknown_variant")]),
        ({"if": [True, ["on"]]}, [("/if/1", "unknown_variant")]),
        ({"if": [True, {"var": "which"}]}, []),
        ({"or": [{"var": "which"}, "of"]}, [("/or/1", "unknown_variant")]),
        ({"and": ["of", "on"]}, []),
        ({"or": ["of", "on"]}, [("/or/0", "unknown_variant")]),
        ({"fractional": [["on", 1], [{"if": [True, "of"]}, 1]]}, [("/fractional/1/0/if/1", "unknown_variant")]),
        ({"==": [1, 2]}, [("/==", "unknown_variant")]),
        ({"if": [True, {"$ref": "staff"}]}, [("/if/1/$ref/ends_with", "unknown_variant")]),
        ({"starts_with": [{"var": "email"}, "x"]}, [("/starts_with", "unknown_variant")]),
        ({"sem_ver": [{"var": "v"}, ">", "1.0.0"]}, [("/sem_ver", "unknown_variant")]),
        ({"or": [{"matches": [{"var": "v"}, "^a"]}, "on"]}, [("/or/0/matches", "unknown_variant")]),
        ({"in_cidr": [{"var": "ip"}, "10.0.0.0/8"]}, [("/in_cidr", "unknown_variant")]),
        ({"in_dates": [{"var": "d"}, "2026-01-01T00:00:00Z"]}, [("/in_dates", "unknown_variant")]),
        ({"in_range": [{"var": "n"}, 1, 9]}, [("/in_range", "unknown_variant")]),
        ({"/": [1, 2]}, [("/~1", "unknown_variant")]),
        ({"and": [{"missing": ["email"]}, "on"]}, [("/and/0/missing", "unknown_variant")]),
        ({"if": [True, {"merge": ["on"]}]}, [("/if/1/merge", "unknown_variant")]),
        ({"filter": [{"var": "list"}, {"var": ""}]}, [("/filter", "unknown_variant")]),
        ({"cat": ["o", "n"]}, []),
        ({"substr": ["only", 0, 2]}, []),
    ],
)
def test_what_the_targeting_may_answer_is_a_variant(rule: Any, expected: Any) -> None:
    found = targeting_faults(rule, ["on"], SHARED, "")
    assert [(fault.pointer, fault.code) for fault in found] == expected


def test_what_is_no_variant_is_told_once_for_each_place() -> None:
    (fault,) = targeting_faults({"==": [1, 1]}, ["on", "off"], {})
    assert fault.detail == "'true' and 'false' are no variants; there are off, on."
    (fault,) = targeting_faults({"==": [1, 1]}, ["true"], {})
    assert fault.detail == "'false' is no variant; there are true."
    (fault,) = targeting_faults({"max": [1, 2]}, ["one"], {})
    assert fault.detail == "A number is no variant; there are one."
    assert targeting_faults({"max": [1, 2]}, ["1", "2"], {}) == []


def test_shared_rules() -> None:
    assert shared_faults(SHARED) == []
    found = shared_faults({"a b": {"!": {"$ref": "staff"}}, "c": "text", "d": {"nonsense": 1}})
    assert [(fault.pointer, fault.code) for fault in found] == [
        ("/a b", "bad_key"),
        ("/a b/!/$ref", "nested_reference"),
        ("/c", "not_a_rule"),
        ("/d/nonsense", "unknown_operator"),
    ]


def test_faults_are_all_told_but_not_without_end() -> None:
    assert len(targeting_faults({"and": [{"x": 1}] * 5_000}, [], {})) == MOST_FAULTS
    deep: Any = 1
    for _ in range(500):
        deep = {"!": [deep]}
    assert [fault.code for fault in targeting_faults({"if": [deep, "on"]}, ["on"], {})] == ["too_deep"]


@pytest.mark.parametrize("key", ["a", "A.b_c-9", "x" * 128])
def test_keys(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", ".a", "-a", "_a", "a/b", "a b", "ä", "x" * 129, None, 7])
def test_what_is_no_key(key: Any) -> None:
    assert not is_key(key)
    assert flag_faults(GOOD, key=key or "")[0].code == "bad_key"


def answering(rule: Any) -> Iterator[str]:
    """The operators whose value is what a rule answers."""
    if not isinstance(rule, dict):
        return
    ((name, args),) = rule.items()
    deciding = {
        "if": [arg for index, arg in enumerate(args) if index % 2 or index == len(args) - 1],
        "and": args,
        "or": args,
        "fractional": [arg[0] for arg in args if isinstance(arg, list)],
    }
    if name not in deciding:
        yield name
    for arg in deciding.get(name, []):
        yield from answering(arg)


# Their value is known when they are evaluated, not before; of numbers too, where a variant is called by one.
UNTOLD = {"var", "cat", "substr", "reduce", "+", "-", "*", "/", "%", "min", "max"}


def test_what_passes_the_door_is_never_a_bad_flag_nor_names_an_unknown_variant() -> None:
    passed = sure = 0
    for seed in range(1_000):
        random = Random(seed)
        flag = {"state": "ENABLED", "variants": random_rules.VARIANTS, "targeting": random_rules.targeting(random)}
        if flag_faults(flag):
            continue
        passed += 1
        flags, told = FlagSet.parse({"flags": {"f": flag}}), UNTOLD.isdisjoint(answering(flag["targeting"]))
        for _ in range(5):
            found = flags.evaluate("f", random_rules.context(random), now=seed)
            assert found.error_code in ((None,) if told else (None, "GENERAL")), (flag, found)
        sure += told
    assert passed > 200
    assert sure > 150


@pytest.mark.parametrize("operator", ["starts_with", "ends_with", "merge", "missing", "map", "filter", "in", "sem_ver", "+"])
def test_an_operator_that_gives_no_variant_does_not_pass_the_door_and_would_be_an_error(operator: str) -> None:
    failing = 0
    for seed in range(200):
        random = Random(seed)
        targeting = {operator: random_rules.SHAPES[operator](random, 2)}
        assert targeting_faults(targeting, ["on", "off"], {})
        flags = FlagSet.parse({"flags": {"f": {**GOOD, "targeting": targeting}}})
        failing += flags.evaluate("f", random_rules.context(random), now=seed).error_code is not None
    assert failing > 5


def test_what_passes_the_door_is_accepted_by_the_schema_of_flagd() -> None:
    named = {name: json.loads(specification(f"flagd-{name}.schema.json")) for name in ("flags", "targeting")}
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in named.values()]
    registry: Registry[Any] = Registry().with_resources(resources)
    schema = Draft7Validator({"$ref": named["flags"]["$id"]}, registry=registry)
    accepted = 0
    for seed in range(EACH):
        random = Random(seed)
        flag = {"state": "ENABLED", "variants": random_rules.VARIANTS, "targeting": random_rules.targeting(random)}
        if not flag_faults(flag):
            accepted += 1
            assert schema.is_valid({"flags": {"f": flag}}), flag
    assert accepted > EACH / 5


def test_what_the_features_evaluate_passes_the_door_save_what_is_wrong_on_purpose() -> None:
    document = json.loads((Path(__file__).parent / "features" / "flags.json").read_text())
    assert shared_faults(document["$evaluators"]) == []
    wrong = {key for key, flag in document["flags"].items() if flag_faults(flag, document["$evaluators"], key=key)}
    assert wrong == {
        "wrong-default", "unknown-variant", "unknown-operator", "unknown-operator-not-reached", "unknown-reference",
        "bad-state", "no-other-properties",
        "op-negative", "semver-greater", "semver-greater-or-equal",  # flagd evaluates them, its schema refuses them
        *(f"split-{what}-{hash}" for what in ("all", "too-heavy") for hash in ("v2", "v3")),
    }  # fmt: skip
