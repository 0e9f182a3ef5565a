"""Features of Flagsmith, of one environment: its export file (project settings, Export), or the document of its SDKs.

    [{name, default_enabled, is_server_key_only, initial_value, value, type, enabled,
      multivariate: [{percentage_allocation, default_percentage_allocation, value, type}]}]
    {feature_states: [{feature: {name}, enabled, feature_state_value, multivariate_feature_state_values}],
     project: {segments: [{name, rules, feature_states}]}, identity_overrides: [{identifier, identity_features}]}
                                                                                GET /api/v1/environment-document/

A feature without a value is a boolean flag. One with a value is a flag of that type, with the variant `control`; its other
values are `option-1` and so on, and where it is disabled callers get their own default. Segments, and what is overridden for
them and for identities, are in the second form alone; tags and owners in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from slipway.flags import jsontext
from slipway.flags.bundle import Bundle, Part
from slipway.flags.conditions import KEY, Rule, chain, shares, type_of, var
from slipway.flags.fields import OVERRIDES
from slipway.flags.source import Source
from slipway.flags.traits import segments
from slipway.problems import Fault, Invalid

PARTS = 1_000  # of a percent
CONTROL = "control"


class State(NamedTuple):
    """Of a feature, in an environment, a segment or for an identity."""

    source: Source
    enabled: bool
    value: Any
    options: list[tuple[Any, int]]  # values with their parts


def read(document: Any) -> Bundle:
    """Raises Invalid for what is no such file."""
    root = Source(jsontext.plain(document))
    if isinstance(root.value, dict) and isinstance(root.get("feature_states").value, list):
        return _environment(root)
    if not isinstance(root.value, list):
        detail = "A file of Flagsmith is a list of features, or an environment document with `feature_states`."
        raise Invalid(detail, errors=[Fault("", "type", detail)])
    features = [feature.of(key) for feature in root.items() if (key := feature.get("name").text())]
    parts = [part for feature in features if (part := _exported(feature)) is not None]
    return Bundle([], parts, [*root.report.notes, *root.report.rest(root)])


def _exported(feature: Source) -> Part | None:
    feature.leave("default_enabled initial_value", "It is what new environments begin with; here a flag is off in them.")
    feature.get("type").take()
    options = []
    for one in feature.get("multivariate").items():
        one.get("type").take()
        one.leave("default_percentage_allocation", "It is what new environments begin with; here a flag is off in them.")
        options.append((one.get("value").take(), round((one.get("percentage_allocation").number() or 0) * PARTS)))
    state = State(feature, feature.get("enabled").truth(), feature.get("value").take(), options)
    client_side = not feature.get("is_server_key_only").truth()
    return _flag(str(feature.flag), state, [], {}, client_side, feature.get("multivariate"))


# --- the environment document ------------------------------------------------------------------------------------


def _environment(root: Source) -> Bundle:
    root.leave(
        "id api_key name updated_at allow_client_traits hide_sensitive_data hide_disabled_flags amplitude_config"
        " dynatrace_config heap_config mixpanel_config rudderstack_config segment_config webhook_config"
        " use_identity_composite_key_for_hashing use_identity_overrides_in_local_eval"
    )
    project = root.get("project")
    project.leave("id name organisation hide_disabled_flags enable_realtime_updates")
    server_only = set(map(str, project.get("server_key_only_feature_ids").values()))
    states = {key: one.of(key) for one in root.get("feature_states").items() if (key := one.get("feature").get("name").text())}
    asked, rules = segments(project.get("segments"))
    overrides: dict[str, list[tuple[float, Rule, State]]] = {}
    broken: set[str] = set()
    for segment in project.get("segments").items():
        segment.leave("feature_states_to_delete")
        for one in segment.get("feature_states").items():
            key = one.get("feature").get("name").text() or ""
            one = one.of(key)
            priority = one.get("feature_segment").get("priority").number()
            one.get("feature_segment").leave("id")
            if segment.at not in rules:
                broken.add(key)
                one.take()
                one.note("unmapped", "What its segment asks for has no equal.")
                continue
            place = float("inf") if priority is None else float(priority)
            overrides.setdefault(key, []).append((place, rules[segment.at], _state(one)))
    people = _people(root.get("identity_overrides"))
    parts = []
    for key, source in states.items():
        id = str(source.get("feature").get("id").value)
        ranked = sorted(overrides.get(key, []), key=lambda one: one[0])
        steps = [(rule, state) for _, rule, state in ranked]
        state = _state(source)
        if key in broken:
            source.note("switched_off", "A part of it is missing: look at it before you switch it on.")
        part = _flag(key, state, steps, people.get(key, {}), id not in server_only,
                     source.get("multivariate_feature_state_values"), left_off=key in broken)  # fmt: skip
        parts += [] if part is None else [part]
    return Bundle(asked, parts, [*root.report.notes, *root.report.rest(root)])


def _state(source: Source) -> State:
    source.leave("id django_id featurestate_uuid feature_segment_id")
    source.get("feature").leave("id type")
    source.get("feature").get("name").take()
    options = []
    entries = source.get("multivariate_feature_state_values").items()
    for one in sorted(entries, key=lambda one: one.get("id").number() or 0):
        one.leave("mv_fs_value_uuid")
        one.get("id").take()
        one.get("multivariate_feature_option").leave("id")
        value = one.get("multivariate_feature_option").get("value").take()
        options.append((value, round((one.get("percentage_allocation").number() or 0) * PARTS)))
    return State(source, source.get("enabled").truth(), source.get("feature_state_value").take(), options)


def _people(identities: Source) -> dict[str, dict[str, State]]:
    """What is overridden for whom, by feature."""
    found: dict[str, dict[str, State]] = {}
    for identity in identities.items():
        name = identity.get("identifier").text()
        identity.leave("identity_uuid environment_api_key created_date identity_traits django_id composite_key dashboard_alias")
        for one in identity.get("identity_features").items():
            key = one.get("feature").get("name").text() or ""
            if name is not None:
                found.setdefault(key, {}).setdefault(name, _state(one.of(key))._replace(options=[]))
    return found


# --- a flag ------------------------------------------------------------------------------------------------------


def _flag(
    key: str,
    state: State,
    steps: list[tuple[Rule, State]],
    people: Mapping[str, State],
    client_side: bool,
    options: Source,
    left_off: bool = False,
) -> Part | None:
    every = [state, *(one for _, one in steps), *people.values()]
    plain = not any(one.value is not None or one.options for one in every)
    values: dict[str, Any] = {"on": True, "off": False} if plain else _values(every)
    type = type_of(list(values.values()))
    source = state.source
    if type is None:
        source.take()
        source.note("not_imported", "Its values are of several types, or one is missing; variants here are all of one type.")
        return None

    def answer(one: State) -> Rule:
        if plain:
            return "on" if one.enabled else "off"
        return _drawn(one, values) if one.enabled else None

    used = any(one.enabled for one in every)
    if not state.enabled:
        source.get("enabled").note("off_value", "Switched off, callers get their own default, not the value.")
    if any(len(_weights(one, values)) > 1 for one in every):
        options.note("other_buckets", "The shares stay, but identities fall into other buckets than before.")
    named: dict[str, list[str]] = {}
    asked: list[tuple[Rule, Rule]] = []
    for identity, one in people.items():
        variant = answer(one)
        if variant is None or len(people) > OVERRIDES:
            asked.append(({"==": [var(KEY), identity]}, variant))
        else:
            named.setdefault(variant, []).append(identity)
    asked += [(rule, answer(one)) for rule, one in steps]
    base = answer(state) if used else answer(state._replace(enabled=True))
    default = base if isinstance(base, str) and (plain or not asked) else None
    configuration = {
        "enabled": used and not left_off,
        "default_variant": default,
        "targeting": chain(asked, None if base == default else base),
        "overrides": named,
    }
    return Part(key, source.at, {"key": key, "type": type, "variants": values, "client_side": client_side}, configuration)


def _values(states: list[State]) -> dict[str, Any]:
    """By name: the value of the environment, then every other one that there is."""
    values: dict[str, Any] = {}
    if states[0].value is not None or states[0].options:
        values[CONTROL] = states[0].value
    for value in [one for state in states for one in (state.value, *(value for value, _ in state.options))]:
        if value is not None and not any(_same(value, known) for known in values.values()):
            values[f"option-{len(values) - (CONTROL in values) + 1}"] = value
    return values


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _name(value: Any, values: Mapping[str, Any]) -> str | None:
    return next((name for name, known in values.items() if _same(value, known)), None)


def _weights(state: State, values: Mapping[str, Any]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for value, part in state.options:
        if part > 0 and (name := _name(value, values)) is not None:
            weights[name] = weights.get(name, 0) + part
    rest, own = max(0, 100 * PARTS - sum(weights.values())), _name(state.value, values)
    if weights and rest and own is not None:
        weights[own] = weights.get(own, 0) + rest
    return weights


def _drawn(state: State, values: Mapping[str, Any]) -> Rule:
    weights = _weights(state, values)
    if len(weights) == 1:
        return next(iter(weights))
    return shares(weights) if weights else _name(state.value, values)
