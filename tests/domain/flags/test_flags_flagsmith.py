"""Environment documents of Flagsmith, answered by its own engine and by the flags that became of them: the same, or the report
says why. Shares are drawn otherwise, and told so; here they take all or nobody."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slipway.flags import flagsmith
from tests.domain.flags.importing import imported

pytest.importorskip("flag_engine")
from flag_engine.segments.evaluator import get_evaluation_result

TRAITS = ["plan", "age", "beta"]
WORDS = ["pro", "p", "5", "-3", "12", "1.2.0", "", "true", "false"]
VALUES = st.one_of(st.sampled_from(WORDS[:-3]), st.sampled_from([5, -3, 12, 0, 5.5]))
BOUNDS = {
    "EQUAL": WORDS, "NOT_EQUAL": WORDS,
    **{name: ["p", "ro", "5"] for name in ("CONTAINS", "NOT_CONTAINS")},
    **{name: ["5", "-3", "pro", "1.0.0:semver"]
       for name in ("GREATER_THAN", "LESS_THAN", "GREATER_THAN_INCLUSIVE", "LESS_THAN_INCLUSIVE")},
    "REGEX": ["p", "[0-9]+$", "^pro"], "MODULO": ["2|0", "5|2", "2|1", "x"], "IS_SET": [""], "IS_NOT_SET": [""],
    "IN": ["pro,5", "12", "[\"pro\", 5]", ""], "PERCENTAGE_SPLIT": ["100"], "WHO_KNOWS": ["x"],
}  # fmt: skip
CONDITIONS = st.sampled_from([name for name in BOUNDS for _ in range(1 if name == "WHO_KNOWS" else 6)]).flatmap(
    lambda operator: st.fixed_dictionaries({
        "operator": st.just(operator), "value": st.sampled_from(BOUNDS[operator]),
        "property_": st.just("") if operator == "PERCENTAGE_SPLIT" else st.sampled_from([*TRAITS, "$.identity.identifier"]),
    })
)  # fmt: skip
INNER = st.fixed_dictionaries({
    "type": st.sampled_from(["ALL", "ANY", "NONE"]), "rules": st.just([]), "conditions": st.lists(CONDITIONS, max_size=2),
})  # fmt: skip
RULES = st.fixed_dictionaries({
    "type": st.sampled_from(["ALL", "ANY", "NONE"]), "rules": st.lists(INNER, max_size=2),
    "conditions": st.lists(CONDITIONS, max_size=1),
})  # fmt: skip
IDENTITIES = ["ada", "bob", "5"]


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    plain = {"f0": True, "f1": False, "f2": False}
    ids = iter(range(1, 1000))

    def state(key: str, priority: int | None = None) -> dict[str, Any]:
        value = None if plain[key] else draw(st.sampled_from(["red", "blue"]))
        options = [] if plain[key] else draw(st.lists(st.sampled_from([0, 100]), max_size=1))
        return {
            "feature": {"id": int(key[1:]), "name": key, "type": "STANDARD"}, "enabled": draw(st.booleans()), "id": next(ids),
            "django_id": 1, "featurestate_uuid": "x", "feature_state_value": value,
            "feature_segment": None if priority is None else {"priority": priority},
            "multivariate_feature_state_values": [
                {"id": 1, "mv_fs_value_uuid": "x", "percentage_allocation": float(part),
                 "multivariate_feature_option": {"id": 1, "value": "green"}} for part in options
            ],
        }  # fmt: skip

    segments = [
        {"id": id, "name": f"Segment {id}", "rules": draw(st.lists(RULES, max_size=2)),
         "feature_states": [state(key, draw(st.integers(0, 3)))
                            for key in draw(st.lists(st.sampled_from(sorted(plain)), unique=True))]}
        for id in range(3)
    ]  # fmt: skip
    people = [
        {"identifier": name, "identity_features": [
            {**state(key), "multivariate_feature_state_values": []}
            for key in draw(st.lists(st.sampled_from(sorted(plain)), max_size=2, unique=True))
        ]} for name in draw(st.lists(st.sampled_from(IDENTITIES), max_size=2, unique=True))
    ]  # fmt: skip
    return {"id": 1, "api_key": "key", "feature_states": [state(key) for key in plain], "identity_overrides": people,
            "project": {"id": 1, "name": "shop", "segments": segments, "server_key_only_feature_ids": [1]}}  # fmt: skip


IDENTITY = st.fixed_dictionaries({
    "identifier": st.sampled_from(IDENTITIES),
    "traits": st.fixed_dictionaries({}, optional={"plan": VALUES, "age": VALUES, "beta": st.one_of(VALUES, st.booleans())}),
})  # fmt: skip


def theirs(document: dict[str, Any], identity: dict[str, Any]) -> Any:
    """As their SDK hands the document to the engine."""

    def feature(state: dict[str, Any]) -> dict[str, Any]:
        found = {"key": str(state["id"]), "name": state["feature"]["name"], "enabled": state["enabled"],
                 "value": state["feature_state_value"]}  # fmt: skip
        if (state["feature_segment"] or {}).get("priority") is not None:
            found["priority"] = state["feature_segment"]["priority"]
        if state["multivariate_feature_state_values"]:
            found["variants"] = [
                {"value": one["multivariate_feature_option"]["value"], "weight": one["percentage_allocation"],
                 "priority": one["id"]}
                for one in state["multivariate_feature_state_values"]
            ]  # fmt: skip
        return found

    def rule(one: dict[str, Any]) -> dict[str, Any]:
        conditions = [{**each, "property": each["property_"]} for each in one["conditions"]]
        return {"type": one["type"], "conditions": conditions, "rules": [rule(each) for each in one["rules"]]}

    segments = {
        str(one["id"]): {"key": str(one["id"]), "name": one["name"], "rules": [rule(each) for each in one["rules"]],
                         "overrides": [feature(state) for state in one["feature_states"]]}
        for one in document["project"]["segments"]
    }  # fmt: skip
    for person in document["identity_overrides"]:
        asked = {"property": "$.identity.identifier", "operator": "IN", "value": [person["identifier"]]}
        segments[f"of {person['identifier']}"] = {
            "key": "", "name": "identity_overrides", "rules": [{"type": "ALL", "conditions": [asked]}],
            "overrides": [{**feature(state), "priority": float("-inf")} for state in person["identity_features"]],
        }  # fmt: skip
    features = {state["feature"]["name"]: feature(state) for state in document["feature_states"]}
    context: Any = {
        "environment": {"key": "key", "name": "x"},
        "features": features,
        "segments": segments,
        "identity": identity,
    }
    return get_evaluation_result(context)["flags"]


ROUNDS = 400 if os.environ.get("SLIPWAY_PROVE") else 30


@settings(max_examples=ROUNDS, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(document=files(), identities=st.lists(IDENTITY, min_size=4, max_size=8))
def test_every_answer_is_theirs_or_the_report_says_why_not(document: dict[str, Any], identities: list[dict[str, Any]]) -> None:
    flags, done = imported(flagsmith.read(document))
    told = {(note["flag"], note["code"]) for note in done["notes"]}
    loose = {code for _, code in told} & {"compared", "texts", "versions"}
    for identity in identities:
        traits = {name: value for name, value in identity["traits"].items() if not (loose and isinstance(value, bool | float))}
        if "versions" in loose:  # text that looks like a number is one there, and here the version 5.0.0
            if identity["identifier"] == "5":
                continue
            traits = {name: value for name, value in traits.items() if value in ("pro", "p", "1.2.0")}
        asked = theirs(document, {**identity, "traits": traits})
        for key in ("f0", "f1", "f2"):
            if (key, "switched_off") in told or (key, "not_imported") in told:
                continue
            found = flags.evaluate(key, {"targetingKey": identity["identifier"], **traits}, now=0)
            if key == "f0":
                assert found.value is asked[key]["enabled"] or (found.reason == "DISABLED" and (key, "off_value") in told), (
                    key,
                    identity,
                )
            elif asked[key]["enabled"]:
                assert found.value == asked[key]["value"], (key, identity)
            else:
                assert found.value is None, (key, identity)  # the caller's own default
