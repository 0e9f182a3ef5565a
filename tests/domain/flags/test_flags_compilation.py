"""The published document: what it holds, that it answers as the rows say, and that one bad flag harms no other."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.exception import OpenFeatureError
from referencing import Registry, Resource

from slipway.flags.compilation import Compiled, Rows, compiled
from slipway.flags.evaluation import FlagSet
from slipway.flags.inlining import size
from slipway.flags.limits import MOST_INLINED, MOST_INLINED_TOGETHER, MOST_STEPS
from slipway.flags.portability import lacks
from slipway.flags.snapshot import Snapshot
from tests.domain.flags import oracle
from tests.domain.flags.differences import mended
from tests.flag_rows import configuration, flag, needs, rows, segment
from tests.specs import specification

NOW = 1_795_435_200
CALLERS = -1  # the default in the code of who asks
HALF = {"fractional": [["on", 50], ["off", 50]]}


def document(made: Compiled) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.body)
    return found


def served(made: Compiled) -> FlagSet:
    """As `functions/evaluate` puts it together."""
    return Snapshot.read(made.body).flags


def inlined(made: Compiled) -> FlagSet:
    """As whoever knows nothing of `needs`: by the steps in the rules."""
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
        "slipway": {
            "revision": 7,
            "client_side": ["checkout"],
            "flags": {},
            "evaluators": {},
            "needs": {},
            "rollouts": {},
            "faults": {},
        },
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


@pytest.mark.parametrize("fault", [{"hash": "v9"}, {"variants": "["}])
def test_a_bad_flag_that_is_switched_off_is_off(fault: dict[str, Any]) -> None:
    last = document(compiled(rows([flag("bad")], [configuration("bad", default_variant="on", targeting=HALF)])))
    made = compiled(rows([flag("bad", **fault)], [configuration("bad", enabled=False)], revision=8), last)
    assert list(made.faults) == ["bad"]
    assert served(made).evaluate("bad", {}, now=NOW).reason == "DISABLED"
    assert "targeting" not in document(made)["flags"]["bad"]


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


def random_rows(chance: random.Random, *hashes: str) -> Rows:
    """Six flags, by default of both hashes; each may need earlier ones."""
    flags, configurations = [], []
    for number in range(6):
        key = f"flag-{number}"
        flags.append(flag(key, VARIANTS, type="integer", hash=chance.choice(hashes or ("v2", "v3"))))
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
    flag_set, steps = served(made), inlined(made)
    for number in range(60):
        context = {"targetingKey": f"unit-{number}", "plan": chance.choice(["pro", "free"]), "company": chance.choice("abc")}
        for dropped in chance.sample(sorted(context), chance.choice([0, 0, 1])):
            del context[dropped]
        for row in given.flags:
            key = row["data"]["key"]
            evaluation = flag_set.evaluate(key, context, now=NOW)
            assert evaluation.variant == apart(given, key, context), (key, context, evaluation)
            assert steps.evaluate(key, context, now=NOW).variant == evaluation.variant, (key, context)


# --- prerequisites that err -----------------------------------------------------------------------------

LONG = {"map": [{"var": "list"}, {"cat": [{"var": ""}, *(["x"] * 100)]}]}  # too long a walk for a long list
ERRING: dict[str, Any] = {
    "names no variant": {"var": "plan"},
    "gives a list": {"if": [True, {"var": "list"}]},
    "takes too many steps": {"if": [LONG, "on"]},
}


@pytest.mark.parametrize("why", ERRING)
def test_who_needs_a_flag_that_errs_answers_its_default(why: str) -> None:
    flags = [flag("base"), flag("middle"), flag("top"), flag("apart")]
    given = [
        configuration("base", targeting=ERRING[why]),
        configuration("middle", targeting={"if": [True, "on"]}, prerequisites=needs("base", "on")),
        configuration("top", targeting={"if": [True, "on"]}, prerequisites=needs("middle", "on")),
        configuration("apart", targeting={"if": [True, "on"]}, prerequisites=needs("middle", "off")),
    ]
    made = compiled(rows(flags, given))
    context: dict[str, Any] = {"targetingKey": "u1", "plan": "purple", "list": [1] * (MOST_STEPS // 100)}
    flag_set = served(made)
    answers = {key: flag_set.evaluate(key, context, now=NOW) for key in ("base", "middle", "top", "apart")}
    assert answers["base"].error_code == "GENERAL"
    assert [(answers[key].variant, answers[key].reason) for key in ("middle", "top")] == [("off", "DEFAULT")] * 2
    assert (answers["apart"].variant, answers["apart"].reason) == ("on", "TARGETING_MATCH"), "as middle answers by itself"
    bulk = json.loads(Snapshot.read(made.body).bulk(False).answer(context, NOW)[1])
    assert {item["key"]: item.get("variant") for item in bulk["flags"]} == {
        key: found.variant for key, found in answers.items()
    }
    if why == "takes too many steps":
        return  # flagd has no such limit: its base answers
    flagd = FlagdCore()
    flagd.set_flags(json.dumps({key: document(made)[key] for key in ("flags", "$evaluators")}))
    attributes = {"plan": "purple", "list": context["list"]}
    for key in ("middle", "top", "apart"):
        theirs = flagd.resolve_boolean_value(key, False, oracle.given({"targetingKey": "u1", **attributes}))
        assert theirs.variant == answers[key].variant, key


def test_a_flag_that_another_needs_asks_for_no_context_that_is_none() -> None:
    top = configuration("top", prerequisites=needs("base", "on"))
    flag_set = served(compiled(rows([flag("base"), flag("top")], [configuration("base", targeting=HALF), top])))
    assert flag_set.evaluate("top", [], now=NOW).error_code == "INVALID_CONTEXT"  # type: ignore[arg-type]
    assert flag_set.evaluate("top", None, now=NOW).variant == "off"


def test_a_flag_at_its_last_good_form_needs_what_it_needed() -> None:
    flags = [flag("base"), flag("top")]
    top = configuration("top", prerequisites=needs("base", "on"), targeting={"if": [True, "on"]})
    last = document(compiled(rows(flags, [configuration("base", default_variant="on"), top])))
    broken = configuration("top", prerequisites=needs("base", "on"), targeting="{")
    made = compiled(rows(flags, [configuration("base", default_variant="on"), broken], revision=8), last)
    assert (list(made.faults), variant(made, "top")) == (["top"], "on")
    made = compiled(rows(flags, [configuration("base"), broken], revision=9), document(made))
    assert (list(made.faults), variant(made, "top")) == (["top"], "off"), "of base as it is now"
    off = configuration("base", enabled=False)
    made = compiled(rows(flags, [off, broken], revision=10), document(made))
    assert (list(made.faults), variant(made, "top")) == (["top"], "off"), "base is not met"
    assert document(made)["metadata"]["left_out"] == "top", "nobody else has the rule of base as it was then"
    made = compiled(rows(flags, [off, configuration("top", enabled=False, targeting="{")], revision=11), document(made))
    assert (list(made.faults), variant(made, "top")) == ([], None)


# --- how large it may become ----------------------------------------------------------------------------

LONG_RULE = {"if": [{"in": [{"var": "email"}, [f"user-{number}@example.com" for number in range(500)]]}, "on", "on"]}


def tower(levels: int, wide: int, rule: Any) -> Rows:
    """`wide` flags on each level, each of which needs all of the level below: a chain of 1, diamonds of 2."""
    names = [[f"{level:02}-{number}" for number in range(wide)] for level in range(levels)]
    given = [
        configuration(
            key,
            targeting=rule,
            prerequisites=[one for below in (names[level - 1] if level else []) for one in needs(below, "on")],
        )
        for level in range(levels)
        for key in names[level]
    ]
    return rows([flag(key, hash="v2") for level in names for key in level], given)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 25),
    st.integers(1, 2),
    st.sampled_from([LONG_RULE, HALF, {"cat": ["o", "n"]}, {"if": [{"==": [{"var": "plan"}, "pro"]}, "on"]}]),
)
def test_chains_and_diamonds_stay_small_and_answer_as_each_flag_by_itself(levels: int, wide: int, rule: Any) -> None:
    standing = tower(levels, wide, rule)
    made = compiled(standing)
    assert made.faults == {}
    own = sum(size(row["data"], 10**6) + 300 for row in (*standing.flags, *standing.configurations))
    assert len(made.body) <= own + min(MOST_INLINED_TOGETHER, MOST_INLINED * len(standing.flags)) * 2
    flag_set = served(made)
    left = document(made)["metadata"].get("left_out", "").split(",")
    for key in [row["data"]["key"] for row in standing.flags][-2:]:
        for context in ({"targetingKey": "u1", "plan": "pro"}, {"targetingKey": "u2"}):
            answer = flag_set.evaluate(key, context, now=NOW)
            if levels <= 10:  # `apart` asks 2 ** levels times
                assert answer.variant == apart(standing, key, context)
            assert (key in left) == (key in document(made)["slipway"]["flags"])


def test_what_is_too_large_with_what_it_needs_is_left_out_and_answers() -> None:
    given = tower(12, 2, LONG_RULE)
    made = compiled(given)
    assert (made.faults, served(made).errors) == ({}, {})
    assert {"00-0", "01-0"} <= document(made)["flags"].keys()
    assert {"10-0", "11-1"} <= document(made)["slipway"]["flags"].keys()
    assert lacks("00-0", given) == []
    (why,) = lacks("11-0", given)
    assert why.startswith("With the rules of what it needs it takes ")
    assert variant(made, "11-0") == "on"
    off = given.but(configurations=tuple(row for row in given.configurations if row["data"]["flag"] != "00-1"))
    assert variant(compiled(off), "11-0") == "off", "the lowest one is off, so none is met"
    broken = [
        {**row, "data": {**row["data"], "targeting": "{"}} for row in given.configurations if row["data"]["flag"] == "11-0"
    ]
    others = [row for row in given.configurations if row["data"]["flag"] != "11-0"]
    again = compiled(given.but(configurations=(*others, *broken)), document(made))
    assert "11-0" in document(again)["slipway"]["flags"], "it stands where it stood, not for others to read"
    assert variant(again, "11-0") == "on"


def test_all_of_it_together_has_a_bound() -> None:
    base = configuration("base", targeting=LONG_RULE)
    tops = [configuration(f"top-{number:03}", prerequisites=needs("base", "on")) for number in range(300)]
    made = compiled(rows([flag("base"), *(flag(row["data"]["flag"]) for row in tops)], [base, *tops]))
    assert len(made.body) < MOST_INLINED_TOGETHER * 1.2
    assert {"top-000"} <= document(made)["flags"].keys()
    assert {"top-299"} <= document(made)["slipway"]["flags"].keys()


@pytest.mark.parametrize("seed", range(20 * (10 if os.environ.get("SLIPWAY_PROVE") else 1)))
def test_flagds_own_evaluator_answers_the_published_document_as_ours_does(seed: int) -> None:
    """The one of Python, which knows v3, over the whole document; save what `differences.py` explains."""
    chance = random.Random(seed)
    made = compiled(random_rows(chance, "v3"))
    flags = document(made)["flags"]
    core, ours = FlagdCore(), served(made)
    core.set_flags(made.body.decode())
    for number in range(60):
        context = {"targetingKey": f"unit-{number}", "plan": chance.choice(["pro", "free"]), "company": chance.choice("abc")}
        for key in flags:
            mine = ours.evaluate(key, context, now=NOW)
            value = CALLERS if mine.value is None and mine.error_code is None else mine.value
            assert (value, mine.variant, mine.reason, mine.error_code) == theirs(core, key, context), (key, context)


def theirs(core: FlagdCore, key: str, context: dict[str, Any]) -> tuple[Any, ...]:
    """Value, variant, reason and error code."""
    with mended():
        try:
            found = core.resolve_integer_value(key, CALLERS, oracle.given(context))
        except OpenFeatureError as error:
            return None, None, "ERROR", error.error_code.value
    return found.value, found.variant, found.reason, None


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
