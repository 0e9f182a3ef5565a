"""A rehearsal answers as the real store would, and leaves it as it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.adapters.rehearsal import Rehearsal
from slipway.ports import Absent, Below, Check, ConditionFailed, Delete, Equals, Put, Span, Update, Write
from slipway.tables import FLAGS


def row(sk: str, **more: Any) -> dict[str, Any]:
    return {"pk": "list", "sk": sk, **more}


@pytest.fixture
def real() -> MemoryStore:
    store = MemoryStore()
    for number, sk in enumerate("aceg"):
        store.put(FLAGS, row(sk, number=number))
    return store


def both(real: MemoryStore) -> tuple[MemoryStore, Rehearsal]:
    twin = MemoryStore()
    twin.tables = copy.deepcopy(real.tables)
    return twin, Rehearsal(real)


def keys(store: MemoryStore, span: Span = Span(), **more: Any) -> list[str]:
    return [one["sk"] for one in store.query(FLAGS, ("list",), span, **more).rows]


def test_writes_are_seen_by_its_own_reads_alone(real: MemoryStore) -> None:
    before = copy.deepcopy(real.tables)
    for store in both(real):
        store.put(FLAGS, row("b"), Absent())
        writes: list[Write] = [
            Delete(FLAGS, "list", "c", Equals("number", 1)),
            Update(FLAGS, "list", "e", add={"number": 5}, condition=Below("number", 3)),
            Put(FLAGS, row("h")),
            Check(FLAGS, "list", "g", Equals("number", 3)),
        ]
        store.transact(writes, "token")
        assert keys(store) == ["a", "b", "e", "g", "h"]
        assert keys(store, Span(low="b"), limit=2) == ["b", "e"]
        assert keys(store, forward=False, limit=1) == ["h"]
        assert store.get(FLAGS, "list", "e") == row("e", number=7)
        assert store.get(FLAGS, "list", "c") is None
        assert store.get_many(FLAGS, [("list", "h"), ("list", "x"), ("list", "a")]) == [row("h"), row("a", number=0)]
    assert real.tables == before


def test_conditions_look_at_what_really_stands_there(real: MemoryStore) -> None:
    for store in both(real):
        with pytest.raises(ConditionFailed) as failed:
            store.transact([Put(FLAGS, row("x")), Put(FLAGS, row("a"), Absent())], "token")
        assert (failed.value.index, failed.value.row) == (1, row("a", number=0))
        assert store.get(FLAGS, "list", "x") is None


def test_a_row_that_was_read_or_written_is_not_read_again(real: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal = Rehearsal(real)
    rehearsal.put(FLAGS, row("b"))
    rehearsal.get(FLAGS, "list", "c")
    rehearsal.transact([Delete(FLAGS, "list", "a")], "token")
    assert keys(rehearsal) == ["b", "c", "e", "g"]
    for name in ("get", "get_many", "query"):
        monkeypatch.setattr(real, name, None)
    assert keys(rehearsal) == ["b", "c", "e", "g"]
    assert rehearsal.get(FLAGS, "list", "a") is None
