"""What Flagsmith asks of an identity's traits, as JsonLogic: conditions, rules, and the segments that are made of them.

The identifier is `targetingKey` here, traits keep their names. There a bound is turned into the type of the trait, and text
that looks like a number is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slipway.flags.bundle import Part
from slipway.flags.conditions import KEY, Rule, all_of, any_of, number_in, part_of, pattern_of, slug, var
from slipway.flags.semver import parse
from slipway.flags.source import Source, Unmapped

_ORDER = {"GREATER_THAN": ">", "GREATER_THAN_INCLUSIVE": ">=", "LESS_THAN": "<", "LESS_THAN_INCLUSIVE": "<="}
_SEMVER = ":semver"


def segments(sources: Source) -> tuple[list[Part], Mapping[str, Rule]]:
    """Those that could be mapped, and what stands for each, by where it stands in the file."""
    parts, rules = list[Part](), dict[str, Rule]()
    for segment in sources.items():
        segment.get("id").pass_over("reference")
        name = segment.get("name").text() or ""
        key = slug(name, "segment", {part.key for part in parts})
        segment = segment.of(key)
        try:
            asked = [_rule(rule, key) for rule in segment.get("rules").items()]
        except Unmapped as unmapped:
            segment.get("rules").drop(unmapped)
            continue
        if key != name:
            segment.get("name").note("renamed", f"Here the segment is {key!r}.")
        rule = all_of(asked) if asked else False  # without a rule nobody is in
        parts.append(Part(key, segment.at, {"key": key, "targeting": rule if isinstance(rule, dict) else {"!!": [rule]}}))
        rules[segment.at] = {"$ref": key}
    return parts, rules


def _rule(source: Source, segment: str) -> Rule:
    """Raises Unmapped."""
    kind = source.get("type").text() or ""
    if kind not in ("ALL", "ANY", "NONE"):
        raise Unmapped(source.get("type").at, f"There is no rule like {kind!r}.")

    def joined(parts: list[Rule]) -> Rule:
        return all_of(parts) if kind == "ALL" else any_of(parts) if kind == "ANY" else {"!": [any_of(parts)]}

    conditions = [_condition(one, segment) for one in source.get("conditions").items()]
    inner = [_rule(one, segment) for one in source.get("rules").items()]
    return all_of([joined(parts) for parts in (conditions, inner) if parts])


def _trait(source: Source) -> Rule:
    name = source.text() or ""
    if name in ("$.identity.identifier", "$.identity.key"):
        return var(KEY)
    if not name or "." in name or name in (KEY, "$flagd"):
        raise Unmapped(source.at, f"The evaluation context has no place for {name!r}.")
    return var(name)


def _condition(source: Source, segment: str) -> Rule:
    operator, value = source.get("operator").text() or "", source.get("value")
    place = source.get("property_" if source.get("property_").value is not None else "property")
    if operator == "PERCENTAGE_SPLIT":
        return _split(value, var(KEY) if not place.value else _trait(place), segment)
    at = _trait(place)
    if operator in ("IS_SET", "IS_NOT_SET"):
        source.leave("value", "All that is asked is whether the trait is there.")
        return {"!==" if operator == "IS_SET" else "===": [at, None]}
    raw = value.take()
    if operator == "IN":
        return _among(at, raw, value)
    if not isinstance(raw, str):
        raise Unmapped(value.at, "A bound is text.")
    made = _MADE.get(operator)
    if operator in _ORDER:
        return _ordered(operator, at, raw, source)
    if made is None:
        raise Unmapped(source.get("operator").at, f"There is no operator like {operator!r}.")
    return made(at, raw, value)


def _split(value: Source, at: Rule, segment: str) -> Rule:
    """The same part of all for every flag that asks for the segment."""
    part = part_of(value, 100, 100_000)
    if part == 100_000:
        return {"!==": [at, None]}
    value.note("other_buckets", "The share stays, but identities fall into other buckets than before.")
    drawn = {"fractional": [{"cat": [f"{segment}/", at]}, ["in", part], ["out", 100_000 - part]]}
    return all_of([{"!==": [at, None]}, {"==": [drawn, "in"]}])


def _among(at: Rule, raw: Any, source: Source) -> Rule:
    if isinstance(raw, str):
        try:
            listed = json.loads(raw) if raw.startswith("[") else raw.split(",")
        except ValueError:
            listed = raw.split(",")
    else:
        listed = raw
    if not isinstance(listed, list) or any(isinstance(one, dict | list) for one in listed):
        raise Unmapped(source.at, "It is no list.")
    texts = [one if isinstance(one, str) else str(one) for one in listed]
    numbers = [number for text in texts if isinstance(number := number_in(text), int) and str(number) == text]
    return {"in": [at, [*texts, *numbers]]}


def _numeric(at: Rule) -> Rule:
    """A number, or text that is one; no truth value."""
    return all_of([{"!": [{"in": [at, [None, True, False, ""]]}]}, {"===": [{"+": [at]}, {"+": [at]}]}])


def _wordy(at: Rule) -> Rule:
    """Text that is no number."""
    return all_of([{"===": [{"cat": [at]}, at]}, {"!==": [{"+": [at]}, {"+": [at]}]}])


def _equal(at: Rule, raw: str, _: Source) -> Rule:
    number, truth = number_in(raw), {"===": [at, raw not in ("False", "false")]}  # as it is there, for a trait that is true
    same: Rule = {"===": [at, raw]} if number is None else all_of([_numeric(at), {"===": [{"+": [at]}, number]}])
    return any_of([same, truth])


def _different(at: Rule, raw: str, source: Source) -> Rule:
    of = {"!==": [at, None]} if number_in(raw) is not None else any_of([_wordy(at), {"in": [at, [True, False]]}])
    return all_of([of, {"!": [_equal(at, raw, source)]}])


def _contains(at: Rule, raw: str, _: Source) -> Rule:
    return all_of([_wordy(at), {"in": [raw, at]}])


def _lacks(at: Rule, raw: str, _: Source) -> Rule:
    return all_of([_wordy(at), {"!": [{"in": [raw, at]}]}])


def _matches(at: Rule, raw: str, source: Source) -> Rule:
    pattern = pattern_of(f"^(?:{raw})", source)
    source.note("texts", "A trait that is true, false or no whole number is written otherwise before it is matched.")
    return all_of([{"!==": [at, None]}, {"matches": [{"cat": [at]}, pattern]}])


def _modulo(at: Rule, raw: str, source: Source) -> Rule:
    divisor, bar, remainder = raw.partition("|")
    by, rest = number_in(divisor), number_in(remainder)
    if not bar or not by or by < 0 or rest is None:
        raise Unmapped(source.at, "A divisor above 0 and a remainder are written 2|0.")
    return all_of([_numeric(at), {"===": [{"%": [{"+": [{"%": [at, by]}, by]}, by]}, rest]}])


def _ordered(operator: str, at: Rule, raw: str, source: Source) -> Rule:
    if raw.endswith(_SEMVER):
        version = raw.removesuffix(_SEMVER)
        if parse(version) is None or not version[:1].isdigit() or version.count(".") < 2:
            raise Unmapped(source.get("value").at, "A version is written in full.")
        source.note("versions", "Here 1.2 and v1.2 in a trait are 1.2.0; there they are no versions.")
        return {"sem_ver": [at, _ORDER[operator], version]}
    source.note(
        "compared", "Traits that are true or false, and whole ones with a bound that is none, are compared otherwise there."
    )
    number = number_in(raw)
    words = all_of([_wordy(at), {_ORDER[operator]: [at, raw]}])
    return words if number is None else any_of([all_of([_numeric(at), {_ORDER[operator]: [{"+": [at]}, number]}]), words])


_MADE = {
    "EQUAL": _equal, "NOT_EQUAL": _different, "CONTAINS": _contains, "NOT_CONTAINS": _lacks, "REGEX": _matches,
    "MODULO": _modulo,
}  # fmt: skip
