"""Flags of LaunchDarkly, as its REST API gives them:

    {"items": [flag, ...]}                                          GET /api/v2/flags/<project>?summary=0&env=<environment>
    {"flags": {"items": [...]}, "segments": {"items": [...]}}       with GET /api/v2/segments/<project>/<environment> beside it

A condition that has no equal is left out of its flag, and the flag is left off: nobody gets an answer that was not meant. Users
fall into other buckets than before, in the same shares: LaunchDarkly hashes with SHA-1 and a salt.
"""

from __future__ import annotations

from typing import Any

from slipway.flags import jsontext
from slipway.flags.bundle import Bundle, Part
from slipway.flags.conditions import KEY, Rule, all_of, any_of, chain, names, share, shares, tested, type_of, var
from slipway.flags.source import Source, Unmapped
from slipway.problems import Fault, Invalid

WHOLE = 100_000  # what the weights of a rollout add up to
_OPERATORS = {
    "in": "in", "startsWith": "starts", "endsWith": "ends", "contains": "contains", "matches": "matches", "lessThan": "lt",
    "lessThanOrEqual": "lte", "greaterThan": "gt", "greaterThanOrEqual": "gte", "before": "before", "after": "after",
    "semVerEqual": "version =", "semVerLessThan": "version <", "semVerGreaterThan": "version >",
}  # fmt: skip


def read(document: Any, environment: str | None) -> Bundle:
    """`environment`: of the file; None where it has only one. Raises Invalid for what is no such file."""
    root = Source(jsontext.plain(document))
    items = root.get("items") if isinstance(root.value, dict) and "items" in root.value else root.get("flags").get("items")
    if not isinstance(items.value, list):
        detail = "A file of LaunchDarkly has `items`: the answer of GET /api/v2/flags/<project>?summary=0."
        raise Invalid(detail, errors=[Fault("/items", "required", detail)])
    flags = [flag.of(key) for flag in items.items() if (key := flag.get("key").text())]
    variants = {str(flag.flag): _names(flag) for flag in flags}
    root.leave("_links totalCount totalCountWithDifferences")
    root.get("flags").leave("_links totalCount totalCountWithDifferences")
    root.get("segments").leave("_links totalCount")
    segments = [one.of(key) for one in root.get("segments").get("items").items() if (key := one.get("key").text())]
    rules = [part for one in segments if (part := _segment(one)) is not None]
    known = {part.key for part in rules}
    parts = [part for flag in flags if (part := _flag(flag, environment, variants, known)) is not None]
    return Bundle(rules, parts, [*root.report.notes, *root.report.rest(root)])


def _names(flag: Source) -> list[str]:
    variations = flag.get("variations").items()
    return names([one.get("name").text() for one in variations], [one.get("value").value for one in variations])


def _flag(flag: Source, environment: str | None, variants: dict[str, list[str]], segments: set[str]) -> Part | None:
    key, named = str(flag.flag), variants[str(flag.flag)]
    variations = flag.get("variations").items()
    values = [one.get("value").value for one in variations]
    type = type_of(values)
    if flag.get("archived").truth():
        flag.take()
        flag.note("not_imported", "It is archived.")
        return None
    if type is None:
        flag.take()
        flag.note(
            "not_imported", "Its variations are lists, or of several types; a variant here is no list, and all are of one type."
        )
        return None
    for one in variations:
        one.get("value").take()
        one.leave("_id description")
    flag.leave(
        "_id _version creationDate includeInSnippet _links goalIds experiments maintainerId _maintainerTeam variationJsonSchema"
    )
    flag.leave(
        "temporary customProperties deprecated deprecatedDate archivedDate defaults _purpose migrationSettings codeReferences"
    )
    flag.leave("name", "A flag here has a key and a description.")
    flag.get("kind").take()
    configuration = _configuration(flag, environment, named, variants, segments)
    availability = flag.get("clientSideAvailability")
    client_side = [availability.get(name).truth() for name in ("usingEnvironmentId", "usingMobileKey")]
    fields = {
        "key": key, "type": type, "variants": dict(zip(named, values, strict=True)), "client_side": any(client_side),
        "description": flag.get("description").text(), "tags": _tags(flag), "owner": _owner(flag),
    }  # fmt: skip
    return Part(key, flag.at, fields, configuration)


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
            one.take()
            one.note("other_environment", "One import reads one environment: name it with `source`.")
    return there.get(chosen or "")


def _configuration(
    flag: Source, wanted: str | None, named: list[str], variants: dict[str, list[str]], segments: set[str]
) -> dict[str, Any]:
    here = _environment(flag, wanted)
    if here is None:
        flag.get("environments").note("not_configured", "The file does not tell of one environment: the flag is off.")
        return {"enabled": False}
    on, broken = here.get("on").truth(), False
    overrides: dict[str, list[str]] = {}
    steps: list[tuple[Rule, Rule]] = []
    for place in ("targets", "contextTargets"):
        for target in here.get(place).items():
            kind = target.get("contextKind").text() or "user"
            keys, variant = target.get("values").texts(), _variant(target.get("variation"), named)
            if kind == "user":
                overrides.setdefault(variant, []).extend(keys)
            elif keys:
                steps.append(({"in": [var(f"{kind}.key"), keys]}, variant))
    for rule in here.get("rules").items():
        if rule.get("disabled").truth():
            rule.take()
            rule.note("left_out", "The rule is disabled.")
            continue
        rule.leave("_id ref trackEvents description")
        try:
            condition = all_of([_clause(clause, segments) for clause in rule.get("clauses").items()])
            steps.append((condition, _served(rule, named)))
        except Unmapped as unmapped:
            broken = True
            rule.drop(unmapped)
    default, otherwise = None, None
    try:
        served = _served(here.get("fallthrough"), named)
        default, otherwise = (served, None) if isinstance(served, str) else (None, served)
    except Unmapped as unmapped:
        broken = True
        here.get("fallthrough").drop(unmapped)
    off, prerequisites = here.get("offVariation"), here.get("prerequisites").items()
    if off.number() is not None:
        other = " So they do where a prerequisite is not met: there the default is given." if prerequisites else ""
        off.note("off_variation", f"Switched off, callers get their own default, not {_variant(off, named)!r}.{other}")
    wanted_flags = [
        {"flag": key, "variants": [_variant(one.get("variation"), variants.get(key, []))]}
        for one in prerequisites
        if (key := one.get("key").text())
    ]
    here.leave("archived salt sel lastModified version site _site _environmentName trackEvents trackEventsFallthrough _access")
    here.leave("_links _summary debugEventsUntilDate _debugEventsUntilDate environmentName access")
    if broken and on:
        here.get("on").note("switched_off", "A rule of it is missing: look at it before you switch it on.")
    return {
        "enabled": on and not broken,
        "default_variant": default,
        "targeting": chain(steps, otherwise),
        "overrides": {variant: keys for variant, keys in overrides.items() if keys},
        "prerequisites": wanted_flags,
    }


def _variant(index: Source, named: list[str]) -> str:
    number = index.number()
    if number is None or not 0 <= number < len(named):
        return f"variation {index.value}"  # there is none of this name: the import tells so
    return named[int(number)]


def _served(place: Source, named: list[str]) -> Rule:
    """The name of a variant, or the rule that draws one. Raises Unmapped."""
    rollout = place.get("rollout")
    if not isinstance(rollout.value, dict):
        return _variant(place.get("variation"), named)
    if rollout.get("experimentAllocation").value or rollout.get("kind").text() == "experiment":
        raise Unmapped(rollout.at, "An experiment is no rollout: it has to be set up anew.")
    weights: dict[str, int] = {}
    for one in rollout.get("variations").items():
        variant, weight = _variant(one.get("variation"), named), one.get("weight").number() or 0
        weights[variant] = weights.get(variant, 0) + int(weight)
        one.leave("_id untracked")
    rollout.leave("seed")
    rollout.note("other_buckets", "The shares stay, but users fall into other buckets than before.")
    return shares(weights, _bucket(rollout))


def _bucket(rollout: Source) -> Rule | None:
    kind, by = rollout.get("contextKind").text() or "user", rollout.get("bucketBy").text() or "key"
    return None if (kind, by) == ("user", "key") else var(_path(by, kind))


def _path(attribute: str, kind: str) -> str:
    """Where the evaluation context has it: a context of another kind than user stands inside of it under its kind."""
    steps = attribute.strip("/").replace("/", ".") if attribute.startswith("/") else attribute
    if kind == "user":
        return KEY if steps == "key" else steps
    return f"{kind}.{steps}"


def _clause(clause: Source, segments: set[str]) -> Rule:
    """Raises Unmapped."""
    clause.leave("_id")
    operator, values = clause.get("op").text() or "", clause.get("values")
    if operator == "segmentMatch":
        keys = values.texts()
        clause.get("attribute").take()
        clause.get("contextKind").take()
        if missing := [key for key in keys if key not in segments]:
            raise Unmapped(values.at, f"The file has no segment {missing[0]!r} that could be mapped.")
        met = any_of([{"$ref": key} for key in keys])
        return {"!": [met]} if clause.get("negate").truth() else met
    if operator not in _OPERATORS:
        raise Unmapped(clause.get("op").at, f"There is no operator like {operator!r}.")
    field = var(_path(clause.get("attribute").text() or "key", clause.get("contextKind").text() or "user"))
    met = tested(field, _OPERATORS[operator], values.values(), values)
    if clause.get("negate").truth():
        return {"and": [{"!==": [field, None]}, {"!": [met]}]}  # without the attribute no clause is met
    return met


def _segment(segment: Source) -> Part | None:
    """Who is included is in; who is excluded is not, whatever the rules say."""
    key = str(segment.flag)
    segment.leave("name tags creationDate _links rules_count _flags version generation deleted _access salt lastModifiedDate")
    if segment.get("unbounded").truth():
        segment.take()
        segment.note("unmapped", "A big segment has its members elsewhere; the flags that use it are left off.")
        return None
    try:
        rules = [_segment_rule(rule) for rule in segment.get("rules").items()]
    except Unmapped as unmapped:
        segment.drop(unmapped)
        return None
    included, excluded = ([_members(segment.get(name), segment.get(more)) for name, more in
                           (("included", "includedContexts"), ("excluded", "excludedContexts"))])  # fmt: skip
    ruled = [{"and": [{"!": [any_of(excluded)]}, any_of(rules)]} if excluded else any_of(rules)] if rules else []
    rule = any_of([*included, *ruled])
    targeting = rule if isinstance(rule, dict) else {"in": [var(KEY), []]}
    return Part(key, segment.at, {"key": key, "targeting": targeting, "description": segment.get("description").text()})


def _members(users: Source, contexts: Source) -> list[Rule]:
    keys = users.texts()
    found: list[Rule] = [{"in": [var(KEY), keys]}] if keys else []
    for one in contexts.items():
        kind, values = one.get("contextKind").text() or "user", one.get("values").texts()
        found += [{"in": [var(_path("key", kind)), values]}] if values else []
    return found


def _segment_rule(rule: Source) -> Rule:
    rule.leave("_id description")
    condition = all_of([_clause(clause, set()) for clause in rule.get("clauses").items()])
    weight = rule.get("weight").number()
    if weight is None:
        return condition
    by, kind = rule.get("bucketBy").text() or "key", rule.get("rolloutContextKind").text() or "user"
    rule.get("weight").note("other_buckets", "The share stays, but users fall into other buckets than before.")
    return all_of([condition, share(int(weight), WHOLE, var(_path(by, kind)))])
