"""Events of scheduled changes -> the one-shots that wake `planner`; once a day whatever is missing, and what has expired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.access import SYSTEM
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge.consumer import Consumer
from slipway.events.later import (
    ScheduleCancelled,
    ScheduleCancelledV2,
    ScheduleEvent,
    ScheduleEventV2,
    SchedulePlanned,
    SchedulePlannedV2,
)
from slipway.flags.control import Control
from slipway.flags.schedules import awaited, reconciled
from slipway.ports import Schedules
from slipway.settings import Calendar


@dataclass(frozen=True, slots=True)
class Use:
    control: Control
    shots: Schedules
    now: Callable[[], datetime]


def wire() -> Use:
    settings = Calendar.load()
    return Use(Control(connect.store(settings)), connect.schedules(settings), lambda: datetime.now(UTC))


def note(use: Use, event: ScheduleEvent | ScheduleEventV2) -> None:
    awaited(use.control.schedules, use.shots, event.subject, use.now())


def daily(use: Use) -> None:
    reconciled(use.control.schedules, use.shots, use.now())
    use.control.proposals.expire(Call(SYSTEM, "proposals.expire", use.now(), "daily"))


handler: Consumer[Use, ScheduleEvent | ScheduleEventV2] = Consumer(
    "calendar", wire, note, SchedulePlanned, ScheduleCancelled, SchedulePlannedV2, ScheduleCancelledV2, daily=daily
)
