"""Planned changes reach the scheduler and are made; what nobody decided on expires."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e

PATIENCE = 90  # seconds: a minute has to come, and the month's own events may stand before it
HERE = "/v1/flags/instant-quotes/environments/staging"


def planned(stack: Stack, at: datetime) -> Any:
    change = {"targeting": {"if": [{"$ref": "crew"}, "on"]}}
    plan = {"flag": "instant-quotes", "environment": "staging", "change": change, "reason": "Ready", "at": at.isoformat()}
    made = stack.call("POST", "/v1/schedules", plan)
    assert made.status == 201, made.body
    return made.json()


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> None:
    name = stack.functions()[function]["FunctionName"]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_plan_has_its_one_shot_until_it_is_cancelled(stack: Stack) -> None:
    scheduler = stack.client("scheduler")

    def waits(id: str) -> bool:
        return any(one["Name"] == f"slipway.{id}" for one in scheduler.list_schedules()["Schedules"])

    id = planned(stack, (datetime.now(UTC) + timedelta(days=3)).replace(second=0, microsecond=0))["id"]
    until(lambda: waits(id), within=PATIENCE, what="the one-shot of a plan")
    assert id in [one["id"] for one in stack.call("GET", "/v1/schedules?status=planned").json()["items"]]
    cancelled = stack.call("POST", f"/v1/schedules/{id}/cancel", headers={"If-Match": '"1"'})
    assert cancelled.json()["status"] == "cancelled"
    until(lambda: not waits(id), within=PATIENCE, what="no one-shot of a cancelled plan")


def test_a_plan_is_made_in_its_minute(stack: Stack) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=65)).replace(second=0, microsecond=0)
    id = planned(stack, at)["id"]

    def fired() -> bool:
        invoke(stack, "planner", {"schedule": id})  # as its one-shot does, which may come first
        return bool(stack.call("GET", f"/v1/schedules/{id}").json()["status"] == "fired")

    until(fired, within=PATIENCE, what="a planned change", every=1)
    assert stack.call("GET", HERE).json()["targeting"] == {"if": [{"$ref": "crew"}, "on"]}


def test_what_nobody_decided_on_expires(stack: Stack) -> None:
    (forgotten,) = stack.call("GET", "/v1/proposals?flag=instant-quotes").json()["items"]
    assert (forgotten["status"], forgotten["version"]) == ("expired", 1)
    invoke(stack, "calendar", {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
    assert stack.call("GET", f"/v1/proposals/{forgotten['id']}").json()["version"] == 2
