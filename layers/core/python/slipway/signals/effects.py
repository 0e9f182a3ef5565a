"""What one batch of signals comes to: who was shown what, for whom an outcome counts, and the rows that say so."""

from __future__ import annotations

from slipway.rollouts import exposure as proof
from slipway.signals import lines, rows
from slipway.signals.posted import Exposure, Outcome, Rejected
from slipway.signals.salts import hashed, person, source
from slipway.signals.units import BY_KEY, CLIENT, SERVER, Shown, Unit, Units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from slipway.flags.evaluation import Evaluation
    from slipway.flags.snapshot import Snapshot
    from slipway.ports import Row
    from slipway.signals.known import Known
    from slipway.signals.posted import Sender, Signal
    from slipway.signals.rows import Key

    Salts = tuple[bytes, bytes]


class Effects:
    """One batch against the rollouts of its environment. `salts`: of the day, and of the day before."""

    def __init__(
        self, sender: Sender, snapshot: Snapshot, secrets: Mapping[int, bytes], salts: Salts, known: Known, now: float
    ) -> None:
        self.sender, self.snapshot, self.secrets, self.salts = sender, snapshot, secrets, salts
        self.known, self.now, self.day = known, now, rows.day(now)
        self.environment, self.trust = sender.environment, sender.trust
        self.source = "" if sender.server else sender.source or source(self.salts[0], sender.network)
        self.units = Units(sender, self.source, secrets, known, now)

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
        by_key = told["bucket_by"] == BY_KEY
        keys = [key for key in (signal.key, signal.previous) if key is not None]
        if by_key and keys and not any(self.units.owns(unit, key) for key in keys):
            detail = "`exposure` is another `targetingKey`'s: send it with the one that the flag was evaluated for."
            return Rejected(signal.index, "other_key", detail)
        variant = told["to"] if unit.arm == proof.TREATMENT else told["from"]
        # Of who is bucketed by something else only a server knows whose it is.
        own = signal.key is not None and (self.units.owns(unit, signal.key) if by_key else self.sender.server)
        if not own:
            return Shown(unit, None, unit.unit, variant)
        evaluation = self.snapshot.flags.evaluate(signal.flag, {}, now=self.now)
        return Shown(unit, None, unit.unit, variant, _version(evaluation) if unit.stage == told["stage"] else 0)

    def _by_context(self, signal: Exposure) -> Shown | Rejected:
        context = {**(signal.context or {}), **({} if signal.key is None else {BY_KEY: signal.key})}
        evaluation = self.snapshot.flags.evaluate(signal.flag, context, now=self.now)
        if evaluation.error_code == "FLAG_NOT_FOUND":
            return Rejected(signal.index, "unknown_flag", "There is no such flag in this environment.")
        told, unit, uncounted = self.snapshot.rollouts.get(signal.flag), None, None
        if told is not None:
            unit = self.snapshot.audience.exposure(signal.flag, context, self.secrets, self.now)
            if proof.value(context, told["bucket_by"]) is None and evaluation.variant in (told["from"], told["to"]):
                uncounted = told["id"]
        who = unit.unit if unit is not None else proof.value(context, BY_KEY)
        own = signal.key is not None and evaluation.variant is not None
        return Shown(unit, uncounted, who, evaluation.variant, _version(evaluation) if own else None)

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
                    yield self._flag_of_day(signal.flag)
                if one.version is not None:
                    yield self._recorded(signal, one)
                rollouts = [told for told in (self._running(signal.flag, one),) if told is not None]
            else:
                yield self._measured(signal.name, "unit", self._hash("unit", signal.name, signal.key))
                yield self._message(signal, 1)
                rollouts = [(flag, told) for flag, told, _ in self._watching(signal)]
            for flag, told in rollouts:
                for key in (signal.key, signal.previous):
                    if key is not None:
                        yield from self.units.keys(flag, told, key)

    def after(self, signals: Sequence[Signal], shown: Mapping[int, Shown]) -> Iterator[Key]:
        """Then what was counted of the units that were exposed, before this batch or in it."""
        new = {(one.unit.rollout, one.unit.unit) for one in shown.values() if one.unit is not None}
        mapped = {
            self.units.subject(told, signal.key, self.trust): one.unit
            for signal in signals
            if isinstance(signal, Exposure) and signal.key is not None
            for one in (shown[signal.index],)
            if one.unit is not None and (running := self._running(signal.flag, one)) is not None
            for told in (running[1],)
            if told["bucket_by"] != BY_KEY
        }
        for signal in signals:
            if isinstance(signal, Exposure):
                one = shown[signal.index]
                if one.unit is not None:
                    yield from self.units.presence(one.unit)
                    if (running := self._running(signal.flag, one)) is not None:
                        yield from self.units.mixing(*running, signal.previous, one.unit.unit)
                continue
            for flag, told, names in self._watching(signal):
                unit = self.units.find(flag, told, signal.key)
                there = mapped.get(self.units.subject(told, signal.key, self.trust)) if mapped else None
                if there is not None and (unit is None or (self.sender.server and unit.trust == CLIENT)):
                    unit = Unit(there.unit, there.bucket, self.trust, self.source)
                if unit is None or not (unit.trust or (told["id"], unit.who) in new):
                    continue
                yield from self.units.mixing(flag, told, signal.previous, unit.who)
                wanted = [name for name in names if not self._settled(told["id"], unit.who, name)]
                if not wanted:
                    continue
                trust, source = self.units.weaker(unit)
                yield self._message(signal)
                yield rows.of_rollout(told["id"], "out", unit.who)
                if trust == CLIENT:
                    yield rows.of_rollout(told["id"], "vouched", unit.who)
                if self.sender.server:
                    yield rows.of_rollout(told["id"], "vouched", unit.who, "out")
                for name in wanted:
                    yield rows.of_rollout(told["id"], "met", unit.who, name)
                    if self.known.get(rows.of_rollout(told["id"], "met", unit.who, name)) is not None:
                        yield rows.of_rollout(told["id"], "vouched", unit.who, f"met#{name}")
                    elif trust == CLIENT:
                        yield from (self.units.slot(told["id"], source, name, number) for number in range(rows.SLOTS))

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
            again = self.units.again(unit)
            told = {"stage": unit.stage, "arm": unit.arm, "bucket": unit.bucket}
            self.known.add(self._row(rows.of_rollout(unit.rollout, "unit", unit.unit), rows.ROLLOUT_DAYS, **told, **self._from))
            if again is not None:
                self.known.add(self._row(again, rows.ROLLOUT_DAYS, stage=unit.stage, **self._from))
            if self.sender.server:
                self.units.vouch(unit, again)
            running = self._running(signal.flag, shown)
            if running is not None:
                flag, rollout = running
                if rollout["bucket_by"] != BY_KEY and signal.key is not None:
                    subject = self.units.subject(rollout, signal.key, self.trust)
                    place = {"unit": unit.unit, "bucket": unit.bucket}
                    self.known.add(self._row(subject, rows.ROLLOUT_DAYS, **place, **self._from))
                own = Unit(unit.unit, unit.bucket, *self.units.trust(unit.rollout, unit.unit))
                self.units.mixed(flag, rollout, signal.previous, own)
        if shown.uncounted is not None:
            self.known.add(self._row(rows.of_rollout(shown.uncounted, "none", signal.id), rows.ROLLOUT_DAYS))
        if shown.who is not None and shown.variant is not None:
            self.known.add(self._row(self._flag_of_day(signal.flag), rows.READ_DAYS))
            self.known.add(self._row(self._adopted(signal.flag, shown.who), rows.READ_DAYS, variant=shown.variant))
        if shown.version is not None:
            told = {"flag": signal.flag, "variant": shown.variant, "version": shown.version}
            self.known.add(self._row(self._recorded(signal, shown), rows.SALT_DAYS, **told))
        proven: dict[str, Any] = {"flag": signal.flag, "variant": shown.variant}
        if unit is not None:
            proven |= {"rollout": unit.rollout, "stage": unit.stage, "arm": unit.arm, "unit": unit.unit}
        return lines.line(signal, self.sender, self.secrets, self.now, proven)

    def _outcome(self, signal: Outcome) -> bytes:
        variants, again = {}, any(self.known.get(self._message(signal, before)) is not None for before in (0, 1))
        for flag, told, names in self._watching(signal):
            unit = self.units.find(flag, told, signal.key)
            if unit is None or not unit.trust:
                continue
            self.units.mixed(flag, told, signal.previous, unit)
            trust, source = self.units.weaker(unit)
            if self.units.is_out(told["id"], unit.who, trust):
                continue
            arm = proof.arm(unit.bucket, told["share"])
            variants[flag] = told["to"] if arm == proof.TREATMENT else told["from"]
            for name in () if again else names:
                self._met(told, unit.who, name, {"stage": told["stage"], "arm": arm, "trust": trust, "source": source})
        if not again:
            unit_of_day = self._measured(signal.name, "unit", self._hash("unit", signal.name, signal.key))
            self.known.add(self._row(unit_of_day, rows.READ_DAYS, variants=variants))
            value = {} if signal.millionths is None else {"value": signal.millionths}
            self.known.add(self._row(self._message(signal), rows.READ_DAYS, variants=variants, **value), last=True)
        told_of: dict[str, Any] = {"name": signal.name, "value": signal.value, "variants": variants}
        return lines.line(signal, self.sender, self.secrets, self.now, told_of)

    def _met(self, told: Mapping[str, Any], who: str, name: str, place: Mapping[str, Any]) -> None:
        """It counts where it is the unit's first; and among servers' own where it is the first that a server tells."""
        key = rows.of_rollout(told["id"], "met", who, name)
        first = self.known.get(key)
        if place["trust"] == CLIENT:
            self.known.add(self._row(key, rows.ROLLOUT_DAYS, **place), self.units.slots(told["id"], place["source"], name))
        elif first is None:
            self.known.add(self._row(key, rows.ROLLOUT_DAYS, **place))
        elif first["trust"] == CLIENT:
            key = rows.of_rollout(told["id"], "vouched", who, f"met#{name}")
            came = {"source": first["source"], "first": f"{first['stage']}|{first['arm']}"}
            self.known.add(self._row(key, rows.ROLLOUT_DAYS, stage=place["stage"], arm=place["arm"], **came))

    # --- small things ---

    def _settled(self, rollout: str, who: str, name: str) -> bool:
        """Whether nothing that this sender tells of the unit can count for that metric any more."""
        first = self.known.get(rows.of_rollout(rollout, "met", who, name))
        if first is None or first["trust"] == SERVER or not self.sender.server:
            return first is not None
        return self.known.get(rows.of_rollout(rollout, "vouched", who, f"met#{name}")) is not None

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

    def _adopted(self, flag: str, who: str) -> Key:
        return rows.adopted(self.environment, flag, self.day, self._hash("adopted", flag, who))

    def _recorded(self, signal: Exposure, shown: Shown) -> Key:
        pk = rows.shown(self.environment, self.day, person(self.salts[0], signal.key or ""))
        return pk, f"{signal.flag}#{shown.variant}#{shown.version}"

    def _flag_of_day(self, flag: str) -> Key:
        """That somebody was shown it: who recounts the day asks for that."""
        return rows.name(self.environment, self.now, f"flag#{flag}")

    def _measured(self, name: str, kind: str, who: str) -> Key:
        return rows.measured(self.environment, name, self.day, kind, who)

    def _message(self, signal: Outcome, before: int = 0) -> Key:
        """Of that kind of key and that person: nobody takes an id from another. `before`: days ago, 0 or 1."""
        whose = hashed(self.salts[before], "message", self.trust, signal.key)
        day = rows.day(self.now - before * rows.DAY)
        return rows.measured(self.environment, signal.name, day, "msg", f"{whose}#{signal.id}")

    def _row(self, key: Key, days: int, **fields: Any) -> Row:
        return rows.row(key, self.now, days, **fields)

    def _hash(self, *parts: str) -> str:
        return hashed(self.salts[0], *parts)


def _version(evaluation: Evaluation) -> int:
    """Of the flag's configuration; the flag set's own version is a text."""
    found = evaluation.metadata.get("version")
    return found if type(found) is int else 0


def _watches(one: Mapping[str, Any], signal: Outcome) -> bool:
    kind = one["kind"]
    if kind == "activity":
        return True
    if one["metric"] != signal.name:
        return False
    return kind != "slow_units" or (signal.value is not None and signal.value > one["threshold"])
