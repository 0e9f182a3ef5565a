"""What was told already: asked over HTTP while somebody writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.feedback.door import feedback
from functions.feedback.handler import api, handler
from slipway.access import Principal
from slipway.feedback import switches, titles
from slipway.feedback.buckets import SUGGESTIONS
from slipway.feedback.titles import FRESH, OLD, listed, partition, unlisted
from slipway.ports import ConditionFailed, Delete, Put
from slipway.products import Products
from slipway.tables import FEEDBACK
from tests.catalogue import START, Counting, a_call, made
from tests.functions.events import VIEWER, Reply, call

CLIENT = Principal("client", "key_client", environment="production")
SERVER = Principal("server", "key_server", environment="production")
PATH = "/v1/feedback/similar"


class Told:
    """People told something, and it is listed."""

    def __init__(self) -> None:
        self.store = Counting()
        self.use = feedback(self.store)
        self.now = START
        made(Products(self.store), name="mug", key="mug")

    def tell(self, title: str | None, *, text: str = "", product: str = "mug", **data: Any) -> str:
        fields = {name: value for name, value in (("title", title), ("text", text)) if value}
        plain = {"product": product, "type": "idea", "status": "new", "state": "visible", "origin": "client", **data}
        who = lambda: self.use.people.person(a_call(), None)  # noqa: E731
        id = self.use.items.create(a_call(), plain, fields, who).stored.id
        self.index(id)
        return id

    def index(self, id: str) -> None:
        stored = self.use.items.read(id)
        self.store.transact(listed(stored, self.use.items.open(stored) or {}, self.now), f"{id[4:]}-{self.now:%H%M%S}")

    def change(self, id: str, **data: Any) -> None:
        self.use.items.update(a_call(), id, None, lambda before: before | data)

    def board(self, **data: bool) -> None:
        row = {"pk": "board#mug", "sk": "head", "schema": 1, "kind": "board", "version": 1, "data": data}
        self.store.put(FEEDBACK, row)
        self.now += timedelta(seconds=switches.FRESH)

    def ask(self, text: str = "export", principal: Principal = VIEWER, more: str = "", product: str = "mug") -> Reply:
        with api.testing(use=self.use, now=lambda: self.now):
            return call(handler, "GET", PATH, query=f"product={product}&text={text}{more}", principal=principal)

    def found(self, text: str = "export", principal: Principal = VIEWER, more: str = "", product: str = "mug") -> list[str]:
        reply = self.ask(text, principal, more, product)
        assert reply.status == 200, reply.body
        return [item["id"] for item in reply.json["items"]]


@pytest.fixture
def told() -> Told:
    return Told()


def test_the_team_sees_what_is_like_it(told: Told) -> None:
    other = told.tell("The map has no satellite view")
    first, second = told.tell("Export charts to PDF"), told.tell("Download a chart", status="planned")
    told.store.put(FEEDBACK, {"pk": second, "sk": "count", "schema": 1, "own": 3, "union": 5, "version": 1})
    reply = told.ask("Export+charts+to+PDF")
    assert reply.status == 200, reply.body
    assert reply.json["items"][0] == {"id": first, "title": "Export charts to PDF", "status": "new", "votes": 0, "score": 1.0}
    assert reply.json["items"][1] | {"score": 0} == {
        "id": second, "title": "Download a chart", "status": "planned", "votes": 5, "score": 0,
    }  # fmt: skip
    assert other not in told.found("Export+charts+to+PDF")


def test_who_writes_in_a_browser_sees_only_what_a_board_shows(told: Told) -> None:
    plain, named = told.tell("Export is slow"), told.tell("Export, you fools", headline="Faster export")
    bug = told.tell("Export shows what others wrote", type="bug")
    known = told.tell("Export leaks", type="bug", headline="Export fails now and then")
    untitled = told.tell(None, text="The export takes an hour")
    for principal in (CLIENT, SERVER):
        refused = told.ask(principal=principal)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
    told.board(suggestions=False)
    assert told.ask(principal=CLIENT).status == 403
    told.board(suggestions=True)
    titles = {item["id"]: item["title"] for item in told.ask(principal=CLIENT).json["items"]}
    assert titles == {plain: "Export is slow", named: "Faster export", known: "Export fails now and then"}
    titles = {item["id"]: item["title"] for item in told.ask().json["items"]}
    assert titles == {
        plain: "Export is slow",
        named: "Export, you fools",
        untitled: None,
        bug: "Export shows what others wrote",
        known: "Export leaks",
    }


def test_a_page_asks_often_but_not_without_bound_and_what_is_told_goes_on(told: Told) -> None:
    told.board(suggestions=True)
    asked = [told.ask(principal=CLIENT).status for _ in range(SUGGESTIONS.most + 5)]
    assert asked == [200] * SUGGESTIONS.most + [429] * 5
    assert told.ask(principal=SERVER).status == told.ask().status == 200
    with api.testing(use=told.use, now=lambda: told.now):
        body = {"type": "idea", "product": "mug", "title": "Export"}
        assert call(handler, "POST", "/v1/feedback", body, principal=CLIENT).status == 201
    told.now += timedelta(seconds=1)
    assert told.ask(principal=CLIENT).status == 200


def test_what_is_held_or_spam_is_shown_to_nobody(told: Told) -> None:
    kept, held, spam = (told.tell(f"Export number {number}") for number in range(3))
    told.change(held, state="held")
    told.change(spam, state="spam")
    assert told.found() == [kept]


def test_a_duplicate_leads_to_its_root_once(told: Told) -> None:
    root = told.tell("Take my data with me")
    middle, leaf = told.tell("Export everything", merged_into=root), told.tell("Export all of it")
    told.change(leaf, merged_into=middle)
    [item] = told.ask().json["items"]
    assert (item["id"], item["title"]) == (root, "Take my data with me")
    told.change(root, state="spam")
    assert told.found() == []


def test_a_circle_of_duplicates_is_shown_to_nobody(told: Told) -> None:
    one = told.tell("Export everything")
    told.change(one, merged_into=told.tell("Take my data with me", merged_into=one))
    assert told.found() == []


def test_who_was_erased_is_gone_at_once_whatever_is_in_memory(told: Told) -> None:
    gone, kept = told.tell("Export my diary"), told.tell("Export my list")
    assert {*told.found()} == {gone, kept}
    stored = told.use.items.read(gone)
    told.store.transact([Delete(FEEDBACK, stored.data["person"], "key"), unlisted("mug", gone)], "erased")
    assert told.found() == [kept]
    with pytest.raises(ConditionFailed):  # by who had read it before
        told.store.transact(listed(stored, {"title": "Export my diary"}, told.now), "too late")
    assert told.found() == [kept]


def test_what_is_new_comes_within_seconds_and_cheaply(told: Told) -> None:
    first = told.tell("Export to CSV")
    assert told.found() == [first]
    told.now += timedelta(seconds=1)
    second = told.tell("Export to PDF")
    assert told.found() == [first]
    told.now += FRESH
    assert {*told.found()} == {first, second}
    read = ["get_many", "get_many", "get_many"]  # rows, heads, votes
    assert told.store.counted(told.found) == read
    told.now += FRESH
    assert told.store.counted(told.found) == ["query", *read]


def test_a_row_that_comes_late_is_met_as_well(told: Told) -> None:
    told.found()
    told.now += timedelta(minutes=10)
    told.found()
    late = told.tell("Export to CSV")
    [put, _] = listed(told.use.items.read(late), {"title": "Export to CSV"}, told.now - timedelta(seconds=50))
    assert isinstance(put, Put)
    told.store.put(FEEDBACK, put.row)
    told.now += FRESH
    assert told.found() == [late]


def test_a_title_that_changed_is_found_by_the_new_one(told: Told) -> None:
    item = told.tell("Export to CSV")
    assert told.found() == [item]
    told.now += timedelta(seconds=1)
    [put, _] = listed(told.use.items.read(item), {"title": "Dark mode"}, told.now)
    assert isinstance(put, Put)
    told.store.put(FEEDBACK, put.row)
    told.now += FRESH
    assert told.found() == []
    assert told.found("dark+mode") == [item]


def test_what_an_earlier_version_said_does_not_come_back(told: Told) -> None:
    item = told.tell("Export to CSV")
    before = told.use.items.read(item)
    told.change(item, tags=["files"])
    told.now += timedelta(seconds=1)
    told.index(item)
    with pytest.raises(ConditionFailed):
        told.store.transact(listed(before, {"title": "Dark mode"}, told.now), "an event that was late")
    assert told.found() == [item]


def test_the_memory_is_made_anew_now_and_then(told: Told) -> None:
    item = told.tell("Export to CSV")
    assert told.found() == [item]
    told.now += OLD
    assert told.store.counted(told.found)[0] == "query"
    assert told.found() == [item]


def test_products_are_apart_and_few_are_in_memory(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles, "MOST_PRODUCTS", 2)
    items = {key: told.tell("Export to CSV", product=key) for key in ("mug", "cup", "pot")}
    for _ in range(2):
        for key, item in items.items():
            assert told.found(product=key) == [item]
    assert told.store.counted(lambda: told.found(product="pot"))[0] == "get_many"
    assert told.store.counted(lambda: told.found(product="mug"))[0] == "query"
    assert told.found(product="nothing-like-it") == []


def test_so_many_titles_are_looked_at(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles, "MOST", 3)
    monkeypatch.setattr(titles, "_PAGE", 2)
    ids = [told.tell(f"Export number {number}") for number in range(5)]
    assert told.found() == sorted(told.found())
    assert len(told.found()) <= 3
    assert {*told.found()} < {*ids}


def test_all_pages_of_a_product_are_read(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles, "_PAGE", 2)
    monkeypatch.setattr(titles, "_CHUNK", 2)
    ids = {told.tell(f"Export number {number}") for number in range(5)}
    assert {*told.found(more="&limit=10")} == ids
    told.now += timedelta(seconds=1)
    ids |= {told.tell(f"Export list {number}") for number in range(5)}
    told.now += FRESH
    assert {*told.found(more="&limit=10")} == ids


def test_a_limit_is_bounded(told: Told) -> None:
    for number in range(12):
        told.tell(f"Export number {number}")
    assert [len(told.found(more=more)) for more in ("", "&limit=1", "&limit=0", "&limit=99")] == [5, 1, 1, 10]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("text=export", "/query/product"),
        ("product=mug", "/query/text"),
        ("product=mug&text=", "/query/text"),
        ("product=mug&text=%20%E2%80%8B", "/query/text"),
        ("product=mug&text=a%07b", "/query/text"),
        ("product=mug&text=%E2%80%AEtropxe", "/query/text"),
        ("product=mug&text=" + "x" * 201, "/query/text"),
        ("product=Mug!&text=export", "/query/product"),
        ("product=mug&text=export&limit=many", "/query/limit"),
        ("product=mug&text=export&cursor=x", "/query/cursor"),
    ],
)
def test_bad_questions_are_refused_with_a_pointer(told: Told, query: str, pointer: str) -> None:
    with api.testing(use=told.use):
        reply = call(handler, "GET", PATH, query=query, principal=VIEWER)
    assert reply.status == 422, reply.body
    assert [fault["pointer"] for fault in reply.json["errors"]] == [pointer]


@pytest.mark.parametrize("text", ["%F0%9F%98%80", "%22%27*%20OR%201%3D1", "%E0%B8%81%E0%B8%82", "x" * 200, "%CC%80" * 200])
def test_odd_questions_find_nothing_and_harm_nothing(told: Told, text: str) -> None:
    told.tell("Export to CSV")
    assert told.found(text) == []


def test_a_row_has_the_words_of_title_and_text_once(told: Told) -> None:
    item = told.tell("Straße: Export", text="The EXPORT\nof a_street " + " ".join(f"w{number}" for number in range(300)))
    row = told.store.get(FEEDBACK, partition("mug"), item)
    assert row is not None
    assert (row["title"], row["shown"]) == ("strasse: export", "Straße: Export")
    assert row["words"][:7] == ["strasse", "export", "the", "of", "a_street", "w0", "w1"]
    assert len(row["words"]) == titles.WORDS
