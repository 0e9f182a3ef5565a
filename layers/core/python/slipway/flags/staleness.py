"""Flags that nobody seems to need any more, by environment: a list of them that a daily run keeps right.

    list#stale#<environment> / <flag>   `reason` and `since`, the day from which on it holds

    not_evaluated   for 30 days nobody asked for it or changed it, alone or with all flags, and no flag that is on needs it
    one_variant     for 30 days everybody has been given the same variant: the code can do without asking

An archived flag is not stale. What is counted is lossy (a line of the log may get lost), and nothing is held against a flag
for the time before there was any counting: a flag is called stale too late rather than too early.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from slipway.flags import counting
from slipway.flags.counting import EVERY, EVERY_CLIENT, Counting
from slipway.flags.ledger import stale
from slipway.flags.publication import read
from slipway.ports import Delete, Put, Row, Store, every
from slipway.resources import HEAD
from slipway.tables import FLAGS

IDLE = timedelta(days=30)


class Verdict(NamedTuple):
    reason: str
    since: str


def verdict(flag: Row, configuration: Row | None, made: str, seen: str, needed: bool, limit: str) -> Verdict | None:
    """`made`: when the environment was; `seen`: the last day of an evaluation, or the first that was counted;
    `needed`: by another flag that is on; `limit`: the last day from which on 30 days have passed."""
    changed = max(row["updated_at"][:10] for row in (flag, configuration) if row is not None)
    idle = max(changed, made[:10], seen)
    if idle <= limit and not needed:
        return Verdict("not_evaluated", idle)
    if configuration is not None and changed <= limit and only_variant(configuration["data"]) is not None:
        return Verdict("one_variant", changed)
    return None


def only_variant(data: Mapping[str, Any]) -> str | None:
    """The variant that a configuration gives everybody; None where it depends, is the caller's own, or is off."""
    default, targeting = data["default_variant"], data["targeting"]
    answers = {*data["overrides"], default if targeting is None else _whole(json.loads(targeting))}
    if data["prerequisites"] or targeting is not None:  # whoever is not drawn, for want of a targeting key, gets the default
        answers.add(default)
    return answers.pop() if data["enabled"] and len(answers) == 1 else None


def _whole(rule: Any) -> str | None:
    """The variant to which a split gives everybody that it splits; None for another rule, or another split."""
    parts = rule.get("fractional") if isinstance(rule, dict) and len(rule) == 1 else None
    found = set()
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, list):
            variant, weight = (*part, 1)[:2]
            if not isinstance(variant, str) or not isinstance(weight, int):
                return None
            found |= {variant} if weight > 0 else set()
    return found.pop() if len(found) == 1 else None


def judge(store: Store, counts: Counting, environment: str, now: datetime) -> None:
    """Bring the environment's list of stale flags up to what is known now."""
    rows, last = read(store, environment), counting.seen(store, environment)
    place = store.get(FLAGS, f"environment#{environment}", HEAD)
    made = "" if place is None else place["created_at"]
    since, limit = counts.since(now.date()), (now.date() - IDLE).isoformat()
    configurations = {row["data"]["flag"]: row for row in rows.configurations}
    needed = {one["flag"] for row in configurations.values() if row["data"]["enabled"] for one in row["data"]["prerequisites"]}
    wanted = {}
    for flag in rows.flags:
        key = flag["data"]["key"]
        days = [last.get(name, "") for name in (key, EVERY, *([EVERY_CLIENT] if flag["data"]["client_side"] else []))]
        found = verdict(flag, configurations.get(key), made, max(since, *days), key in needed, limit)
        if found is not None:
            wanted[key] = {"pk": stale(environment), "sk": key, "schema": 1, **found._asdict()}
    standing = {row["sk"]: row for row in every(store, FLAGS, stale(environment))}
    puts = [Put(FLAGS, row) for key, row in wanted.items() if row != standing.get(key)]
    deletes = [Delete(FLAGS, stale(environment), key) for key in sorted(standing.keys() - wanted.keys())]
    counting.write_all(store, now, [*puts, *deletes])
