"""The rule of a prerequisite as it stands inside of another flag's: it answers as it does at home."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from slipway.flags.coercion import text
from slipway.flags.compiler import AS_FLAG

Rule = Any  # JsonLogic

_KEY = {"var": "targetingKey"}


def _rewritten(rule: Rule, instead: Callable[[str, Any, Callable[[Rule], Rule]], Rule]) -> Rule:
    """The rule with `instead(name, arguments, go on)` in the place of every operator, outermost first."""
    if isinstance(rule, list):
        return [_rewritten(item, instead) for item in rule]
    if not isinstance(rule, dict) or len(rule) != 1:
        return rule
    ((name, raw),) = rule.items()
    return instead(name, raw, lambda inner: _rewritten(inner, instead))


def or_default(rule: Rule, default: str) -> Rule:
    """The rule with the default where it gives null."""
    if not isinstance(rule, dict) or len(rule) != 1:
        return default if rule is None else rule
    ((name, raw),) = rule.items()
    args = raw if isinstance(raw, list) else [raw]
    if name == "if" and len(args) > 1:
        parts = [or_default(arg, default) if number % 2 else arg for number, arg in enumerate(args)]
        return {"if": [*parts[:-1], or_default(args[-1], default)] if len(args) % 2 else [*parts, default]}
    if name == "fractional" and all(isinstance(part[0], str) and part[0] for part in args if isinstance(part, list) and part):
        return {"or": [rule, default]}
    return {"if": [{"===": [rule, None]}, default, rule]}


def at_home(rule: Rule, flag: str, hash: str, host: str, segments: Mapping[str, Rule]) -> Rule:
    """The rule of `flag`, hashed by `hash`, as it stands in a rule that is hashed by `host`: it answers as it does at home."""

    named_segments: dict[str, Rule] = {}
    drawn_segments: dict[str, Rule] = {}

    def named(name: str, raw: Any, go_on: Callable[[Rule], Rule]) -> Rule:
        if name == "$ref":
            return _expanded(raw, go_on, segments, named_segments)
        if name == "var" and (raw[0] if isinstance(raw, list) and raw else raw) == "$flagd.flagKey":
            return flag
        return {name: raw if name == AS_FLAG else go_on(raw)}

    def drawn(name: str, raw: Any, go_on: Callable[[Rule], Rule]) -> Rule:
        if name == "$ref":
            return _expanded(raw, go_on, segments, drawn_segments)
        if name == AS_FLAG:
            return {name: raw}
        args = raw if isinstance(raw, list) else [raw]
        if name == "fractional":
            short = bool(args) and isinstance(args[0], list)
            if hash != host or (short and hash == "v3"):
                raise _Unsayable
            if short:
                return {"if": [_KEY, {"fractional": [{"cat": [flag, _KEY]}, *go_on(args)]}, None]}
        return {name: go_on(raw)}

    rule = _rewritten(rule, named)
    try:
        return _rewritten(rule, drawn)
    except _Unsayable:
        return {AS_FLAG: [flag, hash, rule]}


class _Unsayable(Exception):
    """Flagd has no words for it."""


def _expanded(name: str, go_on: Callable[[Rule], Rule], segments: Mapping[str, Rule], done: dict[str, Rule]) -> Rule:
    """The reference; or the segment itself where it says something else than at home. `done`: once for each segment."""
    if name not in done:
        rule = go_on(segments[name])
        done[name] = {"$ref": name} if rule == segments[name] else rule
    return done[name]


def size(rule: Rule, most: int) -> int:
    """Characters of the rule as JSON, nearly; no more are looked at once there are more than `most`."""
    found, waiting = 0, [rule]
    while waiting and found <= most:
        at = waiting.pop()
        if isinstance(at, dict | list):
            found += 2
            waiting += [*at, *at.values()] if isinstance(at, dict) else at
        else:
            found += len(str(at)) + 3
    return found


def answers(variant: str) -> list[Any]:
    """What a rule may give to mean this variant: its name, and the truth value or number that is written so."""
    try:
        value = json.loads(variant)
    except (ValueError, RecursionError):
        return [variant]
    same = isinstance(value, (bool, int, float)) and text(value) == variant
    return [variant, value] if same else [variant]
