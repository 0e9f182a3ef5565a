"""A catalogue to test with: a clock that is ours, and stores that count, lose acknowledgements or fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.ports import StoreUnavailable
from slipway.product import NewProduct, ProductPatch
from slipway.products import Products
from slipway.resources import Stored

START = datetime(2026, 11, 1, tzinfo=UTC)
EDITOR = Principal("member", "mbr_ada", "editor")
_numbers = itertools.count()


def afresh() -> None:
    """Nonces, and the ids that follow from them, from the first again: what Hypothesis tries twice has to go the same way."""
    global _numbers
    _numbers = itertools.count()


def a_call(
    seconds: float = 0, *, operation: str = "products.create", key: str | None = None, digest: str = "d", nonce: str = ""
) -> Call:
    """One call, `seconds` after the start; its nonce is like no other unless it is given."""
    now = START + timedelta(seconds=seconds)
    return Call(EDITOR, operation, now, nonce or f"nonce {next(_numbers)}", idempotency_key=key, digest=digest)


def new(**fields: Any) -> NewProduct:
    return NewProduct.model_validate({"name": "Mug", "price": "19.99", **fields})


def patch(**fields: Any) -> ProductPatch:
    return ProductPatch.model_validate(fields)


def made(products: Products, seconds: float = 0, **fields: Any) -> Stored:
    return products.create(a_call(seconds), new(**fields)).stored


class Counting(MemoryStore):
    """Keeps the name of every request."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def get(self, *args: Any, **named: Any) -> Any:
        self.requests.append("get")
        return super().get(*args, **named)

    def get_many(self, *args: Any, **named: Any) -> Any:
        self.requests.append("get_many")
        return super().get_many(*args, **named)

    def query(self, *args: Any, **named: Any) -> Any:
        self.requests.append("query")
        return super().query(*args, **named)

    def put(self, *args: Any, **named: Any) -> None:
        self.requests.append("put")
        super().put(*args, **named)

    def transact(self, *args: Any, **named: Any) -> None:
        self.requests.append("transact")
        super().transact(*args, **named)

    def counted(self, use: Callable[[], Any]) -> list[str]:
        """The requests that this makes."""
        before = len(self.requests)
        use()
        return self.requests[before:]


class Faulty(MemoryStore):
    """Fails the writes whose numbers (from 0) are given: before they happen, or after, as a lost acknowledgement."""

    def __init__(self, *, before: Collection[int] = (), after: Collection[int] = ()) -> None:
        super().__init__()
        self.before, self.after, self.writes = set(before), set(after), 0

    def put(self, *args: Any, **named: Any) -> None:
        self._failing(lambda: super(Faulty, self).put(*args, **named))

    def transact(self, *args: Any, **named: Any) -> None:
        self._failing(lambda: super(Faulty, self).transact(*args, **named))

    def _failing(self, write: Callable[[], None]) -> None:
        number, self.writes = self.writes, self.writes + 1
        if number in self.before:
            raise StoreUnavailable("throttled")
        write()
        if number in self.after:
            raise StoreUnavailable("the acknowledgement is lost")


def heads(products: Products) -> list[dict[str, Any]]:
    """What stands in the table of an in-memory catalogue."""
    store = products.shelf.store
    assert isinstance(store, MemoryStore)
    return [row for (_, sk), row in sorted(store.tables.get("products", {}).items()) if sk == "head"]
