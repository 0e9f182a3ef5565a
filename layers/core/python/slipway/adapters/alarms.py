"""`slipway.ports.Alarms` over CloudWatch."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from slipway.adapters.client import Counts
from slipway.ports import Heard


class CloudWatchAlarms:
    """Of the function's own account and region."""

    def __init__(self, cloudwatch: Any = None) -> None:
        self.counts = Counts()
        self._client = cloudwatch

    def hear(self, names: Collection[str]) -> Heard:
        from slipway.adapters import boto  # which is slow, and few rollouts listen to an alarm

        if self._client is None:
            self._client = boto.client("cloudwatch")
        kinds = ["MetricAlarm", "CompositeAlarm"]  # by default it tells of the first alone
        asked = {"AlarmNames": sorted(names), "AlarmTypes": kinds, "MaxRecords": 100}
        answer = boto.call("DescribeAlarms", self._client.describe_alarms, self.counts, **asked)
        told = [alarm for kind in kinds for alarm in answer.get(f"{kind}s", ())]
        ringing = {alarm["AlarmName"] for alarm in told if alarm["StateValue"] == "ALARM"}
        return Heard(ringing, set(names) - {alarm["AlarmName"] for alarm in told})
