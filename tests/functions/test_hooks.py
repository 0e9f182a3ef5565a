"""Webhooks and the changelog over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slipway import events
from slipway.feedback.webhooks import MOST, takes
from tests.functions.events import EDITOR, VIEWER
from tests.outward import PRODUCT, RECEIVER, Outward

ANY = {"if-match": "*"}


@pytest.fixture
def world() -> Iterator[Outward]:
    with Outward().open() as world:
        yield world


def test_a_secret_is_shown_once(world: Outward) -> None:
    body, key = {"url": RECEIVER, "events": ["feedback.*"], "description": " Into the chat "}, {"idempotency-key": "one"}
    made = world.http("POST", "/v1/webhooks", body, headers=key)
    assert made.json["secret"].startswith("whsec_")
    assert (made.json["enabled"], made.json["description"]) == (True, "Into the chat")
    again = world.http("POST", "/v1/webhooks", body, headers=key)
    assert (again.status, again.json["secret"], again.json["id"]) == (201, None, made.json["id"])
    assert world.http("POST", "/v1/webhooks", {**body, "events": ["*"]}, headers=key).status == 422
    path = f"/v1/webhooks/{made.json['id']}"
    for reply in (world.http("GET", path), world.http("GET", "/v1/webhooks")):
        assert "whsec" not in reply.body.decode()
    assert "hooks.example.com" not in repr(world.events), "a url may hold a secret"


@pytest.mark.parametrize(
    ("wish", "pointer", "code"),
    [
        ({"url": "http://hooks.example.com/in"}, "/url", "invalid_url"),
        ({"url": "https://169.254.169.254/latest"}, "/url", "invalid_url"),
        ({"url": "http://127.0.0.1:8080/in"}, "/url", "invalid_url"),
        ({"url": "https://a..de/"}, "/url", "invalid_url"),
        ({"url": "https://127.1/"}, "/url", "invalid_url"),
        ({"events": ["bogus.*"]}, "/events/0", "unknown_topic"),
        ({"events": ["*", "feedback.nope.v1"]}, "/events/1", "unknown_topic"),
        ({"events": ["feedback.updated.v9"]}, "/events/0", "unknown_topic"),
        ({"events": ["feedback"]}, "/events/0", "invalid_topic"),
        ({"events": []}, "/events", "too_short"),
        ({"enabled": "yes"}, "/enabled", "type"),
    ],
)
def test_what_is_wrong_is_told(world: Outward, wish: dict[str, Any], pointer: str, code: str) -> None:
    reply = world.http("POST", "/v1/webhooks", {"url": RECEIVER, "events": ["*"], **wish})
    assert reply.status == 422
    assert [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]] == [(pointer, code)]
    assert world.rows("whk_") == []


@pytest.mark.parametrize(
    ("topic", "near"), [("feedback.update.v1", "feedback.updated.v1"), ("flag.xyzxyzxyzxyz.v1", "flag.archived.v1")]
)
def test_an_event_that_there_is_not_is_told_with_those_near_it(world: Outward, topic: str, near: str) -> None:
    reply = world.http("POST", "/v1/webhooks", {"url": RECEIVER, "events": [topic]})
    assert reply.status == 422
    assert near in reply.json["errors"][0]["detail"]


def test_every_event_can_be_named(world: Outward) -> None:
    for type in events.CONTRACTS:
        topics = [type, f"{type.partition('.')[0]}.*", "feedback.notice"]
        made = world.http("POST", "/v1/webhooks", {"url": RECEIVER, "events": topics})
        assert made.status == 201, made.body
        assert world.http("DELETE", f"/v1/webhooks/{made.json['id']}", headers=ANY).status == 204


def test_there_are_not_too_many(world: Outward) -> None:
    for _ in range(MOST):
        last = world.webhook("*")
    assert world.http("POST", "/v1/webhooks", {"url": RECEIVER, "events": ["*"]}).status == 409
    assert world.http("DELETE", f"/v1/webhooks/{last['id']}", headers=ANY).status == 204
    world.webhook("*")


def test_only_admins_have_to_do_with_them(world: Outward) -> None:
    path = f"/v1/webhooks/{world.webhook('*')['id']}"
    for method, place in (("GET", "/v1/webhooks"), ("GET", path), ("DELETE", path), ("GET", f"{path}/deliveries")):
        assert world.http(method, place, principal=EDITOR, headers=ANY).status == 403


def test_a_change_asks_for_the_version_and_one_that_changes_nothing_makes_none(world: Outward) -> None:
    made = world.webhook("*")
    path = f"/v1/webhooks/{made['id']}"
    assert world.http("PATCH", path, {"enabled": False}).status == 428
    assert world.http("PATCH", path, {"enabled": True}, headers={"if-match": '"1"'}).json["version"] == 1
    changed = world.http("PATCH", path, {"events": ["flag.*"], "description": None}, headers={"if-match": '"1"'})
    assert (changed.json["version"], changed.json["events"]) == (2, ["flag.*"])
    assert world.http("PATCH", path, {"enabled": False}, headers={"if-match": '"1"'}).status == 412
    assert world.http("PATCH", path, {"url": "https://10.0.0.1"}, headers=ANY).status == 422


def test_what_is_deleted_is_gone_with_its_secret(world: Outward) -> None:
    made = world.webhook("*")
    path = f"/v1/webhooks/{made['id']}"
    assert world.http("DELETE", path, headers=ANY).status == 204
    for method, place in (("GET", path), ("DELETE", path), ("GET", f"{path}/deliveries")):
        assert world.http(method, place, headers=ANY).status == 404
    assert world.rows(made["id"], "secret") == world.rows("list#webhooks") == []


def test_of_many_secrets_in_their_grace_some_have_to_end(world: Outward) -> None:
    """Whoever rotates again because an answer was lost ends nothing that is in use."""
    path = f"/v1/webhooks/{world.webhook('*')['id']}/rotate"
    for _ in range(4):
        assert world.http("POST", path, {"overlap": 60}, headers=ANY).status == 200
    assert world.http("POST", path, {"overlap": 60}, headers=ANY).status == 409
    assert world.http("POST", path, {"overlap": 0}, headers=ANY).status == 200
    assert world.http("POST", path, {"overlap": 10**9}, headers=ANY).status == 422


def test_deliveries_are_listed_page_by_page_the_newest_first(world: Outward) -> None:
    webhook = world.webhook("feedback.submitted.v1")
    for _ in range(5):
        world.submitted()
        world.settle()
        world.later(seconds=1)
    path, seen, query = f"/v1/webhooks/{webhook['id']}/deliveries", list[str](), "limit=2"
    while True:
        page = world.http("GET", path, query=query).json
        seen += [one["id"] for one in page["items"]]
        if "next_cursor" not in page:
            break
        query = f"limit=2&cursor={page['next_cursor']}"
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 5
    assert world.http("GET", path, query="cursor=x").status == 400


@pytest.mark.parametrize(
    ("topics", "type", "told"),
    [
        (["*"], "flag.created.v1", True),
        (["feedback.*"], "feedback.updated.v1", True),
        (["feedback.*"], "flag.created.v1", False),
        (["feedback.updated.v1"], "feedback.submitted.v1", False),
        (["*", "feedback.*"], "feedback.notice", False),
        (["feedback.notice"], "feedback.notice", True),
    ],
)
def test_whom_an_event_concerns(topics: list[str], type: str, told: bool) -> None:
    assert takes(topics, type) is told


# --- the changelog ---


def test_an_entry_is_a_draft_until_it_is_published_and_keeps_its_day(world: Outward) -> None:
    made = world.http("POST", "/v1/changelog", {"product": PRODUCT, "title": " Quieter "}, principal=EDITOR)
    assert (made.status, made.json["title"], made.json["status"], made.json["published_at"]) == (201, "Quieter", "draft", None)
    path = f"/v1/changelog/{made.json['id']}"
    first = world.http("PATCH", path, {"status": "published"}, headers=ANY).json["published_at"]
    world.later(days=1)
    world.http("PATCH", path, {"status": "draft"}, headers=ANY)
    assert world.http("PATCH", path, {"status": "published"}, headers=ANY).json["published_at"] == first
    assert world.http("DELETE", path, headers=ANY).status == 204
    assert world.http("GET", path).status == 404
    assert world.http("GET", "/v1/changelog").json["items"] == []


def test_entries_are_found_by_product_and_status(world: Outward) -> None:
    for status in ("draft", "published"):
        world.http("POST", "/v1/changelog", {"product": PRODUCT, "title": "A", "status": status})
    for query, count in (("", 2), ("status=published", 1), (f"product={PRODUCT}", 2), ("product=other", 0)):
        assert len(world.http("GET", "/v1/changelog", query=query, principal=VIEWER).json["items"]) == count


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [({"product": "nothing"}, "/product"), ({"feedback": ["prd_1"]}, "/feedback/0"), ({"status": "shipped"}, "/status")],
)
def test_what_is_wrong_with_an_entry(world: Outward, wish: dict[str, Any], pointer: str) -> None:
    reply = world.http("POST", "/v1/changelog", {"product": PRODUCT, "title": "A", **wish})
    assert (reply.status, [fault["pointer"] for fault in reply.json["errors"]]) == (422, [pointer])
    assert world.http("POST", "/v1/changelog", {"product": PRODUCT, "title": "A"}, principal=VIEWER).status == 403
