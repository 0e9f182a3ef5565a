"""A one-shot -> the scheduled change that it is named after: made now, if its row still says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.access import SYSTEM
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge.consumer import Consumer
from slipway.events import Event
from slipway.flags.control import Control
from slipway.flags.schedules import Schedules
from slipway.settings import Flags


@dataclass(frozen=True, slots=True)
class Use:
    schedules: Schedules
    now: Callable[[], datetime]


def wire() -> Use:
    return Use(Control(connect.store(Flags.load())).schedules, lambda: datetime.now(UTC))


def fire(use: Use, id: str) -> None:
    use.schedules.fire(Call(SYSTEM, "schedules.fire", use.now(), os.urandom(16).hex(), correlation_id=id), id)


handler: Consumer[Use, Event] = Consumer("planner", wire, woken=fire)
