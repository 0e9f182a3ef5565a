"""A one-shot -> the step of the rollout that it is named after, if the guards have nothing against it and it still is due. A
stage that has begun -> the verdict, where an alarm rings already.

Once a day every rollout that is under way is judged, whatever came or did not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.access import Principal
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge import observe, verdicts
from slipway.edge.consumer import Consumer
from slipway.events.rollouts import RolloutAdvanced, RolloutEvent, RolloutResumed, RolloutStarted
from slipway.flags.control import Control
from slipway.ports import Alarms
from slipway.resources import Stored
from slipway.rollouts import clock
from slipway.rollouts.rollouts import Rollouts
from slipway.settings import Ramp as Settings
from slipway.sweep import each

RAMP = Principal("system", "ramp")


@dataclass(frozen=True, slots=True)
class Use:
    rollouts: Rollouts
    alarms: Alarms
    now: Callable[[], datetime]

    def call(self, correlation_id: str = "") -> Call:
        return Call(RAMP, "rollouts.step", self.now(), os.urandom(16).hex(), correlation_id=correlation_id)


def wire() -> Use:
    return Use(Control(connect.store(Settings.load())).rollouts, connect.alarms(), lambda: datetime.now(UTC))


def begin(use: Use, event: RolloutEvent) -> None:
    _tell(clock.begun(use.rollouts, use.alarms, use.call(event.correlation_id), event.subject))


def step(use: Use, name: str) -> None:
    _tell(clock.stepped(use.rollouts, use.alarms, use.call(name), name))


def daily(use: Use) -> None:
    def look(id: str) -> None:
        _tell(clock.looked(use.rollouts, use.alarms, use.call(), id))

    each(use.rollouts.under_way(), look, observe.line().failure)


def _tell(after: Stored | None) -> None:
    if after is not None:
        verdicts.told(observe.line(), after.data["state"])


handler: Consumer[Use, RolloutEvent] = Consumer(
    "ramp", wire, begin, RolloutStarted, RolloutAdvanced, RolloutResumed, daily=daily, woken=step
)
