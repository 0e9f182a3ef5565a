"""The one-shots' adapter against botocore's own model of the service."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from slipway.adapters.client import Refused
from slipway.adapters.scheduler import SchedulerSchedules
from slipway.ports import StoreUnavailable

TARGET, ROLE = "arn:aws:lambda:eu-west-1:111122223333:function:planner", "arn:aws:iam::111122223333:role/one-shots"
AT = datetime(2026, 12, 1, 10, 30, tzinfo=timezone(timedelta(hours=1)))
CREATE: dict[str, Any] = {
    "Name": "slipway.sch_1",
    "ScheduleExpression": "at(2026-12-01T09:30:00)",
    "ScheduleExpressionTimezone": "UTC",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "ActionAfterCompletion": "DELETE",
    "Target": {"Arn": TARGET, "RoleArn": ROLE, "Input": json.dumps({"schedule": "sch_1"})},
}
DELETE = {"Name": "slipway.sch_1"}


@pytest.fixture
def stub() -> Stubber:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return Stubber(boto3.client("scheduler", region_name="eu-west-1", **keys))


def schedules(stub: Stubber) -> SchedulerSchedules:
    return SchedulerSchedules("slipway.", TARGET, ROLE, stub.client)


def test_one_is_made_and_removed(stub: Stubber) -> None:
    arn = "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/slipway.sch_1"
    stub.add_response("create_schedule", {"ScheduleArn": arn}, CREATE)
    stub.add_response("delete_schedule", {}, DELETE)
    with stub:
        schedules(stub).add("sch_1", AT)
        schedules(stub).remove("sch_1")
    stub.assert_no_pending_responses()


def test_there_already_and_gone_already_mean_done(stub: Stubber) -> None:
    stub.add_client_error("create_schedule", "ConflictException", http_status_code=409)
    stub.add_client_error("delete_schedule", "ResourceNotFoundException", http_status_code=404)
    with stub:
        schedules(stub).add("sch_1", AT)
        schedules(stub).remove("sch_1")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 429, StoreUnavailable),
        ("InternalServerException", 500, StoreUnavailable),
        ("ValidationException", 400, Refused),
    ],
)
def test_any_other_refusal_is_told(stub: Stubber, code: str, status: int, error: type[Exception]) -> None:
    stub.add_client_error("create_schedule", code, http_status_code=status)
    with stub, pytest.raises(error):
        schedules(stub).add("sch_1", AT)
