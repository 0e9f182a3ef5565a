"""A one-shot -> the scheduled change that it is named after: made now, if its row still says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from slipway.access import SYSTEM
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge import observe
from slipway.flags.control import Control
from slipway.flags.schedules import Schedules
from slipway.settings import Flags


def wire() -> Schedules:
    return Control(connect.store(Flags.load())).schedules


class Planner:
    """The Lambda entry point: `{"schedule": <id>}`."""

    def __init__(self, wire: Callable[[], Schedules]) -> None:
        self._wire = wire
        self._use: Schedules | None = None
        self._now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, event: Mapping[str, Any], context: object) -> None:
        id = str(event["schedule"])
        with observe.Line(
            "planner",
            request_id=getattr(context, "aws_request_id", "none"),
            trace_id="",
            correlation_id=id,
            source="aws.scheduler",
            event_type="schedule",
        ):
            if self._use is None:
                self._use = self._wire()  # in here, so that a setting that is missing leaves a line
            call = Call(SYSTEM, "schedules.fire", self._now(), os.urandom(16).hex(), correlation_id=id)
            self._use.fire(call, id)

    @contextmanager
    def testing(self, use: Schedules, now: Callable[[], datetime]) -> Iterator[None]:
        """Work with this, by this clock, for a while."""
        before = self._use, self._now
        self._use, self._now = use, now
        try:
            yield
        finally:
            self._use, self._now = before


handler = Planner(wire)
