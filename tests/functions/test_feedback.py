"""`functions/feedback`: what people tell, through the handler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.feedback.door import Feedback, feedback
from functions.feedback.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.feedback.buckets import EVERY, MOST
from slipway.ports import Row, StoreUnavailable
from slipway.products import Products
from slipway.tables import FEEDBACK, SIGNALS, Table
from tests.catalogue import START, a_call, made
from tests.functions.events import ADMIN, VIEWER, Context, Reply, call, http_event, reply

CLIENT = Principal("client", "key_c", environment="production")
OTHER = Principal("client", "key_o", environment="staging")
SERVER = Principal("server", "key_s", environment="production")
BUG = {"type": "bug", "product": "mug", "title": "It drips"}


class Counted(MemoryStore):
    """Counts what is asked of it, and hands out a fault once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.lost: list[str] = []  # operations whose next acknowledgement is lost

    def put(self, table: Table, row: Row, condition: Any = None) -> None:
        self.writes.append(f"{table.name} {row['pk'].partition('#')[0]}")
        super().put(table, row, condition)
        self._lose("put")

    def transact(self, writes: Any, token: str) -> None:
        self.writes.append("transaction")
        super().transact(writes, token)
        self._lose("transact")

    def _lose(self, operation: str) -> None:
        if operation in self.lost:
            self.lost.remove(operation)
            raise StoreUnavailable("no answer")


class Room:
    def __init__(self) -> None:
        self.store = Counted()
        self.now = START
        self.use: Feedback = feedback(self.store)
        made(Products(self.store), key="mug")

    def tell(self, body: Any = BUG, principal: Principal = CLIENT, address: str = "192.0.2.1", **fields: Any) -> Reply:
        event = http_event(
            "POST",
            "/v1/feedback",
            headers={"content-type": "application/json"},
            body=json.dumps({**body, **fields}),
            principal=principal,
        )
        event["requestContext"]["http"]["sourceIp"] = address
        return reply(handler(event, Context()))

    def told(self, body: Any = BUG, principal: Principal = CLIENT, **fields: Any) -> Any:
        made = self.tell(body, principal, **fields)
        assert made.status == 201, made.body
        return call(handler, "GET", f"/v1/feedback/{made.json['id']}", principal=VIEWER).json

    def ask(self, path: str, body: Any, principal: Principal = ADMIN) -> Any:
        answer = call(handler, "POST", path, body, principal=principal)
        assert answer.status == 200, answer.body
        return answer.json

    def items(self) -> list[Row]:
        return [
            row for (pk, sk), row in self.store.tables.get("feedback", {}).items() if pk.startswith("fbk_") and sk == "head"
        ]

    def board(self, **data: Any) -> None:
        self.store.put(FEEDBACK, {"pk": "board#mug", "sk": "head", "schema": 1, "kind": "board", "data": data})


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    with api.testing(use=made.use, now=lambda: made.now):
        yield made


def faults(answer: Reply, status: int = 422) -> list[tuple[str, str]]:
    assert answer.status == status, answer.body
    return [(one["pointer"], one["code"]) for one in answer.json["errors"]]


# --- who tells what -------------------------------------------------------------------------------------


def test_a_visitor_tells_something_and_the_team_reads_it(room: Room) -> None:
    context = {"url": "https://example.com/cups?x=1", "device": "Phone", "session": "s1", "release": "1.2", "locale": "de-CH"}
    sent = {**BUG, "text": " On\r\nthe table ", "context": context, "targeting_key": "ada", "submission_id": "s"}
    answer = room.tell(sent, email="Ada@Example.com", consent=True)
    assert answer.status == 201
    assert answer.headers["location"] == f"/v1/feedback/{answer.json['id']}"
    assert answer.headers["etag"] == '"1"'
    assert set(answer.json) == {"id", "product", "type", "created_at"}
    read = call(handler, "GET", answer.headers["location"], principal=VIEWER).json
    assert (read["title"], read["text"], read["email"]) == ("It drips", "On\nthe table", "ada@example.com")
    assert (read["context"], read["targeting_key"], read["environment"]) == (context, "ada", "production")
    assert (read["status"], read["state"], read["origin"], read["consent"]) == ("new", "visible", "client", True)
    assert (read["erased"], read["version"], read["rating"]) == (False, 1, None)


def test_only_the_team_reads(room: Room) -> None:
    id = room.tell().json["id"]
    for principal in (CLIENT, SERVER):
        assert call(handler, "GET", f"/v1/feedback/{id}", principal=principal).status == 403
    assert call(handler, "GET", "/v1/feedback/fbk_none", principal=VIEWER).status == 404


@pytest.mark.parametrize(("type", "least", "most"), [("rating", 1, 5), ("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)])
def test_a_rating_has_the_range_of_its_type(room: Room, type: str, least: int, most: int) -> None:
    sent = {"type": type, "product": "mug"}
    for rating in range(least, most + 1):
        assert room.told(sent, SERVER, rating=rating)["rating"] == rating
    assert faults(room.tell(sent)) == [("/rating", "required")]
    below, above = ("too_small" if least == 0 else "out_of_range"), ("too_large" if most == 10 else "out_of_range")
    for rating, code in ((least - 1, below), (most + 1, above)):
        assert faults(room.tell(sent, rating=rating)) == [("/rating", code)]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"rating": 3}, ("/rating", "forbidden")),
        ({"title": None}, ("/text", "required")),
        ({"title": None, "text": "  "}, ("/text", "required")),
        ({"title": "x" * 201}, ("/title", "too_long")),
        ({"title": "two\nlines"}, ("/title", "forbidden_character")),
        ({"text": "x" * 10_001}, ("/text", "too_long")),
        ({"text": "a\u202eb"}, ("/text", "forbidden_character")),
        ({"type": "rant"}, ("/type", "not_one_of")),
        ({"product": "jug"}, ("/product", "unknown_product")),
        ({"product": "No Such"}, ("/product", "invalid_key")),
        ({"email": "ada@example.com"}, ("/consent", "consent_missing")),
        ({"consent": True}, ("/email", "required")),
        ({"email": "ada", "consent": True}, ("/email", "pattern")),
        ({"targeting_key": ""}, ("/targeting_key", "invalid_targeting_key")),
        ({"targeting_key": "a\nb"}, ("/targeting_key", "invalid_targeting_key")),
        ({"targeting_key": "x" * 257}, ("/targeting_key", "invalid_targeting_key")),
        ({"submission_id": "a b"}, ("/submission_id", "invalid_submission_id")),
        ({"context": {"locale": "deutsch!"}}, ("/context/locale", "invalid_locale")),
        ({"context": {"url": "javascript:alert(1)"}}, ("/context/url", "invalid_url")),
        ({"context": {"url": "https://example.com/" + "x" * 2_000}}, ("/context/url", "invalid_url")),
        ({"context": {"release": "x" * 201}}, ("/context/release", "too_long")),
        ({"context": {"ip": "192.0.2.1"}}, ("/context/ip", "unknown")),
        ({"context": None}, ("/context", "type")),
        ({"form": "x"}, ("/form", "pattern")),
        ({"state": "visible"}, ("/state", "unknown")),
        ({"rating": "5"}, ("/rating", "type")),
    ],
    ids=str,
)
def test_what_cannot_be_taken_is_told_where_and_leaves_nothing(room: Room, fields: Any, fault: tuple[str, str]) -> None:
    assert faults(room.tell(**fields)) == [fault]
    assert room.store.tables.get("feedback", {}) == {}


def test_several_faults_are_told_at_once(room: Room) -> None:
    sent = {"type": "bug", "product": "mug", "rating": 3, "email": "ada@example.com"}
    assert [code for _, code in faults(room.tell(sent))] == ["forbidden", "required", "consent_missing"]


def test_a_key_speaks_for_its_environment_alone(room: Room) -> None:
    assert room.tell(environment="staging").status == 403
    assert room.told(environment="production")["environment"] == "production"


def test_who_signed_in_is_the_person_and_may_speak_for_somebody(room: Room) -> None:
    bob = Principal("member", "mbr_bob", "viewer")
    ann = {"targeting_key": "ann", "environment": "production"}
    tellers: list[Any] = [(bob, {}), (bob, {}), (bob, ann), (SERVER, ann)]
    mine, again, anns, anns_own = (room.told(principal=who, **more) for who, more in tellers)
    assert [one["origin"] for one in (mine, again, anns, anns_own)] == ["member", "member", "member", "server"]
    persons = {row["pk"]: row["person"] for row in room.items()}
    assert persons[mine["id"]] == persons[again["id"]] != persons[anns["id"]] == persons[anns_own["id"]]
    assert faults(room.tell(principal=bob, targeting_key="ann")) == [("/environment", "required")]


def test_one_person_one_key_and_nobody_is_another_each_time(room: Room) -> None:
    for principal, more in ((CLIENT, "ada"), (SERVER, "ada"), (OTHER, "ada"), (CLIENT, "bob"), (CLIENT, None), (CLIENT, None)):
        room.told(principal=principal, targeting_key=more)
    persons = [row["person"] for row in room.items()]
    assert persons[0] == persons[1]
    assert len(set(persons)) == 5


# --- once -----------------------------------------------------------------------------------------------


def test_the_same_submission_is_one_item_and_other_words_are_refused(room: Room) -> None:
    first, again = room.tell(submission_id="s1"), room.tell(submission_id="s1")
    assert (first.status, again.status, first.json) == (201, 201, again.json)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert faults(room.tell(submission_id="s1", title="Other")) == [("/submission_id", "idempotency_mismatch")]
    assert room.tell(principal=OTHER, submission_id="s1").json["id"] != first.json["id"]
    assert room.tell(submission_id="s2").json["id"] != first.json["id"]
    assert len(room.items()) == 3


def test_it_is_the_same_however_it_changed_since(room: Room) -> None:
    first = room.tell(submission_id="s1")
    room.use.items.update(a_call(), first.json["id"], None, lambda data: {**data, "tags": ["seen"]})
    assert room.tell(submission_id="s1").json == first.json


def test_a_lost_answer_is_made_up_for(room: Room) -> None:
    room.store.lost = ["transact"]
    lost = room.tell(submission_id="s1", targeting_key="ada")
    assert (lost.status, lost.headers["retry-after"], "taken once" in lost.json["detail"]) == (503, "1", True)
    assert room.tell(submission_id="s1", targeting_key="ada").status == 201
    assert len(room.items()) == 1


def test_an_idempotency_key_does_as_well(room: Room) -> None:
    for status, title in ((201, "A"), (201, "A"), (422, "B")):
        sent = {**BUG, "title": title}
        answer = call(handler, "POST", "/v1/feedback", sent, headers={"idempotency-key": "k"}, principal=SERVER)
        assert answer.status == status
    assert len(room.items()) == 1


ADA: dict[str, Any] = {"targeting_key": "ada"}
NAMED = {**ADA, "email": "ada@example.com", "consent": True}


@pytest.mark.parametrize("fields", [{}, ADA, NAMED], ids=["nobody", "ada", "an address"])
def test_it_costs_two_write_requests_at_most(room: Room, fields: Any) -> None:
    room.tell(**fields)  # what is made once, secrets and the day's salt, stands then
    for _ in range(3):
        room.store.writes.clear()
        assert room.tell(**fields).status == 201
        assert room.store.writes == ["feedback bucket", "transaction"]
        room.now += timedelta(seconds=1)
    room.store.writes.clear()
    assert room.tell(principal=SERVER, **fields).status == 201
    assert len(room.store.writes) == 1


# --- what is kept ---------------------------------------------------------------------------------------


def test_an_address_is_never_kept_and_its_network_for_a_day(room: Room) -> None:
    room.tell(address="203.0.113.77")
    (item,) = room.items()
    (salt,) = [row["salt"] for row in room.store.tables[SIGNALS.name].values()]
    assert len(item["data"]["network"]) == 12
    assert "203.0.113" not in repr(room.store.tables)
    room.tell(address="203.0.113.5")
    assert {row["data"]["network"] for row in room.items()} == {item["data"]["network"]}
    room.now += timedelta(days=1)
    room.tell(address="203.0.113.5")
    assert len({row["data"]["network"] for row in room.items()}) == 2
    assert salt in [row["salt"] for row in room.store.tables[SIGNALS.name].values()]


def test_what_nobody_should_write_is_taken_out_before_it_is_kept(room: Room) -> None:
    told = room.told(
        text="I am ada@example.com, card 4111 1111 1111 1111", context={"url": "https://example.com/?token=Zm9vYmFy0123456789"}
    )
    assert told["text"] == "I am [e-mail], card [card]"
    assert told["context"]["url"] == "https://example.com/?token=[secret]"
    told = room.told(context={"url": "https://u:p@x.de/?token=secret#a", "device": "ada@example.com"})
    assert (told["context"]["url"], told["context"]["device"]) == ("https://x.de/?token=[secret]", "[e-mail]")
    kept = room.told(email="ada@example.com", consent=True, targeting_key="ada@example.com")
    assert (kept["email"], kept["targeting_key"]) == ("ada@example.com", "ada@example.com")


@pytest.mark.parametrize("name", ["form", "survey"])
def test_what_is_no_token_is_told_in_a_sentence(room: Room, name: str) -> None:
    (fault,) = room.tell({**BUG, name: "x", "targeting_key": "user-1"}).json["errors"]
    assert (fault["pointer"], fault["code"]) == (f"/{name}", "pattern")
    assert fault["detail"].endswith(", as it came.")


def test_a_board_may_want_it_as_it_was_written(room: Room) -> None:
    room.board(scrub=False)
    assert room.told(text="I am ada@example.com")["text"] == "I am ada@example.com"


def test_who_fills_in_what_nobody_sees_is_taken_for_spam_and_told_nothing(room: Room) -> None:
    good, bad = room.tell(), room.tell(website="https://buy.example")
    assert (good.status, set(good.json), set(good.headers)) == (bad.status, set(bad.json), set(bad.headers))
    states = [row["data"]["state"] for row in room.items()]
    assert states == ["visible", "spam"]


# --- forms ----------------------------------------------------------------------------------------------


def test_a_form_is_taken_after_some_seconds_and_for_a_day(room: Room) -> None:
    room.board(form={"token": True, "seconds": 5})
    assert faults(room.tell()) == [("/form", "required")]
    form = room.ask("/v1/feedback/form", {"product": "mug"}, CLIENT)
    assert form["seconds"] == 5
    room.now += timedelta(seconds=4)
    assert faults(room.tell(form=form["form"])) == [("/form", "too_fast")]
    room.now += timedelta(seconds=1)
    assert room.tell(form=form["form"]).status == 201
    room.now += timedelta(hours=23)
    assert room.tell(form=form["form"]).status == 201
    room.now += timedelta(hours=1, seconds=1)
    assert faults(room.tell(form=form["form"])) == [("/form", "form_expired")]
    assert room.tell(principal=SERVER).status == 201


def test_a_form_is_of_its_product_and_environment_and_of_nobodys_making(room: Room) -> None:
    made(Products(room.store), key="jug")
    room.board(form={"token": True, "seconds": 0})
    token = room.ask("/v1/feedback/form", {"product": "jug"}, CLIENT)["form"]
    others = [token, room.ask("/v1/feedback/form", {"product": "mug"}, OTHER)["form"]]
    good = room.ask("/v1/feedback/form", {"product": "mug"}, CLIENT)["form"]
    others += [good[:-1] + ("A" if good[-1] != "A" else "B"), "2020-01-01" + good[10:]]
    others += [good.replace(good[11:24], str(int(good[11:24]) + 1))]
    for other in others:
        assert faults(room.tell(form=other)) == [("/form", "unknown_form")]
    assert room.tell(form=good).status == 201


def test_a_secret_of_forms_goes_by_itself(room: Room) -> None:
    room.ask("/v1/feedback/form", {"product": "mug"}, CLIENT)
    ((_, row),) = [one for one in room.store.tables["feedback"].items() if one[0][0] == "secret#form"]
    assert timedelta(days=2) < timedelta(seconds=row["expires"]) - timedelta(seconds=room.now.timestamp()) <= timedelta(days=3)


# --- buckets --------------------------------------------------------------------------------------------


def test_a_burst_is_taken_then_told_when_to_come_again_and_nothing_is_half(room: Room) -> None:
    for number in range(MOST):
        assert room.tell(submission_id=f"{number}").status == 201
    refused = room.tell(submission_id="more", targeting_key="ada")
    assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
    wait = int(refused.headers["retry-after"])
    assert wait == EVERY // 1000
    assert len(room.items()) == MOST
    room.now += timedelta(seconds=wait) - timedelta(milliseconds=1)
    assert room.tell(submission_id="more", targeting_key="ada").status == 429
    room.now += timedelta(milliseconds=1)
    assert room.tell(submission_id="more", targeting_key="ada").status == 201


def test_a_flood_of_one_network_stops_nobody_else(room: Room) -> None:
    for _ in range(3 * MOST):
        room.tell(address="198.51.100.1")
    assert room.tell(address="198.51.100.200").status == 429
    assert room.tell(address="198.51.101.1").status == 201
    assert room.tell(principal=SERVER, address="198.51.100.1").status == 201
    assert room.tell(principal=OTHER, address="198.51.100.1").status == 201
    assert room.tell(address="2001:db8:1::1").status == 201


def test_two_instances_share_a_bucket(room: Room) -> None:
    others = feedback(room.store)
    taken = 0
    for number in range(3 * MOST):
        with api.testing(use=others if number % 2 else room.use, now=lambda: room.now):
            taken += room.tell().status == 201
    assert taken == MOST


def test_a_token_whose_acknowledgement_is_lost_is_one_token(room: Room) -> None:
    room.tell()
    bucket = next(row for (pk, _), row in room.store.tables["feedback"].items() if pk.startswith("bucket#"))
    room.store.lost = ["put"]
    assert room.tell().status == 503
    after = next(row for (pk, _), row in room.store.tables["feedback"].items() if pk.startswith("bucket#"))
    assert after["full"] - bucket["full"] == EVERY
    assert room.tell().status == 201
    assert len(room.items()) == 2
