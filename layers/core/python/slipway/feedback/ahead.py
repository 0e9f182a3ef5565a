"""Rows that several are about to ask for, read in one request. Each is handed out once: later the table is asked again."""

from __future__ import annotations

from slipway.tables import FEEDBACK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.ports import Row, Store

    Place = tuple[str, str]


class Ahead:
    def __init__(self, store: Store, places: Sequence[Place] = ()) -> None:
        self._store = store
        self._found: dict[Place, Row | None] = {}
        if len(places) > 1:
            rows = store.get_many(FEEDBACK, places)
            self._found = {**dict.fromkeys(places), **{(row["pk"], row["sk"]): row for row in rows}}

    def get(self, place: Place) -> Row | None:
        return self._found.pop(place) if place in self._found else self._store.get(FEEDBACK, *place)
