"""What LaunchDarkly asks of a context, as JsonLogic: clauses, and the segments that are made of them.

A user's attributes stand at the top of the evaluation context and its key is `targetingKey`; a context of another kind stands
inside of it, under its kind, with its `key`. An attribute that is a list passes where one of its items does, and one that is
missing passes never, also where the clause is negated. Nothing is turned from text into a number on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.flags.bundle import Part
from slipway.flags.conditions import (
    ITEM,
    KEY,
    Rule,
    all_of,
    any_of,
    each,
    in_full,
    is_number,
    is_text,
    part_of,
    pattern_of,
    share,
    var,
)
from slipway.flags.extensions import moment
from slipway.flags.semver import parse
from slipway.flags.source import Source, Unmapped

WHOLE = 100_000  # what the weights of a rollout add up to
_NUMBERS = {"lessThan": "<", "lessThanOrEqual": "<=", "greaterThan": ">", "greaterThanOrEqual": ">="}
_VERSIONS = {"semVerEqual": "=", "semVerLessThan": "<", "semVerGreaterThan": ">"}
_TEXTS = ("startsWith", "endsWith", "contains", "matches")
_DATES = ("before", "after")
_NEVER = "Such a moment is in no calendar."
_OPERATORS = {"in", *_NUMBERS, *_VERSIONS, *_TEXTS, *_DATES}


def present(kind: str) -> Rule:
    """Whether the context has one of this kind."""
    return {"!==": [var(KEY if kind == "user" else f"{kind}.key"), None]}


def field(attribute: str, kind: str | None, source: Source) -> Rule:
    """Where the evaluation context has an attribute. Without a kind a slash is a part of its name. Raises Unmapped."""
    steps = [attribute]
    if kind is not None and attribute.startswith("/"):
        steps = [step.replace("~1", "/").replace("~0", "~") for step in attribute[1:].split("/")]
    kind = kind or "user"
    if steps == ["key"]:
        return var(KEY if kind == "user" else f"{kind}.key")
    if kind == "user" and steps[0] in ("key", KEY, "$flagd"):
        raise Unmapped(source.at, f"The evaluation context has something else at {steps[0]!r}.")
    path = steps if kind == "user" else [kind, *steps]
    if not all(path) or any("." in step for step in path):
        raise Unmapped(source.at, "No path leads to a name that is empty or has a dot in it.")
    if any(step == "length" or step.isdigit() for step in steps[1:]):
        raise Unmapped(source.at, "Such a path would lead into a list or a text.")
    return {"var": [".".join(path), False]} if steps == ["anonymous"] else var(".".join(path))


def clause(source: Source, segments: Mapping[str, Rule]) -> Rule:
    """`segments`: what stands for each of them. Raises Unmapped."""
    source.leave("_id")
    met: Rule
    operator, values, negated = source.get("op").text() or "", source.get("values"), source.get("negate").truth()
    if operator == "segmentMatch":
        for name in ("attribute", "contextKind"):
            source.get(name).pass_over("derived")
        keys = values.texts()
        if missing := [key for key in keys if key not in segments]:
            raise Unmapped(values.at, f"The file has no segment {missing[0]!r} that could be mapped.")
        met = any_of([segments[key] for key in keys])
        return {"!": [met]} if negated else met
    kind, attribute = source.get("contextKind").text(), source.get("attribute").text()
    if operator not in _OPERATORS:
        raise Unmapped(source.get("op").at, f"There is no operator like {operator!r}.")
    if attribute is None:
        raise Unmapped(source.get("attribute").at, "It names no attribute.")
    if attribute in ("kind", "/kind"):
        if operator != "in":
            raise Unmapped(source.get("op").at, "Kinds of contexts are compared as they are.")
        met = any_of([present(one) for one in values.values() if isinstance(one, str)])
        return {"!": [met]} if negated else met
    at = field(attribute, kind, source.get("attribute"))
    wanted = values.values()
    if at == var(KEY) and operator == "in":  # a key is text, so that a list of them stays a plain one
        met = {"in": [at, _plain(wanted, values)]}
    else:
        met = each(at, _test(operator, wanted, values))
    if attribute in ("anonymous", "/anonymous"):
        return all_of([present(kind or "user"), {"!": [met]} if negated else met])
    if negated or None in wanted:
        return all_of([{"!==": [at, None]}, {"!": [met]} if negated else met])
    return met


def _plain(values: list[Any], source: Source) -> list[Any]:
    if any(isinstance(value, dict | list) for value in values):
        raise Unmapped(source.at, "Lists and objects are not compared.")
    return values


def _test(operator: str, values: list[Any], source: Source) -> Rule:
    """Of one item. A value of another type than the operator takes is never met."""
    if operator == "in":
        return {"in": [ITEM, _plain(values, source)]}
    if operator in _DATES:
        return _dated(operator, [_microseconds(value, source) for value in values if _moment(value)], source)
    if operator in _NUMBERS:
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return all_of([is_number(ITEM), any_of([{_NUMBERS[operator]: [ITEM, number]} for number in numbers])])
    texts = [value for value in values if isinstance(value, str)]
    if operator in _VERSIONS:
        versions = [in_full(text) for text in texts if parse(text) is not None and text[0] not in "vV"]
        bare = {"!": [{"in": [{"substr": [ITEM, 0, 1]}, ["v", "V"]]}]}
        compared = any_of([{"sem_ver": [ITEM, _VERSIONS[operator], version]} for version in versions])
        return all_of([is_text(ITEM), bare, compared])
    if operator == "contains":
        return all_of([is_text(ITEM), any_of([{"in": [text, ITEM]} for text in texts])])
    if operator == "matches":
        return any_of([{"matches": [ITEM, pattern_of(text, source)]} for text in texts])
    return any_of([{"starts_with" if operator == "startsWith" else "ends_with": [ITEM, text]} for text in texts])


def _moment(value: Any) -> bool:
    return (isinstance(value, int | float) and not isinstance(value, bool)) or moment(value) is not None


def _microseconds(value: Any, source: Source) -> int:
    if isinstance(value, str):
        return int(moment(value) or 0)
    try:
        found: int = round(value * 1000)
    except OverflowError:
        raise Unmapped(source.at, _NEVER) from None
    return found


def _dated(operator: str, bounds: list[int], source: Source) -> Rule:
    """A number counts milliseconds since 1970; a text is RFC 3339."""
    numbers, texts = list[Rule](), list[Rule]()
    for bound in bounds:
        later = operator == "after"
        numbers.append({">" if later else "<": [ITEM, bound // 1000 if bound % 1000 == 0 else bound / 1000]})
        try:
            written = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=bound + later)
        except OverflowError:
            raise Unmapped(source.at, _NEVER) from None
        text = written.isoformat().replace("+00:00", "Z")
        texts.append({"in_dates": [ITEM, text]} if later else {"in_dates": [ITEM, None, text]})
    return {"if": [is_number(ITEM), any_of(numbers), any_of(texts)]}


# --- segments ----------------------------------------------------------------------------------------------------


def segments(sources: Mapping[str, Source]) -> list[Part]:
    """Those that could be mapped. One that another one asks for is written out there."""
    made = _Segments(sources)
    return [part for key, one in sources.items() if (part := made.part(key, one)) is not None]


class _Segments:
    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._rules: dict[str, Rule | None] = {}
        self._open: set[str] = set()

    def part(self, key: str, source: Source) -> Part | None:
        rule = self._rule(key)
        if rule is None:
            return None
        description = source.get("description").text()
        targeting = rule if isinstance(rule, dict) else {"!!": [rule]}
        return Part(key, source.at, {"key": key, "targeting": targeting, "description": description})

    def _rule(self, key: str) -> Rule | None:
        if key not in self._rules:
            source = self._sources[key]
            self._open.add(key)
            try:
                self._rules[key] = self._members(source)
            except Unmapped as unmapped:
                source.drop(unmapped)
                self._rules[key] = None
            finally:
                self._open.discard(key)
        return self._rules[key]

    def _members(self, segment: Source) -> Rule:
        """Who is included is in; who is excluded is not, whatever the rules say."""
        segment.leave("name tags creationDate _links rules_count _flags version generation _access salt lastModifiedDate")
        if segment.get("deleted").truth():
            raise Unmapped(segment.get("deleted").at, "It is deleted.")
        if segment.get("unbounded").truth():
            raise Unmapped(segment.at, "A big segment has its members elsewhere; the flags that use it are left off.")
        included, excluded = (_listed(segment.get(name), segment.get(f"{name}Contexts")) for name in ("included", "excluded"))
        rules = [self._ruled(rule) for rule in segment.get("rules").items()]
        ruled = [all_of([{"!": [any_of(excluded)]}, any_of(rules)]) if excluded else any_of(rules)] if rules else []
        return any_of([*included, *ruled])

    def _ruled(self, rule: Source) -> Rule:
        rule.leave("_id id description")
        condition = all_of([clause(one, self._others(one)) for one in rule.get("clauses").items()])
        if rule.get("weight").value is None:
            rule.leave("bucketBy rolloutContextKind", "Nobody is drawn.")
            return condition
        weight = part_of(rule.get("weight"), WHOLE, WHOLE)
        by, kind = rule.get("bucketBy").text() or "key", rule.get("rolloutContextKind").text()
        rule.get("weight").note("other_buckets", "The share stays, but users fall into other buckets than before.")
        return all_of([condition, share(weight, WHOLE, field(by, kind, rule.get("bucketBy")))])

    def _others(self, source: Source) -> dict[str, Rule]:
        """The rules of the segments that a clause asks for."""
        if source.get("op").value != "segmentMatch":
            return {}
        keys = [key for key in source.get("values").texts() if key in self._sources]
        if around := [key for key in keys if key in self._open]:
            raise Unmapped(source.get("values").at, f"The segment {around[0]!r} asks for itself.")
        return {key: rule for key in keys if (rule := self._rule(key)) is not None}


def _listed(users: Source, contexts: Source) -> list[Rule]:
    keys = users.texts()
    found: list[Rule] = [{"in": [var(KEY), keys]}] if keys else []
    for one in contexts.items():
        kind, values = one.get("contextKind").text() or "user", one.get("values").texts()
        found += [{"in": [field("key", kind, one), values]}] if values else []
    return found
