"""Flags of LaunchDarkly, as its REST API gives them, or as its SDKs read them from a file and the relay proxy archives them:

    {"items": [flag, ...]}                                          GET /api/v2/flags/<project>?summary=0&env=<environment>
    {"flags": {"items": [...]}, "segments": {"items": [...]}}       with GET /api/v2/segments/<project>/<environment> beside it
    {"flags": {key: flag}, "segments": {key: segment}, "flagValues": {key: value}}      of one environment; it may stand in
                                                                    `data` or in `flagData`

A condition that has no equal is left out of its flag, and the flag is left off: nobody gets an answer that was not meant. Users
fall into other buckets than before, in the same shares: LaunchDarkly hashes with SHA-1 and a salt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from slipway.flags import jsontext
from slipway.flags.bundle import Bundle, Part
from slipway.flags.clauses import WHOLE, clause, field, segments
from slipway.flags.conditions import Rule, all_of, chain, names, part_of, shares, type_of
from slipway.flags.source import Source, Unmapped
from slipway.flags.targets import targets, variant_of
from slipway.problems import Fault, Invalid


class Known(NamedTuple):
    """What a flag may refer to: the variants of every flag that is imported, and the segments."""

    variants: Mapping[str, list[str]]
    segments: Mapping[str, Rule]


def read(document: Any, environment: str | None) -> Bundle:
    """`environment`: of the file; None where it has only one. Raises Invalid for what is no such file."""
    top = Source(jsontext.plain(document))
    inner = next((top.get(name) for name in ("data", "flagData") if isinstance(top.get(name).value, dict)), None)
    root = top if inner is None else inner
    top.leave("path _links totalCount totalCountWithDifferences")
    for name in ("flags", "segments"):
        if isinstance(root.get(name).get("items").value, list):
            root.get(name).leave("_links totalCount totalCountWithDifferences")
    flags = _keyed(root if isinstance(root.get("items").value, list) else root.get("flags"))
    values = root.get("flagValues").members()
    if flags is None and not values:
        detail = "A file of LaunchDarkly has `items`, the answer of GET /api/v2/flags/<project>?summary=0, or `flags` by key."
        raise Invalid(detail, errors=[Fault("/items", "required", detail)])
    kept = {key: flag for key, flag in (flags or {}).items() if _importable(flag)}
    rules = segments(_keyed(root.get("segments")) or {})
    known = Known({key: _names(flag) for key, flag in kept.items()}, {part.key: {"$ref": part.key} for part in rules})
    parts = [_flag(key, flag, environment, known) for key, flag in kept.items()]
    parts += [part for key, one in values.items() if (part := _constant(key, one.of(key))) is not None]
    _tell_dependents(kept, parts, {str(note.flag) for note in top.report.notes if note.code == "switched_off"})
    return Bundle(rules, parts, [*top.report.notes, *top.report.rest(top)])


def _tell_dependents(flags: Mapping[str, Source], parts: Sequence[Part], off: set[str]) -> None:
    """What needs a flag that is left off answers as if it were not met, and so on."""
    while True:
        more = {
            part.key for part in parts if any(one["flag"] in off for one in (part.configuration or {}).get("prerequisites", ()))
        } - off
        if not more:
            return
        for key in more:
            flags[key].note("prerequisite_off", "A flag that it needs is left off, so that nobody meets that.")
        off |= more


def _keyed(source: Source) -> dict[str, Source] | None:
    """Flags or segments by key, from a list or an object of them; None where there is neither."""
    listed = source.get("items")
    if isinstance(listed.value, list):
        return {key: one.of(key) for one in listed.items() if (key := one.get("key").text())}
    if not isinstance(source.value, dict):
        return None
    found = {name: one.of(name) for name, one in source.members().items() if isinstance(one.value, dict)}
    for name, one in found.items():
        if one.get("key").value == name:
            one.get("key").pass_over("derived")
        else:
            one.leave("key", "The name that it stands under is its key.")
    return found


def _constant(key: str, source: Source) -> Part | None:
    """Of `flagValues`: a flag that gives everybody the same."""
    type = type_of([source.value])
    if type is None:
        source.skip("not_imported", "A variant here is no list.")
        return None
    value = source.take()
    variants = {"on": True, "off": False} if type == "boolean" else {"value": value}
    default = ("on" if value else "off") if type == "boolean" else "value"
    configuration = {"enabled": True, "default_variant": default}
    return Part(key, source.at, {"key": key, "type": type, "variants": variants}, configuration)


def _values(flag: Source) -> list[Source]:
    """Of the variations: objects over the API, plain values in a file for SDKs."""
    plain = not isinstance(flag.get("environments").value, dict)
    return [one if plain else one.get("value") for one in flag.get("variations").items()]


def _importable(flag: Source) -> bool:
    why = None
    if flag.get("archived").truth():
        why = "It is archived."
    elif flag.get("deleted").truth():
        why = "It is deleted."
    elif type_of([one.value for one in _values(flag)]) is None:
        why = "Its variations are lists, or of several types; a variant here is no list, and all are of one type."
    if why is not None:
        flag.skip("not_imported", why)
    return why is None


def _names(flag: Source) -> list[str]:
    values = [one.value for one in _values(flag)]
    return names([one.get("name").text() for one in flag.get("variations").items()], values)


def _flag(key: str, flag: Source, environment: str | None, known: Known) -> Part:
    named, values = known.variants[key], [one.take() for one in _values(flag)]
    for one, name in zip(flag.get("variations").items(), named, strict=True):
        one.leave("_id description")
        if one.get("name").value not in (None, "", name):
            one.get("name").note("renamed", f"Here the variant is {name!r}.")
    flag.leave(
        "_id _version creationDate includeInSnippet _links goalIds maintainerId _maintainerTeam variationJsonSchema"
        " temporary customProperties deprecated deprecatedDate archivedDate defaults _purpose migrationSettings codeReferences"
    )
    if flag.get("experiments").get("items").value:
        flag.leave("experiments", "An experiment has to be set up anew.")
    flag.get("experiments").get("baselineIdx").pass_over("derived")  # without items there is none
    flag.leave("name", "A flag here has a key and a description.")
    flag.get("kind").pass_over("derived")
    in_file = not isinstance(flag.get("environments").value, dict)
    here = flag if in_file else _environment(flag, environment)
    availability = flag.get("clientSideAvailability")
    client_side = [availability.get(name).truth() for name in ("usingEnvironmentId", "usingMobileKey")]
    if len(set(client_side)) > 1:
        availability.note("client_side", "There browsers or mobile apps alone get it; here there is one kind of client keys.")
    client_side.append(flag.get("clientSide").truth())
    fields = {
        "key": key, "type": type_of(values), "variants": dict(zip(named, values, strict=True)),
        "client_side": any(client_side), "description": flag.get("description").text(), "tags": _tags(flag),
        "owner": _owner(flag),
    }  # fmt: skip
    if here is None:
        flag.get("environments").note("not_configured", "The file does not tell of one environment: the flag is off.")
        return Part(key, flag.at, fields, {"enabled": False})
    return Part(key, flag.at, fields, _configuration(here, named, known))


def _owner(flag: Source) -> str | None:
    maintainer = flag.get("_maintainer")
    owner = maintainer.get("email").text() or flag.get("maintainerTeamKey").text()
    maintainer.leave("_links _id firstName lastName role")
    return owner


def _tags(flag: Source) -> list[str]:
    tags = []
    for tag in flag.get("tags").items():
        text = (tag.text() or "").lower().replace(" ", "-")[:40]
        tags.append(text)
        if text != tag.value:
            tag.note("renamed", f"Here the tag is {text!r}.")
    return tags


def _environment(flag: Source, wanted: str | None) -> Source | None:
    there = flag.get("environments").members()
    chosen = wanted if wanted is not None else next(iter(there)) if len(there) == 1 else None
    for name, one in there.items():
        if name != chosen:
            one.skip("other_environment", "One import reads one environment: name it with `source`.")
    return there.get(chosen or "")


def _configuration(here: Source, named: list[str], known: Known) -> dict[str, Any]:
    on, broken = here.get("on").truth(), False
    overrides, steps = targets(here, named)
    for rule in here.get("rules").items():
        if rule.get("disabled").truth():
            rule.skip("left_out", "The rule is disabled.")
            continue
        rule.leave("_id id ref trackEvents description")
        try:
            condition = all_of([clause(one, known.segments) for one in rule.get("clauses").items()])
            steps.append((condition, _served(rule, named)))
        except Unmapped as unmapped:
            broken = True
            rule.drop(unmapped)
    needed: list[dict[str, Any]] = []
    for one in here.get("prerequisites").items():
        key = one.get("key").text() or ""
        if key in known.variants:
            needed.append({"flag": key, "variants": [variant_of(one.get("variation"), known.variants[key])]})
        else:
            broken = True
            one.drop(Unmapped(one.get("key").at, f"The file has no flag {key!r} that could be imported."))
    default, otherwise = None, None
    try:
        served = _served(here.get("fallthrough"), named)
        default, otherwise = (served, None) if isinstance(served, str) else (None, served)
    except Unmapped as unmapped:
        broken = True
        here.get("fallthrough").drop(unmapped)
    off = here.get("offVariation")
    if off.number() is not None:
        off.note("off_variation", f"Switched off, callers get their own default, not {variant_of(off, named)!r}.")
    if needed:  # who does not meet them gets what is given where the flag is off, and that is the default here
        otherwise = default if otherwise is None else otherwise
        default = None if off.number() is None else variant_of(off, named)
    here.leave("archived salt sel lastModified version site _site _environmentName trackEvents trackEventsFallthrough _access")
    here.leave("_links _summary debugEventsUntilDate _debugEventsUntilDate environmentName access excludeFromSummaries")
    here.leave("samplingRatio migration")
    if broken and on:
        here.get("on").note("switched_off", "A part of it is missing: look at it before you switch it on.")
    return {
        "enabled": on and not broken,
        "default_variant": default,
        "targeting": chain(steps, otherwise),
        "overrides": overrides,
        "prerequisites": needed,
    }


def _served(place: Source, named: list[str]) -> Rule:
    """The name of a variant, or the rule that draws one. Raises Unmapped."""
    if place.get("variation").number() is not None:
        return variant_of(place.get("variation"), named)
    rollout = place.get("rollout")
    entries = rollout.get("variations").items()
    if not entries:
        raise Unmapped(place.at, "It says no variation.")
    experiment = rollout.get("kind").text() == "experiment"
    rollout.get("experimentAllocation").leave("canReshuffle defaultVariation type")
    weights, left = dict[str, int](), WHOLE
    for number, one in enumerate(entries, 1):
        variant, weight = variant_of(one.get("variation"), named), part_of(one.get("weight"), WHOLE, WHOLE)
        if number == len(entries) and weight != left:
            one.get("weight").note("rest", f"The last one has the rest, and that is {left / WHOLE:.3%}.")
        weight = left if number == len(entries) else min(left, weight)
        weights[variant] = weights.get(variant, 0) + weight
        left -= weight
        one.leave("_id untracked")
    rollout.leave("seed")
    if experiment:
        rollout.note("experiment", "The shares stay; what it measures has to be set up anew.")
    drawn = {variant: weight for variant, weight in weights.items() if weight}
    if experiment:
        rollout.leave("bucketBy", "An experiment is drawn by the key.")
    kind, by = rollout.get("contextKind").text(), "key" if experiment else rollout.get("bucketBy").text() or "key"
    first = variant_of(entries[0].get("variation"), named)
    if len(drawn) == 1 and first in drawn:
        return first
    without = f" Who has nothing to be drawn by got {first!r}, and is drawn as any other."
    rollout.note("other_buckets", "The shares stay, but users fall into other buckets than before." + without)
    if len(drawn) == 1:
        return next(iter(drawn))
    if (kind or "user", by) == ("user", "key"):
        return shares(drawn)
    return shares(drawn, field(by, kind, rollout.get("bucketBy")))
