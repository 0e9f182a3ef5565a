"""From the rows of one environment to the document that evaluation reads.

    {"flags": {...}, "$evaluators": {...},                    what every reader of flagd documents takes
     "metadata": {"flagSetId": <environment>, "version": "<revision>", "left_out": "<keys>"},
     "slipway": {"revision": n,
                 "client_side": [keys that browsers may see],
                 "flags": {...}, "evaluators": {...},         with operators that only Slipway knows: left out above; and
                                                              those whose rollout takes its next steps by the clock above
                 "needs": {key: [[flag, [variants]]]},        prerequisites, in the order of their steps in the rule
                 "rollouts": {key: ...},                      see `slipway.rollouts.audience`
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

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from slipway.flags.compiler import AS_FLAG, EXTENSIONS
from slipway.flags.inlining import size
from slipway.flags.limits import MOST_INLINED, MOST_INLINED_TOGETHER
from slipway.flags.sources import Sources, TooLarge, written
from slipway.flags.stored import Rule, Uncompilable, checked, parsed, references, used
from slipway.ports import Row
from slipway.values import Value

Document = Mapping[str, Any]

_OURS = {*EXTENSIONS, AS_FLAG}


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


def compiled(rows: Rows, last: Document | None = None) -> Compiled:
    """`last`: the document that stands, for what cannot be compiled. Never raises for what a row holds."""
    before, extra = last or {}, (last or {}).get("slipway", {})
    segments, faults = _segments(rows.segments, {**before.get("$evaluators", {}), **extra.get("evaluators", {})})
    heads = {row["data"]["key"]: row for row in rows.flags if row["data"].get("status", "active") == "active"}
    configurations = {row["data"]["flag"]: row for row in rows.configurations}
    sources = Sources(heads, configurations, segments)
    flags, stood = {}, {**before.get("flags", {}), **extra.get("flags", {})}
    needs: dict[str, Any] = {}
    rollouts: dict[str, Any] = {}
    ours, inlined = set[str](), 0
    for key in sorted(heads):
        try:
            needed = sources.needs(key)
            try:
                inlined += size(sources.rule(key), MOST_INLINED) if needed else 0
                flags[key] = sources.definition(key, inlined=inlined <= MOST_INLINED_TOGETHER)
            except TooLarge:
                flags[key] = sources.definition(key, inlined=False)
            told = sources.rollout(key)
            needs |= needed
            ours |= {key} if sources.alone(flags[key], needed) else set()
        except Exception as error:  # what cannot be foreseen of one flag is no harm to the others
            faults[key] = str(error) if isinstance(error, Uncompilable) else f"It cannot be read ({type(error).__name__})."
            told = extra.get("rollouts", {}).get(key)
            if key in stood:
                flags[key], asked = sources.last(key, stood[key], extra.get("needs", {}))
                told = None if flags[key]["state"] == "DISABLED" else told
                needs |= asked
                ours |= {key} & (extra.get("flags", {}).keys() | asked.keys())
        if told is not None:
            rollouts[key] = told
    ours |= {key for key, flag in flags.items() if used(flag.get("targeting"), segments) & _OURS}
    ahead = _ahead(sources, flags.keys() - ours - faults.keys())
    client_side = [key for key in flags if heads[key]["data"].get("client_side")]
    body = _document(rows, flags, needs, ours, ahead, segments, client_side, rollouts, faults)
    return Compiled(body, len(flags), faults)


def definition(key: str, rows: Rows) -> dict[str, Any]:
    """One flag as it would stand in the document, for who wants to know before it is saved. Raises Uncompilable."""
    return definitions(rows).definition(key)


def definitions(rows: Rows) -> Sources:
    """The same for who asks for many."""
    segments, _ = _segments(rows.segments, {})
    heads = {row["data"]["key"]: row for row in rows.flags}
    return Sources(heads, {row["data"]["flag"]: row for row in rows.configurations}, segments)


def _document(
    rows: Rows,
    flags: Mapping[str, Any],
    needs: Mapping[str, Any],
    ours: set[str],
    ahead: Mapping[str, Any],
    segments: Mapping[str, Rule],
    client_side: list[str],
    rollouts: Mapping[str, Any],
    faults: Mapping[str, str],
) -> bytes:
    def part(keys: Iterable[str], flags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Rule]]:
        chosen = {key: flags[key] for key in keys}
        names = {name for flag in chosen.values() for name in references(flag.get("targeting"))}
        return chosen, {name: segments[name] for name in names if name in segments}

    portable, evaluators = part((key for key in flags if key not in ours), {**flags, **ahead})
    own, own_evaluators = part({*ours, *ahead}, flags)
    asked = {name for told in rollouts.values() for name in references(told.get("reach"))}
    own_evaluators |= {name: segments[name] for name in asked if name in segments}
    metadata = {"flagSetId": rows.environment, "version": str(rows.revision)}
    if ours:
        metadata["left_out"] = ",".join(sorted(ours))
    slipway = {
        "revision": rows.revision,
        "client_side": client_side,
        "flags": own,
        "evaluators": own_evaluators,
        "needs": needs,
        "rollouts": rollouts,
        "faults": dict(faults),
    }
    document = {"flags": portable, "$evaluators": evaluators, "metadata": metadata, "slipway": slipway}
    return written(document).encode()


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


def _ahead(sources: Sources, keys: Iterable[str]) -> dict[str, Any]:
    """Those of the flags that have a rollout in their rule, their own or a prerequisite's, whose next steps are a matter of
    time alone: as they are for who evaluates by himself, and takes each step when it is due."""
    if not any((row["data"].get("rollout") or {}).get("steps") for row in sources.configurations.values()):
        return {}
    ahead = Sources(sources.heads, sources.configurations, sources.segments, ahead=True)
    found = {}
    for key in sorted(keys):
        with suppress(Uncompilable):  # too large with those steps: then who evaluates by himself takes each a little later
            if ahead.rule(key) != sources.rule(key):
                found[key] = ahead.definition(key)
    return found
