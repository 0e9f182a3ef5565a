"""The evaluators that are compared: ours and five peers, each with the same flags in its own form.

    plain        true for everybody
    five         true where five clauses about the context hold: three that all such flags share, as a team's segments are, and
                 two with literals of the flag's own
    percentage   true for 30 % of the units

Each prepares a context as its documentation says, and answers a flag with value, variant and reason.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slipway.flags.evaluation import FlagSet

NOW = 1_795_435_200
Answer = tuple[Any, str, str]


class Evaluator(NamedTuple):
    """`context` prepares what `evaluate` (the value alone) and `answer` take; `load` reads a set of flags from JSON text."""

    name: str
    context: Callable[[Mapping[str, Any]], Any]
    evaluate: Callable[[str, Any], Any]
    answer: Callable[[str, Any], Answer]


def _as_it_is(given: Mapping[str, Any]) -> Any:
    return given


def kind(key: str) -> str:
    return key.partition("-")[0]


def keys(count: int, mix: str = "pf%") -> list[str]:
    """Of the kinds whose initials are in `mix`, in turn."""
    named = {"p": "plain", "f": "five", "%": "percentage"}
    return [f"{named[mix[number % len(mix)]]}-{number}" for number in range(count)]


def own(key: str) -> tuple[int, list[str]]:
    """The least age and the plans of a flag with five clauses."""
    number = int(key.rpartition("-")[2])
    return 10 + number % 9, ["pro", "team", f"tier-{number}"]


def expected(key: str, context: Mapping[str, Any]) -> bool | None:
    """The right answer; None where only the share of users is known."""
    if kind(key) == "plain":
        return True
    if kind(key) == "percentage":
        return None
    age, plans = own(key)
    return bool(
        context["country"] == "DE"
        and context["plan"] in plans
        and context["age"] >= age
        and context["email"].endswith("@acme.com")
        and context["device"] != "tv"
    )


# --- slipway and flagd-core: one form -------------------------------------------------------------------


def _targeting(key: str) -> dict[str, Any]:
    if kind(key) == "plain":
        return {}
    if kind(key) == "percentage":
        return {"targeting": {"fractional": [["on", 30], ["off", 70]]}}
    age, plans = own(key)
    five = [
        {"==": [{"var": "country"}, "DE"]},
        {"in": [{"var": "plan"}, plans]},
        {">=": [{"var": "age"}, age]},
        {"ends_with": [{"var": "email"}, "@acme.com"]},
        {"!=": [{"var": "device"}, "tv"]},
    ]
    return {"targeting": {"if": [{"and": five}, "on", "off"]}}


def flagd_document(flags: Sequence[str]) -> str:
    flag = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    return json.dumps({"flags": {key: {**flag, **_targeting(key)} for key in flags}})


def slipway(flags: Sequence[str]) -> Evaluator:
    ready = FlagSet.parse(flagd_document(flags))

    def answer(key: str, context: Any) -> Answer:
        found = ready.evaluate(key, context, now=NOW)
        return found.value, found.variant or "", found.reason

    return Evaluator("slipway", _as_it_is, lambda key, context: ready.evaluate(key, context, now=NOW).value, answer)


def flagd(flags: Sequence[str]) -> Evaluator:
    from openfeature.contrib.tools.flagd.core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext

    core = FlagdCore()
    core.set_flags(flagd_document(flags))

    def context(given: Mapping[str, Any]) -> Any:
        return EvaluationContext(given["targetingKey"], {name: given[name] for name in given if name != "targetingKey"})

    def answer(key: str, context: Any) -> Answer:
        found = core.resolve_boolean_value(key, False, context)
        return found.value, found.variant or "", str(found.reason)

    return Evaluator("flagd-core", context, lambda key, context: core.resolve_boolean_value(key, False, context).value, answer)


# --- the others -----------------------------------------------------------------------------------------


def launchdarkly(flags: Sequence[str]) -> Evaluator:
    from ldclient.client import LDClient
    from ldclient.config import Config
    from ldclient.context import Context
    from ldclient.integrations import Files

    logging.getLogger("ldclient").setLevel(logging.ERROR)

    def clause(attribute: str, operator: str, *values: Any, negate: bool = False) -> dict[str, Any]:
        return {"contextKind": "user", "attribute": attribute, "op": operator, "values": values, "negate": negate}

    def clauses(key: str) -> list[dict[str, Any]]:
        age, plans = own(key)
        return [
            clause("country", "in", "DE"),
            clause("plan", "in", *plans),
            clause("age", "greaterThanOrEqual", age),
            clause("email", "endsWith", "@acme.com"),
            clause("device", "in", "tv", negate=True),
        ]

    rollout = {"contextKind": "user", "variations": [{"variation": 0, "weight": 30_000}, {"variation": 1, "weight": 70_000}]}

    def form(key: str) -> dict[str, Any]:
        if kind(key) == "five":
            return {"rules": [{"id": "five", "clauses": clauses(key), "variation": 0}], "fallthrough": {"variation": 1}}
        return {"fallthrough": {"variation": 0} if kind(key) == "plain" else {"rollout": rollout}}

    flag = {"on": True, "variations": [True, False], "offVariation": 1, "version": 1}
    document = {"flags": {key: {**flag, **form(key), "key": key, "salt": key} for key in flags}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flags.json"
        path.write_text(json.dumps(document))
        source = Files.new_data_source(paths=[str(path)])
        client = LDClient(Config("bench", update_processor_class=source, send_events=False, diagnostic_opt_out=True))

    def context(given: Mapping[str, Any]) -> Any:
        return Context.from_dict({"kind": "user", "key": given["targetingKey"], **given})

    def answer(key: str, context: Any) -> Answer:
        found = client.variation_detail(key, context, False)
        return found.value, str(found.variation_index), found.reason["kind"]

    return Evaluator("launchdarkly", context, lambda key, context: client.variation(key, context, False), answer)


def growthbook(flags: Sequence[str]) -> Evaluator:
    from growthbook import GrowthBook

    def condition(key: str) -> dict[str, Any]:
        age, plans = own(key)
        more = {"email": {"$regex": "@acme\\.com$"}, "device": {"$ne": "tv"}}
        return {"country": "DE", "plan": {"$in": plans}, "age": {"$gte": age}, **more}

    def form(key: str) -> dict[str, Any]:
        if kind(key) == "plain":
            return {"defaultValue": True}
        if kind(key) == "five":
            return {"defaultValue": False, "rules": [{"condition": condition(key), "force": True}]}
        return {"defaultValue": False, "rules": [{"force": True, "coverage": 0.3, "hashAttribute": "targetingKey"}]}

    features = {key: form(key) for key in flags}
    client = GrowthBook(features=features)

    def evaluate(key: str, context: Any) -> Any:
        client.set_attributes(context)
        return client.eval_feature(key).value

    def answer(key: str, context: Any) -> Answer:
        client.set_attributes(context)
        found = client.eval_feature(key)
        return found.value, str(found.value), found.source

    return Evaluator("growthbook", _as_it_is, evaluate, answer)


def statsig(flags: Sequence[str]) -> Evaluator:
    from statsig_python_core import (
        DataStore,
        DataStoreResponse,
        FeatureGateEvaluationOptions,
        Statsig,
        StatsigOptions,
        StatsigUser,
    )

    def condition(field: str, operator: str | None, target: Any, about: str = "user_field") -> dict[str, Any]:
        more = {"custom_field": field} if about == "user_field" else {}
        named = {"type": about, "field": field or None, "operator": operator, "targetValue": target}
        return {**named, "additionalValues": more, "idType": "userID"}

    conditions = {
        "everybody": condition("", None, None, "public"),
        "country": condition("country", "any", ["DE"]),
        "email": condition("email", "str_ends_with_any", ["@acme.com"]),
        "device": condition("device", "none", ["tv"]),
    }
    for key in flags:
        if kind(key) == "five":
            age, plans = own(key)
            conditions |= {f"age {key}": condition("age", "gte", age), f"plan {key}": condition("plan", "any", plans)}

    def gate(key: str) -> dict[str, Any]:
        rule = {
            "name": key,
            "id": key,
            "salt": key,
            "passPercentage": 30 if kind(key) == "percentage" else 100,
            "conditions": ["country", f"plan {key}", f"age {key}", "email", "device"] if kind(key) == "five" else ["everybody"],
            "returnValue": True,
            "idType": "userID",
        }
        same = {"type": "feature_gate", "entity": "feature_gate", "enabled": True, "defaultValue": False, "idType": "userID"}
        return {**same, "salt": key, "rules": [rule]}

    specs = {
        "feature_gates": {key: gate(key) for key in flags},
        **{name: {} for name in ("dynamic_configs", "layer_configs", "experiment_to_layer", "sdk_keys_to_app_ids", "id_lists")},
        "condition_map": conditions,
        "has_updates": True,
        "time": 1,
        "company_id": "bench",
        "response_format": "dcs-v2",
        "diagnostics": {},
    }
    text = json.dumps(specs)

    class Store(DataStore):  # type: ignore[misc]
        def get(self, key: str) -> Any:  # noqa: ARG002 - there is one
            return DataStoreResponse(result=text, time=1)

    options = StatsigOptions(
        disable_network=True, disable_all_logging=True, data_store=Store(), disable_country_lookup=True, output_log_level="none"
    )
    client = Statsig("secret-bench", options)
    client.initialize().wait()
    silent = FeatureGateEvaluationOptions(disable_exposure_logging=True)

    def context(given: Mapping[str, Any]) -> Any:
        own = {"email": given["email"], "country": given["country"]}
        custom = {name: given[name] for name in ("plan", "age", "device")}
        return StatsigUser(user_id=given["targetingKey"], custom=custom, **own)

    def answer(key: str, context: Any) -> Answer:
        found = client.get_feature_gate(context, key, silent)
        return found.value, found.rule_id, found.details.reason

    return Evaluator("statsig", context, lambda key, context: client.check_gate(context, key, silent), answer)


def powertools(flags: Sequence[str]) -> Evaluator:
    """It has no percentages by a hash: the nearest is a range of a number's remainder, which we give it the number for."""
    from aws_lambda_powertools.utilities.feature_flags import FeatureFlags
    from aws_lambda_powertools.utilities.feature_flags.base import StoreProvider

    def condition(key: str, action: str, value: Any) -> dict[str, Any]:
        return {"key": key, "action": action, "value": value}

    def five(key: str) -> list[dict[str, Any]]:
        age, plans = own(key)
        return [
            condition("country", "EQUALS", "DE"),
            condition("plan", "KEY_IN_VALUE", plans),
            condition("age", "KEY_GREATER_THAN_OR_EQUAL_VALUE", age),
            condition("email", "ENDSWITH", "@acme.com"),
            condition("device", "NOT_EQUALS", "tv"),
        ]

    share = [condition("number", "MODULO_RANGE", {"BASE": 100, "START": 0, "END": 29})]

    def ruled(conditions: list[dict[str, Any]]) -> dict[str, Any]:
        return {"default": False, "rules": {"rule": {"when_match": True, "conditions": conditions}}}

    def form(key: str) -> dict[str, Any]:
        return {"default": True} if kind(key) == "plain" else ruled(share if kind(key) == "percentage" else five(key))

    configuration = {key: form(key) for key in flags}

    class Store(StoreProvider):
        @property
        def get_raw_configuration(self) -> dict[str, Any]:
            return configuration

        def get_configuration(self) -> dict[str, Any]:
            return configuration

    client = FeatureFlags(Store())

    def evaluate(key: str, context: Any) -> Any:
        return client.evaluate(name=key, context=context, default=False)

    def answer(key: str, context: Any) -> Answer:
        value = evaluate(key, context)
        return value, str(value), "UNKNOWN"

    return Evaluator("powertools", _as_it_is, evaluate, answer)


PEERS = (flagd, launchdarkly, growthbook, statsig, powertools)
