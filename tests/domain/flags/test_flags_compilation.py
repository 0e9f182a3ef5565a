"""The published document: what it holds, that it answers as the rows say, and that one bad flag harms no other."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from slipway.flags.compilation import Compiled, Rows, compiled
from slipway.flags.evaluation import FlagSet
from tests.flag_rows import configuration, flag, needs, rows, segment
from tests.specs import specification

NOW = 1_795_435_200
HALF = {"fractional": [["on", 50], ["off", 50]]}


def document(made: Compiled) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.body)
    return found


def served(made: Compiled) -> FlagSet:
    """As `functions/evaluate` puts it together."""
    all = document(made)
    ours = all["slipway"]
    return FlagSet.parse(
        {"flags": {**all["flags"], **ours["flags"]}, "$evaluators": {**all["$evaluators"], **ours["evaluators"]}}
    )


def variant(made: Compiled, key: str, **context: Any) -> str | None:
    return served(made).evaluate(key, context, now=NOW).variant


def test_a_flag_is_published_as_flagd_has_it() -> None:
    rule = {"if": [{"==": [{"var": "plan"}, "pro"]}, "on", None]}
    made = compiled(rows([flag("checkout", client_side=True)], [configuration("checkout", targeting=rule, version=5)]))
    assert document(made) == {
        "flags": {
            "checkout": {
                "state": "ENABLED",
                "variants": {"on": True, "off": False},
                "defaultVariant": "off",
                "targeting": rule,
                "metadata": {"hash": "v3", "version": 5},
            }
        },
        "$evaluators": {},
        "metadata": {"flagSetId": "production", "version": "7"},
        "slipway": {"revision": 7, "client_side": ["checkout"], "flags": {}, "evaluators": {}, "rollouts": {}, "faults": {}},
    }


def test_what_nobody_touched_is_off_and_what_is_archived_is_gone() -> None:
    made = compiled(rows([flag("new"), flag("old", status="archived")], [configuration("old")]))
    new = {"state": "DISABLED", "variants": {"on": True, "off": False}, "defaultVariant": None}
    assert document(made)["flags"] == {"new": {**new, "metadata": {"hash": "v3", "version": 1}}}


def test_a_float_stays_one() -> None:
    made = compiled(
        rows([flag("ratio", '{"full": 1.0, "half": 0.5}', type="float")], [configuration("ratio", default_variant="full")])
    )
    assert b'"full":1.0' in made.body
    assert document(made)["flags"]["ratio"]["metadata"]["type"] == "float"


def test_equal_rows_give_equal_bytes_in_any_order() -> None:
    flags = [flag(f"flag-{number}", client_side=number % 2 == 0) for number in range(20)]
    configurations = [configuration(row["data"]["key"], targeting={"$ref": "beta"}) for row in flags]
    segments = [segment("beta", {"in": ["@beta", {"var": "email"}]}), segment("alpha", {"==": [1, 1]})]
    first = compiled(rows(flags, configurations, segments))
    assert first.body == compiled(rows(flags[::-1], configurations[::-1], segments[::-1])).body
    assert first.flags == 20


def test_segments_that_are_used_are_there_for_all() -> None:
    rule = {"if": [{"$ref": "beta"}, "on", None]}
    segments = [segment("beta", {"in": ["@beta", {"var": "email"}]}), segment("unused", {"==": [1, 1]})]
    made = compiled(
        rows([flag("a"), flag("b")], [configuration("a", targeting=rule), configuration("b", targeting=rule)], segments)
    )
    assert list(document(made)["$evaluators"]) == ["beta"]
    assert variant(made, "a", email="x@beta") == "on"


def test_overrides_come_after_prerequisites_and_before_the_targeting() -> None:
    base = configuration("base", targeting={"if": [{"==": [{"var": "plan"}, "pro"]}, "on", None]})
    top = configuration("top", prerequisites=needs("base", "on"), overrides={"on": ["u1"]}, targeting={"if": [True, "off"]})
    made = compiled(rows([flag("base"), flag("top")], [base, top]))
    assert variant(made, "top", targetingKey="u1", plan="pro") == "on"
    assert variant(made, "top", targetingKey="u2", plan="pro") == "off"
    assert served(made).evaluate("top", {"targetingKey": "u1"}, now=NOW).reason == "DEFAULT"


def test_our_operators_stand_apart() -> None:
    cidr = {"if": [{"$ref": "office"}, "on", None]}
    made = compiled(
        rows(
            [flag("plain"), flag("office-only")],
            [configuration("plain"), configuration("office-only", targeting=cidr)],
            [segment("office", {"in_cidr": [{"var": "ip"}, "10.0.0.0/8"]})],
        )
    )
    assert list(document(made)["flags"]) == ["plain"]
    assert document(made)["metadata"]["left_out"] == "office-only"
    assert (document(made)["$evaluators"], list(document(made)["slipway"]["evaluators"])) == ({}, ["office"])
    assert variant(made, "office-only", ip="10.1.2.3") == "on"


# --- bad flags ------------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "targeting is no JSON": ({}, {"targeting": "{"}),
    "targeting is too deep": ({}, {"targeting": '{"!":' * 400 + "1" + "}" * 400}),
    "targeting never ends": ({}, {"targeting": "[" * 100_000}),
    "unknown operator": ({}, {"targeting": {"frobnicate": [1]}}),
    "our own inner word": ({}, {"targeting": {"as_flag": ["x", "v3", 1]}}),
    "unknown segment": ({}, {"targeting": {"if": [{"$ref": "nobody"}, "on"]}}),
    "unknown default": ({}, {"default_variant": "purple"}),
    "unknown override": ({}, {"overrides": {"purple": ["u1"]}}),
    "unknown prerequisite": ({}, {"prerequisites": needs("nobody", "on")}),
    "unknown variant of a prerequisite": ({}, {"prerequisites": needs("good", "purple")}),
    "its own prerequisite": ({}, {"prerequisites": needs("bad", "on")}),
    "no variants": ({"variants": "{}"}, {"default_variant": None}),
    "variants are a list": ({"variants": "[1]"}, {}),
    "half a surrogate pair": ({"variants": '{"on": "\\ud800", "off": ""}'}, {}),
    "an infinity": ({"variants": '{"on": 1e999, "off": 0}'}, {}),
    "unknown hash": ({"hash": "v9"}, {}),
    "odd row": ({}, {"overrides": ["u1"]}),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_flag_stays_at_its_last_good_form_and_harms_no_other(fault: str) -> None:
    good = rows([flag("good"), flag("bad")], [configuration("good"), configuration("bad", targeting=HALF)])
    last = document(compiled(good))
    head, changed = BAD[fault]
    variants = head.pop("variants", None)
    broken = rows(
        [flag("good"), flag("bad", *([variants] if variants else []), **head)],
        [configuration("good", enabled=False), configuration("bad", **changed)],
        revision=8,
    )
    made = compiled(broken, last)
    assert list(made.faults) == ["bad"]
    assert document(made)["flags"]["bad"] == last["flags"]["bad"]
    assert document(made)["flags"]["good"]["state"] == "DISABLED"
    assert document(made)["slipway"]["faults"] == dict(made.faults)
    first = compiled(broken)  # it never had a good form
    assert (list(document(first)["flags"]), list(first.faults)) == (["good"], ["bad"])


def test_a_bad_segment_stays_as_well() -> None:
    uses = [configuration("a", targeting={"if": [{"$ref": "beta"}, "on"]})]
    last = document(compiled(rows([flag("a")], uses, [segment("beta", {"==": [{"var": "beta"}, True]})])))
    made = compiled(rows([flag("a")], uses, [segment("beta", '{"$ref": "other"}')], revision=8), last)
    assert list(made.faults) == ["segment beta"]
    assert variant(made, "a", beta=True) == "on"


# --- prerequisites --------------------------------------------------------------------------------------


@pytest.mark.parametrize("hash", ["v2", "v3"])
@pytest.mark.parametrize("host", ["v2", "v3"])
def test_a_prerequisite_keeps_its_own_buckets(hash: str, host: str) -> None:
    flags = [flag("base", hash=hash), flag("top", hash=host)]
    top = configuration("top", prerequisites=needs("base", "on"), targeting={"if": [True, "on"]})
    flag_set = served(compiled(rows(flags, [configuration("base", targeting=HALF), top])))
    seen = set()
    for number in range(2000):
        context = {"targetingKey": f"unit-{number}"}
        base, answer = (flag_set.evaluate(key, context, now=NOW).variant for key in ("base", "top"))
        assert base == answer
        seen.add(answer)
    assert seen == {"on", "off"}


def test_what_flagd_can_say_is_said_in_its_words() -> None:
    def made(base_hash: str, top_hash: str, rule: Any) -> dict[str, Any]:
        top = configuration("top", prerequisites=needs("base", "on"), targeting=HALF)
        flags = [flag("base", hash=base_hash), flag("top", hash=top_hash)]
        return document(compiled(rows(flags, [configuration("base", targeting=rule), top])))

    explicit = {"fractional": [{"var": "company"}, ["on", 1], ["off", 1]]}
    plain = {"if": [{"==": [{"var": "plan"}, "pro"]}, "on"]}
    assert list(made("v2", "v2", HALF)["flags"]) == ["base", "top"]
    assert list(made("v3", "v3", explicit)["flags"]) == ["base", "top"]
    assert list(made("v2", "v3", plain)["flags"]) == ["base", "top"]
    assert made("v3", "v3", HALF)["metadata"]["left_out"] == "top"
    assert made("v2", "v3", explicit)["metadata"]["left_out"] == "top"


def test_a_unit_without_a_key_is_in_no_half() -> None:
    for hash in ("v2", "v3"):
        flags = [flag("base", hash=hash), flag("top", hash=hash)]
        base = configuration("base", targeting=HALF, default_variant=None)
        top = configuration("top", prerequisites=needs("base", "on", "off"), targeting={"if": [True, "on"]})
        made = compiled(rows(flags, [base, top]))
        assert {variant(made, "top"), variant(made, "top", targetingKey="")} == {"off"}
        assert variant(made, "top", targetingKey="u1") == "on"


def random_rule(chance: random.Random, depth: int = 0) -> Any:
    """What an author may write for a flag with the variants on, off, true and 1."""
    leaf = chance.choice(["on", "off", "true", None, True, 1])
    if depth > 2 or chance.random() < 0.2:
        return leaf
    pick = chance.randrange(7)
    if pick == 0:
        return {"fractional": [[name, chance.randint(0, 5)] for name in ("on", "off", "true")] + [["off", 1]]}
    if pick == 1:
        return {"fractional": [{"var": "company"}, ["on", chance.randint(1, 5)], [True, 2]]}
    if pick == 2:
        return {"==": [{"var": "plan"}, "pro"]}
    if pick == 3:
        return {
            "or": [
                {"and": [{"$ref": chance.choice(["beta", "half"])}, random_rule(chance, depth + 1)]},
                random_rule(chance, depth + 1),
            ]
        }
    if pick == 4:
        return {"if": [{"==": [{"var": "$flagd.flagKey"}, "flag-0"]}, "on", random_rule(chance, depth + 1)]}
    arms = [part for _ in range(chance.randint(1, 2)) for part in (random_condition(chance), random_rule(chance, depth + 1))]
    return {"if": [*arms, *([random_rule(chance, depth + 1)] if pick == 5 else [])]}


def random_condition(chance: random.Random) -> Any:
    return chance.choice(
        [{"==": [{"var": "plan"}, "pro"]}, {"$ref": "beta"}, {"$ref": "half"}, {"in": [{"var": "company"}, ["a", "b"]]}, True]
    )


VARIANTS = {"on": 1, "off": 2, "true": 3, "1": 4}
SEGMENTS = [
    segment("beta", {"in": ["b", {"var": "company"}]}),
    segment("half", {"in": [{"fractional": [["in", 1], ["out", 1]]}, ["in"]]}),
]


def random_rows(chance: random.Random) -> Rows:
    """Six flags; each may need earlier ones."""
    flags, configurations = [], []
    for number in range(6):
        key = f"flag-{number}"
        flags.append(flag(key, VARIANTS, type="integer", hash=chance.choice(["v2", "v3"])))
        rule = random_rule(chance)
        needed = [
            {"flag": f"flag-{base}", "variants": chance.sample(sorted(VARIANTS), chance.randint(1, 3))}
            for base in chance.sample(range(number), min(number, chance.randint(0, 2)))
        ]
        configurations.append(
            configuration(
                key,
                targeting=rule if isinstance(rule, dict) else {"if": [True, rule]},
                default_variant=chance.choice(["on", "off", None]),
                enabled=chance.random() < 0.9,
                prerequisites=needed,
                overrides={"on": ["unit-1"]} if chance.random() < 0.3 else {},
            )
        )
    return rows(flags, configurations, SEGMENTS)


def apart(given: Rows, key: str, context: dict[str, Any]) -> str | None:
    """The variant by the book: every flag evaluated by itself, its prerequisites asked one by one."""
    [head] = [row["data"] for row in given.flags if row["data"]["key"] == key]
    [own] = [row["data"] for row in given.configurations if row["data"]["flag"] == key]
    if not own["enabled"]:
        return None
    for needed in own["prerequisites"]:
        if apart(given, needed["flag"], context) not in needed["variants"]:
            return own["default_variant"]  # type: ignore[no-any-return]
    for name, units in own["overrides"].items():
        if context.get("targetingKey") in units:
            return str(name)
    alone = {
        "state": "ENABLED",
        "variants": VARIANTS,
        "defaultVariant": own["default_variant"],
        "targeting": json.loads(own["targeting"]),
        "metadata": {"hash": head["hash"]},
    }
    shared = {row["data"]["key"]: json.loads(row["data"]["targeting"]) for row in given.segments}
    return FlagSet.parse({"flags": {key: alone}, "$evaluators": shared}).evaluate(key, context, now=NOW).variant


@pytest.mark.parametrize("seed", range(40 * (10 if os.environ.get("SLIPWAY_PROVE") else 1)))
def test_what_is_inlined_answers_as_each_flag_by_itself(seed: int) -> None:
    chance = random.Random(seed)
    given = random_rows(chance)
    made = compiled(given)
    assert made.faults == {}
    flag_set = served(made)
    for number in range(60):
        context = {"targetingKey": f"unit-{number}", "plan": chance.choice(["pro", "free"]), "company": chance.choice("abc")}
        for dropped in chance.sample(sorted(context), chance.choice([0, 0, 1])):
            del context[dropped]
        for row in given.flags:
            key = row["data"]["key"]
            evaluation = flag_set.evaluate(key, context, now=NOW)
            assert evaluation.variant == apart(given, key, context), (key, context, evaluation)


# --- the schemas of flagd -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> Any:
    contents = {name: json.loads(specification(f"flagd-{name}.schema.json")) for name in ("flags", "targeting", "flagd")}
    registry: Registry[Any] = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in contents.values())
    return jsonschema.Draft7Validator({"$ref": contents["flagd"]["$id"]}, registry=registry)


@pytest.mark.parametrize("seed", range(30))
def test_flagds_own_schema_takes_what_is_published(seed: int, schema: Any) -> None:
    made = document(compiled(random_rows(random.Random(seed))))
    errors = [f"{error.json_path}: {error.message[:200]}" for error in schema.iter_errors(made)]
    assert errors == []


# --- rollouts -------------------------------------------------------------------------------------------

STEPPING = {
    "id": "rol_1",
    "from": "off",
    "to": "on",
    "bucket_by": "targetingKey",
    "share": 1_000,
    "stage": 0,
    "watch": "[]",
    "generation": 1,
    "steps": [[NOW + 60, 50_000], [NOW + 120, 100_000]],
}


def _shown(flags: FlagSet, key: str, now: int) -> int:
    return sum(flags.evaluate(key, {"targetingKey": f"u{n}"}, now=now).variant == "on" for n in range(1000))


def test_who_evaluates_by_himself_takes_the_next_steps_by_the_clock() -> None:
    flags = [flag("new", hash="v2"), flag("needy", hash="v2"), flag("plain")]
    needy = configuration("needy", prerequisites=needs("new", "on"), targeting={"if": [True, "on"]})
    made = compiled(rows(flags, [configuration("new", rollout=STEPPING), needy, configuration("plain")]))
    portable, own = FlagSet.parse(document(made)), served(made)
    for key in ("new", "needy"):
        assert 2 <= _shown(portable, key, NOW) == _shown(own, key, NOW) <= 25
        assert 400 < _shown(portable, key, NOW + 60) < 600
        assert _shown(portable, key, NOW + 120) == 1000
        assert _shown(own, key, NOW + 120) == _shown(own, key, NOW), "our own answers step with the stage"
    assert document(made)["slipway"]["flags"].keys() == {"new", "needy"}
    assert "left_out" not in document(made)["metadata"]


def test_a_rollout_without_steps_stands_once_in_the_document() -> None:
    made = compiled(rows([flag("new")], [configuration("new", rollout={**STEPPING, "steps": None})]))
    assert document(made)["slipway"]["flags"] == {}
    assert document(made)["slipway"]["rollouts"]["new"] == {
        **{name: STEPPING[name] for name in ("id", "from", "to", "bucket_by", "share", "stage", "generation")},
        "watch": [],
        "hash": "v3",
    }


def test_a_rollout_that_nobody_can_come_to_is_none() -> None:
    made = compiled(rows([flag("new")], [configuration("new", default_variant="on", rollout=STEPPING)]))
    assert document(made)["slipway"]["rollouts"] == {}


def test_a_flag_at_its_last_good_form_keeps_its_rollout() -> None:
    good = compiled(rows([flag("new")], [configuration("new", rollout={**STEPPING, "steps": None})]))
    bad = configuration("new", rollout={**STEPPING, "steps": None, "stage": 1}, targeting="{")
    made = compiled(rows([flag("new")], [bad]), document(good))
    assert list(made.faults) == ["new"]
    assert document(made)["slipway"]["rollouts"] == document(good)["slipway"]["rollouts"]
