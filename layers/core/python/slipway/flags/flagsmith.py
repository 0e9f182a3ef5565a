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
from slipway.flags.conditions import KEY, Rule, chain, part_of, shares, type_of, var
from slipway.flags.fields import OVERRIDES
from slipway.flags.source import Source, Unmapped
from slipway.flags.traits import segments
from slipway.problems import Fault, Invalid

PARTS = 1_000  # of a percent
CONTROL = "control"
STRANGER = "`feature_states` has no such feature."


class State(NamedTuple):
    """Of a feature, in an environment, a segment or for an identity. `broken`: a share could not be mapped."""

    source: Source
    enabled: bool
    value: Any
    options: list[tuple[Any, int]]  # values with their parts
    broken: bool = False


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
    feature.get("type").pass_over("derived")
    entries = feature.get("multivariate").items()
    for one in entries:
        one.get("type").pass_over("derived")
        one.leave("default_percentage_allocation", "It is what new environments begin with; here a flag is off in them.")
    options = _options([(one, one.get("value")) for one in entries], feature.get("multivariate"))
    state = State(feature, feature.get("enabled").truth(), feature.get("value").take(), options or [], options is None)
    client_side = not feature.get("is_server_key_only").truth()
    return _flag(str(feature.flag), state, [], {}, client_side, feature.get("multivariate"))


def _options(entries: list[tuple[Source, Source]], all: Source) -> list[tuple[Any, int]] | None:
    """Values with their parts, from what has the part and what is the value; None where one could not be mapped."""
    options, left = [], 100 * PARTS
    try:
        for one, value in entries:
            wanted = part_of(one.get("percentage_allocation"), 100, 100 * PARTS)
            if wanted > left:
                one.get("percentage_allocation").note("rest", f"Those before it leave {left / PARTS:g} % for it.")
            if wanted and value.value is None:
                raise Unmapped(value.at, "A variant here has a value.")
            options.append((value.take(), min(wanted, left)))
            left -= min(wanted, left)
    except Unmapped as unmapped:
        all.drop(unmapped)
        return None
    return options


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
            if key not in states:
                one.skip("left_out", STRANGER)
                continue
            one = one.of(key)
            priority = one.get("feature_segment").get("priority").number()
            one.get("feature_segment").leave("id")
            if segment.at not in rules:
                broken.add(key)
                one.skip("unmapped", "What its segment asks for has no equal.")
                continue
            place = float("inf") if priority is None else float(priority)
            overrides.setdefault(key, []).append((place, rules[segment.at], _state(one)))
    people = _people(root.get("identity_overrides"), states)
    parts = []
    for key, source in states.items():
        id = str(source.get("feature").get("id").value)
        ranked = sorted(overrides.get(key, []), key=lambda one: one[0])
        steps = [(rule, state) for _, rule, state in ranked]
        state = _state(source)
        state = state._replace(broken=state.broken or key in broken)
        part = _flag(key, state, steps, people.get(key, {}), id not in server_only,
                     source.get("multivariate_feature_state_values"))  # fmt: skip
        parts += [] if part is None else [part]
    return Bundle(asked, parts, [*root.report.notes, *root.report.rest(root)])


def _state(source: Source) -> State:
    source.leave("id django_id featurestate_uuid feature_segment_id")
    source.get("feature").leave("id type")
    all = source.get("multivariate_feature_state_values")
    entries = sorted(all.items(), key=lambda one: one.get("id").number() or 0)
    for one in entries:
        one.leave("mv_fs_value_uuid")
        one.get("multivariate_feature_option").leave("id")
    options = _options([(one, one.get("multivariate_feature_option").get("value")) for one in entries], all)
    value = source.get("feature_state_value").take()
    return State(source, source.get("enabled").truth(), value, options or [], options is None)


def _person(source: Source) -> State:
    """Nobody is drawn: an option that has all is the value."""
    state = _state(source)
    chosen = [value for value, part in state.options if part == 100 * PARTS]
    if chosen:
        source.leave("feature_state_value", "The identity gets an option.")
        return state._replace(value=chosen[0], options=[])
    if any(part for _, part in state.options):
        source.get("multivariate_feature_state_values").note("left_out", "One identity has one value.")
    return state._replace(options=[])


def _people(identities: Source, states: Mapping[str, Source]) -> dict[str, dict[str, State]]:
    """What is overridden for whom, by feature."""
    found: dict[str, dict[str, State]] = {}
    for identity in identities.items():
        name = identity.get("identifier").text()
        identity.leave("identity_uuid environment_api_key created_date identity_traits django_id composite_key dashboard_alias")
        for one in identity.get("identity_features").items():
            key = one.get("feature").get("name").text() or ""
            if key not in states:
                one.skip("left_out", STRANGER)
            elif name is None or name in found.get(key, {}):
                one.skip("left_out", "It is of nobody, or the second one of an identity.")
            else:
                found.setdefault(key, {})[name] = _person(one.of(key))
    return found


# --- a flag ------------------------------------------------------------------------------------------------------


def _flag(
    key: str,
    state: State,
    steps: list[tuple[Rule, State]],
    people: Mapping[str, State],
    client_side: bool,
    options: Source,
) -> Part | None:
    every = [state, *(one for _, one in steps), *people.values()]
    plain = not any(one.value is not None or one.options for one in every)
    values: dict[str, Any] = {"on": True, "off": False} if plain else _values(every)
    type = type_of(list(values.values()))
    source = state.source
    if type is None:
        source.skip("not_imported", "Its values are of several types, or one is missing; variants here are all of one type.")
        return None

    def answer(one: State) -> Rule:
        if plain:
            return "on" if one.enabled else "off"
        return _drawn(one, values) if one.enabled else None

    used, broken = any(one.enabled for one in every), any(one.broken for one in every)
    if broken:
        source.note("switched_off", "A part of it is missing: look at it before you switch it on.")
    if not used:
        source.get("enabled").note("off_value", "Switched off, callers get their own default, not the value.")
    elif not plain and not state.enabled:
        detail = "Who is not named by a segment or an identity gets the caller's own default, not the value."
        source.get("enabled").note("off_value", detail)
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
        "enabled": used and not broken,
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
