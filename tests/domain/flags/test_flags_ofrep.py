"""Answers as OFREP 0.3.0 has them, with what real clients need beyond it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.flags.evaluation import Evaluation, FlagSet
from slipway.flags.limits import MOST_STEPS, MOST_STEPS_TOGETHER, Allowance
from slipway.flags.ofrep import Bulk, item, single
from slipway.flags.regex import LONGEST_TEXT
from tests.specs import specification

DOCUMENT = json.loads((Path(__file__).parent / "features" / "flags.json").read_text())
FLAGS = FlagSet.parse({**DOCUMENT, "metadata": {"flagSetId": "production", "version": "7"}})
NOW = 1_795_435_200


def body(key: str, context: Any = None) -> tuple[int, dict[str, Any]]:
    status, raw = single(FLAGS.evaluate(key, context, now=NOW))
    return status, json.loads(raw)


SET = {"flagSetId": "production", "version": "7"}


def test_an_answer() -> None:
    expected = {"key": "plain-boolean", "metadata": SET, "reason": "STATIC", "value": True, "variant": "on"}
    assert body("plain-boolean") == (200, expected)


@pytest.mark.parametrize("key", ["disabled", "without-default", "null-default"])
def test_the_callers_own_default_is_no_value_and_no_variant(key: str) -> None:
    status, found = body(key)
    assert (status, found["variant"]) == (200, "")
    assert "value" not in found


def test_a_float_keeps_its_fraction() -> None:
    assert b'"value":1.0' in single(FLAGS.evaluate("declared-float", now=NOW))[1]
    assert b'"value":10,' in single(FLAGS.evaluate("plain-integer", now=NOW))[1]


def test_a_float_flag_is_one_by_its_metadata_or_by_a_variant_with_a_fraction() -> None:
    flag = {"state": "ENABLED", "variants": {"one": 1, "half": 0.5}, "defaultVariant": "one"}
    assert b'"value":1.0' in single(FlagSet.parse({"flags": {"f": flag}}).evaluate("f", now=0))[1]


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [("nowhere", 404, "FLAG_NOT_FOUND"), ("bad-state", 400, "PARSE_ERROR"), ("unknown-variant", 400, "GENERAL")],
)
def test_an_error(key: str, status: int, code: str) -> None:
    found, error = body(key)
    assert (found, error["key"], error["errorCode"]) == (status, key, code)
    assert error["errorDetails"]
    assert error["metadata"] == SET


def test_a_context_that_is_no_object() -> None:
    assert body("op-in-list", [])[0] == 400
    assert body("op-in-list", [])[1]["errorCode"] == "INVALID_CONTEXT"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": {1, 2}}, object()])
def test_a_value_that_is_no_json_is_an_error_of_its_flag(value: Any) -> None:
    flag = {"state": "ENABLED", "variants": {"a": value}, "defaultVariant": "a"}
    flags = FlagSet.parse({"flags": {"bad": flag, "good": {**flag, "variants": {"a": 1}}}})
    status, raw = single(flags.evaluate("bad", now=0))
    assert (status, json.loads(raw)["errorCode"]) == (400, "GENERAL")
    assert [found["key"] for found in json.loads(Bulk(flags, "1").answer({}, 0)[1])["flags"]] == ["bad", "good"]


def test_bytes_are_made_once() -> None:
    evaluation = FLAGS.evaluate("plain-object", now=NOW)
    assert item(evaluation) is item(FLAGS.evaluate("plain-object", now=NOW))
    assert evaluation == Evaluation("plain-object", {"columns": 3}, "layout", "STATIC", None, None, SET)


# --- bulk -----------------------------------------------------------------------------------------------


def bulk(context: Any = None, **more: Any) -> tuple[str, dict[str, Any]]:
    etag, raw = Bulk(FLAGS, "7", **more).answer(context, NOW)
    assert etag == f'"7-{hashlib.sha256(raw).hexdigest()[:32]}"'
    return etag, json.loads(raw)


def test_the_bulk_answer_holds_what_the_single_answers_hold() -> None:
    context = {"targetingKey": "user-1", "age": 10, "email": "ada@acme.com"}
    found = {answer["key"]: answer for answer in bulk(context)[1]["flags"]}
    assert found == {key: body(key, context)[1] for key in FLAGS.keys}
    assert bulk(context)[1]["metadata"] == SET


@pytest.mark.parametrize("document", [{"flags": {}}, "{", {"flags": {"f": DOCUMENT["flags"]["op-in-list"]}}])
def test_sets_without_flags_or_without_fixed_answers(document: Any) -> None:
    flags = FlagSet.parse(document)
    assert len(json.loads(Bulk(flags, "1").answer({}, 0)[1])["flags"]) == len(flags.keys)


def test_the_etag_is_that_of_the_answer() -> None:
    """A web client keeps its ETag when its context changes: the configuration's would keep the wrong values."""
    gold, silver = ({"tier": tier, "targetingKey": "u1"} for tier in ("gold", "silver"))
    assert bulk(gold)[0] == bulk(dict(reversed(gold.items())))[0] != bulk(silver)[0]
    assert bulk(gold)[0] == bulk({**gold, "nothing asks for": "this"})[0]
    assert bulk(gold)[0] != Bulk(FLAGS, "8").answer(gold, NOW)[0]


def test_an_audience_sees_its_flags_alone() -> None:
    visible = {"plain-boolean", "split-v3"}
    assert {answer["key"] for answer in bulk(visible=visible)[1]["flags"]} == visible


def test_metadata_of_the_moment() -> None:
    etag, raw = Bulk(FLAGS, "7").answer({}, NOW, {"stale": True})
    assert json.loads(raw)["metadata"] == {**SET, "stale": True}
    assert etag != bulk({})[0]


def test_answers_are_what_the_specification_has() -> None:
    """Its `reason` leaves DEFAULT out, which flagd and its clients use; its `oneOf` of value types no value can fulfil."""
    schemas = yaml.safe_load(specification("ofrep-openapi.yaml"))["components"]["schemas"]
    success = schemas["evaluationSuccess"]
    for answer in bulk({"targetingKey": "user-1"})[1]["flags"]:
        if "errorCode" in answer:
            wanted = schemas["evaluationFailure"]
            assert answer["errorCode"] in wanted["properties"]["errorCode"]["enum"]
            assert set(wanted["required"]) <= set(answer) <= set(wanted["properties"])
        else:
            known = success["allOf"][0]["properties"]
            assert answer["reason"] in [*known["reason"]["enum"], "DEFAULT"]
            assert set(success["required"]) <= set(answer) <= {*known, "value"}


# --- what one request may take --------------------------------------------------------------------------

WALK = {"if": [{"some": [{"var": "list"}, {"==": [{"var": ""}, -1]}]}, "on"]}
LIST = list(range(9_000))


def walking(count: int, rule: Any = WALK) -> FlagSet:
    variants = {"on": True, "off": False}
    one = {"state": "ENABLED", "variants": variants, "defaultVariant": "off", "targeting": rule}
    return FlagSet.parse({"flags": {f"flag-{number:04}": one for number in range(count)}})


def spent(rule: Any, context: Any) -> int:
    allowance = Allowance()
    assert walking(1, rule).evaluate("flag-0000", context, now=NOW, shared=allowance).error_code is None
    return MOST_STEPS_TOGETHER - allowance.left


@pytest.mark.parametrize(
    ("rule", "context"),
    [
        (WALK, {"list": LIST}),
        ({"if": [{"matches": [{"var": "text"}, "^(a|b)*c"]}, "on"]}, {"text": "ab" * (LONGEST_TEXT // 2)}),
        ({"if": [{"==": [{"var": "list"}, "x"]}, "on"]}, {"list": LIST}),
        ({"if": [{"<": [{"var": "list"}, "x"]}, "on"]}, {"list": LIST}),
        ({"if": [{"===": [{"var": "list"}, {"var": "other"}]}, "on"]}, {"list": LIST, "other": LIST}),
        ({"if": [{"in": [-1, {"var": "list"}]}, "on"]}, {"list": LIST}),
        ({"if": [{"in": ["x", {"var": "list"}]}, "on"]}, {"list": ["y"] * 50_000}),
        ({"if": [{"in": ["x", {"var": "text"}]}, "on"]}, {"text": "y" * 250_000}),
        ({"if": [{"!": {"in_cidr": ["10.0.0.1", {"var": "list"}]}}, "on"]}, {"list": ["10.0.0.0/8"] * 900}),
        ({"fractional": [{"var": "text"}, ["on", 1], ["off", 1]]}, {"text": "y" * 60_000}),
        ({"fractional": [["on", 1], ["off", 1]]}, {"targetingKey": "y" * 60_000}),
    ],
    ids=lambda given: next(iter(given["if"][0] if "if" in given else given)),
)
def test_one_answer_takes_so_many_steps_and_what_is_beyond_says_so(rule: Any, context: Any) -> None:
    each = spent(rule, context)
    assert 0 < each <= MOST_STEPS, "each alone is answered"
    flags = walking(60 + MOST_STEPS_TOGETHER // each, rule)
    items = json.loads(Bulk(flags, "1").answer(context, NOW)[1])["flags"]
    beyond = [item for item in items if "errorCode" in item]
    assert len(items) - len(beyond) == MOST_STEPS_TOGETHER // each
    assert {(item["errorCode"], item["errorDetails"]) for item in beyond} == {
        ("GENERAL", "What is asked at once takes more than 2,000,000 steps; ask for fewer flags.")
    }
    assert flags.evaluate(beyond[0]["key"], context, now=NOW).error_code is None, "asked alone it is answered"
    assert Bulk(flags, "1").answer(context, NOW) == Bulk(flags, "1").answer(context, NOW)


def test_what_takes_few_steps_is_answered_behind_what_takes_too_many() -> None:
    each = spent(WALK, {"list": LIST})
    flags: dict[str, Any] = dict(walking(1 + MOST_STEPS_TOGETHER // each)._flags)
    flags["last"] = walking(1)._flags["flag-0000"] | {
        "targeting": {"if": [{"some": [{"var": "few"}, {"==": [{"var": ""}, 1]}]}, "on"]}
    }
    items = json.loads(Bulk(FlagSet.parse({"flags": flags}), "1").answer({"list": LIST, "few": [1]}, NOW)[1])["flags"]
    assert [item["key"] for item in items if "errorCode" in item] == [f"flag-{MOST_STEPS_TOGETHER // each:04}"]
    assert items[-1]["variant"] == "on"


def test_flags_that_need_each_other_many_times_over_are_bounded_too() -> None:
    """Two flags on each of 30 levels, both needed by both above: by themselves a thousand million questions."""
    levels: dict[str, Any] = {}
    for level in range(30):
        for side in "ab":
            below = [[f"{level - 1}{other}", ["on"]] for other in "ab"] if level else []
            levels[f"{level}{side}"] = {
                "state": "ENABLED",
                "variants": {"on": True, "off": False},
                "targeting": {"if": [True, "on"]},
                "prerequisites": below,
            }
    flags = FlagSet.parse({"flags": levels})
    assert flags.evaluate("9a", {}, now=NOW).variant == "on"
    top = flags.evaluate("29a", {}, now=NOW)
    assert (top.error_code, top.error_details) == (
        "GENERAL",
        "What is asked at once takes more than 2,000,000 steps; ask for fewer flags.",
    )
