"""A product with a public board, and what stands on it: rows as the functions write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.adapters.memory import MemoryStore
from slipway.calls import Call, derived_id, timestamp
from slipway.feedback.boards import BoardPatch, Boards
from slipway.feedback.changelog import Changelog, NewEntry
from slipway.product import NewProduct
from slipway.products import Products
from slipway.resources import HEAD
from slipway.tables import FEEDBACK
from tests.functions.events import EDITOR

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PRODUCT = "grinder"


class Board:
    """`switches`: of its board; None where nobody has touched it."""

    def __init__(self, switches: dict[str, Any] | None = None, *, name: str = "Grinder") -> None:
        self.store, self._made = MemoryStore(), 0
        Products(self.store).create(self.call("products.create"), NewProduct(name=name, key=PRODUCT, price="9.99"))
        if switches is not None:
            self.switch(**switches)

    def switch(self, **switches: Any) -> None:
        Boards(self.store).update(self.call("boards.update"), PRODUCT, None, BoardPatch(**switches))

    def item(self, title: str | None = None, *, votes: int = 0, ago: timedelta = timedelta(), **data: Any) -> str:
        """Its id. `title`: as its person wrote it, in the index alone; `ago`: since when it stands as it does."""
        self._made += 1
        id, at = derived_id("fbk_", str(self._made)), timestamp(NOW - ago)
        whole = {"product": PRODUCT, "type": "idea", "status": "planned", "state": "visible", "person": "psn_1", **data}
        row = {"pk": id, "sk": HEAD, "kind": "feedback", "schema": 1, "version": 1, "data": whole, "status": whole["status"]}
        self.store.put(FEEDBACK, {**row, "created_at": at, "updated_at": at, "events": [], "product": whole["product"]})
        if title is not None:
            shown = {"title": title.lower(), "shown": title, "words": [], "created_at": at, "kind": "index"}
            self.store.put(FEEDBACK, {"pk": f"index#{whole['product']}", "sk": id, "schema": 1, "product": PRODUCT, **shown})
        if votes:
            self.store.put(FEEDBACK, {"pk": id, "sk": "count", "schema": 1, "version": 1, "own": votes})
        return id

    def entry(self, title: str, text: str = "", status: str = "published", *, ago: timedelta = timedelta()) -> str:
        call = self.call("changelog.create", ago)
        new = NewEntry.model_validate({"product": PRODUCT, "title": title, "text": text, "status": status})
        return Changelog(self.store).create(call, new).stored.id

    def call(self, operation: str, ago: timedelta = timedelta()) -> Call:
        self._made += 1
        return Call(EDITOR, operation, NOW - ago, nonce=str(self._made))
