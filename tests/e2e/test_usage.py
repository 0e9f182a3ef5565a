"""From an evaluation over the log and its subscription to the counts, with IAM enforced; and what is stale by then."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.demo import ENVIRONMENT
from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e

PATIENCE = 90  # seconds: an instance tells once a minute


def usage(stack: Stack, key: str) -> dict[str, Any]:
    answer = stack.call("GET", f"/v1/flags/{key}/usage")
    assert answer.status == 200, answer.body
    return next(one for one in answer.json()["items"] if one["environment"] == ENVIRONMENT)


def sweep(stack: Stack, moment: datetime) -> None:
    """As the clock calls once a day."""
    event = {"source": "aws.events", "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    name = stack.functions()["usage"]["FunctionName"]
    ran = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    assert "FunctionError" not in ran, ran["Payload"].read()


def stale(stack: Stack) -> set[str]:
    return {one["key"] for one in stack.pages(f"/v1/flags?environment={ENVIRONMENT}&stale=true&limit=100")}


def test_evaluations_are_counted_and_what_nobody_asks_for_is_stale(stack: Stack) -> None:
    key, today = f"counted-{secrets.token_hex(4)}", datetime.now(UTC)
    assert stack.call("POST", "/v1/flags", {"key": key, "type": "boolean"}).status == 201

    def told() -> bool:
        stack.call("POST", f"/ofrep/v1/evaluate/flags/{key}", {}, token="server")
        sweep(stack, today)
        return int(usage(stack, key)["evaluations"]) > 0  # of this flag by itself, whoever asks for all of them meanwhile

    until(told, within=PATIENCE, what="the flag was counted", every=2)
    counted = usage(stack, key)
    assert (counted["last_evaluated_at"], counted["stale"]) == (datetime.now(UTC).date().isoformat(), None)

    sweep(stack, today + timedelta(days=31))
    assert key in stale(stack)
    assert usage(stack, key)["stale"]["reason"] == "not_evaluated"
    sweep(stack, today)
    assert stale(stack) == set()
