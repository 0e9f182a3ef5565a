"""A store to try writes on: it reads what another store has, and keeps to itself whatever is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipway.adapters.memory import MemoryStore
from slipway.ports import Page, Row, Span, Store, Write, key_of
from slipway.tables import Index, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CHUNK = 100  # rows of one reading


class Rehearsal(MemoryStore):
    """Conditions hold or fail as they would for real. A row is read once, a partition as a whole; an index is not asked."""

    def __init__(self, real: Store) -> None:
        super().__init__()
        self._real = real
        self._read: set[tuple[str, str, str]] = set()  # table, pk, sk
        self._whole: set[tuple[str, str]] = set()  # table, pk
        self._members: dict[tuple[str, str], set[str]] = {}  # sort keys by table and pk

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        self.prepare(table, [(pk, sk)])
        return super().get(table, pk, sk)

    def get_many(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[Row]:
        self.prepare(table, keys)
        return super().get_many(table, keys)

    def prepare(self, table: Table, keys: Sequence[tuple[str, str]]) -> None:
        """Read these rows now, a hundred at a time, instead of each when it is asked for."""
        asked = [key for key in dict.fromkeys(keys) if (table.name, *key) not in self._read]
        if len(asked) == 1:
            found = self._real.get(table, *asked[0])
            self._keep(table, [] if found is None else [found])
        else:
            for first in range(0, len(asked), CHUNK):
                self._keep(table, self._real.get_many(table, asked[first : first + CHUNK]))
        self._read.update((table.name, *key) for key in asked)

    def query(
        self,
        table: Table,
        partition: Sequence[str | int],
        span: Span = Span(),
        *,
        index: Index | None = None,
        limit: int = 100,
        start: Mapping[str, Any] | None = None,
        forward: bool = True,
    ) -> Page:
        assert index is None, "an index is not rehearsed"
        pk = str(partition[0])
        if (table.name, pk) not in self._whole:
            self._read_partition(table, pk)
        of_one = MemoryStore()
        rows = self._rows(table)
        of_one.tables[table.name] = {
            (pk, sk): rows[pk, sk] for sk in self._members.get((table.name, pk), ()) if (pk, sk) in rows
        }
        return of_one.query(table, partition, span, limit=limit, start=start, forward=forward)

    # --- inside ---

    def _read_partition(self, table: Table, pk: str) -> None:
        start: Mapping[str, Any] | None = None
        while True:
            page = self._real.query(table, (pk,), limit=1000, start=start)
            self._keep(table, [row for row in page.rows if (table.name, pk, row["sk"]) not in self._read])
            self._read.update((table.name, pk, row["sk"]) for row in page.rows)
            if (start := page.next) is None:
                break
        self._whole.add((table.name, pk))

    def _keep(self, table: Table, rows: Sequence[Row]) -> None:
        for row in rows:
            key = (row["pk"], row["sk"])
            self._rows(table)[key] = row
            self._members.setdefault((table.name, key[0]), set()).add(key[1])

    def _apply(self, writes: Sequence[Write]) -> None:
        for table in {write.table.name: write.table for write in writes}.values():
            self.prepare(table, [key_of(write) for write in writes if write.table.name == table.name])
        super()._apply(writes)

    def _change(self, table: Table, key: tuple[str, str], new: Row | None) -> None:
        self._members.setdefault((table.name, key[0]), set()).add(key[1])
        super()._change(table, key, new)
