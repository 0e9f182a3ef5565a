"""The door of what goes out of Slipway: webhooks, and the changelog as the team writes it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from slipway.adapters import connect
from slipway.edge.http import Answer, Api
from slipway.feedback.changelog import Changelog
from slipway.feedback.deliveries import Deliveries
from slipway.feedback.webhooks import Webhooks
from slipway.ports import Schedules, Store
from slipway.resources import Stored
from slipway.settings import Hooks as Settings


@dataclass(frozen=True, slots=True)
class Hooks:
    webhooks: Webhooks
    deliveries: Deliveries
    changelog: Changelog
    shots: Schedules  # that wake the courier


def hooks(store: Store, shots: Schedules, *, loopback: bool = False) -> Hooks:
    return Hooks(Webhooks(store, os.urandom, loopback=loopback), Deliveries(store), Changelog(store), shots)


def wire() -> Hooks:
    settings = Settings.load()
    return hooks(connect.store(settings), connect.schedules(settings, settings.courier), loopback=settings.loopback)


api: Api[Hooks] = Api("hooks", wire)


def seen(stored: Stored, body: dict[str, object]) -> Answer:
    return Answer(200, body, etag=stored.etag)
