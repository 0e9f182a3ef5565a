"""The flags of one environment as their rows have them, each made into a flag as flagd knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slipway.flags.evaluation import FlagSet
from slipway.flags.form import RESERVED
from slipway.flags.inlining import answers, at_home, or_default, size
from slipway.flags.limits import MOST_INLINED
from slipway.flags.stored import Rule, Uncompilable, checked, parsed
from slipway.ports import Row
from slipway.rollouts import split

_KEY = {"var": "targetingKey"}
_UNMET = {"!": [{"and": [False]}]}  # a step that nobody else writes
written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class TooLarge(Uncompilable):
    """Why a flag has no form that holds the rules of its prerequisites."""


class Sources:
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
        self._large: dict[str, TooLarge] = {}

    def definition(self, key: str, *, inlined: bool = True) -> dict[str, Any]:
        """The flag as flagd knows it; or, not `inlined`, with steps that are never met in the place of its prerequisites, for
        who asks those by `needs`. Raises Uncompilable."""
        head, variants, default = self.heads[key]["data"], self._variants(key), self._default(key)
        version = int(self.configurations[key]["version"]) if self._touched(key) else 1
        own = {name: value for name, value in json.loads(head.get("metadata", "{}")).items() if name not in RESERVED}
        metadata = {**own, "hash": head["hash"], "version": version}
        if head["type"] == "float":
            metadata["type"] = "float"
        flag: dict[str, Any] = {"variants": variants, "defaultVariant": default, "metadata": metadata, "state": "DISABLED"}
        if self._enabled(key):
            flag["state"] = "ENABLED"
            if (rule := self.rule(key) if inlined else self._rule(key, inlined=False)) is not None:
                flag["targeting"] = rule
        written(flag).encode()  # raises for what no document can hold: half a surrogate pair, an infinity
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

    def rollout(self, key: str) -> dict[str, Any] | None:
        """What evaluation and the collector need to know of the rollout that runs; None where none does."""
        running = self._configuration(key).get("rollout")
        if running is None or not self._enabled(key):
            return None
        own, default, _ = split.continued(self._own(key), self._default(key), running, key)
        reached = split.reach(own, default, running["from"])
        if reached is False:
            return None
        if held := self._held(key):
            reached = {"if": [*(part for condition, _ in held for part in (condition, False)), reached]}
        told = {name: running[name] for name in ("id", "from", "to", "bucket_by")} | {"watch": parsed(running["watch"])}
        numbers = {name: int(running[name]) for name in ("share", "stage", "generation")}
        asked = {} if reached is True else {"reach": reached}
        return {**told, **numbers, **asked, "hash": self.heads[key]["data"]["hash"]}

    def _rule(self, key: str, *, inlined: bool = True) -> Rule:
        configuration, own = self._configuration(key), self._own(key)
        if (running := configuration.get("rollout")) is not None:
            coming = [(int(at), int(share)) for at, share in running.get("steps") or ()] if self.ahead else ()
            own = split.during(own, self._default(key), running, key, coming)
        steps: list[Rule] = []
        needed = configuration.get("prerequisites") or ()
        for prerequisite in needed:
            if not inlined:
                steps += [_UNMET, None]
                continue
            met = self._met(prerequisite["flag"], prerequisite["variants"], self.heads[key]["data"]["hash"])
            steps += [{"!": [met]}, None]
        steps += [part for each in self._held(key) for part in each]
        rule = {"if": [*steps, own]} if steps else own
        if inlined and needed and (found := size(rule, 2 * MOST_INLINED)) > MOST_INLINED:
            much = f"{found:,}" if found <= 2 * MOST_INLINED else f"over {2 * MOST_INLINED:,}"
            raise TooLarge(f"With the rules of what it needs it takes {much} characters of {MOST_INLINED:,} at most.")
        return rule

    def _held(self, key: str) -> list[tuple[Rule, str]]:
        """Whom an override holds, and the variant that he gets before any rule."""
        held, variants = list[tuple[Rule, str]](), self._variants(key)
        for variant, units in sorted((self._configuration(key).get("overrides") or {}).items()):
            if variant not in variants:
                raise Uncompilable(f"An override names {variant!r}, which is no variant.")
            held += [({"in": [_KEY, sorted(units)]}, variant)] if units else []
        return held

    def _own(self, key: str) -> Rule:
        own = parsed(self._configuration(key).get("targeting") or "null") or None
        if own is not None:
            checked(own, self.segments)
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
        variants = parsed(self.heads[key]["data"]["variants"])
        if not isinstance(variants, dict):
            raise Uncompilable(f"The variants of {key!r} are no object.")
        return variants

    def _default(self, key: str) -> str | None:
        default: str | None = self._configuration(key).get("default_variant")
        if default is not None and default not in self._variants(key):
            raise Uncompilable(f"The default of {key!r} is {default!r}, which is no variant.")
        return default
