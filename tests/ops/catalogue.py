"""A small catalogue with a past, in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.outbox import due
from slipway.product import NewProduct, ProductPatch
from slipway.products import Products

START = datetime(2026, 11, 1, tzinfo=UTC)


class Catalogue:
    """`count` products, the n-th made on day n and renamed on up to 4 days after; what the relay would send of it."""

    def __init__(self, count: int) -> None:
        self.store = MemoryStore()
        self.sent: list[dict[str, Any]] = []
        self.changes: list[tuple[Any, Any]] = []
        self.store.listen(self._listen)
        self.ids = [self._product(number) for number in range(count)]

    def _listen(self, table: str, old: Any, new: Any) -> None:
        self.changes.append((old, new))
        self.sent += due(old, new)

    def _product(self, number: int) -> str:
        products = Products(self.store)
        made = products.create(call(number, 0), NewProduct(name=f"Product {number}", price="1.00")).stored
        for day in range(1, number % 5 + 1):
            products.update(call(number, day), made.id, None, ProductPatch(name=f"Product {number}.{day}"))
        return made.id


def call(number: int, day: int) -> Call:
    moment = START + timedelta(days=number + day)
    return Call(Principal("member", "mbr_1", "editor"), "products.create", moment, f"{number}.{day}")
