"""A product whose people tell something, and all that goes out to them: the functions on one store, with a clock of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.courier.handler import handler as courier
from functions.courier.handler import use as courier_use
from functions.feedback.door import feedback
from functions.hooks.door import hooks
from functions.hooks.handler import handler as hooks_api
from functions.shipping.handler import handler as shipping
from functions.shipping.handler import use as shipping_use
from functions.unsubscribe.handler import handler as unsubscribe
from functions.unsubscribe.handler import subscriptions
from slipway.access import Principal
from slipway.adapters.memory import MemoryMailer, MemoryPost, MemorySchedules, MemoryStore
from slipway.calls import Call
from slipway.feedback.boards import BoardPatch, Boards
from slipway.feedback.edits import FeedbackPatch
from slipway.feedback.item import NewFeedback
from slipway.feedback.vote import Voter
from slipway.outbox import due
from slipway.ports import Row, Store
from slipway.resources import Stored
from slipway.tables import PRODUCTS
from tests.functions.events import Reply, call
from tests.records import arrival

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
PRODUCT = "espresso-machine"
SITE = "https://api.example.com"
SHOP = Principal("server", "key_shop", environment="production")
PAGE = Principal("client", "key_page", environment="production")
ADA = Principal("member", "mbr_ada", "editor")
RECEIVER = "https://hooks.example.com/slipway"


class Outward:
    """`store`: what the functions see of `memory`."""

    def __init__(self, store: Callable[[MemoryStore], Store] = lambda memory: memory) -> None:
        self.now, self._drawn = START, 0
        self.memory = MemoryStore()
        self.memory.put(PRODUCTS, {"pk": f"key#{PRODUCT}", "sk": "key", "schema": 1, "id": "prd_1"})
        self.events: list[dict[str, Any]] = []  # that nobody has heard of yet
        self.heard: list[dict[str, Any]] = []
        self.memory.listen(self._changed)
        self.post, self.mailer, self.shots = MemoryPost(), MemoryMailer(), MemorySchedules()
        seen = store(self.memory)
        self.room = feedback(self.memory, self.entropy)
        self.items = self.room.items
        self.boards = Boards(self.memory)
        self.hooks = hooks(self.memory, self.shots)
        self.courier = courier_use(seen, self.post, self.mailer, self.shots, lambda: self.now, site=SITE, entropy=self.entropy)
        self.shipping = shipping_use(seen, lambda: self.now)

    @contextmanager
    def open(self) -> Iterator[Outward]:
        with ExitStack() as stack:
            stack.enter_context(hooks_api.testing(use=self.hooks, now=lambda: self.now))
            stack.enter_context(courier.testing(self.courier))
            stack.enter_context(shipping.testing(self.shipping))
            stack.enter_context(unsubscribe.testing(subscriptions(self.memory, self.entropy), lambda: self.now))
            yield self

    # --- what people do ---

    def call(self, operation: str, principal: Principal = ADA) -> Call:
        self._drawn += 1
        return Call(principal, operation, self.now, f"nonce {self._drawn}", correlation_id=f"call-{self._drawn}")

    def submitted(self, who: str | None = None, by: Principal = SHOP, **fields: Any) -> str:
        wish = {"type": "idea", "product": PRODUCT, "title": "Descale by itself", "targeting_key": who, **fields}
        return self.room.submissions.submit(self.call("feedback.submit", by), NewFeedback.model_validate(wish)).stored.id

    def voted(self, id: str, *who: str) -> None:
        for number, one in enumerate(who):
            address = f"198.51.{number // 250}.{number % 250}"
            self.room.votes.cast(self.call("feedback.vote", SHOP), id, Voter(targeting_key=one), address)

    def changed(self, id: str, **fields: Any) -> Stored:
        return self.room.edits.update(self.call("feedback.update"), id, None, FeedbackPatch.model_validate(fields))

    def board(self, **switches: Any) -> None:
        self.boards.update(self.call("boards.update"), PRODUCT, None, BoardPatch.model_validate(switches))

    def http(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        return call(unsubscribe if path.startswith("/unsubscribe/") else hooks_api, method, path, body, **more)

    def webhook(self, *events: str, url: str = RECEIVER) -> dict[str, Any]:
        reply = self.http("POST", "/v1/webhooks", {"url": url, "events": list(events)})
        assert reply.status == 201, reply.body
        return dict(reply.json)

    # --- what the platform does ---

    def settle(self) -> None:
        """Every event to every function that hears it; what they raise is the test's."""
        while self.events:
            event = arrival(self.events.pop(0))
            self.heard.append(event["detail"])
            self.hear(event)

    def hear(self, event: dict[str, Any]) -> None:
        courier(event, None)
        if event["detail-type"] in {contract.name() for contract in shipping.contracts}:
            shipping(event, None)

    def later(self, **time: float) -> None:
        """Time goes by, and whatever is due by then wakes its function at its minute."""
        end = self.now + timedelta(**time)
        while due := sorted((at, name) for name, at in self.shots.waiting.items() if at <= end):
            self.now = max(self.now, due[0][0])
            del self.shots.waiting[due[0][1]]
            courier({"schedule": due[0][1]}, None)
            self.settle()
        self.now = end

    # --- what stands ---

    def rows(self, pk: str, prefix: str = "") -> list[Row]:
        rows = self.memory.tables.get("feedback", {}).items()
        return [row for (one, sk), row in sorted(rows) if one.startswith(pk) and sk.startswith(prefix)]

    def deliveries(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        reply = self.http("GET", f"/v1/webhooks/{webhook['id']}/deliveries")
        assert reply.status == 200, reply.body
        return list(reply.json["items"])

    def entropy(self, size: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(f"entropy {self._drawn}".encode()).digest(size)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        self.events += due(old, new)
