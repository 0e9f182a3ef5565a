"""Rules as the rows have them, read for the document: what evaluation would trip over is told before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from slipway.flags.rules import ARITY

Rule = Any  # JsonLogic


class Uncompilable(Exception):
    """Why a flag or a segment has no form in the document."""


def parsed(source: str) -> Any:
    try:
        return json.loads(source)
    except (ValueError, TypeError, RecursionError):
        raise Uncompilable("A part of it is no JSON.") from None


def checked(rule: Rule, segments: Mapping[str, Rule]) -> None:
    """Raises Uncompilable for what evaluation would trip over."""
    if not isinstance(rule, dict):
        raise Uncompilable("Its rule is no object.")
    for name in references(rule):
        if name not in segments:
            raise Uncompilable(f"It refers to the segment {name!r}, which does not exist.")
    if unknown := sorted(used(rule, segments) - ARITY.keys() - {"?:"}):
        raise Uncompilable(f"There is no operator {unknown[0]!r}.")


def operations(rule: Rule) -> Iterable[tuple[str, Any]]:
    """Every operator in the rule with what it is given."""
    waiting = [rule]
    while waiting:
        at = waiting.pop()
        if isinstance(at, list):
            waiting += at
        elif isinstance(at, dict) and len(at) == 1:
            yield from at.items()
            waiting += at.values()


def references(rule: Rule) -> set[str]:
    return {str(raw) for name, raw in operations(rule) if name == "$ref"}


def used(rule: Rule, segments: Mapping[str, Rule]) -> set[str]:
    """The operators of the rule and of the segments that it refers to."""
    rules = [rule, *(segments.get(name) for name in references(rule))]
    return {name for rule in rules for name, _ in operations(rule)} - {"$ref"}
