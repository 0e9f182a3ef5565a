"""Exports of Unleash, answered by its own engine and by the flags that became of them: the same, or the report says why.

Shares are drawn otherwise, and told so; here every strategy takes all or nobody, and every draw has one variant."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slipway.flags import unleash
from tests.domain.flags.importing import imported

pytest.importorskip("yggdrasil_engine")
from yggdrasil_engine.engine import UnleashEngine

NAMES = ["region", "userId", "sessionId", "appName", "plan"]
TEXTS = ["eu", "EU", "e", "u1", "pro", "5", "-1.5", "1.2.0", "1.2.0-rc.1", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z",
         "2026-01-01T01:00:00+01:00", "a.b", "straße"]  # fmt: skip
MANY = ["IN", "NOT_IN", "STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS"]
VALUES = {
    **{f"NUM_{one}": ["5", "-1.5", "0", "1e2", "x"] for one in ("EQ", "GT", "GTE", "LT", "LTE")},
    **{f"SEMVER_{one}": ["1.2.0", "1.2.0-rc.1", "2.0.0"] for one in ("EQ", "GT", "LT")},
    **{one: ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z", "x"] for one in ("DATE_AFTER", "DATE_BEFORE")},
    "WHO_KNOWS": ["x"],
}
CONSTRAINTS = st.one_of(
    st.fixed_dictionaries({
        "contextName": st.sampled_from(NAMES), "operator": st.sampled_from(MANY),
        "values": st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3), "inverted": st.booleans(),
        "caseInsensitive": st.booleans(),
    }),
    st.sampled_from(sorted(VALUES)).flatmap(lambda operator: st.fixed_dictionaries({
        "contextName": st.sampled_from(NAMES), "operator": st.just(operator), "value": st.sampled_from(VALUES[operator]),
        "values": st.just([]), "inverted": st.booleans(), "caseInsensitive": st.just(False),
    })),
    st.fixed_dictionaries({
        "contextName": st.just("currentTime"), "operator": st.sampled_from(["DATE_AFTER", "DATE_BEFORE"]),
        "value": st.sampled_from(["2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"]), "values": st.just([]),
        "inverted": st.booleans(), "caseInsensitive": st.just(False),
    }),
)  # fmt: skip
VARIANTS = st.lists(
    st.fixed_dictionaries({
        "name": st.sampled_from(["red", "blue"]), "weight": st.just(1000), "weightType": st.just("variable"),
        "stickiness": st.just("default"), "payload": st.sampled_from([{"type": "string", "value": "x"},
                                                                      {"type": "json", "value": "{}"}]),
    }),
    max_size=1,
)  # fmt: skip
OVERRIDES = st.lists(
    st.fixed_dictionaries({"contextName": st.sampled_from(NAMES), "values": st.lists(st.sampled_from(TEXTS), max_size=2)}),
    max_size=1,
)
PARAMETERS = st.sampled_from([
    ("default", {}), ("userWithId", {"userIds": "u1, eu"}), ("userWithId", {"userIds": ""}),
    ("remoteAddress", {"IPs": "10.1.0.0/16, 192.0.2.7, 10.9.9.9/8"}), ("remoteAddress", {"IPs": "what"}),
    *(("flexibleRollout", {"rollout": part, "stickiness": on, "groupId": "g"})
      for part in ("0", "100") for on in ("default", "userId", "sessionId", "plan", "random")),
    ("gradualRolloutUserId", {"percentage": "100", "groupId": "g"}),
    ("gradualRolloutSessionId", {"percentage": "100", "groupId": "g"}),
    ("gradualRolloutRandom", {"percentage": "100"}), ("applicationHostname", {"hostNames": "x"}),
])  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """As the whole state is exported."""
    document: dict[str, Any] = {"version": 4, "features": [], "featureStrategies": [], "featureEnvironments": [],
                                "dependencies": [], "featureStrategySegments": []}  # fmt: skip
    document["segments"] = [
        {"id": id, "name": f"segment {id}", "constraints": draw(st.lists(CONSTRAINTS, max_size=2))} for id in (1, 2)
    ]
    for number in range(3):
        name = f"f{number}"
        document["features"].append({"name": name, "archived": False})
        for order in range(draw(st.integers(0, 2))):
            kind, parameters = draw(PARAMETERS)
            document["featureStrategies"].append({
                "id": f"{name}-{order}", "featureName": name, "environment": "production", "strategyName": kind,
                "parameters": parameters, "constraints": draw(st.lists(CONSTRAINTS, max_size=2)), "sortOrder": order,
                "variants": draw(VARIANTS), "disabled": draw(st.sampled_from([False, False, True])),
            })  # fmt: skip
            for id in draw(st.lists(st.sampled_from([1, 2]), max_size=1)):
                document["featureStrategySegments"].append({"featureStrategyId": f"{name}-{order}", "segmentId": id})
        variants = [{**one, "overrides": draw(OVERRIDES)} for one in draw(VARIANTS)]
        document["featureEnvironments"].append({"featureName": name, "environment": "production",
                                                "enabled": draw(st.sampled_from([True, True, False])),
                                                "variants": variants})  # fmt: skip
        if number and draw(st.booleans()):
            needed = {"feature": f"f{draw(st.integers(0, number - 1))}", "enabled": draw(st.booleans()), "variants": []}
            if needed["enabled"] and draw(st.booleans()):
                needed["variants"] = ["red"]
            document["dependencies"].append({"feature": name, "dependencies": [needed]})
    return document


CONTEXTS = st.lists(
    st.fixed_dictionaries({}, optional={
        "userId": st.sampled_from(TEXTS), "sessionId": st.sampled_from(TEXTS), "appName": st.sampled_from(TEXTS),
        "remoteAddress": st.sampled_from(["10.1.2.3", "10.200.0.1", "192.0.2.7", "::1", "x"]),
        "properties": st.fixed_dictionaries({}, optional={"region": st.sampled_from(TEXTS), "plan": st.sampled_from(TEXTS)}),
    }),
    min_size=4, max_size=8,
)  # fmt: skip


def engine(document: dict[str, Any]) -> UnleashEngine:
    """With what the server would make of the state for its SDKs."""
    links = document["featureStrategySegments"]
    features = []
    for feature in document["features"]:
        name = feature["name"]
        (place,) = (one for one in document["featureEnvironments"] if one["featureName"] == name)
        own = [one for one in document["featureStrategies"] if one["featureName"] == name]
        strategies = [
            {"name": one["strategyName"], "parameters": one["parameters"], "constraints": one["constraints"],
             "variants": one["variants"],
             "segments": [link["segmentId"] for link in links if link["featureStrategyId"] == one["id"]]}
            for one in own if not one["disabled"]
        ]  # fmt: skip
        needed = [one for entry in document["dependencies"] if entry["feature"] == name for one in entry["dependencies"]]
        off = bool(own) and not strategies  # the server switches a feature off all of whose strategies are disabled
        features.append({"name": name, "enabled": place["enabled"] and not off, "strategies": strategies,
                         "variants": place["variants"], "dependencies": needed})  # fmt: skip
    made = UnleashEngine()
    made.take_state(json.dumps({"version": 2, "features": features, "segments": document["segments"]}))
    return made


def ours(context: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in context.items() if name not in ("userId", "properties")}
    return {**rest, **context.get("properties", {}), **({"targetingKey": context["userId"]} if "userId" in context else {})}


NOW = 1_780_000_000


ROUNDS = 400 if os.environ.get("SLIPWAY_PROVE") else 30


@settings(max_examples=ROUNDS, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(document=files(), contexts=CONTEXTS)
def test_every_answer_is_theirs_or_the_report_says_why_not(document: dict[str, Any], contexts: list[dict[str, Any]]) -> None:
    flags, done = imported(unleash.read(document))
    told = {(note["flag"], note["code"]) for note in done["notes"]}
    theirs = engine(document)
    for feature in document["features"]:
        key = feature["name"]
        if told & {(key, code) for code in ("switched_off", "off_value", "prerequisite_off", "not_configured")}:
            continue
        for context in contexts:
            given, answer = ours(context), flags.evaluate(key, ours(context), now=NOW).value
            on = theirs.check_enabled(key, context).is_enabled
            if isinstance(answer, bool):
                assert answer == on, (key, given)
                continue
            variant = theirs.check_variant(key, context).variant
            assert answer == {"name": variant.name, "enabled": variant.enabled} | (
                {"payload": variant.payload} if variant.payload else {}
            ), (key, given)
            assert on == variant.enabled or (key, "no_variant") in told, (key, given)
