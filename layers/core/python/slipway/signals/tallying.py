"""From the stream of signals to counts, exactly once; and the recount that repairs them and is the proof.

One write for each partition of a delivery, however many signals it holds, and only while the row has the version that was read:

- A record whose sequence number is not above `last` was counted: the delivery came again, or a part of it.
- A write whose answer was lost fails its condition; the row then shows that its own records were counted.
- Rows are put once and never changed, so only what is new counts; what leaves is too old to matter.

A recount takes a cut: the start of a window, five minutes ago at least. What is from before the cut it counts in the table,
what is from after it stands in `recent`; a record from before that comes later still is below the `floor`, and counted already.
Rows are kept for a time: where the oldest has had half of it, or none is left, a recount raises counts and lowers none.
A day's partitions are recounted when no row comes to them any more: what is delivered later still is below the floor.
Sequence numbers grow within a partition. Were one ever split between shards of the stream, a recount would find it.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from slipway.ports import Absent, Condition, ConditionFailed, Equals, Row, Store, StoreUnavailable, every
from slipway.signals import counters
from slipway.signals import rows as stored
from slipway.signals.counters import WINDOW, Counts, add, counted, recents, unpacked, window
from slipway.signals.rows import DAY, ROLLOUT_DAYS, SHARDS
from slipway.tables import COUNTERS, FLAGS, SIGNALS

MARGIN = 300_000  # milliseconds after which what was being written stands
AGED = ROLLOUT_DAYS * DAY * 1000 // 2  # milliseconds: where rows are that old, others may have left
_TRIES = 10
_CHUNK = 100
MOST_ROWS, MOST_NAMES = 300_000, 500  # of the day before: rows that one round reads, flags and metrics that it looks at
_GIVE_UP = 2  # partitions that could not be written: the rest of the delivery is not tried


class Signal(NamedTuple):
    """One new row: where it is counted, when it came, and what it adds."""

    home: tuple[str, str]
    sequence: int
    at: int
    counts: Counts


class Swept(NamedTuple):
    """Which counters were not right, which flags and metrics were not looked at, and why some could not be."""

    repaired: list[str]
    left: list[str]
    errors: list[StoreUnavailable]


def signal(new: Row, sequence: int) -> Signal | None:
    """None for a row that is not counted. Raises for one that should be and cannot."""
    home = counters.home(new["pk"])
    return None if home is None else Signal(home, sequence, new["at"], counted(new))


class Tallying:
    """`clock` gives milliseconds since 1970."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self.store, self.clock = store, clock
        self._read_rows = 0

    def count(self, signals: Sequence[Signal]) -> set[int]:
        """The indexes of those whose partition could not be written; it is whole or not at all."""
        groups: dict[tuple[str, str], list[int]] = {}
        for index, one in enumerate(signals):
            groups.setdefault(one.home, []).append(index)
        standing = self._read(list(groups))
        failed: set[int] = set()
        out = 0
        for home, indexes in groups.items():
            try:
                if out == _GIVE_UP:
                    raise StoreUnavailable("the table does not take writes")
                self._apply(home, [signals[index] for index in indexes], standing.get(home))
            except StoreUnavailable:
                out = min(out + 1, _GIVE_UP)
                failed.update(indexes)
        return failed

    def recount(self, home: tuple[str, str]) -> bool:
        """Bring the counts of a rollout's shard to what its rows say; whether they were something else."""
        for _ in range(_TRIES):
            now = self.clock()
            before = self.store.get(COUNTERS, *home)
            last, floor = _passed(before)
            cut, recent = _cut(recents(before), floor, now)
            if cut is None:
                return False  # clocks differ by too much: another day
            counts, oldest = self._of_table(home, cut)
            for some in recent.values():
                add(counts, some)
            standing = {} if before is None else unpacked(before)
            if oldest < now - AGED or not counts:
                counts = {name: max(counts.get(name, 0), standing.get(name, 0)) for name in counts.keys() | standing.keys()}
            if _there(counts) == _there(standing):
                return False
            row = counters.row(home, before, counts, recent, last, cut, now)
            try:
                self.store.put(COUNTERS, row, _still(before))
            except ConditionFailed:
                continue
            return True
        raise StoreUnavailable("others keep writing the counters")

    def sweep(self) -> Swept:
        """Recount the rollouts that run, then the last day that is over, as far as MOST_ROWS and MOST_NAMES go."""
        found = Swept([], [], [])
        for rollout in self._listed("list#rollouts"):
            for shard in range(SHARDS):
                self._look((rollout, f"{shard:02x}"), found)
        day = stored.day(window(self.clock() - MARGIN) / 1000 - DAY)
        try:
            named = self._of_day(day)
        except StoreUnavailable as error:
            found.errors.append(error)
            return found
        self._read_rows = 0
        for number, pk in enumerate(named):
            if number >= MOST_NAMES or self._read_rows >= MOST_ROWS:
                found.left.extend(named[number:])
                break
            for shard in range(SHARDS):
                self._look((pk, f"{day}#{shard:02x}"), found)
        return found

    # --- inside ---

    def _look(self, home: tuple[str, str], found: Swept) -> None:
        try:
            if self.recount(home):
                found.repaired.append("/".join(home))
        except StoreUnavailable as error:
            found.errors.append(error)

    def _of_day(self, day: str) -> list[str]:
        """Where its adoption and its metrics are counted, in an order that is another one each day."""
        kinds, found = {"flag": counters.ADOPTION, "name": counters.METRIC}, []
        for environment in self._listed("list#environments"):
            for row in every(self.store, SIGNALS, f"names#{environment}#{day}"):
                kind, _, name = row["sk"].partition("#")
                if kind in kinds:
                    found.append(f"{kinds[kind]}{environment}#{name}")
        return sorted(found, key=lambda pk: crc32(f"{day}{pk}".encode()))

    def _read(self, homes: list[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        found: dict[tuple[str, str], Row] = {}
        for first in range(0, len(homes), _CHUNK):
            rows = self.store.get_many(COUNTERS, homes[first : first + _CHUNK])
            found |= {(row["pk"], row["sk"]): row for row in rows}
        return found

    def _apply(self, home: tuple[str, str], signals: Sequence[Signal], before: Row | None) -> None:
        for _ in range(_TRIES):
            row = _after(home, signals, before, self.clock())
            if row is None:
                return
            try:
                self.store.put(COUNTERS, row, _still(before))
            except ConditionFailed as stands:
                before = stands.row  # another instance, a recount, or our own try whose answer was lost
                continue
            return
        raise StoreUnavailable("others keep writing the counters")

    def _of_table(self, home: tuple[str, str], cut: int) -> tuple[Counts, int]:
        """And when the oldest row came."""
        counts, oldest = Counts(), cut
        for row in every(self.store, SIGNALS, "#".join(home)):
            self._read_rows += 1
            with suppress(KeyError, TypeError, ValueError):  # what cannot be read was put aside when it came
                if row["at"] < cut:
                    add(counts, counted(row))
                    oldest = min(oldest, row["at"])
        return counts, oldest

    def _listed(self, partition: str) -> list[str]:
        return [row["sk"] for row in every(self.store, FLAGS, partition)]


def _after(home: tuple[str, str], signals: Sequence[Signal], before: Row | None, now: int) -> Row | None:
    """The row with these signals counted; None where all of them are."""
    last, floor = _passed(before)
    new = {one.sequence: one for one in signals if one.sequence > last}
    if not new:
        return None
    counts = {} if before is None else unpacked(before)
    recent = recents(before)
    for one in new.values():
        if one.at >= floor:
            add(counts, one.counts)
            add(recent.setdefault(window(one.at), {}), one.counts)
    return counters.row(home, before, counts, recent, max(new), floor, now)


def _passed(before: Row | None) -> tuple[int, int]:
    """The sequence number of the last record that was counted, and the floor."""
    return (0, 0) if before is None else (int(before["last"]), before["floor"])


def _cut(recent: dict[int, Counts], floor: int, now: int) -> tuple[int | None, dict[int, Counts]]:
    """From when on the recent counts hold, and those; None where it would be too early."""
    cut = max(window(now - MARGIN), max(recent, default=0) - WINDOW, floor)
    return (None, {}) if cut > now - MARGIN else (cut, {start: some for start, some in recent.items() if start >= cut})


def _there(counts: Counts) -> Counts:
    return {name: number for name, number in counts.items() if number}


def _still(before: Row | None) -> Condition:
    return Absent() if before is None else Equals("version", before["version"])
