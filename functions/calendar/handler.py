"""Events of scheduled changes and of rollouts -> the one-shots that wake `planner` and `ramp`; once a day whatever is missing,
and what has expired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.access import SYSTEM
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge import observe
from slipway.edge.consumer import Consumer
from slipway.events.later import (
    ScheduleCancelled,
    ScheduleCancelledV2,
    ScheduleEvent,
    ScheduleEventV2,
    SchedulePlanned,
    SchedulePlannedV2,
)
from slipway.events.rollouts import (
    RolloutAdvanced,
    RolloutEvent,
    RolloutPaused,
    RolloutResumed,
    RolloutRolledBack,
    RolloutStarted,
    RolloutStopped,
)
from slipway.flags.control import Control
from slipway.flags.schedules import awaited, reconciled
from slipway.ports import Schedules
from slipway.rollouts import clock
from slipway.settings import Calendar
from slipway.sweep import each

Noted = ScheduleEvent | ScheduleEventV2 | RolloutEvent
CONTRACTS = (
    *(SchedulePlanned, ScheduleCancelled, SchedulePlannedV2, ScheduleCancelledV2),
    *(RolloutStarted, RolloutAdvanced, RolloutResumed, RolloutPaused, RolloutRolledBack, RolloutStopped),
)


@dataclass(frozen=True, slots=True)
class Use:
    control: Control
    shots: Schedules  # of scheduled changes
    steps: Schedules  # of rollouts
    now: Callable[[], datetime]


def wire() -> Use:
    settings = Calendar.load()
    shots, steps = (connect.schedules(settings, target) for target in (settings.planner, settings.ramp))
    return Use(Control(connect.store(settings)), shots, steps, lambda: datetime.now(UTC))


def note(use: Use, event: Noted) -> None:
    if isinstance(event, RolloutEvent):
        clock.awaited(use.control.rollouts, use.steps, event.subject, use.now())
    else:
        awaited(use.control.schedules, use.shots, event.subject, use.now())


def daily(use: Use) -> None:
    """Raises the first error, after the others were done: what is wrong with one is no reason to lose a one-shot of another."""
    control, now = use.control, use.now()
    sweeps: list[Callable[[], object]] = [
        lambda: reconciled(control.schedules, use.shots, now),
        lambda: clock.reconciled(control.rollouts, use.steps, now),
        lambda: control.proposals.expire(Call(SYSTEM, "proposals.expire", now, "daily")),
    ]
    each(sweeps, lambda sweep: sweep(), observe.line().failure)


handler: Consumer[Use, Noted] = Consumer("calendar", wire, note, *CONTRACTS, daily=daily)
