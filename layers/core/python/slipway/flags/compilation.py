"""From the rows of one environment to the document that evaluation reads.

    {"flags": {...}, "$evaluators": {...},                    what every reader of flagd documents takes
     "metadata": {"flagSetId": <environment>, "version": "<revision>", "left_out": "<keys>"},
     "slipway": {"revision": n,
                 "client_side": [keys that browsers may see],
                 "flags": {...}, "evaluators": {...},         with operators that only Slipway knows: left out above
                 "needs": {key: [[flag, [variants]]]},        prerequisites, in the order of their steps in the rule
                 "faults": {key: why}}}                       what stands at its last good form, or nowhere

A flag's rule asks in this order: prerequisites (one that is not met gives null, so the default), overrides, own targeting.

A prerequisite is another flag's rule inside of this one, with the buckets that it has at home. A short `fractional` draws by
the key of the flag in which it stands: with v2 an explicit text does the same, which every provider understands. With v3, or
where the two flags are hashed differently, there are no such words: `as_flag`, which only Slipway knows, says it. That is for
others: Slipway asks the other flag itself, by `needs`, so that one that errs is not met and takes nobody with it.

Where a rule would become too large with those inside, or all of them together, it stands in `slipway` without them: left out
above, and never met for who does not know `needs`.

A flag that cannot be compiled stays as it was in the last document, and harms no other; but where it is switched off now it is
off, and what it needed it goes on to ask, here alone: the rules inside of its own are of another day. Equal rows, equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from slipway.flags.compiler import AS_FLAG, EXTENSIONS
from slipway.flags.evaluation import FlagSet
from slipway.flags.inlining import answers, at_home, or_default, size
from slipway.flags.limits import MOST_INLINED, MOST_INLINED_TOGETHER
from slipway.flags.stored import Rule, Uncompilable, checked, parsed, references, used
from slipway.ports import Row
from slipway.values import Value

Document = Mapping[str, Any]

_KEY = {"var": "targetingKey"}
_OURS = {*EXTENSIONS, AS_FLAG}
_UNMET = {"!": [{"and": [False]}]}  # a step that nobody else writes
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


class TooLarge(Uncompilable):
    """Why a flag has no form that holds the rules of its prerequisites."""


def compiled(rows: Rows, last: Document | None = None) -> Compiled:
    """`last`: the document that stands, for what cannot be compiled. Never raises for what a row holds."""
    before, extra = last or {}, (last or {}).get("slipway", {})
    segments, faults = _segments(rows.segments, {**before.get("$evaluators", {}), **extra.get("evaluators", {})})
    heads = {row["data"]["key"]: row for row in rows.flags if row["data"].get("status", "active") == "active"}
    sources = _Sources(heads, {row["data"]["flag"]: row for row in rows.configurations}, segments)
    flags, stood = {}, {**before.get("flags", {}), **extra.get("flags", {})}
    needs: dict[str, Any] = {}
    ours, inlined = set[str](), 0
    for key in sorted(heads):
        try:
            needed = sources.needs(key)
            try:
                inlined += size(sources.rule(key), MOST_INLINED) if needed else 0
                flags[key] = sources.definition(key, inlined=inlined <= MOST_INLINED_TOGETHER)
            except TooLarge:
                flags[key] = sources.definition(key, inlined=False)
            needs |= needed
            ours |= {key} if sources.alone(flags[key], needed) else set()
        except Exception as error:  # what cannot be foreseen of one flag is no harm to the others
            faults[key] = str(error) if isinstance(error, Uncompilable) else f"It cannot be read ({type(error).__name__})."
            if key in stood:
                flags[key], asked = sources.last(key, stood[key], extra.get("needs", {}))
                needs |= asked
                ours |= {key} & (extra.get("flags", {}).keys() | asked.keys())
    ours |= {key for key, flag in flags.items() if used(flag.get("targeting"), segments) & _OURS}
    client_side = [key for key in flags if heads[key]["data"].get("client_side")]
    body = _document(rows, flags, needs, ours, segments, client_side, faults)
    return Compiled(body, len(flags), faults)


def definition(key: str, rows: Rows) -> dict[str, Any]:
    """One flag as it would stand in the document, for who wants to know before it is saved. Raises Uncompilable."""
    segments, _ = _segments(rows.segments, {})
    heads = {row["data"]["key"]: row for row in rows.flags}
    return _Sources(heads, {row["data"]["flag"]: row for row in rows.configurations}, segments).definition(key)


def _document(
    rows: Rows,
    flags: Mapping[str, Any],
    needs: Mapping[str, Any],
    ours: set[str],
    segments: Mapping[str, Rule],
    client_side: list[str],
    faults: Mapping[str, str],
) -> bytes:
    def part(keys: Iterable[str]) -> tuple[dict[str, Any], dict[str, Rule]]:
        chosen = {key: flags[key] for key in keys}
        names = {name for flag in chosen.values() for name in references(flag.get("targeting"))}
        return chosen, {name: segments[name] for name in names if name in segments}

    portable, evaluators = part(key for key in flags if key not in ours)
    own, own_evaluators = part(ours)
    metadata = {"flagSetId": rows.environment, "version": str(rows.revision)}
    if ours:
        metadata["left_out"] = ",".join(sorted(ours))
    slipway = {
        "revision": rows.revision,
        "client_side": client_side,
        "flags": own,
        "evaluators": own_evaluators,
        "needs": needs,
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
            rule = parsed(row["data"]["targeting"])
            checked(rule, {})
            segments[key] = rule
        except Exception as error:
            faults[f"segment {key}"] = (
                str(error) if isinstance(error, Uncompilable) else f"It cannot be read ({type(error).__name__})."
            )
            if key in stood:
                segments[key] = stood[key]
    return segments, faults


class _Sources:
    """The flags of one environment as their rows have them."""

    def __init__(self, heads: Mapping[str, Row], configurations: Mapping[str, Row], segments: Mapping[str, Rule]) -> None:
        self.heads, self.configurations, self.segments = heads, configurations, segments
        self._rules: dict[str, Rule] = {}
        self._open: set[str] = set()
        self._large: dict[str, TooLarge] = {}

    def definition(self, key: str, *, inlined: bool = True) -> dict[str, Any]:
        """The flag as flagd knows it; or, not `inlined`, with steps that are never met in the place of its prerequisites, for
        who asks those by `needs`. Raises Uncompilable."""
        head, variants, default = self.heads[key]["data"], self._variants(key), self._default(key)
        version = int(self.configurations[key]["version"]) if self._touched(key) else 1
        metadata = {**json.loads(head.get("metadata", "{}")), "hash": head["hash"], "version": version}
        if head["type"] == "float":
            metadata["type"] = "float"
        flag: dict[str, Any] = {"variants": variants, "defaultVariant": default, "metadata": metadata, "state": "DISABLED"}
        if self._enabled(key):
            flag["state"] = "ENABLED"
            if (rule := self.rule(key) if inlined else self._rule(key, inlined=False)) is not None:
                flag["targeting"] = rule
        _written(flag).encode()  # raises for what no document can hold: half a surrogate pair, an infinity
        bad = FlagSet.parse({"flags": {key: flag}, "$evaluators": self.segments}).errors
        if bad:
            raise (TooLarge if inlined and self.needs(key) else Uncompilable)(bad[key])
        return flag

    @staticmethod
    def alone(flag: Mapping[str, Any], needed: Mapping[str, Any]) -> bool:
        """Whether it stands there without the rules of what it needs."""
        return bool(needed) and flag["targeting"]["if"][0] == _UNMET

    def needs(self, key: str) -> dict[str, list[Any]]:
        """What a flag that is on needs, by its key; empty for nothing."""
        wanted = self._configuration(key).get("prerequisites") if self._enabled(key) else None
        return {key: [[one["flag"], one["variants"]] for one in wanted]} if wanted else {}

    def last(self, key: str, stood: Mapping[str, Any], needs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The form that it had, as far as it may still be served, and what it needs then, by its key."""
        if not self._enabled(key):
            return {name: value for name, value in stood.items() if name != "targeting"} | {"state": "DISABLED"}, {}
        return dict(stood), {key: needs[key]} if key in needs else {}

    def rule(self, key: str) -> Rule:
        """All that decides about the variant; None where only the default does. Raises Uncompilable."""
        if key in self._large:
            raise self._large[key]
        if key not in self._rules:
            if key in self._open:
                raise Uncompilable(f"{key!r} is its own prerequisite.")
            self._open.add(key)
            try:
                self._rules[key] = self._rule(key)
            except TooLarge as large:
                self._large[key] = large
                raise
            finally:
                self._open.discard(key)
        return self._rules[key]

    def _rule(self, key: str, *, inlined: bool = True) -> Rule:
        configuration, variants = self._configuration(key), self._variants(key)
        steps: list[Rule] = []
        needed = configuration.get("prerequisites") or ()
        for prerequisite in needed:
            if not inlined:
                steps += [_UNMET, None]
                continue
            met = self._met(prerequisite["flag"], prerequisite["variants"], self.heads[key]["data"]["hash"])
            steps += [{"!": [met]}, None]
        for variant, units in sorted((configuration.get("overrides") or {}).items()):
            if variant not in variants:
                raise Uncompilable(f"An override names {variant!r}, which is no variant.")
            steps += [{"in": [_KEY, sorted(units)]}, variant] if units else []
        own = parsed(configuration.get("targeting") or "null") or None
        if own is not None:
            checked(own, self.segments)
            if "$ref" in own:
                own = self.segments[own["$ref"]]  # a flagd document has no reference in the place of a whole rule
        rule = {"if": [*steps, own]} if steps else own
        if inlined and needed and (found := size(rule, 2 * MOST_INLINED)) > MOST_INLINED:
            much = f"{found:,}" if found <= 2 * MOST_INLINED else f"over {2 * MOST_INLINED:,}"
            raise TooLarge(f"With the rules of what it needs it takes {much} characters of {MOST_INLINED:,} at most.")
        return rule

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
        variants = parsed(self.heads[key]["data"]["variants"])
        if not isinstance(variants, dict):
            raise Uncompilable(f"The variants of {key!r} are no object.")
        return variants

    def _default(self, key: str) -> str | None:
        default: str | None = self._configuration(key).get("default_variant")
        if default is not None and default not in self._variants(key):
            raise Uncompilable(f"The default of {key!r} is {default!r}, which is no variant.")
        return default
