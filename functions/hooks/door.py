"""The door of what goes out of Slipway: webhooks, the changelog, and the link that ends letters."""

from __future__ import annotations

import os
from dataclasses import dataclass

from slipway.adapters import connect
from slipway.edge.http import Answer, Api
from slipway.feedback.changelog import Changelog
from slipway.feedback.deliveries import Deliveries
from slipway.feedback.letters import Subscriptions
from slipway.feedback.secrets import Secrets
from slipway.feedback.webhooks import Webhooks
from slipway.ports import Schedules, Store
from slipway.resources import Stored
from slipway.settings import Hooks as Settings


@dataclass(frozen=True, slots=True)
class Hooks:
    webhooks: Webhooks
    deliveries: Deliveries
    changelog: Changelog
    subscriptions: Subscriptions
    shots: Schedules  # that wake the courier


def hooks(store: Store, shots: Schedules, *, loopback: bool = False) -> Hooks:
    secrets = Secrets(store, os.urandom)
    return Hooks(
        Webhooks(store, os.urandom, loopback=loopback),
        Deliveries(store),
        Changelog(store),
        Subscriptions(store, secrets, site=""),  # makes no links
        shots,
    )


def wire() -> Hooks:
    settings = Settings.load()
    return hooks(connect.store(settings), connect.schedules(settings, settings.courier), loopback=settings.loopback)


api: Api[Hooks] = Api("hooks", wire)


def seen(stored: Stored, body: dict[str, object]) -> Answer:
    return Answer(200, body, etag=stored.etag)
