"""Feedback, with IAM enforced: told by a visitor, read by the team, and its person forgotten."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from infra.local.demo import ENVIRONMENT
from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e

PATIENCE = 60
TEXT = "The lever snaps back, ring me at +49 30 1234567."


@pytest.fixture(scope="module")
def product(stack: Stack) -> str:
    key = f"mug-{secrets.token_hex(4)}"
    assert stack.call("POST", "/v1/products", {"name": "Mug", "price": "19.99", "key": key}).status == 201
    return key


def told(stack: Stack, product: str, token: str = "client", **fields: Any) -> str:
    sent = {"type": "bug", "product": product, "text": TEXT, **fields}
    answer = stack.call("POST", "/v1/feedback", sent, token=token)
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


def types(stack: Stack, subject: str) -> list[str]:
    return [one["type"] for one in stack.call("GET", f"/v1/audit?subject={subject}").json()["items"]]


def test_a_visitor_tells_something_once_and_the_team_reads_it(stack: Stack, product: str) -> None:
    submission = secrets.token_hex(8)
    id = told(stack, product, submission_id=submission, context={"locale": "de-CH"})
    assert told(stack, product, submission_id=submission, context={"locale": "de-CH"}) == id
    read = stack.call("GET", f"/v1/feedback/{id}").json()
    assert (read["text"], read["environment"]) == ("The lever snaps back, ring me at [phone].", ENVIRONMENT)
    assert stack.call("GET", f"/v1/feedback/{id}", token="client").status == 403
    wanted = ["feedback.triaged.v1", "feedback.submitted.v1"]
    until(lambda: types(stack, id) == wanted, within=PATIENCE, what="the audit has both, once")


def test_a_form_is_opened_and_a_wrong_product_is_told(stack: Stack, product: str) -> None:
    form = stack.call("POST", "/v1/feedback/form", {"product": product}, token="client").json()
    assert form["seconds"] == 3
    told(stack, product, form=form["form"])
    wrong = stack.call("POST", "/v1/feedback", {"type": "bug", "product": "no-such", "title": "x"}, token="client")
    assert (wrong.status, wrong.json()["errors"][0]["code"]) == (422, "unknown_product")


def test_a_person_is_shown_everything_and_then_forgotten(stack: Stack, product: str) -> None:
    who, address = f"user-{secrets.token_hex(8)}", f"{secrets.token_hex(8)}@example.com"
    mine = told(stack, product, token="server", targeting_key=who, email=address, consent=True)
    again = told(stack, product, token="server", targeting_key=who)
    subject = {"targeting_key": who, "environment": ENVIRONMENT}

    def known() -> set[str]:
        return {one["id"] for one in stack.call("POST", "/v1/people/export", subject).json()["feedback"]}

    until(lambda: known() == {mine, again}, within=PATIENCE, what="the index of persons has both")
    refused = stack.call("POST", "/v1/people/erase", {"email": address})
    assert refused.status == 409, refused.body
    (certificate,) = stack.call("POST", "/v1/people/erase", subject).json()["certificates"]
    for id in (mine, again):
        read = stack.call("GET", f"/v1/feedback/{id}").json()
        assert (read["erased"], read["text"], read["email"], read["targeting_key"]) == (True, None, None, None)
    assert known() == set()
    assert stack.call("POST", "/v1/people/erase", subject).json() == {"certificates": []}
    erased = certificate["person"]
    until(lambda: types(stack, erased) == ["person.erased.v1"], within=PATIENCE, what="the audit has it, once")
