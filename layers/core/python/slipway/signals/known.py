"""The rows of signals that one request knows of: read in few round trips, or remembered from requests before it.

A row that stands is never changed, so that what an instance has seen holds for as long as it lives. What is not there may come
at any time: that is never remembered from one request to the next.
"""

from __future__ import annotations

from contextlib import suppress

from slipway.ports import Absent, ConditionFailed, Put, Row, Store
from slipway.tables import SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from slipway.signals.rows import Key

MOST_SEEN = 10_000  # rows in memory
FEW = 500  # rows that are put one by one; what is more goes together, for twice the units, to be done in time
_CHUNK = 100  # keys of one read, rows of one transaction


class Seen:
    """Rows that stand, the oldest forgotten first."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}

    def add(self, row: Row) -> None:
        if len(self.rows) >= MOST_SEEN:
            del self.rows[next(iter(self.rows))]
        self.rows[row["pk"], row["sk"]] = row


class Known:
    """`get` asks no store: read before. What is added counts as known, and is written in that order by `write`."""

    def __init__(self, store: Store, seen: Seen) -> None:
        self._store, self._seen = store, seen
        self._rows: dict[Key, Row | None] = {}
        self._added: list[tuple[Row, list[Row]]] = []

    def read(self, keys: Iterable[Key]) -> None:
        wanted = [key for key in dict.fromkeys(keys) if key not in self._rows and key not in self._seen.rows]
        for first in range(0, len(wanted), _CHUNK):
            some = wanted[first : first + _CHUNK]
            self._rows |= dict.fromkeys(some)
            for row in self._store.get_many(SIGNALS, some):
                self._rows[row["pk"], row["sk"]] = row
                self._seen.add(row)

    def get(self, key: Key) -> Row | None:
        return self._rows.get(key) or self._seen.rows.get(key)

    def add(self, row: Row, places: Iterable[Row] = ()) -> bool:
        """Unless it stands already. `places`: only with one of these, which is taken with it. Whether it stands now, or may."""
        key = row["pk"], row["sk"]
        if self.get(key) is not None:
            return True
        free = [place for place in places if self.get((place["pk"], place["sk"])) is None]
        if places and not free:
            return False
        self._rows[key] = row
        if free:
            self._rows[free[0]["pk"], free[0]["sk"]] = free[0]
        self._added.append((row, free))
        return True

    def write(self, token: str) -> int:
        """How many rows were new. `token`: of this request, which no other one has."""
        new, some = 0, list[Row]()
        for number, (row, places) in enumerate(self._added):
            if not places:
                some.append(row)
            if some and (places or len(some) == _CHUNK or number == len(self._added) - 1):
                new += self._put_all(some, f"{token[:24]}-{number}")
                some = []
            if places:
                new += self._taking(row, places, f"{token[:24]}-{number}")
        return new

    def _put_all(self, some: list[Row], token: str) -> int:
        if len(self._added) > FEW:
            with suppress(ConditionFailed):  # somebody else was faster with one of them
                self._store.transact([Put(SIGNALS, row, Absent()) for row in some], token)
                for row in some:
                    self._seen.add(row)
                return len(some)
        return sum(map(self._put, some))

    def _put(self, row: Row) -> bool:
        try:
            self._store.put(SIGNALS, row, Absent())
        except ConditionFailed as stands:
            self._seen.add(stands.row or row)
            return False
        self._seen.add(row)
        return True

    def _taking(self, row: Row, places: list[Row], token: str) -> bool:
        for number, place in enumerate(places):
            writes = [Put(SIGNALS, row, Absent()), Put(SIGNALS, place, Absent())]
            try:
                self._store.transact(writes, f"{token}-{number}")
            except ConditionFailed as stands:
                if stands.index == 0:
                    self._seen.add(stands.row or row)
                    return False
                self._seen.add(stands.row or place)  # another one was faster: the next place
                continue
            for one in (row, place):
                self._seen.add(one)
            return True
        return False
