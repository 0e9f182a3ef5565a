"""What one batch of signals comes to: who was shown what, for whom an outcome counts, and the rows that say so."""

from __future__ import annotations

from hmac import digest

from slipway.rollouts import exposure as proof
from slipway.signals import lines, rows
from slipway.signals.posted import Exposure, Outcome, Rejected
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from slipway.flags.snapshot import Snapshot
    from slipway.ports import Row
    from slipway.signals.known import Known
    from slipway.signals.posted import Sender, Signal
    from slipway.signals.rows import Key

    Salts = tuple[bytes, bytes]

_BY_KEY = "targetingKey"  # what most rollouts are bucketed by


class Shown(Value):
    """What an exposure proves. `unit` and what follows only where the flag has a rollout; `uncounted`: the rollout that knows
    no unit; `who`, `variant`: for the adoption of the flag, where they are known."""

    unit: proof.Exposure | None
    uncounted: str | None
    who: str | None
    variant: str | None


class Effects:
    """One batch against the rollouts of its environment. `salts`: of the day, and of the day before."""

    def __init__(
        self, sender: Sender, snapshot: Snapshot, secrets: Mapping[int, bytes], salts: Salts, known: Known, now: float
    ) -> None:
        self.sender, self.snapshot, self.secrets, self.salts = sender, snapshot, secrets, salts
        self.known, self.now, self.day = known, now, rows.day(now)
        self.environment, self.trust = sender.environment, sender.trust
        self.source = "" if sender.server else self._hash("network", sender.network)[:12]

    # --- what exposures prove ---

    def shown(self, signals: Sequence[Signal]) -> tuple[dict[int, Shown], list[Rejected]]:
        """By index; and those that prove nothing."""
        found, rejected = {}, []
        for signal in signals:
            if isinstance(signal, Exposure):
                shown = self._proven(signal)
                if isinstance(shown, Rejected):
                    rejected.append(shown)
                else:
                    found[signal.index] = shown
        return found, rejected

    def _proven(self, signal: Exposure) -> Shown | Rejected:
        told = self.snapshot.rollouts.get(signal.flag)
        if told is not None and told["generation"] not in self.secrets:
            detail = "What signs this flag's exposures is not known here yet: send the same event again in a few seconds."
            return Rejected(signal.index, "not_yet", detail)
        return self._by_token(signal) if signal.token is not None else self._by_context(signal)

    def _by_token(self, signal: Exposure) -> Shown | Rejected:
        unit = proof.verify(self.secrets, self.environment, signal.flag, signal.token or "")
        if unit is None:
            detail = "`exposure` proves nothing of this flag here: send `exposure` as the metadata has it."
            return Rejected(signal.index, "invalid_exposure", detail)
        told = self.snapshot.rollouts.get(signal.flag)
        if told is None or told["id"] != unit.rollout:
            return Shown(unit, None, None, None)  # the rollout is over, or this instance has not heard of it yet
        return Shown(unit, None, unit.unit, told["to"] if unit.arm == proof.TREATMENT else told["from"])

    def _by_context(self, signal: Exposure) -> Shown | Rejected:
        context = {**(signal.context or {}), **({} if signal.key is None else {_BY_KEY: signal.key})}
        evaluation = self.snapshot.flags.evaluate(signal.flag, context, now=self.now)
        if evaluation.error_code == "FLAG_NOT_FOUND":
            return Rejected(signal.index, "unknown_flag", "There is no such flag in this environment.")
        told, unit, uncounted = self.snapshot.rollouts.get(signal.flag), None, None
        if told is not None:
            unit = self.snapshot.audience.exposure(signal.flag, context, self.secrets, self.now)
            if proof.value(context, told["bucket_by"]) is None and evaluation.variant in (told["from"], told["to"]):
                uncounted = told["id"]
        who = unit.unit if unit is not None else proof.value(context, _BY_KEY)
        return Shown(unit, uncounted, who, evaluation.variant)

    # --- what may stand already ---

    def before(self, signals: Sequence[Signal], shown: Mapping[int, Shown]) -> Iterator[Key]:
        """First what says who the units are, and whether they were exposed."""
        for signal in signals:
            if isinstance(signal, Exposure):
                one = shown[signal.index]
                if one.unit is not None:
                    yield rows.of_rollout(one.unit.rollout, "unit", one.unit.unit)
                if one.who is not None and one.variant is not None:
                    yield self._adopted(signal.flag, one.who)
                rollouts = [told for told in (self._running(signal.flag, one),) if told is not None]
            else:
                yield self._measured(signal.name, "unit", self._hash("unit", signal.name, signal.key))
                yield self._message(signal, 1)
                rollouts = [(flag, told) for flag, told, _ in self._watching(signal)]
            for flag, told in rollouts:
                for key in (signal.key, signal.previous):
                    if key is None:
                        continue
                    if told["bucket_by"] != _BY_KEY:
                        yield self._subject(told, key)
                    elif (unit := self._unit(flag, told, key)) is not None:
                        yield rows.of_rollout(told["id"], "unit", unit[0])

    def after(self, signals: Sequence[Signal], shown: Mapping[int, Shown]) -> Iterator[Key]:
        """Then what was counted of the units that were exposed, before this batch or in it."""
        new = {(one.unit.rollout, one.unit.unit) for one in shown.values() if one.unit is not None}
        mapped = {
            self._subject(told, signal.key): one.unit
            for signal in signals
            if isinstance(signal, Exposure) and signal.key is not None
            for one in (shown[signal.index],)
            if one.unit is not None and (running := self._running(signal.flag, one)) is not None
            for told in (running[1],)
            if told["bucket_by"] != _BY_KEY
        }
        for signal in signals:
            if isinstance(signal, Exposure):
                if (again := self._again(shown[signal.index].unit)) is not None:
                    yield again
                continue
            for flag, told, names in self._watching(signal):
                unit = self._unit(flag, told, signal.key)
                if unit is None and (one := mapped.get(self._subject(told, signal.key))) is not None:
                    unit = one.unit, one.bucket
                if unit is None:
                    continue
                who, _ = unit
                if (told["id"], who) not in new and not self._exposed(told, who):
                    continue
                wanted = [name for name in names if self.known.get(rows.of_rollout(told["id"], "met", who, name)) is None]
                if not wanted:
                    continue
                yield rows.of_rollout(told["id"], "out", who)
                for name in wanted:
                    yield rows.of_rollout(told["id"], "met", who, name)
                    if not self.sender.server:
                        yield from (self._slot(told["id"], name, number) for number in range(rows.SLOTS))

    # --- rows ---

    def take(self, signal: Signal, shown: Shown | None) -> bytes:
        """Say which rows the event makes; its line in the lake."""
        if isinstance(signal, Outcome):
            return self._outcome(signal)
        assert shown is not None
        return self._exposure(signal, shown)

    def _exposure(self, signal: Exposure, shown: Shown) -> bytes:
        unit = shown.unit
        if unit is not None:
            told = {"stage": unit.stage, "arm": unit.arm, "bucket": unit.bucket}
            self.known.add(self._row(rows.of_rollout(unit.rollout, "unit", unit.unit), rows.ROLLOUT_DAYS, **told, **self._from))
            if (again := self._again(unit)) is not None:
                self.known.add(self._row(again, rows.ROLLOUT_DAYS, stage=unit.stage))
            running = self._running(signal.flag, shown)
            if running is not None:
                flag, rollout = running
                if rollout["bucket_by"] != _BY_KEY and signal.key is not None:
                    mapped = self._row(
                        self._subject(rollout, signal.key), rows.ROLLOUT_DAYS, unit=unit.unit, bucket=unit.bucket
                    )
                    self.known.add(mapped)
                self._mixed(flag, rollout, signal.previous, (unit.unit, unit.bucket))
        if shown.uncounted is not None:
            self.known.add(self._row(rows.of_rollout(shown.uncounted, "none", signal.id), rows.ROLLOUT_DAYS))
        if shown.who is not None and shown.variant is not None:
            self.known.add(self._row(self._adopted(signal.flag, shown.who), rows.READ_DAYS, variant=shown.variant))
        proven: dict[str, Any] = {"flag": signal.flag, "variant": shown.variant}
        if unit is not None:
            proven |= {"rollout": unit.rollout, "stage": unit.stage, "arm": unit.arm, "unit": unit.unit}
        return lines.line(signal, self.sender, self.secrets, self.now, proven)

    def _outcome(self, signal: Outcome) -> bytes:
        variants = {}
        for flag, told, names in self._watching(signal):
            unit = self._unit(flag, told, signal.key)
            if unit is None:
                continue
            self._mixed(flag, told, signal.previous, unit)
            who, bucket = unit
            if not self._exposed(told, who):
                continue
            if self.known.get(rows.of_rollout(told["id"], "out", who)) is not None:
                continue
            arm = proof.arm(bucket, told["share"])
            variants[flag] = told["to"] if arm == proof.TREATMENT else told["from"]
            for name in names:
                met = self._row(
                    rows.of_rollout(told["id"], "met", who, name), rows.ROLLOUT_DAYS, stage=told["stage"], arm=arm, **self._from
                )
                self.known.add(met, () if self.sender.server else self._slots(told["id"], name))
        unit_of_day = self._measured(signal.name, "unit", self._hash("unit", signal.name, signal.key))
        self.known.add(self._row(unit_of_day, rows.READ_DAYS, variants=variants))
        if self.known.get(self._message(signal, 1)) is None:
            value = {} if signal.millionths is None else {"value": signal.millionths}
            self.known.add(self._row(self._message(signal), rows.READ_DAYS, variants=variants, **value))
        came = {"name": signal.name, "value": signal.value, "variants": variants}
        return lines.line(signal, self.sender, self.secrets, self.now, came)

    def _mixed(self, flag: str, told: Mapping[str, Any], previous: str | None, unit: tuple[str, int]) -> None:
        """Both units are out where one person was seen as two of them, in both arms of the stage."""
        before = None if previous is None else self._unit(flag, told, previous)
        if before is None or before[0] == unit[0]:
            return
        if proof.arm(before[1], told["share"]) == proof.arm(unit[1], told["share"]):
            return
        if not (self._exposed(told, before[0]) and self._exposed(told, unit[0])):
            return
        for who, _ in (before, unit):
            self.known.add(self._row(rows.of_rollout(told["id"], "out", who), rows.ROLLOUT_DAYS, stage=told["stage"]))

    # --- small things ---

    @property
    def _from(self) -> dict[str, str]:
        return {"trust": self.trust, "source": self.source}

    def _running(self, flag: str, shown: Shown) -> tuple[str, Mapping[str, Any]] | None:
        """The flag and its rollout, where that is the one of the exposure and still runs."""
        told = self.snapshot.rollouts.get(flag)
        return None if told is None or shown.unit is None or shown.unit.rollout != told["id"] else (flag, told)

    def _watching(self, signal: Outcome) -> Iterator[tuple[str, Mapping[str, Any], list[str]]]:
        """Each rollout for which the outcome counts, and under which metrics. Of one that is so new that nothing can be signed
        yet, nobody was shown anything."""
        for flag, told in self.snapshot.rollouts.items():
            if told["generation"] not in self.secrets:
                continue
            names = [rows.metric(one) for one in told.get("watch", ()) if _watches(one, signal)]
            if names:
                yield flag, told, list(dict.fromkeys(names))

    def _unit(self, flag: str, told: Mapping[str, Any], key: str) -> tuple[str, int] | None:
        """The unit and the bucket of who has that targeting key; None where nobody knows."""
        if told["bucket_by"] != _BY_KEY:
            row = self.known.get(self._subject(told, key))
            return None if row is None else (row["unit"], row["bucket"])
        return proof.unit(self.secrets[told["generation"]], told["id"], key), proof.bucket(flag, told["hash"], key)

    def _again(self, unit: proof.Exposure | None) -> Key | None:
        """Of a unit that was first shown the flag in another stage: that it was in this one, too."""
        first = None if unit is None else self.known.get(rows.of_rollout(unit.rollout, "unit", unit.unit))
        if unit is None or first is None or first["stage"] == unit.stage:
            return None
        return rows.of_rollout(unit.rollout, "seen", unit.unit, str(unit.stage))

    def _exposed(self, told: Mapping[str, Any], who: str) -> bool:
        """Whether the unit was shown the flag before: whoever is found by its subject was."""
        return told["bucket_by"] != _BY_KEY or self.known.get(rows.of_rollout(told["id"], "unit", who)) is not None

    def _subject(self, told: Mapping[str, Any], key: str) -> Key:
        subject = proof.unit(self.secrets[told["generation"]], f"{told['id']}/subject", key)
        return rows.of_rollout(told["id"], "subject", subject)

    def _slot(self, rollout: str, name: str, number: int) -> Key:
        return rows.slot(rollout, self.source, name, self.now, number)

    def _slots(self, rollout: str, name: str) -> list[Row]:
        return [self._row(self._slot(rollout, name, number), 1) for number in range(rows.SLOTS)]

    def _adopted(self, flag: str, who: str) -> Key:
        return rows.adopted(self.environment, flag, self.day, self._hash("adopted", flag, who))

    def _measured(self, name: str, kind: str, who: str) -> Key:
        return rows.measured(self.environment, name, self.day, kind, who)

    def _message(self, signal: Outcome, before: int = 0) -> Key:
        """Of that kind of key and that person: nobody takes an id from another. `before`: days ago, 0 or 1."""
        whose = digest(self.salts[before], f"message\x1f{self.trust}\x1f{signal.key}".encode(), "sha256")[:16].hex()
        day = rows.day(self.now - before * rows.DAY)
        return rows.measured(self.environment, signal.name, day, "msg", f"{whose}#{signal.id}")

    def _row(self, key: Key, days: int, **fields: Any) -> Row:
        return rows.row(key, self.now, days, **fields)

    def _hash(self, *parts: str) -> str:
        return digest(self.salts[0], "\x1f".join(parts).encode(), "sha256")[:16].hex()


def _watches(one: Mapping[str, Any], signal: Outcome) -> bool:
    kind = one["kind"]
    if kind == "activity":
        return True
    if one["metric"] != signal.name:
        return False
    return kind != "slow_units" or (signal.value is not None and signal.value > one["threshold"])
