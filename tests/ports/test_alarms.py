"""One spec of `slipway.ports.Alarms`, in memory and over CloudWatch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from slipway.adapters.alarms import CloudWatchAlarms
from slipway.adapters.memory import MemoryAlarms
from slipway.ports import Alarms, Heard, StoreUnavailable

Rings = Callable[[str, str], None]  # the name, and the state from then on


@pytest.fixture(params=["memory", "moto"])
def backend(request: pytest.FixtureRequest) -> Iterator[tuple[Alarms, Rings]]:
    if request.param == "memory":
        memory = MemoryAlarms()
        memory.gone = {"there is none"}
        yield memory, lambda name, state: (memory.ring.add if state == "ALARM" else memory.ring.discard)(name)
        return
    with mock_aws():
        cloudwatch: Any = boto3.client("cloudwatch", "eu-west-1")

        def rings(name: str, state: str) -> None:
            cloudwatch.put_metric_alarm(
                AlarmName=name,
                MetricName="5xx",
                Namespace="Shop",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=5,
                ComparisonOperator="GreaterThanThreshold",
            )
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")

        yield CloudWatchAlarms(cloudwatch), rings


def test_those_that_ring_are_told_and_those_that_there_are_not(backend: tuple[Alarms, Rings]) -> None:
    alarms, rings = backend
    for name, state in (("one", "ALARM"), ("two", "OK"), ("three", "INSUFFICIENT_DATA"), ("other", "ALARM")):
        rings(name, state)
    asked = ["one", "two", "three", "there is none"]
    assert alarms.hear(asked) == Heard({"one"}, {"there is none"})
    rings("two", "ALARM")
    rings("one", "OK")
    assert alarms.hear(asked) == Heard({"two"}, {"there is none"})


def test_composite_ones_are_asked_for_by_name() -> None:
    """By default CloudWatch leaves them out; the embedded one has none."""
    cloudwatch: Any = boto3.client("cloudwatch", "eu-west-1")
    kinds = ["MetricAlarm", "CompositeAlarm"]
    asked = {"AlarmNames": ["all", "none", "one"], "AlarmTypes": kinds, "MaxRecords": 100}
    ringing, quiet = ({"AlarmName": name, "StateValue": state} for name, state in (("all", "ALARM"), ("one", "OK")))
    with Stubber(cloudwatch) as stubbed:
        stubbed.add_response("describe_alarms", {"MetricAlarms": [quiet], "CompositeAlarms": [ringing]}, asked)
        assert CloudWatchAlarms(cloudwatch).hear({"one", "all", "none"}) == Heard({"all"}, {"none"})


def test_what_does_not_answer_is_no_silence() -> None:
    cloudwatch: Any = boto3.client("cloudwatch", "eu-west-1")
    with Stubber(cloudwatch) as stubbed:
        stubbed.add_client_error("describe_alarms", "Throttling", http_status_code=400)
        with pytest.raises(StoreUnavailable):
            CloudWatchAlarms(cloudwatch).hear({"one"})
