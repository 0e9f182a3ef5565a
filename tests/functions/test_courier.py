"""From an event to the webhooks that asked for it, and from a changed status to everybody who stands behind an item."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import Webhook

from functions.courier.handler import handler
from slipway.feedback.deliveries import TRIES
from slipway.feedback.notices import LETTERS
from slipway.feedback.people import person
from slipway.feedback.posting import Outcome, Sending
from tests.functions.events import daily
from tests.outward import PAGE, PRODUCT, RECEIVER, SITE, Outward
from tests.records import arrival

ANOTHER = "https://other.example.com/in"


@pytest.fixture
def world() -> Iterator[Outward]:
    with Outward().open() as world:
        yield world


def verified(world: Outward, sending: Sending, secret: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """By the scheme's own library, on our day."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return world.now

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Clock)
    headers = {
        "webhook-id": sending.id,
        "webhook-timestamp": str(sending.timestamp),
        "webhook-signature": sending.signature,
    }
    return dict(Webhook(secret).verify(sending.body, headers))


def told(world: Outward) -> list[dict[str, Any]]:
    return [json.loads(sending.body) for sending in world.post.sent]


def by_receiver(answers: dict[str, Outcome]) -> Any:
    return lambda sending: answers.get(sending.url, Outcome(204, 1))


# --- deliveries ---


def test_an_event_goes_to_who_asked_for_it_signed(world: Outward, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = world.webhook("feedback.*")
    world.webhook("product.*", url=ANOTHER)
    world.settle()
    id = world.submitted("grace")
    world.settle()
    (sending,) = world.post.sent
    said = verified(world, sending, webhook["secret"], monkeypatch)
    assert (sending.url, said["type"], said["subject"]) == (RECEIVER, "feedback.submitted.v1", id)
    assert said["timestamp"] == world.heard[-1]["time"]
    assert "Descale" not in sending.body.decode()
    (kept,) = world.deliveries(webhook)
    assert (kept["id"], kept["state"], kept["next_try"]) == (sending.id, "delivered", None)
    assert [one["status"] for one in kept["tries"]] == [204]


def test_an_event_that_comes_again_is_not_told_again(world: Outward) -> None:
    webhook = world.webhook("feedback.*")
    world.submitted()
    world.settle()
    for event in world.heard:
        world.hear(arrival(event))
    assert len(world.post.sent) == len(world.deliveries(webhook)) == 1


def test_after_a_rotation_both_secrets_sign_until_the_grace_is_over(world: Outward, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = world.webhook("feedback.*")
    path = f"/v1/webhooks/{webhook['id']}/rotate"
    rotated = world.http("POST", path, {"overlap": 3600}, headers={"if-match": '"1"'})
    world.submitted()
    world.settle()
    for secret in (webhook["secret"], rotated.json["secret"]):
        verified(world, world.post.sent[-1], secret, monkeypatch)
    world.later(seconds=3601)
    world.submitted()
    world.settle()
    verified(world, world.post.sent[-1], rotated.json["secret"], monkeypatch)
    with pytest.raises(Exception, match="No matching signature"):
        verified(world, world.post.sent[-1], webhook["secret"], monkeypatch)


def test_who_fails_is_tried_with_growing_pauses_for_a_day_and_then_no_more(world: Outward) -> None:
    webhook = world.webhook("feedback.*")
    world.post.answer = lambda _: Outcome(500, 1)
    world.submitted()
    world.settle()
    world.later(days=2)
    (kept,) = world.deliveries(webhook)
    assert (kept["state"], len(kept["tries"])) == ("failed", TRIES)
    at = [datetime.fromisoformat(one["at"]) for one in kept["tries"]]
    pauses = [later - before for before, later in pairwise(at)]
    assert pauses == sorted(pauses)
    assert at[-1] - at[0] > timedelta(days=1)
    assert len({sending.id for sending in world.post.sent}) == 1
    assert world.shots.waiting == {}


def test_who_is_well_again_gets_what_waits_in_order(world: Outward) -> None:
    webhook = world.webhook("feedback.submitted.v1")
    world.post.answer = lambda _: Outcome(None, 10_000, "timeout")
    ids = []
    for _ in range(12):
        ids.append(world.submitted())
        world.settle()
        world.now += timedelta(seconds=1)
    assert len(world.post.sent) == 1, "who rests is not tried for each event"
    world.post.answer = lambda _: Outcome(200, 5)
    world.later(minutes=5)
    assert [said["subject"] for said in told(world)] == [ids[0], *ids]
    assert {one["state"] for one in world.deliveries(webhook)} == {"delivered"}


def test_one_that_is_down_delays_nobody_else(world: Outward) -> None:
    world.webhook("*")
    well = world.webhook("*", url=ANOTHER)
    world.settle()
    world.post.sent.clear()
    world.post.answer = by_receiver({RECEIVER: Outcome(None, 10_000, "timeout")})
    for _ in range(5):
        world.submitted()
        world.settle()
    sent = Counter(sending.url for sending in world.post.sent)
    assert sent == {RECEIVER: 1, ANOTHER: 5}
    assert {one["state"] for one in world.deliveries(well)} == {"delivered"}


def test_a_receiver_that_refuses_one_event_gets_the_others(world: Outward) -> None:
    webhook = world.webhook("feedback.submitted.v1")
    bad = world.submitted()
    world.post.answer = lambda sending: Outcome(500 if bad in sending.body.decode() else 204, 1)
    others = [world.submitted() for _ in range(3)]
    world.settle()
    world.later(minutes=10)
    states = {kept["event"]: kept["state"] for kept in world.deliveries(webhook)}
    events = {event["subject"]: event["id"] for event in world.heard if event["type"] == "feedback.submitted.v1"}
    assert {states[events[id]] for id in others} == {"delivered"}
    assert states[events[bad]] == "waiting"


@pytest.mark.parametrize(("answer", "why"), [(410, "gone"), (503, "failing")])
def test_who_is_gone_or_fails_for_days_is_disabled_and_that_is_an_event(world: Outward, answer: int, why: str) -> None:
    webhook = world.webhook("feedback.submitted.v1")
    world.post.answer = lambda _: Outcome(answer, 1)
    for _ in range(5):
        world.submitted()
        world.settle()
        world.later(hours=20)
    read = world.http("GET", f"/v1/webhooks/{webhook['id']}").json
    assert (read["enabled"], read["disabled_for"]) == (False, why)
    (event,) = [event for event in world.heard if event["type"] == "webhook.disabled.v1"]
    assert event["actor"] == "system:courier"
    before = len(world.post.sent)
    world.submitted()
    world.settle()
    world.later(days=1)
    assert len(world.post.sent) == before


def test_enabled_again_it_gets_what_waited_if_that_is_not_too_old(world: Outward) -> None:
    webhook = world.webhook("feedback.submitted.v1")
    world.post.answer = lambda _: Outcome(503, 1)
    world.submitted()
    world.settle()
    path = f"/v1/webhooks/{webhook['id']}"
    assert world.http("PATCH", path, {"enabled": False}, headers={"if-match": "*"}).status == 200
    world.settle()
    world.later(days=1)
    world.post.answer = lambda _: Outcome(204, 1)
    world.http("PATCH", path, {"enabled": True}, headers={"if-match": "*"})
    world.settle()
    assert [one["state"] for one in world.deliveries(webhook)] == ["delivered"]


def test_sent_again_by_hand_under_the_same_id(world: Outward) -> None:
    webhook = world.webhook("feedback.submitted.v1")
    world.submitted()
    world.settle()
    (kept,) = world.deliveries(webhook)
    path = f"/v1/webhooks/{webhook['id']}/deliveries/{kept['id']}/resend"
    reply = world.http("POST", path)
    assert (reply.status, reply.json["state"]) == (202, "waiting")
    world.later(minutes=2)
    assert [sending.id for sending in world.post.sent] == [kept["id"]] * 2
    assert [one["status"] for one in world.deliveries(webhook)[0]["tries"]] == [204, 204]
    world.http("PATCH", f"/v1/webhooks/{webhook['id']}", {"enabled": False}, headers={"if-match": "*"})
    assert world.http("POST", path).status == 409
    assert world.http("POST", path.replace(kept["id"], "dlv_unknown")).status == 409
    assert world.http("POST", "/v1/webhooks/whk_x/deliveries/dlv_x/resend").status == 404


def test_once_a_day_whoever_waits_and_is_forgotten_is_woken(world: Outward) -> None:
    webhook = world.webhook("feedback.submitted.v1")
    world.post.answer = lambda _: Outcome(503, 1)
    world.submitted()
    world.settle()
    world.shots.waiting.clear()
    world.post.answer = lambda _: Outcome(204, 1)
    handler(daily(world.now), None)
    world.later(minutes=5)
    assert [one["state"] for one in world.deliveries(webhook)] == ["delivered"]


# --- notices ---


def notices(world: Outward) -> list[dict[str, Any]]:
    return [said["data"] for said in told(world) if said["type"] == "feedback.notice"]


def test_everybody_behind_a_group_is_told_once(world: Outward) -> None:
    world.webhook("feedback.notice")
    id, twin = world.submitted("grace"), world.submitted("alan")
    world.voted(id, "grace", "edsger", "barbara")
    world.voted(twin, "barbara", "donald")
    world.room.merging.merge(world.call("feedback.merge"), twin, None, id)
    world.settle()
    world.changed(id, status="planned", headline="It descales itself")
    world.settle()
    said = notices(world)
    keys = [one["targeting_key"] for notice in said for one in notice["recipients"]]
    assert sorted(keys) == ["alan", "barbara", "donald", "edsger", "grace"]
    assert {(notice["feedback"], notice["status"], notice["headline"]) for notice in said} == {
        (id, "planned", "It descales itself")
    }
    assert len({one["id"] for notice in said for one in notice["recipients"]}) == 5
    for event in world.heard:
        world.hear(arrival(event))
    assert notices(world) == said


def test_thousands_are_told_a_hundred_at_a_time_at_most(world: Outward) -> None:
    world.webhook("feedback.notice")
    id = world.submitted()
    world.voted(id, *(f"user-{number}" for number in range(1000)))
    world.changed(id, status="shipped")
    world.settle()
    world.later(minutes=5)
    sizes = [len(notice["recipients"]) for notice in notices(world)]
    assert (sum(sizes), max(sizes) <= 100) == (1000, True)
    assert world.rows("list#rounds") == []


def test_a_round_that_takes_long_goes_on_by_one_shots(world: Outward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.courier.handler.LONG", timedelta(0))
    world.webhook("feedback.notice")
    id = world.submitted()
    world.voted(id, *(f"user-{number}" for number in range(200)))
    world.changed(id, status="shipped")
    world.settle()
    world.later(minutes=20)
    assert sum(len(notice["recipients"]) for notice in notices(world)) == 200
    assert world.rows("list#rounds") == []


def test_statuses_of_no_news_and_what_is_held_back_tell_nobody(world: Outward) -> None:
    world.webhook("feedback.notice")
    id, held = world.submitted("grace"), world.submitted("alan")
    world.changed(held, state="held")
    world.changed(id, status="under_review")
    world.changed(held, status="planned")
    world.settle()
    assert notices(world) == []
    assert world.rows("ntc_") == []


def test_who_is_erased_before_it_is_sent_is_not_told_and_stands_nowhere(world: Outward) -> None:
    webhook = world.webhook("feedback.notice")
    world.post.answer = lambda _: Outcome(503, 1)
    id = world.submitted("grace")
    world.changed(id, status="planned")
    world.settle()
    pid = world.items.read(id).data["person"]
    world.memory.tables["feedback"].pop((pid, "key"))
    world.post.sent.clear()
    world.post.answer = lambda _: Outcome(204, 1)
    world.later(minutes=5)
    assert world.post.sent == []
    assert [one["state"] for one in world.deliveries(webhook)] == ["empty"]
    assert not [row for row in world.rows("") if "grace" in repr(row)]


# --- letters ---


def asked(world: Outward, **more: Any) -> str:
    return world.submitted("grace", email="grace@example.com", consent=True, **more)


def test_who_consented_is_written_to_once_and_can_end_it_with_one_click(world: Outward) -> None:
    world.board(notify={"email": True})
    id, silent = asked(world), world.submitted("alan")
    world.voted(id, "alan")
    world.changed(id, status="shipped", reply="Update to 2.1.")
    world.changed(silent, status="shipped")
    world.settle()
    for event in world.heard:
        world.hear(arrival(event))
    (letter,) = world.mailer.sent
    assert (letter.to, letter.subject) == ("grace@example.com", "Shipped: Descale by itself")
    assert "Update to 2.1." in letter.text
    assert letter.unsubscribe in letter.text
    path = letter.unsubscribe.removeprefix(SITE)
    page = world.http("GET", path, principal=None)
    assert (page.status, "<form" in page.body.decode()) == (200, True)
    world.changed(id, status="in_progress")
    world.settle()
    assert len(world.mailer.sent) == 2, "to look at the page ends nothing"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert world.http("POST", path, "List-Unsubscribe=One-Click", headers=form, principal=None).status == 200
    world.changed(id, status="shipped")
    world.settle()
    assert len(world.mailer.sent) == 2


def test_who_ended_it_gets_no_more_for_what_it_told_as_somebody_else(world: Outward) -> None:
    """Without a targeting key everybody is another person each time; and one who was erased wants none either."""
    world.board(notify={"email": True})
    first, second = (world.submitted(email=address, consent=True) for address in ("grace@example.com", "Grace@example.com"))
    other = world.submitted(email="alan@example.com", consent=True)
    world.changed(first, status="planned")
    world.settle()
    (letter,) = world.mailer.sent
    path = letter.unsubscribe.removeprefix(SITE)
    assert "grace" not in path
    assert world.http("POST", path, principal=None).status == 200
    world.room.erasure.erase(world.call("people.erase"), person(world.items.read(first).data["person"]))
    for id in (second, other, asked(world)):
        world.changed(id, status="planned")
    world.settle()
    assert [letter.to for letter in world.mailer.sent[1:]] == ["alan@example.com"]


def test_nobody_is_told_of_what_was_put_away(world: Outward) -> None:
    """Whoever writes spam may write it in anybody's name."""
    webhook = world.webhook("feedback.notice")
    world.board(notify={"email": True})
    id, spam = asked(world), world.submitted("mallory", email="victim@example.com", consent=True)
    world.changed(spam, state="spam")
    world.room.merging.merge(world.call("feedback.merge"), spam, None, id)
    world.changed(id, status="planned")
    world.settle()
    assert [letter.to for letter in world.mailer.sent] == ["grace@example.com"]
    assert "mallory" not in repr(world.post.sent)
    assert [one["state"] for one in world.deliveries(webhook)] == ["delivered"]


def test_a_letter_says_no_word_of_who_told_it_with_a_key_that_anybody_has(world: Outward) -> None:
    """Anybody may give somebody's address, with a title that leads wherever they like."""
    world.board(notify={"email": True})
    id = world.submitted(None, PAGE, title="Win at https://evil.example", email="victim@example.com", consent=True)
    world.changed(id, status="planned", reply="In spring.")
    world.settle()
    world.changed(id, status="shipped", headline="It descales itself")
    world.settle()
    first, second = world.mailer.sent
    assert (first.subject, second.subject) == ("Planned: your feedback", "Shipped: It descales itself")
    assert "In spring." in first.text
    assert "evil" not in repr(world.mailer.sent)


def test_an_address_is_written_to_once_a_round_whoever_gave_it(world: Outward) -> None:
    """Without a targeting key everybody is another person each time."""
    world.board(notify={"email": True})
    addresses = ("grace@example.com", "Grace@example.com", "alan@example.com") * LETTERS
    ids = [world.submitted(email=address, consent=True) for address in addresses]
    for twin in ids[1:]:
        world.room.merging.merge(world.call("feedback.merge"), twin, None, ids[0])
    world.changed(ids[0], status="planned")
    world.settle()
    assert sorted(letter.to.lower() for letter in world.mailer.sent) == ["alan@example.com", "grace@example.com"]
    world.changed(ids[0], status="shipped")
    world.settle()
    assert len(world.mailer.sent) == 4, "another change is another round"
    marks = [row["sk"] for row in world.rows("ntc_", "mail#")]
    assert len({*marks}) == 4, "and by its marks nobody sees that it is the same address"


def test_nobody_is_written_to_unless_the_board_says_so(world: Outward) -> None:
    world.changed(asked(world), status="shipped")
    world.settle()
    assert world.mailer.sent == []


@pytest.mark.parametrize("token", ["x", "0" * 64 + "." + "0" * 32, ".", "é" * 64 + "." + "0" * 32])
def test_a_link_that_is_not_ours_ends_nothing(world: Outward, token: str) -> None:
    for method in ("GET", "POST"):
        assert world.http(method, f"/unsubscribe/{token}", principal=None).status == 404
    assert world.rows("mail#") == []


def test_no_personal_text_is_in_what_is_kept_of_deliveries(world: Outward) -> None:
    world.webhook("*")
    world.board(notify={"email": True})
    world.changed(asked(world, text="My secret recipe"), status="shipped")
    world.settle()
    kept = repr([row for row in world.rows("") if row["pk"].startswith(("whk_", "ntc_", "list#"))])
    assert PRODUCT in kept
    for word in ("grace", "recipe", "Descale"):
        assert word not in kept


def test_a_change_that_comes_again_after_all_were_told_leaves_nothing_under_way(world: Outward) -> None:
    id = world.submitted("grace")
    world.changed(id, status="planned")
    world.settle()
    assert [row["phase"] for row in world.rows("ntc_", "round")] == ["done"]
    for event in world.heard:
        world.hear(arrival(event))  # in the same millisecond
    assert world.rows("list#rounds") == []
