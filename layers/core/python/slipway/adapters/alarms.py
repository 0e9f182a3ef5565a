"""`slipway.ports.Alarms` over CloudWatch."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from slipway.adapters.client import Counts


class CloudWatchAlarms:
    """Of the function's own account and region."""

    def __init__(self, cloudwatch: Any = None) -> None:
        self.counts = Counts()
        self._client = cloudwatch

    def ringing(self, names: Collection[str]) -> set[str]:
        from slipway.adapters import boto  # which is slow, and few rollouts listen to an alarm

        if self._client is None:
            self._client = boto.client("cloudwatch")
        kinds = ["MetricAlarm", "CompositeAlarm"]  # by default it tells of the first alone
        asked = {"AlarmNames": sorted(names), "AlarmTypes": kinds, "MaxRecords": 100}
        answer = boto.call("DescribeAlarms", self._client.describe_alarms, self.counts, **asked)
        told = [alarm for kind in kinds for alarm in answer.get(f"{kind}s", ())]
        return {alarm["AlarmName"] for alarm in told if alarm["StateValue"] == "ALARM"}
