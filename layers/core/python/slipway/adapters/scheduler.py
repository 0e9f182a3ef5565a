"""`slipway.ports.Schedules` over EventBridge Scheduler."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from slipway.adapters import boto
from slipway.adapters.client import Counts, Refused


class SchedulerSchedules:
    """One-shots of the default group whose names begin with `prefix`; each calls the function `target` by the role, and then
    deletes itself."""

    def __init__(self, prefix: str, target: str, role: str, scheduler: Any = None) -> None:
        self.prefix, self.target, self.role = prefix, target, role
        self.counts = Counts()
        self._client = scheduler or boto.client("scheduler")

    def add(self, name: str, at: datetime) -> None:
        minute = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00")
        self._unless(
            "ConflictException",
            "CreateSchedule",
            self._client.create_schedule,
            name,
            ScheduleExpression=f"at({minute})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={"Arn": self.target, "RoleArn": self.role, "Input": json.dumps({"schedule": name})},
        )

    def remove(self, name: str) -> None:
        self._unless("ResourceNotFoundException", "DeleteSchedule", self._client.delete_schedule, name)

    def _unless(self, code: str, operation: str, method: Any, name: str, **request: Any) -> None:
        """Make the call; a refusal with this code means that it is done already."""
        try:
            boto.call(operation, method, self.counts, Name=f"{self.prefix}{name}", **request)
        except Refused as refused:
            if refused.code != code:
                raise
