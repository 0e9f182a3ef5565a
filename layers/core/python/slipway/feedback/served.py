"""What the person behind an item was really served: what applications have told of it, and proven, in the day before.

Rows of `slipway.signals.rows.shown`, found by the targeting key; each says when it was first so that day. A person of whom
nothing was told in these hours is unknown, and nothing is made up in its place, neither what flags would answer nor what the
sender says.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.calls import timestamp
from slipway.ports import every
from slipway.signals import rows
from slipway.signals.salts import Salts, person
from slipway.tables import SIGNALS

if TYPE_CHECKING:
    from slipway.ports import Row, Store

MOST = 50  # flags
BACK, ON = timedelta(hours=24), timedelta(minutes=2)  # what of it counts: before the item came, and what was on its way with it

Flags = dict[str, dict[str, Any]]  # {flag: {variant, version, at}}


class Served:
    def __init__(self, store: Store, salts: Salts) -> None:
        self._store, self._salts = store, salts

    def of(self, environment: str, targeting_key: str, came: datetime) -> Flags:
        """The newest of each flag, of MOST flags at most, the newest ones."""
        first, last = (came - BACK).timestamp(), (came + ON).timestamp()
        days = {rows.day(at): at for at in (first, came.timestamp(), last)}
        newest: dict[str, Row] = {}
        for day, at in days.items():
            who = person(self._salts.of(environment, at), targeting_key)
            for row in every(self._store, SIGNALS, rows.shown(environment, day, who)):
                if first * 1000 <= row["at"] <= last * 1000 and _rank(row) > _rank(newest.get(row["flag"])):
                    newest[row["flag"]] = row
        kept = sorted(newest.values(), key=_rank, reverse=True)[:MOST]
        return {str(row["flag"]): _told(row) for row in sorted(kept, key=lambda row: str(row["flag"]))}


def _rank(row: Row | None) -> tuple[int, int, str]:
    return (0, 0, "") if row is None else (int(row["at"]), int(row["version"]), str(row["variant"]))


def _told(row: Row) -> dict[str, Any]:
    at = datetime.fromtimestamp(int(row["at"]) / 1000, UTC)
    return {"variant": str(row["variant"]), "version": int(row["version"]), "at": timestamp(at)}
