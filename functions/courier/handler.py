"""Every event -> the webhooks that asked for it; a changed status -> everybody who stands behind the item; a one-shot -> what
it is named after: deliveries that wait, or a round of notices. Once a day whatever nobody goes on with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.adapters.client import Refused
from slipway.edge import observe
from slipway.edge.consumer import Consumer
from slipway.events import AnyEvent
from slipway.events.feedback import FeedbackStatusChanged
from slipway.events.outward import WebhookUpdated
from slipway.feedback.boards import Boards
from slipway.feedback.courier import Courier, wake, woken
from slipway.feedback.items import Items
from slipway.feedback.letters import Letters, Subscriptions
from slipway.feedback.notices import Notices
from slipway.feedback.people import People
from slipway.feedback.posting import Mailer, Post
from slipway.feedback.secrets import Secrets
from slipway.feedback.webhooks import Webhooks
from slipway.ports import Row, Schedules, Store
from slipway.settings import Courier as Settings

LONG = timedelta(seconds=60)  # that one call goes on with a round


@dataclass(frozen=True, slots=True)
class Use:
    courier: Courier
    notices: Notices
    shots: Schedules
    now: Callable[[], datetime]


def use(
    store: Store,
    post: Post,
    mailer: Mailer | None,
    shots: Schedules,
    now: Callable[[], datetime],
    *,
    site: str,
    entropy: Callable[[int], bytes] = os.urandom,
) -> Use:
    secrets, aead = Secrets(store, entropy), AesGcm()
    items = Items(store, People(store, secrets, entropy, aead), aead, entropy)
    letters = Letters(
        items, Subscriptions(store, secrets, site), mailer, (Refused,), lambda error: observe.line().failure(error)
    )
    webhooks = Webhooks(store, entropy)

    def written(row: Row) -> str | None:
        return notices.written(row)

    courier = Courier(webhooks, post, shots, now, written)
    notices = Notices(items, letters, Boards(store).of, webhooks.taking, courier.take)
    return Use(courier, notices, shots, now)


def wire() -> Use:
    settings = Settings.load()
    return use(
        connect.store(settings),
        connect.post(settings),
        connect.mailer(settings),
        connect.schedules(settings, settings.courier),
        lambda: datetime.now(UTC),
        site=settings.site,
    )


def tell(use: Use, event: AnyEvent) -> None:
    use.courier.tell(event)
    if event.type == WebhookUpdated.name():
        use.courier.catch_up(event.subject)  # it may be enabled again
    elif event.type == FeedbackStatusChanged.name():
        round = use.notices.begin(FeedbackStatusChanged.model_validate(event.envelope()))
        if round is not None:
            go_on(use, round)


def go_on(use: Use, round: str) -> None:
    """As far as there is time; a one-shot does the rest."""
    end = use.now() + LONG
    while use.notices.step(round, use.now()):
        if use.now() >= end:
            wake(use.shots, round, use.now(), use.now())
            return


def wakes(use: Use, name: str) -> None:
    id = woken(name)
    if id.startswith("ntc_"):
        go_on(use, id)
    else:
        use.courier.catch_up(id)


def daily(use: Use) -> None:
    for round in use.notices.under_way():
        wake(use.shots, round, use.now(), use.now())
    use.courier.daily()


handler: Consumer[Use, AnyEvent] = Consumer("courier", wire, tell, AnyEvent, daily=daily, woken=wakes)
