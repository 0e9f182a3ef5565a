"""Planned changes reach the scheduler and are made; what nobody decided on expires."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.login import sign_in
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


def test_a_segment_of_a_protected_environment_changes_when_two_agree_and_in_its_minute(stack: Stack) -> None:
    def asked(method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {} if path.count("/") == 2 else {"If-Match": "*"}
        headers |= {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        return stack.call(method, path, body, headers=headers, **more)

    def variant(email: str) -> Any:
        context = {"context": {"targetingKey": "u1", "email": email}}
        return stack.call("POST", "/ofrep/v1/evaluate/flags/vault-door?environment=vault", context).json().get("variant")

    def rule(email: str) -> dict[str, Any]:
        return {"in": [{"var": "email"}, [email]]}

    asked("POST", "/v1/environments", {"name": "vault", "protected": True})
    asked("POST", "/v1/segments", {"key": "insiders", "targeting": rule("ada@example.com")})
    asked("POST", "/v1/flags", {"key": "vault-door", "type": "boolean"})
    open_to = {"enabled": True, "targeting": {"if": [{"$ref": "insiders"}, "on", "off"]}, "reason": "For insiders"}
    assert asked("PATCH", "/v1/flags/vault-door/environments/vault", open_to).status == 200
    until(lambda: variant("ada@example.com") == "on", within=PATIENCE, what="a flag that asks a segment")

    change = {"targeting": rule("bob@example.com")}
    assert asked("PATCH", "/v1/segments/insiders", change).status == 422
    assert asked("PATCH", "/v1/environments/vault", {"approval": True}).status == 200
    refused = asked("PATCH", "/v1/segments/insiders", {**change, "reason": "Ada left"})
    assert (refused.status, refused.json()["errors"][0]["code"]) == (409, "approval_needed")

    wish = {"segment": "insiders", "segment_change": change, "reason": "Ada left"}
    id = asked("POST", "/v1/proposals", wish).json()["id"]
    assert asked("POST", f"/v1/proposals/{id}/approve").status == 403
    second = sign_in(stack, stack.details["user"], stack.details["password"])["access_token"]
    assert asked("POST", f"/v1/proposals/{id}/approve", token=second).json()["status"] == "approved"
    at = (datetime.now(UTC) + timedelta(seconds=65)).replace(second=0, microsecond=0).isoformat()
    plan = asked("POST", "/v1/schedules", {"proposal": id, "at": at}).json()["id"]

    def fired() -> bool:
        invoke(stack, "planner", {"schedule": plan})
        return bool(stack.call("GET", f"/v1/schedules/{plan}").json()["status"] == "fired")

    until(fired, within=PATIENCE, what="a change that two agreed on", every=1)
    assert stack.call("GET", f"/v1/proposals/{id}").json()["status"] == "applied"
    until(lambda: variant("bob@example.com") == "on", within=PATIENCE, what="the segment as two agreed on")
    assert variant("ada@example.com") == "off"
