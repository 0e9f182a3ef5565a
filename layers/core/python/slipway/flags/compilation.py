"""From the rows of one environment to the document that evaluation reads.

    {"flags": {...}, "$evaluators": {...},                    what every reader of flagd documents takes
     "metadata": {"flagSetId": <environment>, "version": "<revision>", "left_out": "<keys>"},
     "slipway": {"revision": n,
                 "client_side": [keys that browsers may see],
                 "flags": {...}, "evaluators": {...},         with operators that only Slipway knows: left out above; and
                                                              those whose rollout takes its next steps by the clock above
                 "rollouts": {key: ...},                      see `slipway.rollouts.audience`
                 "faults": {key: why}}}                       what stands at its last good form, or nowhere

A flag's rule asks in this order: prerequisites (one that is not met gives null, so the default), overrides, own targeting.

A prerequisite is another flag's rule inside of this one, with the buckets that it has at home. A short `fractional` draws by
the key of the flag in which it stands: with v2 an explicit text does the same, which every provider understands. With v3, or
where the two flags are hashed differently, there are no such words: `as_flag`, which only Slipway knows, says it.

A flag that cannot be compiled stays as it was in the last document, and harms no other. Equal rows, equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from slipway.flags.compiler import AS_FLAG, EXTENSIONS
from slipway.flags.evaluation import FlagSet
from slipway.flags.inlining import answers, at_home, or_default
from slipway.flags.rules import ARITY
from slipway.ports import Row
from slipway.rollouts import split
from slipway.values import Value

Rule = Any  # JsonLogic
Document = Mapping[str, Any]

_KEY = {"var": "targetingKey"}
_OURS = {*EXTENSIONS, AS_FLAG}
_written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class Rows(Value):
    """What one environment answers from, as it stood at one revision: heads, in any order."""

    environment: str
    revision: int
    flags: tuple[Row, ...] = ()
    configurations: tuple[Row, ...] = ()
    segments: tuple[Row, ...] = ()


class Compiled(Value):
    """`faults`: why, for each flag and "segment <key>" that stands at its last good form, or nowhere."""

    body: bytes
    flags: int
    faults: Mapping[str, str]


class Uncompilable(Exception):
    """Why a flag or a segment has no form in the document."""


def compiled(rows: Rows, last: Document | None = None) -> Compiled:
    """`last`: the document that stands, for what cannot be compiled. Never raises for what a row holds."""
    before, extra = last or {}, (last or {}).get("slipway", {})
    segments, faults = _segments(rows.segments, {**before.get("$evaluators", {}), **extra.get("evaluators", {})})
    heads = {row["data"]["key"]: row for row in rows.flags if row["data"].get("status", "active") == "active"}
    configurations = {row["data"]["flag"]: row for row in rows.configurations}
    sources = _Sources(heads, configurations, segments)
    flags, stood = {}, {**before.get("flags", {}), **extra.get("flags", {})}
    rollouts, ran = {}, extra.get("rollouts", {})
    for key in sorted(heads):
        try:
            flags[key] = sources.definition(key)
            told = sources.rollout(key)
        except Exception as error:  # what cannot be foreseen of one flag is no harm to the others
            faults[key] = str(error) if isinstance(error, Uncompilable) else f"It cannot be read ({type(error).__name__})."
            told = ran.get(key)
            if key in stood:
                flags[key] = stood[key]
        if told is not None:
            rollouts[key] = told
    ours = {key for key, flag in flags.items() if used(flag.get("targeting"), segments) & _OURS}
    ahead = _ahead(sources, flags.keys() - ours - faults.keys())
    client_side = [key for key in flags if heads[key]["data"].get("client_side")]
    body = _document(rows, flags, ours, ahead, segments, client_side, rollouts, faults)
    return Compiled(body, len(flags), faults)


def definition(key: str, rows: Rows) -> dict[str, Any]:
    """One flag as it would stand in the document, for who wants to know before it is saved. Raises Uncompilable."""
    segments, _ = _segments(rows.segments, {})
    heads = {row["data"]["key"]: row for row in rows.flags}
    return _Sources(heads, {row["data"]["flag"]: row for row in rows.configurations}, segments).definition(key)


def _document(
    rows: Rows,
    flags: Mapping[str, Any],
    ours: set[str],
    ahead: Mapping[str, Any],
    segments: Mapping[str, Rule],
    client_side: list[str],
    rollouts: Mapping[str, Any],
    faults: Mapping[str, str],
) -> bytes:
    def part(keys: Iterable[str], flags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Rule]]:
        chosen = {key: flags[key] for key in keys}
        names = {name for flag in chosen.values() for name in _references(flag.get("targeting"))}
        return chosen, {name: segments[name] for name in names if name in segments}

    portable, evaluators = part((key for key in flags if key not in ours), {**flags, **ahead})
    own, own_evaluators = part({*ours, *ahead}, flags)
    asked = {name for told in rollouts.values() for name in _references(told.get("reach"))}
    own_evaluators |= {name: segments[name] for name in asked if name in segments}
    metadata = {"flagSetId": rows.environment, "version": str(rows.revision)}
    if ours:
        metadata["left_out"] = ",".join(sorted(ours))
    slipway = {
        "revision": rows.revision,
        "client_side": client_side,
        "flags": own,
        "evaluators": own_evaluators,
        "rollouts": dict(rollouts),
        "faults": dict(faults),
    }
    document = {"flags": portable, "$evaluators": evaluators, "metadata": metadata, "slipway": slipway}
    return _written(document).encode()


def _segments(rows: Iterable[Row], stood: Mapping[str, Rule]) -> tuple[dict[str, Rule], dict[str, str]]:
    """Segments by key, and what is wrong with some."""
    segments, faults = {}, {}
    for row in sorted(rows, key=lambda row: str(row["data"]["key"])):
        key = row["data"]["key"]
        try:
            rule = _parsed(row["data"]["targeting"])
            _checked(rule, {})
            segments[key] = rule
        except Exception as error:
            faults[f"segment {key}"] = (
                str(error) if isinstance(error, Uncompilable) else f"It cannot be read ({type(error).__name__})."
            )
            if key in stood:
                segments[key] = stood[key]
    return segments, faults


def _ahead(sources: _Sources, keys: Iterable[str]) -> dict[str, Any]:
    """Those of the flags that have a rollout in their rule, their own or a prerequisite's, whose next steps are a matter of
    time alone: as they are for who evaluates by himself, and takes each step when it is due."""
    if not any((row["data"].get("rollout") or {}).get("steps") for row in sources.configurations.values()):
        return {}
    ahead = _Sources(sources.heads, sources.configurations, sources.segments, ahead=True)
    return {key: ahead.definition(key) for key in sorted(keys) if ahead.rule(key) != sources.rule(key)}


class _Sources:
    """The flags of one environment as their rows have them. `ahead`: with the steps of rollouts that are to come."""

    def __init__(
        self,
        heads: Mapping[str, Row],
        configurations: Mapping[str, Row],
        segments: Mapping[str, Rule],
        *,
        ahead: bool = False,
    ) -> None:
        self.heads, self.configurations, self.segments, self.ahead = heads, configurations, segments, ahead
        self._rules: dict[str, Rule] = {}
        self._open: set[str] = set()

    def definition(self, key: str) -> dict[str, Any]:
        """The flag as flagd knows it. Raises Uncompilable."""
        head, variants, default = self.heads[key]["data"], self._variants(key), self._default(key)
        version = int(self.configurations[key]["version"]) if self._touched(key) else 1
        metadata = {**json.loads(head.get("metadata", "{}")), "hash": head["hash"], "version": version}
        if head["type"] == "float":
            metadata["type"] = "float"
        flag: dict[str, Any] = {"variants": variants, "defaultVariant": default, "metadata": metadata, "state": "DISABLED"}
        if self._enabled(key):
            flag["state"] = "ENABLED"
            if (rule := self.rule(key)) is not None:
                flag["targeting"] = rule
        _written(flag).encode()  # raises for what no document can hold: half a surrogate pair, an infinity
        bad = FlagSet.parse({"flags": {key: flag}, "$evaluators": self.segments}).errors
        if bad:
            raise Uncompilable(bad[key])
        return flag

    def rule(self, key: str) -> Rule:
        """All that decides about the variant; None where only the default does. Raises Uncompilable."""
        if key not in self._rules:
            if key in self._open:
                raise Uncompilable(f"{key!r} is its own prerequisite.")
            self._open.add(key)
            try:
                self._rules[key] = self._rule(key)
            finally:
                self._open.discard(key)
        return self._rules[key]

    def rollout(self, key: str) -> dict[str, Any] | None:
        """What evaluation and the collector need to know of the rollout that runs; None where none does."""
        running = self._configuration(key).get("rollout")
        if running is None or not self._enabled(key):
            return None
        reached = split.reach(self._own(key), self._default(key), running["from"])
        if reached is False:
            return None
        if held := self._held(key):
            reached = {"if": [*(part for condition, _ in held for part in (condition, False)), reached]}
        told = {name: running[name] for name in ("id", "from", "to", "bucket_by")} | {"watch": _parsed(running["watch"])}
        numbers = {name: int(running[name]) for name in ("share", "stage", "generation")}
        asked = {} if reached is True else {"reach": reached}
        return {**told, **numbers, **asked, "hash": self.heads[key]["data"]["hash"]}

    def _rule(self, key: str) -> Rule:
        own, held, running = self._own(key), self._held(key), self._configuration(key).get("rollout")
        if running is not None:
            steps = [(int(at), int(share)) for at, share in running.get("steps") or ()] if self.ahead else ()
            own = split.during(own, self._default(key), running, key, steps)
        return {"if": [*(part for each in held for part in each), own]} if held else own

    def _held(self, key: str) -> list[tuple[Rule, str | None]]:
        """What comes before the own rule: who is not given it, and the variant that he gets instead (None: the default)."""
        configuration, variants = self._configuration(key), self._variants(key)
        held: list[tuple[Rule, str | None]] = []
        for prerequisite in configuration.get("prerequisites") or ():
            met = self._met(prerequisite["flag"], prerequisite["variants"], self.heads[key]["data"]["hash"])
            held += [] if met is True else [({"!": [met]}, None)]
        for variant, units in sorted((configuration.get("overrides") or {}).items()):
            if variant not in variants:
                raise Uncompilable(f"An override names {variant!r}, which is no variant.")
            held += [({"in": [_KEY, sorted(units)]}, variant)] if units else []
        return held

    def _own(self, key: str) -> Rule:
        own = _parsed(self._configuration(key).get("targeting") or "null") or None
        if own is not None:
            _checked(own, self.segments)
            if "$ref" in own:
                own = self.segments[own["$ref"]]  # a flagd document has no reference in the place of a whole rule
        return own

    def _met(self, base: str, wanted: list[str], host: str) -> Rule:
        """Whether the prerequisite is met: a rule that is hashed by `host`, or true or false where that is certain."""
        if base not in self.heads:
            raise Uncompilable(f"Its prerequisite {base!r} does not exist.")
        if unknown := sorted(set(wanted) - self._variants(base).keys()):
            raise Uncompilable(f"Its prerequisite {base!r} has no variant {unknown[0]!r}.")
        if not self._enabled(base):
            return False
        rule, default = self.rule(base), self._default(base)
        if rule is None:
            return default in wanted
        if default in wanted:
            rule = or_default(rule, default)
        rule = at_home(rule, base, self.heads[base]["data"]["hash"], host, self.segments)
        return {"in": [rule, [answer for variant in sorted(wanted) for answer in answers(variant)]]}

    def _touched(self, key: str) -> bool:
        return key in self.configurations

    def _configuration(self, key: str) -> Mapping[str, Any]:
        """Of one that nobody touched: nothing, and switched off."""
        found: Mapping[str, Any] = self.configurations[key]["data"] if self._touched(key) else {}
        return found

    def _enabled(self, key: str) -> bool:
        return self._configuration(key).get("enabled") is True

    def _variants(self, key: str) -> dict[str, Any]:
        variants = _parsed(self.heads[key]["data"]["variants"])
        if not isinstance(variants, dict):
            raise Uncompilable(f"The variants of {key!r} are no object.")
        return variants

    def _default(self, key: str) -> str | None:
        default: str | None = self._configuration(key).get("default_variant")
        if default is not None and default not in self._variants(key):
            raise Uncompilable(f"The default of {key!r} is {default!r}, which is no variant.")
        return default


# --- rules ----------------------------------------------------------------------------------------------


def _parsed(source: str) -> Any:
    try:
        return json.loads(source)
    except (ValueError, TypeError, RecursionError):
        raise Uncompilable("A part of it is no JSON.") from None


def _checked(rule: Rule, segments: Mapping[str, Rule]) -> None:
    """Raises Uncompilable for what evaluation would trip over."""
    if not isinstance(rule, dict):
        raise Uncompilable("Its rule is no object.")
    for name in _references(rule):
        if name not in segments:
            raise Uncompilable(f"It refers to the segment {name!r}, which does not exist.")
    if unknown := sorted(used(rule, segments) - ARITY.keys() - {"?:"}):
        raise Uncompilable(f"There is no operator {unknown[0]!r}.")


def _operations(rule: Rule) -> Iterable[tuple[str, Any]]:
    """Every operator in the rule with what it is given."""
    waiting = [rule]
    while waiting:
        at = waiting.pop()
        if isinstance(at, list):
            waiting += at
        elif isinstance(at, dict) and len(at) == 1:
            yield from at.items()
            waiting += at.values()


def _references(rule: Rule) -> set[str]:
    return {str(raw) for name, raw in _operations(rule) if name == "$ref"}


def used(rule: Rule, segments: Mapping[str, Rule]) -> set[str]:
    """The operators of the rule and of the segments that it refers to."""
    rules = [rule, *(segments.get(name) for name in _references(rule))]
    return {name for rule in rules for name, _ in _operations(rule)} - {"$ref"}
