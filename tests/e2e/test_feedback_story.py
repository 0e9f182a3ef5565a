"""A complaint finds its way back: what a visitor of the demo page tells through the widget has the variants that were served,
is merged into what somebody else told, planned and shipped; who stands behind it hears of it, and the changelog has it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from standardwebhooks import Webhook

from infra.local.demo import ENVIRONMENT
from infra.local.visit import PATH, PRODUCT, VISITOR
from tests.e2e.stack import Stack, until, with_query
from tests.e2e.test_feedback_loop import MERGE, PATIENCE, Receiver
from tests.figures import Tell

pytestmark = pytest.mark.e2e

MARK = secrets.token_hex(3)
FLAG, OLDER, VOTER = f"story-{MARK}", f"older-{MARK}", f"voter-{MARK}"
TITLE, HEADLINE = f"Print the waybill for dock {MARK}", f"Waybills, printed at dock {MARK}"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def hook(stack: Stack, receiver: Receiver) -> Iterator[dict[str, Any]]:
    made = stack.call("POST", "/v1/webhooks", {"url": receiver.url, "events": ["feedback.notice"]})
    assert made.status == 201, made.body
    yield dict(made.json())
    assert stack.call("DELETE", f"/v1/webhooks/{made.json()['id']}", headers={"If-Match": "*"}).status == 204


@pytest.fixture
def page(stack: Stack, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=stack.url)
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert faults == []


def served(stack: Stack) -> None:
    """The page's server shows its visitor the flag, and tells so."""
    assert stack.call("POST", "/v1/flags", {"key": FLAG, "type": "boolean"}).status == 201
    place, on = f"/v1/flags/{FLAG}/environments/{ENVIRONMENT}", {"enabled": True, "default_variant": "on"}
    assert stack.call("PATCH", place, on, headers=MERGE).status == 200
    event = {"id": f"x-{MARK}", "type": "exposure", "flag": FLAG, "context": {"targetingKey": VISITOR}}

    def told() -> bool:
        answer = stack.call("POST", "/v1/events", {"events": [event]}, token="server")
        return answer.status == 202 and answer.json()["rejected"] == []

    until(told, within=PATIENCE, what="who collects has heard of the flag", every=1.0)


def told(page: Page) -> str:
    """By the widget on the demo page; the item's id."""
    page.goto(PATH)
    page.get_by_role("button", name="Feedback").click()
    dialog = page.get_by_role("dialog", name="Tell us")
    dialog.get_by_role("radio", name="An idea").check()
    dialog.get_by_label("In one line").fill(TITLE)
    with page.expect_response("**/v1/feedback") as answer:
        dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("status").filter(has_text="Thank you. We have got it.")).to_be_focused()
    return str(answer.value.json()["id"])


def changed(stack: Stack, id: str, **fields: str) -> None:
    answer = stack.call("PATCH", f"/v1/feedback/{id}", fields, headers=MERGE)
    assert answer.status == 200, answer.body


def hear(receiver: Receiver, secret: str, status: str) -> None:
    """Who submitted, who did before, and who voted: each in one notice that the scheme's own library takes for ours."""

    def heard() -> bool:
        said = [Webhook(secret).verify(body, headers)["data"] for headers, body in list(receiver.posted)]
        told = [one for one in said if (one["product"], one["status"], one["headline"]) == (PRODUCT, status, HEADLINE)]
        return sorted(who["targeting_key"] for one in told for who in one["recipients"]) == sorted([OLDER, VISITOR, VOTER])

    until(heard, within=PATIENCE, what=f"each hears once that it is {status}")


def shows(stack: Stack, path: str) -> None:
    until(lambda: HEADLINE.encode() in stack.call("GET", path, token=None).body, within=90, what=f"{path} has it", every=1.0)


def test_a_complaint_finds_its_way_back(stack: Stack, page: Page, receiver: Receiver, hook: dict[str, Any], tell: Tell) -> None:
    served(stack)
    wish = {"type": "idea", "product": PRODUCT, "title": f"Waybill printing, dock {MARK}", "targeting_key": OLDER}
    older = str(stack.call("POST", "/v1/feedback", wish, token="server").json()["id"])
    newer = told(page)

    def item() -> Any:
        found = stack.call("GET", f"/v1/feedback/{newer}").json()
        return found if FLAG in found["flags"] else None

    shown = until(item, within=PATIENCE, what="what its sender was served")
    assert (shown["proof"], shown["flags"][FLAG]["variant"], shown["targeting_key"]) == ("recorded", "on", VISITOR)
    listed = with_query("/v1/feedback", flag=FLAG, variant="on")
    assert [one["id"] for one in stack.call("GET", listed).json()["items"]] == [newer]

    asked = with_query("/v1/feedback/similar", product=PRODUCT, text=TITLE)

    def alike() -> bool:
        return {older, newer} <= {one["id"] for one in stack.call("GET", asked, token="client").json()["items"]}

    until(alike, within=PATIENCE, what="the two are alike")
    assert stack.call("POST", f"/v1/feedback/{newer}/votes", {"targeting_key": VOTER}, token="client").status == 200
    merged = stack.call("POST", f"/v1/feedback/{newer}/merge", {"into": older}, headers={"If-Match": "*"})
    assert (merged.status, merged.json()["status"], merged.json()["merged_into"]) == (200, "duplicate", older)
    until(
        lambda: stack.call("GET", f"/v1/feedback/{older}").json()["votes"] == 1,
        within=PATIENCE,
        what="the vote counts for the older one",
    )

    for status in ("planned", "shipped"):
        changed(stack, older, status=status, headline=HEADLINE)
        hear(receiver, hook["secret"], status)

    for name in ("changelog.json", "changelog.atom"):
        shows(stack, f"/public/{PRODUCT}/{name}")
    page.goto(PATH)
    page.get_by_role("link", name="Changelog").click()
    expect(page).to_have_url(f"{stack.url}/public/{PRODUCT}/changelog")
    expect(page.get_by_role("heading", name=HEADLINE)).to_be_visible()
    tell(f"{len(receiver.posted)} signed notices of one wish, from the widget to the changelog")
