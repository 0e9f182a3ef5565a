"""Rules in the words of JsonLogic, for importers: what other products call clauses, constraints and rollouts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from slipway.flags.fields import RESERVED
from slipway.flags.grammar import BadPattern
from slipway.flags.regex import Pattern
from slipway.flags.source import Source, Unmapped

Rule = Any
KEY = "targetingKey"
ITEM = {"var": ""}  # of `each`


def pattern_of(text: str, source: Source) -> str:
    """A pattern as we take it. Raises Unmapped for another."""
    try:
        Pattern(text)
    except BadPattern as bad:
        raise Unmapped(source.at, f"The pattern is not taken: {bad}") from None
    return text


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


def number_in(value: Any) -> int | float | None:
    """Of a number, or of text that is one."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return None
        return None if number != number or abs(number) == float("inf") else int(number) if number.is_integer() else number
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def part_of(source: Source, most: int, whole: int) -> int:
    """A share from 0 to `most`, in parts of the whole. Raises Unmapped."""
    number = number_in(source.value)
    if number is None or not 0 <= number <= most:
        raise Unmapped(source.at, f"A share is a number from 0 to {most:,}.")
    source.take()
    return round(number * whole / most)


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
    """Of variants: their own, where they are fit and none before has them; else on and off, else v0, v1 and so on."""
    own = [name.strip()[:64].strip() if name and name.isprintable() else "" for name in given]
    kept = [name if name not in own[:number] else "" for number, name in enumerate(own)]
    truths = sorted(values, key=str) == [False, True]
    found: list[str] = []
    for number, (name, value) in enumerate(zip(kept, values, strict=True)):
        plain = ("on" if value else "off") if truths else f"v{number}"
        others = {*found, *kept[number + 1 :]}
        wanted = (plain, *(f"{plain}-{more}" for more in range(2, len(values) + 3)))
        found.append(name or next(one for one in wanted if one not in others))
    return found


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


def slug(name: str, otherwise: str, taken: Collection[str]) -> str:
    """A key as much like the name as it can be, and none of those that are taken."""
    made = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in name)
    made = made.strip("-_.")[:100] or otherwise
    wanted = [made, *(f"{made}-{number}" for number in range(2, len(taken) + 4))]
    return next(key for key in wanted if key not in taken and key not in RESERVED)
