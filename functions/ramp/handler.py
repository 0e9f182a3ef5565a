"""A one-shot -> the step of the rollout that it is named after, if the guards have nothing against it and it still is due.

Once a day every rollout that is under way is judged, whatever came or did not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from slipway.access import Principal
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge import observe, verdicts
from slipway.flags.control import Control
from slipway.resources import Stored
from slipway.rollouts.clock import stepped
from slipway.rollouts.judging import judged
from slipway.rollouts.rollouts import Rollouts
from slipway.settings import Ramp as Settings

RAMP = Principal("system", "ramp")


def wire() -> Rollouts:
    return Control(connect.store(Settings.load())).rollouts


def _tell(line: observe.Line, after: Stored | None) -> None:
    if after is not None:
        verdicts.told(line, after.data["state"])


class Ramp:
    """The Lambda entry point: `{"schedule": <rollout>-<stage>}`, or the day's event."""

    def __init__(self, wire: Callable[[], Rollouts]) -> None:
        self._wire = wire
        self._use: Rollouts | None = None
        self._now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, event: Mapping[str, Any], context: object) -> None:
        name = str(event.get("schedule", ""))
        with observe.Line(
            "ramp",
            request_id=getattr(context, "aws_request_id", "none"),
            trace_id="",
            correlation_id=name,
            source="aws.scheduler" if name else "aws.events",
            event_type="schedule" if name else "daily",
        ) as line:
            if self._use is None:
                self._use = self._wire()  # in here, so that a setting that is missing leaves a line
            call = Call(RAMP, "rollouts.step", self._now(), os.urandom(16).hex(), correlation_id=name)
            if name:
                _tell(line, stepped(self._use, call, name))
            else:
                self._daily(self._use, call, line)

    def _daily(self, rollouts: Rollouts, call: Call, line: observe.Line) -> None:
        """Raises the first error, after the others were judged."""
        errors = []
        for id in rollouts.under_way():
            try:
                _tell(line, judged(rollouts, call.but(nonce=f"{call.nonce}.{id}"), id))
            except Exception as error:  # one rollout keeps no other from its step
                line.failure(error)
                errors.append(error)
        if errors:
            raise errors[0]

    @contextmanager
    def testing(self, use: Rollouts, now: Callable[[], datetime]) -> Iterator[None]:
        """Work with this, by this clock, for a while."""
        before = self._use, self._now
        self._use, self._now = use, now
        try:
            yield
        finally:
            self._use, self._now = before


handler = Ramp(wire)
