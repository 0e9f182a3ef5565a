"""Those who use a segment, and whether they go on to be valid when its rule changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.flags import jsontext
from slipway.flags.checks import faults, references, wrong
from slipway.flags.compilation import Rows, definition
from slipway.flags.stored import Uncompilable
from slipway.ports import Row, Store
from slipway.problems import Fault
from slipway.resources import HEAD
from slipway.tables import FLAGS
from slipway.upgrades import upgrade

MOST = 5_000  # configurations of one segment that are looked at
TOLD = 20
_CHUNK = 100  # rows of one reading


def check(store: Store, before: Row, after: Row, users: Sequence[tuple[str, str]]) -> None:
    """Of a change of this segment. Raises Invalid, which names each flag and environment that would not be valid any more."""
    if len(users) > MOST:
        detail = (
            f"The segment is used by {len(users):,} configurations, and at most {MOST:,} are looked at when its rule changes; "
            "make another segment of the new rule, and take it over flag by flag."
        )
        raise wrong([Fault("/targeting", "too_many_uses", detail)])
    found, known = list[Fault](), _Known(store, before, after)
    for first in range(0, len(users), _CHUNK):
        for flag, configuration in known.read(users[first : first + _CHUNK]):
            if why := known.wrong(flag, configuration):
                place = f"{configuration['data']['flag']} in {configuration['data']['environment']}"
                found.append(Fault("/targeting", "in_use", f"With this {place} would not be valid: {why}"))
        if len(found) >= TOLD:
            break
    if found:
        raise wrong(found[:TOLD])


class _Known:
    """What has been read, and found: flags that say the same are looked at once."""

    def __init__(self, store: Store, before: Row, after: Row) -> None:
        self._store, self._before, self._after = store, before, after
        self._segments: dict[str, Row | None] = {after["data"]["key"]: after}
        self._flags: dict[str, Row] = {}
        self._verdicts: dict[str, str] = {}

    def read(self, users: Sequence[tuple[str, str]]) -> Iterator[tuple[Row, Row]]:
        """Active flags, each with its configuration."""
        configurations = self._heads([f"flag#{flag}#{environment}" for flag, environment in users])
        missing = sorted({flag for flag, _ in users} - self._flags.keys())
        self._flags |= {row["data"]["key"]: row for row in self._heads([f"flag#{flag}" for flag in missing])}
        used = {key for row in configurations for key in _references(row)} - self._segments.keys()
        self._segments |= dict.fromkeys(used)
        self._segments |= {row["data"]["key"]: row for row in self._heads([f"segment#{key}" for key in sorted(used)])}
        for row in configurations:
            flag = self._flags[row["data"]["flag"]]
            if flag["data"]["status"] == "active":
                yield flag, row

    def wrong(self, flag: Row, configuration: Row) -> str:
        """Empty where the change breaks nothing: what was wrong before is nothing that it does."""
        data = configuration["data"]
        alike = jsontext.written([*(flag["data"][name] for name in ("variants", "hash")), *map(data.get, _LOOKED_AT)])
        if alike not in self._verdicts:
            why = self._looked_at(flag, configuration, self._after)
            self._verdicts[alike] = why if why and not self._looked_at(flag, configuration, self._before) else ""
        return self._verdicts[alike]

    def _looked_at(self, flag: Row, configuration: Row, segment: Row) -> str:
        # As if it were on: one that cannot be switched on is no use. What it needs no segment of its own changes.
        data = {**configuration["data"], "enabled": True, "prerequisites": []}
        standing = {**self._segments, segment["data"]["key"]: segment}
        there = [row for key in _references(configuration) if (row := standing[key]) and row["data"]["status"] == "active"]
        rules = {row["data"]["key"]: jsontext.read(row["data"]["targeting"]) for row in there}
        if found := faults(flag["data"], data, rules):
            return found[0].detail
        try:
            definition(data["flag"], Rows(data["environment"], 0, (flag,), ({**configuration, "data": data},), tuple(there)))
        except Uncompilable as error:
            return str(error)
        return ""

    def _heads(self, ids: Sequence[str]) -> list[Row]:
        asked = [(id, HEAD) for id in ids]
        parts = (asked[first : first + _CHUNK] for first in range(0, len(asked), _CHUNK))
        return [upgrade(row["kind"], row) for part in parts for row in self._store.get_many(FLAGS, part)]


_LOOKED_AT = ("default_variant", "targeting", "overrides", "rollout")


def _references(configuration: Mapping[str, Any]) -> list[str]:
    return sorted(references(jsontext.read(configuration["data"]["targeting"] or "null")))
