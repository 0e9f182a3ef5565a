"""What Unleash asks of a context, as JsonLogic: constraints, and the segments that are made of them.

`userId` is `targetingKey` here, everything else keeps its name. A context of Unleash holds texts. Who has none of what is asked
for does not pass, and does where the constraint is inverted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from slipway.flags.bundle import Part
from slipway.flags.conditions import KEY, Rule, all_of, any_of, in_full, number_in, pattern_of, slug, var
from slipway.flags.extensions import moment, network
from slipway.flags.semver import parse
from slipway.flags.source import Source, Unmapped

_NUMBERS = {"NUM_EQ": "==", "NUM_GT": ">", "NUM_GTE": ">=", "NUM_LT": "<", "NUM_LTE": "<="}
_VERSIONS = {"SEMVER_EQ": "=", "SEMVER_GT": ">", "SEMVER_GTE": ">=", "SEMVER_LT": "<", "SEMVER_LTE": "<="}
_TEXTS = ("STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS")
_DATES = ("DATE_AFTER", "DATE_BEFORE")
_SPECIAL = frozenset("\\^$.|?*+()[]{}-")


def field(name: str, source: Source) -> Rule:
    """Raises Unmapped."""
    if name == "userId":
        return var(KEY)
    if not name or "." in name or name in (KEY, "$flagd"):
        raise Unmapped(source.at, f"The evaluation context has no place for {name!r}.")
    return var(name)


def constraint(source: Source) -> Rule:
    """Raises Unmapped."""
    operator, value, values = source.get("operator").text() or "", source.get("value"), source.get("values")
    inverted, folded = source.get("inverted").truth(), source.get("caseInsensitive").truth()
    at = field(source.get("contextName").text() or "", source.get("contextName"))
    several = list[str]()
    if operator in ("IN", "NOT_IN", *_TEXTS):
        several = [str(one) for one in values.values() if not isinstance(one, dict | list)]
        source.leave("value", "It is of an operator that the constraint had before.")
    else:
        source.leave("values", "They are of an operator that the constraint had before.")
    if folded and operator not in _TEXTS:
        source.get("caseInsensitive").note("left_out", "The operator compares what it is given.")
    if operator in ("IN", "NOT_IN"):
        met: Rule = {"in": [at, several]}
    elif operator in _TEXTS:
        met = any_of([_text(operator, at, one) if not folded else _folded(operator, at, one, values) for one in several])
    else:
        met = _compared(operator, at, value, source)
    return {"!": [met]} if inverted != (operator == "NOT_IN") else met


def _text(operator: str, at: Rule, value: str) -> Rule:
    if operator == "STR_CONTAINS":
        return {"in": [value, at]}
    return {"starts_with" if operator == "STR_STARTS_WITH" else "ends_with": [at, value]}


def _folded(operator: str, at: Rule, value: str, source: Source) -> Rule:
    """Whatever the case of the letters: a regular expression that names both of each."""
    pattern = "".join(map(_either, value))
    begin, end = ("^" if operator == "STR_STARTS_WITH" else ""), ("$" if operator == "STR_ENDS_WITH" else "")
    return {"matches": [at, pattern_of(f"{begin}{pattern}{end}", source)]} if value else {"!==": [at, None]}


def _either(letter: str) -> str:
    low, up = letter.lower(), letter.upper()
    if low != up and len(low) == len(up) == 1:
        return f"[{low}{up}]"
    return f"\\{letter}" if letter in _SPECIAL else letter


def _compared(operator: str, at: Rule, value: Source, source: Source) -> Rule:
    raw = value.take()
    if operator in _NUMBERS and (number := number_in(raw)) is not None:
        return all_of([{"!==": [at, None]}, {_NUMBERS[operator]: [at, number]}])
    if operator in _VERSIONS and isinstance(raw, str) and parse(raw) is not None and raw[0].isdigit() and in_full(raw) == raw:
        source.note("versions", "Here 1.2 and v1.2 in a context are 1.2.0, and +build counts for nothing; there they are none.")
        return {"sem_ver": [at, _VERSIONS[operator], raw]}
    if operator in _DATES and isinstance(raw, str) and moment(raw) is not None:
        if at == var("currentTime"):
            at = {"if": [{"===": [at, None]}, var("$flagd.timestamp"), at]}
        bound = int(moment(raw) or 0) + (operator == "DATE_AFTER")
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=bound)).isoformat().replace("+00:00", "Z")
        return {"in_dates": [at, text] if operator == "DATE_AFTER" else [at, None, text]}
    if operator == "REGEX" and isinstance(raw, str):
        return {"matches": [at, pattern_of(raw, value)]}
    known = {*_NUMBERS, *_VERSIONS, *_DATES, "REGEX"}
    if operator not in known:
        raise Unmapped(source.get("operator").at, f"There is no operator like {operator!r}.")
    raise Unmapped(value.at, f"A value cannot be compared so ({operator}).")


def networks(source: Source) -> Rule:
    """Addresses, separated by commas; what is none of them is passed over, as it is there."""
    found = []
    for text in (source.text() or "").split(","):
        try:
            found.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            if text.strip():
                source.note("left_out", f"{text.strip()[:60]!r} is no address.")
    good = [one for one in found if network(one) is not None]
    return {"in_cidr": [var("remoteAddress"), good]} if good else False


# --- segments ----------------------------------------------------------------------------------------------------


def segments(sources: Source) -> tuple[list[Part], Mapping[str, Rule]]:
    """Those of which the file says what they ask for, and what stands for each, by its id."""
    parts, rules = list[Part](), dict[str, Rule]()
    for segment in sources.items():
        segment.leave("project createdBy createdAt usedInFeatures usedInProjects")
        id, name = segment.get("id").number(), segment.get("name").text() or ""
        asked = segment.get("constraints")
        if not isinstance(asked.value, list) or id is None:
            segment.skip("unmapped", "The file names it, and does not say what it asks for: add its `constraints`.")
            continue
        key = slug(name, "segment", {part.key for part in parts})
        segment = segment.of(key)
        try:
            rule = all_of([constraint(one) for one in segment.get("constraints").items()])
        except Unmapped as unmapped:
            segment.drop(unmapped)
            continue
        if key != name:
            segment.get("name").note("renamed", f"Here the segment is {key!r}.")
        fields = {"key": key, "targeting": rule if isinstance(rule, dict) else {"!!": [rule]}}
        parts.append(Part(key, segment.at, {**fields, "description": segment.get("description").text()}))
        rules[str(id)] = {"$ref": key}
    return parts, rules
