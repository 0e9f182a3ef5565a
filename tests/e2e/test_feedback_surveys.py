"""A survey, with IAM enforced: asked of visitors by a browser's key, answered through feedback, ended by its cap."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from infra.local.demo import ENVIRONMENT
from tests.e2e.stack import Response, Stack, until

pytestmark = pytest.mark.e2e

PATIENCE = 60
CHANGING = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}


def prompted(stack: Stack, product: str, who: str) -> Response:
    body = {"product": product, "view": "v1", "context": {"targetingKey": who, "plan": "team"}}
    return stack.call("POST", "/v1/surveys/prompt", body, token="client")


def answered(stack: Stack, product: str, prompt: dict[str, Any], who: str, rating: int) -> int:
    body = {"type": prompt["kind"], "product": product, "rating": rating, "targeting_key": who, "survey": prompt["token"]}
    return stack.call("POST", "/v1/feedback", body, token="server").status


def test_people_are_asked_until_there_are_answers_enough(stack: Stack) -> None:
    product = f"mug-{secrets.token_hex(4)}"
    assert stack.call("POST", "/v1/products", {"name": "Mug", "price": "19.99", "key": product}).status == 201
    survey: dict[str, Any] = {
        "product": product,
        "environment": ENVIRONMENT,
        "kind": "csat",
        "question": "How was it?",
        "cap": 2,
    }
    made = stack.call("POST", "/v1/surveys", {**survey, "targeting": {"==": [{"var": "plan"}, "team"]}, "enabled": True})
    assert made.status == 201, made.body
    one = f"/v1/surveys/{made.json()['id']}"
    people = [f"user-{secrets.token_hex(8)}" for _ in range(4)]
    until(lambda: prompted(stack, product, people[0]).status == 200, within=PATIENCE, what="the survey is known")
    prompts = {who: prompted(stack, product, who).json() for who in people}
    assert [answered(stack, product, prompts[who], who, 5) for who in people[:3]] == [201, 201, 409]
    assert stack.call("PATCH", one, {"cap": 3}, headers=CHANGING).status == 200
    assert answered(stack, product, prompts[people[2]], people[2], 2) == 201
    assert answered(stack, product, prompts[people[3]], people[0], 2) == 422
    results = stack.call("GET", f"{one}/results").json()
    assert (results["answers"], results["score"], results["distribution"]["5"]) == (3, 4, 2)
    listed = stack.call("GET", f"/v1/surveys?product={product}").json()["items"]
    assert [one["cap"] for one in listed] == [3]
    assert len(stack.call("GET", f"{one}/versions").json()["items"]) == 2
    who = {"targeting_key": people[0], "environment": ENVIRONMENT}

    def named() -> bool:
        beside = stack.call("POST", "/v1/people/export", who).json()["beside"]
        return [row["item"] for row in beside] == [made.json()["id"]]

    until(named, within=PATIENCE, what="a person is told its answer")
    assert stack.call("DELETE", one, headers={"If-Match": "*"}).status == 204
    subject = made.json()["id"]

    def told() -> list[str]:
        return sorted(entry["type"] for entry in stack.call("GET", f"/v1/audit?subject={subject}").json()["items"])

    wanted = [f"survey.{what}.v1" for what in ("created", "deleted", "updated")]
    until(lambda: told() == wanted, within=PATIENCE, what="the audit has all three, once")
