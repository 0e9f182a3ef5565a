"""Features of Unleash, of one environment, as an export of some features or of the whole state has them:

    {"features": [...], "featureStrategies": [...], "featureEnvironments": [...], "contextFields": [...], "featureTags": [...],
     "tagTypes": [...], "segments": [{"id", "name"}], "dependencies": [...]}              POST /api/admin/features-batch/export
    {"version": 4, ..., "environments": [...], "featureStrategySegments": [...],
     "segments": [{"id", "name", "constraints"}]}                                         GET /api/admin/state/export

A feature is a boolean flag, on where one of its strategies says so. One with variants, its own or those of a strategy, is an
object flag, whose values are what `getVariant` gives: `{"name", "enabled", "payload"}`. What has no equal is left out, and the
flag is left off. Users fall into other buckets than before, in the same shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from slipway.flags import jsontext
from slipway.flags.bundle import Bundle, Part
from slipway.flags.conditions import KEY, Rule, all_of, any_of, chain, var
from slipway.flags.constraints import constraint, networks, segments
from slipway.flags.draws import SHARES, Step, drawn, taken, within
from slipway.flags.source import Source, Unmapped
from slipway.problems import Fault, Invalid

DISABLED = "disabled"  # the variant of who gets none
_TABLES = {"featureStrategies": "featureName", "featureEnvironments": "featureName", "featureTags": "featureName",
           "dependencies": "feature"}  # fmt: skip


class Feature(NamedTuple):
    """Where the file tells of a feature, in the environment that is read."""

    source: Source
    strategies: list[Source]
    environments: list[Source]
    tags: list[Source]
    dependencies: list[Source]

    @property
    def variants(self) -> list[Source]:
        """Those of the environment; older files have them in the feature."""
        return [one for place in self.environments for one in place.get("variants").items()] or self.source.get(
            "variants"
        ).items()

    @property
    def has_variants(self) -> bool:
        return bool(self.variants) or any(one.get("variants").items() for one in self.strategies)

    @property
    def enabled(self) -> bool:
        return any(one.get("enabled").truth() for one in self.environments)


class Answers(NamedTuple):
    """What a feature answers when. `broken`: a part is missing. `bare`: it may be on without a variant."""

    broken: bool
    values: dict[str, Any]
    steps: list[Step]
    bare: bool


def read(document: Any, environment: str | None = None) -> Bundle:
    """`environment`: of the file; None where it has only one. Raises Invalid for what is no such file."""
    root = Source(jsontext.plain(document))
    if not isinstance(root.get("features").value, list):
        detail = "An export of Unleash has `features`, `featureStrategies` and `featureEnvironments`."
        raise Invalid(detail, errors=[Fault("/features", "required", detail)])
    root.leave("contextFields tagTypes tags version environments projects strategies")
    asked, rules = segments(root.get("segments"))
    by_strategy: dict[str, list[Any]] = {}
    for link in root.get("featureStrategySegments").items():
        link.leave("id createdAt")
        by_strategy.setdefault(str(link.get("featureStrategyId").take()), []).append(link.get("segmentId").take())
    features = _features(root, environment)
    read = _Reading(features, rules, by_strategy)
    flags = [part for key in features if (part := read.flag(key)) is not None]
    return Bundle(asked, flags, [*root.report.notes, *root.report.rest(root)])


def _features(root: Source, environment: str | None) -> dict[str, Feature]:
    sources = {key: one.of(key) for one in root.get("features").items() if (key := one.get("name").text())}
    tables = {name: _by_feature(root.get(name), key) for name, key in _TABLES.items()}
    told = [one for name in ("featureStrategies", "featureEnvironments") for found in tables[name].values() for one in found]
    names = {one.get("environment").value for one in told if isinstance(one.get("environment").value, str)}
    chosen = environment if environment is not None else next(iter(names)) if len(names) == 1 else None

    def here(name: str, key: str) -> list[Source]:
        found = []
        for one in tables[name].get(key, []):
            there = one.get("environment").text()
            if there is None or there == chosen:
                found.append(one)
            else:
                one.skip("other_environment", "One import reads one environment: name it with `source`.")
        return found

    return {
        key: Feature(source, here("featureStrategies", key), here("featureEnvironments", key),
                     tables["featureTags"].get(key, []), tables["dependencies"].get(key, []))
        for key, source in sources.items()
    }  # fmt: skip


def _by_feature(entries: Source, name: str) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for one in entries.items():
        if key := one.get(name).text():
            found.setdefault(key, []).append(one.of(key))
    return found


class _Reading:
    def __init__(self, features: Mapping[str, Feature], segments: Mapping[str, Rule], links: Mapping[str, list[Any]]) -> None:
        self.features, self.segments, self.links = features, segments, links
        self._answers: dict[str, Answers] = {}

    def answers(self, key: str) -> Answers:
        if key not in self._answers:
            self._answers[key] = self._steps(self.features[key])
        return self._answers[key]

    def flag(self, key: str) -> Part | None:
        feature = self.features[key]
        source = feature.source
        if source.get("archived").truth():
            for one in (source, *feature.strategies, *feature.environments, *feature.tags, *feature.dependencies):
                one.skip("not_imported", "The feature is archived.")
            return None
        source.leave(
            "type project stale impressionData enabled favorite createdAt createdBy createdByUserId archivedAt lastSeenAt"
            " environments tags archived"
        )
        for one in feature.environments:
            one.leave("name lastSeenAt id")
        if not feature.environments:
            source.note("not_configured", "The file does not tell of it in one environment: the flag is off.")
        elif not feature.enabled:
            feature.environments[0].get("enabled").note("off_value", "Switched off, callers get their own default.")
        broken, values, steps, _ = self.answers(key)
        needed, left_off = [], False
        for entry in feature.dependencies:
            for one in entry.get("dependencies").items():
                try:
                    needed += self._needed(one)
                    left_off = left_off or self.answers(str(one.get("feature").value)).broken
                except Unmapped as unmapped:
                    broken = True
                    one.drop(unmapped)
        if broken and feature.enabled:
            source.note("switched_off", "A part of it is missing: look at it before you switch it on.")
        elif left_off:
            source.note("prerequisite_off", "A feature that it needs is left off, so that nobody meets that.")
        fields = {
            "key": key, "type": "object" if feature.has_variants else "boolean", "variants": values,
            "description": source.get("description").text(), "tags": [_tag(tag) for tag in feature.tags],
        }  # fmt: skip
        configuration = {
            "enabled": feature.enabled and not broken,
            "default_variant": DISABLED if feature.has_variants else "off",
            "targeting": chain(steps),
            "prerequisites": needed,
        }
        return Part(key, source.at, fields, configuration)

    def _steps(self, feature: Feature) -> Answers:
        values: dict[str, Any] = {DISABLED: {"name": DISABLED, "enabled": False}}
        if not feature.has_variants:
            values = {"on": True, "off": False}
        bare = False
        own: list[Step] = [] if feature.has_variants else [(True, "on")]
        broken, met, answered = False, list[Rule](), list[Step]()
        if feature.variants:
            try:
                own = drawn(feature.variants, values, None)
            except Unmapped as unmapped:
                broken = True
                feature.variants[0].drop(unmapped)
        for strategy in sorted(feature.strategies, key=lambda one: one.get("sortOrder").number() or 0):
            theirs = strategy.get("variants").items()
            try:
                condition = self._strategy(strategy)
                sticky = strategy.get("parameters").get("stickiness").value
                variants = drawn(theirs, values, str(sticky or "default")) if condition is not None else []
            except Unmapped as unmapped:
                broken = True
                strategy.drop(unmapped)
                continue
            if condition is None:
                continue
            if feature.has_variants and not theirs and not own and condition is not False:
                bare = True
                strategy.note(
                    "no_variant", "Where it is met the feature is on without a variant: here that is as if it were off."
                )
            if theirs:
                answered += within(condition, variants)
            elif feature.has_variants and isinstance(strategy.get("variants").value, list):
                answered += within(condition, own or [(True, DISABLED)])
            else:
                met.append(condition)
        if not feature.strategies:
            met.append(True)
        return Answers(broken, values, [*answered, *within(any_of(met), own)], bare)

    def _strategy(self, strategy: Source) -> Rule | None:
        """Whether it is met; None for one that is disabled. Raises Unmapped."""
        strategy.leave("id title createdAt projectId milestoneId")
        if strategy.get("disabled").truth():
            strategy.skip("left_out", "The strategy is disabled.")
            return None
        listed = strategy.get("segments")
        ids = [str(id) for id in (*listed.values(), *self.links.get(str(strategy.get("id").value), []))]
        if unknown := [id for id in ids if id not in self.segments]:
            raise Unmapped(listed.at, f"What its segment {unknown[0][:60]} asks for is not in the file, or has no equal.")
        named = strategy.get("name" if strategy.get("strategyName").value is None else "strategyName")
        name, parameters = named.text() or "", strategy.get("parameters")
        conditions = [constraint(one) for one in strategy.get("constraints").items()]
        conditions += [self.segments[id] for id in dict.fromkeys(ids)]
        if name in SHARES:
            conditions.append(taken(name, parameters))
        elif name == "userWithId":
            listed_ids = [item.strip() for item in (parameters.get("userIds").text() or "").split(",") if item.strip()]
            conditions.append({"in": [var(KEY), listed_ids]})
        elif name == "remoteAddress":
            conditions.append(networks(parameters.get("IPs")))
        elif name != "default":
            raise Unmapped(named.at, f"There is no strategy like {name!r}.")
        return all_of([condition for condition in conditions if condition is not True])

    def _needed(self, one: Source) -> list[dict[str, Any]]:
        """Raises Unmapped."""
        name, wanted = one.get("feature").text() or "", one.get("variants").texts()
        enabled = one.get("enabled").value is not False
        one.get("enabled").truth()
        parent = self.features.get(name)
        if parent is None or parent.source.get("archived").value is True:
            raise Unmapped(one.get("feature").at, f"The file has no feature {name!r} that could be imported.")
        if any(entry.get("dependencies").items() for entry in parent.dependencies):
            raise Unmapped(one.get("feature").at, f"{name!r} needs another feature itself, and so is never met.")
        if enabled and wanted and not parent.has_variants:
            raise Unmapped(one.get("variants").at, f"{name!r} has no variants, and so is never met.")
        if not enabled:
            one.leave("variants", "Where it has to be off they are not asked for.")
        if not enabled and not parent.enabled:
            return []  # it is off for everybody
        if not parent.has_variants:
            return [{"flag": name, "variants": ["on" if enabled else "off"]}]
        found = self.answers(name)
        variants = [variant for variant, value in found.values.items() if value["enabled"] and value["name"] in wanted]
        if not enabled or not variants or found.bare:
            raise Unmapped(one.at, "Name the variants that will do: the feature that it needs is no boolean flag here.")
        return [{"flag": name, "variants": variants}]


def _tag(tag: Source) -> str:
    kind, text = tag.get("tagType").text(), tag.get("tagValue").text() or ""
    made = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.:") else "-" for letter in text.lower())
    made = made.lstrip("-_.:")[:40] or "tag"
    if made != text or kind != "simple":
        tag.note("renamed", f"Here the tag is {made!r}; tags have no types, such as {kind!r}.")
    tag.leave("createdByUserId")
    return made
