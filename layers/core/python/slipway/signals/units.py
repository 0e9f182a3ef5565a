"""Whose units there are, and who says so: an exposure that a client key tells makes evidence of clients, whoever tells more.

A unit is as trustworthy as the best exposure of it: a server's later one is a row beside the client's first one (`vouched`). A
targeting key's unit is what a server says, and only where none has, what a client does.
"""

from __future__ import annotations

from slipway.rollouts import exposure as proof
from slipway.signals import rows
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from slipway.ports import Row
    from slipway.signals.known import Known
    from slipway.signals.posted import Sender
    from slipway.signals.rows import Key

BY_KEY = "targetingKey"  # what most rollouts are bucketed by
SERVER, CLIENT = "server", "client"


class Unit(Value):
    """`trust`: "server" | "client", "" for one that was never exposed; `source`: of the client that exposed it."""

    who: str
    bucket: int
    trust: str
    source: str


class Shown(Value):
    """What an exposure proves. `unit` and what follows only where the flag has a rollout; `uncounted`: the rollout that knows
    no unit; `who`, `variant`: for the adoption of the flag, where they are known; `version`: of the flag's configuration, where
    it is proven to be shown to whom the targeting key belongs; 0: of one before."""

    unit: proof.Exposure | None
    uncounted: str | None
    who: str | None
    variant: str | None
    version: int | None = None


class Units:
    """`source`: of the sender, where that is a client."""

    def __init__(self, sender: Sender, source: str, secrets: Mapping[int, bytes], known: Known, now: float) -> None:
        self._sender, self._source, self._secrets, self._known, self._now = sender, source, secrets, known, now

    def find(self, flag: str, told: Mapping[str, Any], key: str) -> Unit | None:
        """Of who has that targeting key; None where nobody knows."""
        if told["bucket_by"] == BY_KEY:
            who, bucket = proof.unit(self._secrets[told["generation"]], told["id"], key), proof.bucket(flag, told["hash"], key)
            return Unit(who, bucket, *self.trust(told["id"], who))
        for trust in (SERVER, CLIENT):
            if (row := self._known.get(self.subject(told, key, trust))) is not None:
                return Unit(row["unit"], row["bucket"], trust, row["source"])
        return None

    def owns(self, unit: proof.Exposure, key: str) -> bool:
        """Whether it was given to who has that targeting key, where units are drawn by that."""
        return proof.unit(self._secrets[unit.generation], unit.rollout, key) == unit.unit

    def trust(self, rollout: str, who: str) -> tuple[str, str]:
        """`trust` and `source` of a unit."""
        row = self._known.get(rows.of_rollout(rollout, "unit", who))
        if row is None:
            return "", ""
        if row["trust"] == SERVER or self._known.get(rows.of_rollout(rollout, "vouched", who)) is not None:
            return SERVER, ""
        return CLIENT, row["source"]

    def subject(self, told: Mapping[str, Any], key: str, trust: str) -> Key:
        subject = proof.unit(self._secrets[told["generation"]], f"{told['id']}/subject", key)
        return rows.of_rollout(told["id"], "subject", subject, "" if trust == SERVER else trust)

    def keys(self, flag: str, told: Mapping[str, Any], key: str) -> Iterator[Key]:
        """What tells whose unit it is, and whether it was exposed."""
        if told["bucket_by"] != BY_KEY:
            yield from (self.subject(told, key, trust) for trust in (SERVER, CLIENT))
        elif (unit := self.find(flag, told, key)) is not None:
            yield rows.of_rollout(told["id"], "unit", unit.who)

    def presence(self, unit: proof.Exposure) -> Iterator[Key]:
        """Where the unit stands as exposed, and where a server vouches for that."""
        again = self.again(unit)
        if again is not None:
            yield again
        if self._sender.server:
            for key, told in self._vouching(unit, again):
                row = self._known.get(told)
                if told == again or (row is not None and row["source"]):
                    yield key

    def mixing(self, flag: str, told: Mapping[str, Any], previous: str | None, who: str) -> Iterator[Key]:
        """What a word about two units depends on."""
        before = None if previous is None else self.find(flag, told, previous)
        if before is None:
            return
        for one in (who, before.who):
            yield rows.of_rollout(told["id"], "out", one)
            if not self._sender.server:
                yield rows.of_rollout(told["id"], "vouched", one)
        if not self._sender.server:
            yield from (self.slot(told["id"], self._source, rows.OUT, number) for number in range(rows.SLOTS))

    def again(self, unit: proof.Exposure | None) -> Key | None:
        """Of a unit that was first shown the flag in another stage: that it was in this one, too."""
        first = None if unit is None else self._known.get(rows.of_rollout(unit.rollout, "unit", unit.unit))
        if unit is None or first is None or first["stage"] == unit.stage:
            return None
        return rows.of_rollout(unit.rollout, "seen", unit.unit, str(unit.stage))

    def mixed(self, flag: str, told: Mapping[str, Any], previous: str | None, unit: Unit) -> None:
        """Both units are out where one person was seen as two of them, in both arms of the stage.

        A client's word for it reaches evidence of clients only: units that no server has exposed, few a network and hour, and
        with one unit no more than one other."""
        before = None if previous is None else self.find(flag, told, previous)
        if before is None or before.who == unit.who or not (before.trust and unit.trust):
            return
        if proof.arm(before.bucket, told["share"]) == proof.arm(unit.bucket, told["share"]):
            return
        if not self._sender.server and SERVER in (before.trust, unit.trust):
            return
        places = [] if self._sender.server else self.slots(told["id"], self._source, rows.OUT)
        standing = self._known.get(rows.of_rollout(told["id"], "out", unit.who))
        if not self._sender.server and standing is not None and standing["mate"] != before.who:
            return
        for one, mate in ((unit, before), (before, unit)):
            key, trust = rows.of_rollout(told["id"], "out", one.who), self._sender.trust
            came = {"mate": mate.who, "trust": trust, "source": self._source}
            if (stands := self._known.get(key)) is not None and self._sender.server and stands.get("trust") == CLIENT:
                key, came = rows.of_rollout(told["id"], "vouched", one.who, "out"), {"source": stands["source"]}
            stage = told["stage"] if stands is None else stands["stage"]
            if not self._known.add(self._row(key, rows.ROLLOUT_DAYS, stage=stage, **came), places):
                return

    def weaker(self, unit: Unit) -> tuple[str, str]:
        """Trust and source of an outcome of that unit: a client's, where it or the exposure is one's."""
        if not self._sender.server:
            return CLIENT, self._source
        return (CLIENT, unit.source) if unit.trust == CLIENT else (SERVER, "")

    def is_out(self, rollout: str, who: str, trust: str) -> bool:
        """Whether it was seen in both arms; as clients say, evidence of clients only."""
        row = self._known.get(rows.of_rollout(rollout, "out", who))
        if row is None or trust == CLIENT:
            return row is not None
        return row.get("trust") != CLIENT or self._known.get(rows.of_rollout(rollout, "vouched", who, "out")) is not None

    def _vouching(self, unit: proof.Exposure, again: Key | None) -> Iterator[tuple[Key, Key]]:
        """Where a server's word stands, and for which exposure of the unit."""
        yield rows.of_rollout(unit.rollout, "vouched", unit.unit), rows.of_rollout(unit.rollout, "unit", unit.unit)
        if again is not None:
            yield rows.of_rollout(unit.rollout, "vouched", unit.unit, str(unit.stage)), again

    def vouch(self, unit: proof.Exposure, again: Key | None) -> None:
        """What a client told, a server tells, too."""
        for key, told in self._vouching(unit, again):
            row = self._known.get(told)
            if row is not None and row.get("source"):
                kept = {name: row[name] for name in ("stage", "arm", "source") if name in row}
                self._known.add(self._row(key, rows.ROLLOUT_DAYS, **kept))

    def slot(self, rollout: str, source: str, name: str, number: int) -> Key:
        return rows.slot(rollout, source, name, self._now, number)

    def slots(self, rollout: str, source: str, name: str) -> list[Row]:
        return [self._row(self.slot(rollout, source, name, number), 1) for number in range(rows.SLOTS)]

    def _row(self, key: Key, days: int, **fields: Any) -> Row:
        return rows.row(key, self._now, days, **fields)
