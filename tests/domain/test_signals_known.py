"""What one request knows of the rows of signals: where another one was faster, what that one wrote."""

from __future__ import annotations

from typing import Any

from slipway.adapters.memory import MemoryStore
from slipway.signals.known import Known, Seen
from slipway.tables import SIGNALS

OURS: dict[str, Any] = {"pk": "rol_1#00", "sk": "met#errors#u", "schema": 1, "stage": 1, "arm": "t"}
THEIRS: dict[str, Any] = {**OURS, "stage": 0, "arm": "c"}
PLACE: dict[str, Any] = {"pk": "slots#rol_1#n", "sk": "errors#1#0", "schema": 1}
KEY = OURS["pk"], OURS["sk"]


def test_a_row_that_somebody_else_put_is_remembered_as_it_stands() -> None:
    for places in ([], [PLACE]):
        store, seen = MemoryStore(), Seen()
        known = Known(store, seen)
        known.read([KEY])
        known.add(OURS, places)
        store.put(SIGNALS, THEIRS)
        assert known.write("token")
        assert seen.rows[KEY] == THEIRS
        assert store.get(SIGNALS, PLACE["pk"], PLACE["sk"]) is None


def test_what_a_client_was_faster_with_is_asked_anew_and_nothing_is_said_to_stand() -> None:
    last = {**OURS, "sk": "msg#1"}
    for theirs, whole in (("client", False), ("server", True)):
        store = MemoryStore()
        known = Known(store, Seen())
        known.read([KEY])
        known.add(last, last=True)
        known.add({**OURS, "trust": "server"})
        store.put(SIGNALS, {**THEIRS, "trust": theirs})
        assert known.write("token") == whole
        assert (store.get(SIGNALS, OURS["pk"], "msg#1") is not None) == whole
