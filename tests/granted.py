"""A store that does for a function what its grants allow, and nothing else: the rows that a grant names are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from infra.functions import FUNCTIONS, OnTable
from slipway.adapters.memory import MemoryStore
from slipway.ports import Condition, Delete, Page, Put, Row, Update, Write
from slipway.tables import Table

ACTIONS = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem"}  # a check is what is left


class Granted(MemoryStore):
    """`function`: whose grants hold; None: nobody's."""

    def __init__(self) -> None:
        super().__init__()
        self.function: str | None = None

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        self._asked("GetItem", table, [pk])
        return super().get(table, pk, sk)

    def get_many(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[Row]:
        self._asked("BatchGetItem", table, [pk for pk, _ in keys])
        return super().get_many(table, keys)

    def query(self, table: Table, partition: Sequence[str | int], *given: Any, **named: Any) -> Page:
        if named.get("index") is None:
            self._asked("Query", table, [str(partition[0])])
        return super().query(table, partition, *given, **named)

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        self._asked("PutItem", table, [row["pk"]])
        super().put(table, row, condition)

    def transact(self, writes: Sequence[Write], token: str) -> None:
        asked: dict[tuple[str, Table], list[str]] = {}
        for write in writes:
            pk = write.row["pk"] if isinstance(write, Put) else write.pk
            asked.setdefault((ACTIONS.get(type(write), "ConditionCheckItem"), write.table), []).append(pk)
        for (action, table), pks in asked.items():
            self._asked(action, table, pks)
        super().transact(writes, token)

    def _asked(self, action: str, table: Table, pks: Iterable[str]) -> None:
        if self.function is None:
            return
        rows, grants = set(pks), [grant.leading for grant in _grants(self.function, action, table)]
        # All rows of a request have to fit one statement.
        fits = any(all(any(fnmatchcase(pk, one) for one in leading) for pk in rows) for leading in grants if leading)
        assert fits or () in grants, f"{self.function} may not {action} {sorted(rows)} of {table.name}"


def _grants(function: str, action: str, table: Table) -> list[OnTable]:
    [spec] = [one for one in FUNCTIONS if one.name == function]
    grants = [grant for grant in spec.grants if isinstance(grant, OnTable)]
    return [one for one in grants if one.table == table and one.index is None and f"dynamodb:{action}" in one.actions]
