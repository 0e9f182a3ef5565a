"""Rules in the words of JsonLogic, for importers: what other products call clauses, constraints and rollouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.flags.extensions import moment, network
from slipway.flags.regex import BadPattern, Pattern
from slipway.flags.semver import parse
from slipway.flags.source import Source, Unmapped

Rule = Any
KEY = "targetingKey"
ITEM = {"var": ""}  # of `each`
_ORDER = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def var(path: str) -> Rule:
    return {"var": path}


def each(field: Rule, test: Rule) -> Rule:
    """Whether one item of the list passes, or the field itself where it is no list."""
    return {"some": [{"merge": [field]}, test]}


def is_number(rule: Rule) -> Rule:
    return {"===": [{"+": [rule]}, rule]}


def is_text(rule: Rule) -> Rule:
    return {"===": [{"cat": [rule]}, rule]}


def in_full(version: str) -> str:
    """A version with all three numbers: 2 is 2.0.0."""
    ends = [version.find(mark) for mark in "-+" if mark in version]
    core = version[: min(ends)] if ends else version
    return core + ".0" * (2 - core.count(".")) + version[len(core) :]


def any_of(rules: Sequence[Rule]) -> Rule:
    return rules[0] if len(rules) == 1 else {"or": list(rules)} if rules else False


def all_of(rules: Sequence[Rule]) -> Rule:
    return rules[0] if len(rules) == 1 else {"and": list(rules)} if rules else True


def tested(field: Rule, operator: str, values: list[Any], source: Source) -> Rule:
    """Whether the field passes for one of the values. Operators: in, starts, ends, contains, matches, lt, lte, gt, gte, eq,
    before, after, version =, < and the like, network. Raises Unmapped, at `source`."""
    if operator == "in":
        return {"in": [field, values]}
    return any_of([_tested(field, operator, value, source) for value in values])


def _tested(field: Rule, operator: str, value: Any, source: Source) -> Rule:
    if operator in ("starts", "ends") and isinstance(value, str):
        return {f"{operator}_with": [field, value]}
    if operator == "contains" and isinstance(value, str):
        return {"in": [value, field]}
    if operator == "matches" and isinstance(value, str):
        try:
            Pattern(value)
        except BadPattern as bad:
            raise Unmapped(source.at, f"The pattern is not taken: {bad}") from None
        return {"matches": [field, value]}
    if operator in _ORDER and (number := _number(value)) is not None:
        return {_ORDER[operator]: [field, number]}
    if operator == "eq" and (number := _number(value)) is not None:
        return {"==": [field, number]}
    if operator in ("before", "after") and (bound := _moment(value)) is not None:
        return {"in_dates": [field, None, bound] if operator == "before" else [field, bound]}
    if operator.startswith("version ") and parse(value) is not None:
        return {"sem_ver": [field, operator.removeprefix("version "), value]}
    if operator == "network" and network(value) is not None:
        return {"in_cidr": [field, value]}
    raise Unmapped(source.at, f"A value cannot be compared so ({operator}).")


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return None
        return None if number != number or abs(number) == float("inf") else int(number) if number.is_integer() else number
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(value: Any) -> str | None:
    """In RFC 3339; numbers are milliseconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**14:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(value))).isoformat().replace("+00:00", "Z")
    return value if isinstance(value, str) and moment(value) is not None else None


def shares(weights: Mapping[str, int], bucket: Rule | None = None) -> Rule:
    """A variant by weights; `bucket`: by what, beside the flag's key (None: by the targeting key)."""
    by = [] if bucket is None else [{"cat": [var("$flagd.flagKey"), bucket]}]
    return {"fractional": [*by, *([name, weight] for name, weight in weights.items())]}


def share(part: int, whole: int, bucket: Rule | None = None) -> Rule:
    """Whether a unit is in that part of all."""
    if part <= 0 or part >= whole:
        return part > 0
    return {"==": [shares({"in": part, "out": whole - part}, bucket), "in"]}


def chain(steps: Sequence[tuple[Rule, Rule]], otherwise: Rule = None) -> Rule | None:
    """The first answer whose condition holds; None for no rule at all."""
    flat: list[Rule] = []
    for condition, answer in steps:
        if condition is True:
            otherwise = answer
            break
        if condition is not False:
            flat += [condition, answer]
    if not flat:
        return otherwise if isinstance(otherwise, dict) else None if otherwise is None else {"if": [True, otherwise]}
    return {"if": [*flat, otherwise] if otherwise is not None else flat}


def names(given: Sequence[str | None], values: Sequence[Any]) -> list[str]:
    """Of variants: those that they have, where they are fit and different; else on and off, else v0, v1 and so on."""
    own = [name.strip()[:64].strip() if name and name.isprintable() else "" for name in given]
    if all(own) and len(set(own)) == len(own):
        return own
    if sorted(values, key=str) == [False, True]:
        return ["on" if value else "off" for value in values]
    return [f"v{number}" for number in range(len(values))]


def type_of(values: Sequence[Any]) -> str | None:
    """Of variants; None where they are of none, or of several."""
    kinds = {
        "boolean" if isinstance(value, bool) else
        "integer" if isinstance(value, int) else
        "float" if isinstance(value, float) else
        "string" if isinstance(value, str) else
        "object" if isinstance(value, dict) else "none"
        for value in values
    }  # fmt: skip
    if kinds == {"integer", "float"}:
        return "float"
    return None if len(kinds) != 1 or kinds == {"none"} else kinds.pop()
