"""Features of Unleash, as the export of a project or an environment has them (one environment a file):

    {"features": [...], "featureStrategies": [...], "featureEnvironments": [...], "contextFields": [...], "featureTags": [...],
     "tagTypes": [...], "segments": [{"id", "name"}], "dependencies": [...]}

A feature is a boolean flag, on where one of its strategies says so. One with variants is an object flag, whose values are what
`getVariant` gives: `{"name", "enabled", "payload"}`. `userId` of the context is `targetingKey` here, everything else keeps its
name. What a segment asks for is not in such a file: a strategy with segments is left out, as is every other that has no equal,
and the flag is left off. Users fall into other buckets than before, in the same shares.
"""

from __future__ import annotations

from typing import Any

from slipway.flags import jsontext
from slipway.flags.bundle import Bundle, Part
from slipway.flags.conditions import KEY, Rule, all_of, any_of, chain, share, shares, tested, var
from slipway.flags.source import Source, Unmapped
from slipway.problems import Fault, Invalid

DISABLED = "disabled"  # the variant of who gets none
_OPERATORS = {
    "IN": "in", "NOT_IN": "in", "STR_STARTS_WITH": "starts", "STR_ENDS_WITH": "ends", "STR_CONTAINS": "contains",
    "REGEX": "matches", "NUM_EQ": "eq", "NUM_GT": "gt", "NUM_GTE": "gte", "NUM_LT": "lt", "NUM_LTE": "lte",
    "DATE_AFTER": "after", "DATE_BEFORE": "before",
    "SEMVER_EQ": "version =", "SEMVER_GT": "version >", "SEMVER_GTE": "version >=", "SEMVER_LT": "version <",
    "SEMVER_LTE": "version <=",
}  # fmt: skip
_SHARES = {"flexibleRollout": "rollout", "gradualRolloutUserId": "percentage", "gradualRolloutSessionId": "percentage",
           "gradualRolloutRandom": "percentage"}  # fmt: skip


def read(document: Any) -> Bundle:
    """Raises Invalid for what is no such file."""
    root = Source(jsontext.plain(document))
    if not isinstance(root.get("features").value, list):
        detail = "An export of Unleash has `features`, `featureStrategies` and `featureEnvironments`."
        raise Invalid(detail, errors=[Fault("/features", "required", detail)])
    root.leave("contextFields tagTypes version")
    root.leave("segments", "The file names segments, but does not say what they ask for.")
    features = {key: one.of(key) for one in root.get("features").items() if (key := one.get("name").text())}
    by_feature = {
        name: _by_feature(root.get(name), field)
        for name, field in (("featureStrategies", "featureName"), ("featureEnvironments", "featureName"),
                            ("featureTags", "featureName"), ("dependencies", "feature"))
    }  # fmt: skip
    plain = {key for key in features if not _variants(features[key], by_feature["featureEnvironments"].get(key, []))}
    flags = []
    for key, feature in features.items():
        parts = {name: found.get(key, []) for name, found in by_feature.items()}
        if (part := _flag(feature, parts, plain)) is not None:
            flags.append(part)
    return Bundle([], flags, [*root.report.notes, *root.report.rest(root)])


def _by_feature(entries: Source, field: str) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for one in entries.items():
        if key := one.get(field).text():
            found.setdefault(key, []).append(one.of(key))
    return found


def _variants(feature: Source, environments: list[Source]) -> list[Source]:
    """Those of the environment; older files have them in the feature."""
    return [one for place in environments for one in place.get("variants").items()] or feature.get("variants").items()


def _flag(feature: Source, parts: dict[str, list[Source]], plain: set[str]) -> Part | None:
    key, environments = str(feature.flag), parts["featureEnvironments"]
    if feature.get("archived").truth():
        for one in (feature, *(each for found in parts.values() for each in found)):
            one.take()
            one.note("not_imported", "The feature is archived.")
        return None
    feature.leave(
        "type project stale impressionData enabled favorite createdAt createdBy archivedAt lastSeenAt environments tags"
    )
    for one in environments:
        one.leave("name environment lastSeenAt id")
    enabled = bool([one for one in environments if one.get("enabled").truth()])
    variants = _variants(feature, environments)
    values: dict[str, Any] = {"on": True, "off": False}
    answer: Rule = "on"
    if variants:
        values, answer = _drawn(variants)
    broken, conditions = False, []
    for strategy in sorted(parts["featureStrategies"], key=lambda one: one.get("sortOrder").number() or 0):
        try:
            condition = _strategy(strategy)
            conditions += [] if condition is None else [condition]
        except Unmapped as unmapped:
            broken = True
            strategy.drop(unmapped)
    if broken and enabled:
        feature.note("switched_off", "A strategy of it is missing: look at it before you switch it on.")
    default = DISABLED if variants else "off"
    fields = {
        "key": key, "type": "object" if variants else "boolean", "variants": values,
        "description": feature.get("description").text(), "tags": [_tag(tag) for tag in parts["featureTags"]],
    }  # fmt: skip
    configuration = {
        "enabled": enabled and not broken,
        "default_variant": default,
        "targeting": chain([(any_of(conditions) if conditions else not parts["featureStrategies"], answer)]),
        "prerequisites": [one for each in parts["dependencies"] for one in _dependencies(each, plain)],
    }
    return Part(key, feature.at, fields, configuration)


def _drawn(variants: list[Source]) -> tuple[dict[str, Any], Rule]:
    """The values by variant, and the rule that draws one."""
    values: dict[str, Any] = {DISABLED: {"name": DISABLED, "enabled": False}}
    weights: dict[str, int] = {}
    overridden: list[tuple[Rule, Rule]] = []
    sticky = "default"
    for variant in variants:
        name = variant.get("name").text() or variant.at.rpartition("/")[2]
        payload = variant.get("payload").take()
        values[name] = {"name": name, "enabled": True} | ({"payload": payload} if payload else {})
        weights[name] = int(variant.get("weight").number() or 0)
        sticky = variant.get("stickiness").text() or sticky
        variant.leave("weightType")
        for override in variant.get("overrides").items():
            field = var(_path(override.get("contextName").text() or ""))
            overridden.append(({"in": [field, override.get("values").texts()]}, name))
    variants[0].note("other_buckets", "The shares stay, but users fall into other buckets than before.")
    return values, chain(overridden, shares(weights, _bucket(sticky)))


def _strategy(strategy: Source) -> Rule | None:
    """Whether it is met; None for one that is disabled. Raises Unmapped."""
    strategy.leave("id title sortOrder")
    strategy.get("sortOrder").take()
    if strategy.get("disabled").truth():
        strategy.take()
        strategy.note("left_out", "The strategy is disabled.")
        return None
    if strategy.get("segments").value:
        raise Unmapped(strategy.get("segments").at, "What its segments ask for is not in the file.")
    if strategy.get("variants").value:
        raise Unmapped(strategy.get("variants").at, "Variants of one strategy have no equal; those of the feature do.")
    name, parameters = strategy.get("name").text() or "", strategy.get("parameters")
    conditions = [_constraint(one) for one in strategy.get("constraints").items()]
    if name in _SHARES:
        conditions.append(_share(name, parameters))
    elif name == "userWithId":
        conditions.append({"in": [var(KEY), _listed(parameters.get("userIds"))]})
    elif name == "remoteAddress":
        conditions.append(tested(var("remoteAddress"), "network", _listed(parameters.get("IPs")), parameters.get("IPs")))
    elif name != "default":
        raise Unmapped(strategy.get("name").at, f"There is no strategy like {name!r}.")
    return all_of(conditions)


def _share(name: str, parameters: Source) -> Rule:
    sticky = parameters.get("stickiness").text() or ("sessionId" if name == "gradualRolloutSessionId" else "default")
    parameters.leave("groupId", "A flag draws by its own key.")
    part = parameters.get(_SHARES[name])
    try:
        percent = float(part.value)
    except (TypeError, ValueError):
        raise Unmapped(part.at, "The share is no number.") from None
    part.take()
    if 0 < percent < 100:
        part.note("other_buckets", "The share stays, but users fall into other buckets than before.")
    return share(round(percent * 100), 10_000, _bucket(sticky))


def _listed(source: Source) -> list[str]:
    return [item.strip() for item in (source.text() or "").split(",") if item.strip()]


def _bucket(stickiness: str) -> Rule | None:
    """None for the targeting key: nothing here is drawn anew with every call."""
    return None if stickiness in ("default", "random", "userId") else var(_path(stickiness))


def _path(name: str) -> str:
    return KEY if name == "userId" else name


def _constraint(constraint: Source) -> Rule:
    """Raises Unmapped."""
    operator, values = constraint.get("operator").text() or "", constraint.get("values")
    if operator not in _OPERATORS:
        raise Unmapped(constraint.get("operator").at, f"There is no operator like {operator!r}.")
    if constraint.get("caseInsensitive").truth():
        raise Unmapped(constraint.get("caseInsensitive").at, "Texts are compared letter by letter.")
    one, many = constraint.get("value"), values.values()
    compared = many if many or operator in ("IN", "NOT_IN") else [one.take()]
    field = var(_path(constraint.get("contextName").text() or ""))
    met = tested(field, _OPERATORS[operator], compared, values)
    return {"!": [met]} if constraint.get("inverted").truth() != (operator == "NOT_IN") else met


def _tag(tag: Source) -> str:
    kind, text = tag.get("tagType").text(), tag.get("tagValue").text() or ""
    made = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.:") else "-" for letter in text.lower())
    made = made.lstrip("-_.:")[:40] or "tag"
    if made != text or kind != "simple":
        tag.note("renamed", f"Here the tag is {made!r}; tags have no types.")
    tag.leave("createdByUserId")
    return made


def _dependencies(entry: Source, plain: set[str]) -> list[dict[str, Any]]:
    found = []
    for one in entry.get("dependencies").items():
        parent, wanted = one.get("feature").text() or "", one.get("variants").texts()
        enabled = one.get("enabled").value is not False
        one.get("enabled").take()
        if not wanted and parent in plain:
            wanted = ["on" if enabled else "off"]
        if wanted:
            found.append({"flag": parent, "variants": wanted})
        else:
            one.note("unmapped", "Name the variants that will do: the feature that it needs is no boolean flag here.")
    return found
