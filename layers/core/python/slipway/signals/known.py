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
    """`get` asks no store: read before. What is added counts as known, and is written in that order by `write`; what is `last`,
    which says that the others stand, after all of them."""

    def __init__(self, store: Store, seen: Seen) -> None:
        self._store, self._seen = store, seen
        self._rows: dict[Key, Row | None] = {}
        self._added: list[tuple[Row, list[Row]]] = []
        self._last: list[tuple[Row, list[Row]]] = []
        self._overtaken = False

    def read(self, keys: Iterable[Key]) -> None:
        """What is remembered is held on to: others may push it out of memory before it is asked for."""
        asked = [key for key in dict.fromkeys(keys) if key not in self._rows]
        self._rows |= {key: row for key in asked if (row := self._seen.rows.get(key)) is not None}
        wanted = [key for key in asked if key not in self._rows]
        for first in range(0, len(wanted), _CHUNK):
            some = wanted[first : first + _CHUNK]
            self._rows |= dict.fromkeys(some)
            for row in self._store.get_many(SIGNALS, some):
                self._rows[row["pk"], row["sk"]] = row
                self._seen.add(row)

    def get(self, key: Key) -> Row | None:
        return self._rows.get(key) or self._seen.rows.get(key)

    def add(self, row: Row, places: Iterable[Row] = (), *, last: bool = False) -> bool:
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
        (self._last if last else self._added).append((row, free))
        return True

    def write(self, token: str) -> bool:
        """False where a client was faster with what a server says: nothing of the last was written, and what the server's word
        comes to beside the client's is to be asked anew. `token`: of this request, which no other one has."""
        self._write(self._added, f"{token[:24]}-")
        if not self._overtaken:
            self._write(self._last, f"{token[:24]}-z")
        return not self._overtaken

    def _write(self, added: list[tuple[Row, list[Row]]], token: str) -> None:
        some = list[Row]()
        for number, (row, places) in enumerate(added):
            if not places:
                some.append(row)
            if some and (places or len(some) == _CHUNK or number == len(added) - 1):
                self._put_all(some, f"{token}{number}")
                some = []
            if places:
                self._taking(row, places, f"{token}{number}")

    def _put_all(self, some: list[Row], token: str) -> None:
        if len(self._added) + len(self._last) > FEW:
            with suppress(ConditionFailed):  # somebody else was faster with one of them
                self._store.transact([Put(SIGNALS, row, Absent()) for row in some], token)
                for row in some:
                    self._seen.add(row)
                return
        for row in some:
            self._put(row)

    def _put(self, row: Row) -> None:
        stands = row
        try:
            self._store.put(SIGNALS, row, Absent())
        except ConditionFailed as failed:
            stands = failed.row or row
        self._seen.add(stands)
        self._overtaken |= row.get("trust") == "server" and stands.get("trust") == "client"

    def _taking(self, row: Row, places: list[Row], token: str) -> None:
        for number, place in enumerate(places):
            writes = [Put(SIGNALS, row, Absent()), Put(SIGNALS, place, Absent())]
            try:
                self._store.transact(writes, f"{token}-{number}")
            except ConditionFailed as stands:
                if stands.index == 0:
                    self._seen.add(stands.row or row)
                    return
                self._seen.add(stands.row or place)  # another one was faster: the next place
                continue
            for one in (row, place):
                self._seen.add(one)
            return
