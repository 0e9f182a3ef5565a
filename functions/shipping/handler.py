"""What becomes of flags -> the items that are linked to them; what becomes of items -> their entries in the changelog."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.calls import Call
from slipway.edge.consumer import Consumer
from slipway.events.feedback import FeedbackStatusChanged
from slipway.events.flags import ConfigurationUpdated
from slipway.events.rollouts import (
    RolloutAdvanced,
    RolloutCompleted,
    RolloutEvent,
    RolloutResumed,
    RolloutRolledBack,
    RolloutStarted,
)
from slipway.feedback.boards import Boards
from slipway.feedback.changelog import CHANGELOG, Changelog
from slipway.feedback.items import Items
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.shipping import Shipping
from slipway.ports import Store
from slipway.settings import Shipping as Settings

Noted = RolloutEvent | ConfigurationUpdated | FeedbackStatusChanged
CONTRACTS = (
    *(RolloutStarted, RolloutAdvanced, RolloutResumed, RolloutCompleted, RolloutRolledBack),
    *(ConfigurationUpdated, FeedbackStatusChanged),
)


@dataclass(frozen=True, slots=True)
class Use:
    items: Items
    boards: Boards
    shipping: Shipping
    changelog: Changelog
    now: Callable[[], datetime]


def use(store: Store, now: Callable[[], datetime]) -> Use:
    items = Items(store, People(store, Secrets(store, os.urandom), os.urandom), AesGcm(), os.urandom)
    boards = Boards(store)
    return Use(items, boards, Shipping(items, boards.of), Changelog(store), now)


def wire() -> Use:
    return use(connect.store(Settings.load()), lambda: datetime.now(UTC))


def note(use: Use, event: Noted) -> None:
    if isinstance(event, RolloutEvent):
        use.shipping.rollout(event, use.now())
    elif isinstance(event, ConfigurationUpdated):
        use.shipping.configuration(event, use.now())
    else:
        item = use.items.shelf.find(event.subject)
        if item is not None:
            nonce = f"{event.id} {item.version}"
            call = Call(CHANGELOG, "changelog.follow", use.now(), nonce, correlation_id=event.correlation_id)
            use.changelog.follow(call, item, use.boards.of(item.data["product"]))


handler: Consumer[Use, Noted] = Consumer("shipping", wire, note, *CONTRACTS)
