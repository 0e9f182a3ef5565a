"""What everybody may read: the roadmap and the changelog, as pages, JSON and a feed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any, cast

import pytest

from functions.public.handler import ON_A_PAGE, Pages
from slipway.adapters.memory import MemoryStore
from slipway.feedback.public import FRESH, KEPT, MOST, Public
from slipway.ports import StoreUnavailable
from slipway.tables import FEEDBACK
from tests.boards import NOW, PRODUCT, Board
from tests.functions.events import Reply, call
from tests.payloads import PAYLOADS

ATOM = "{http://www.w3.org/2005/Atom}"
EVERY = ("roadmap", "roadmap.json", "changelog", "changelog.json", "changelog.atom")
DAY = timedelta(days=1)


class Everybody:
    """Who reads what is public of a board."""

    def __init__(self, board: Board) -> None:
        self.now, self.reads = NOW, 0
        self._pages = Pages(lambda: (Public(board.store), "https://api.example.com"), lambda: self.now)

    def read(self, name: str, *, product: str = PRODUCT, query: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        return call(self._pages, "GET", f"/public/{product}/{name}", query=query, headers=headers, principal=None)

    def wishes(self, query: str = "") -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.read("roadmap.json", query=query).json["items"]
        return items

    def titles(self) -> list[str]:
        return [wish["title"] for wish in self.wishes()]


@pytest.fixture
def board() -> Board:
    return Board({"roadmap": True, "changelog": True})


@pytest.fixture
def everybody(board: Board) -> Everybody:
    return Everybody(board)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("switches", [None, {"suggestions": True}, {"roadmap": False, "changelog": False}], ids=str)
def test_a_board_that_shows_nothing_is_as_no_product(name: str, switches: dict[str, Any] | None) -> None:
    everybody = Everybody(Board(switches))
    hidden, unknown = everybody.read(name), everybody.read(name, product="nothing")
    assert (hidden.status, unknown.status) == (404, 404)
    told = [{field: value for field, value in reply.json.items() if field != "instance"} for reply in (hidden, unknown)]
    assert told[0] == told[1]


def test_each_is_a_switch_of_its_own() -> None:
    everybody = Everybody(Board({"roadmap": True}))
    assert [everybody.read(name).status for name in EVERY] == [200, 200, 404, 404, 404]
    assert b"changelog" not in everybody.read("roadmap").body
    everybody = Everybody(Board({"changelog": True}))
    assert [everybody.read(name).status for name in EVERY] == [404, 404, 200, 200, 200]


@pytest.mark.parametrize("path", ["roadmap.atom", "roadmap.xml", "", "..", "roadmap/", "changelog.json.json"])
def test_nothing_else_is_there(everybody: Everybody, path: str) -> None:
    assert everybody.read(path).status == 404


@pytest.mark.parametrize("product", ["%00", "A", "-", "a" * 65, "board#x", "%2e%2e"])
def test_a_name_that_no_product_has(everybody: Everybody, product: str) -> None:
    assert everybody.read("roadmap", product=product).status == 404


def test_the_roadmap_has_what_is_meant_for_everybody(board: Board, everybody: Everybody) -> None:
    board.item("In the index", ago=DAY)
    board.item("As it was written", headline="As the team words it")
    board.item(headline="Begun", status="in_progress")
    board.item(headline="Shipped lately", status="shipped", ago=89 * DAY)
    board.item(headline="Shipped long ago", status="shipped", ago=91 * DAY)
    board.item(headline="Held", state="held")
    board.item(headline="Spam", state="spam")
    board.item(headline="Merged", status="duplicate", merged_into="fbk_1")
    board.item(headline="Declined", status="declined")
    board.item(headline="New", status="new")
    board.item(headline="Of another product", product="mug")
    board.item()  # its person was forgotten, and the team gave it no title
    assert everybody.titles() == ["Begun", "In the index", "As the team words it", "Shipped lately"]


def test_the_most_wanted_is_first_and_says_how_many_want_it(board: Board, everybody: Everybody) -> None:
    board.switch(labels={"planned": "Next up"})
    board.item(headline="Two", votes=2)
    board.item(headline="Seven", votes=7, reply="In spring.")
    assert [(wish["title"], wish["votes"], wish["label"], wish["reply"]) for wish in everybody.wishes()] == [
        ("Seven", 7, "Next up", "In spring."),
        ("Two", 2, "Next up", None),
    ]
    page = everybody.read("roadmap").body.decode()
    assert "<h2>Next up</h2>" in page
    assert "7 votes" in page


def test_an_index_that_is_behind_shows_nothing_that_is_not_so_any_more(board: Board, everybody: Everybody) -> None:
    id = board.item(headline="Planned once")
    row = board.store.get(FEEDBACK, id, "head")
    assert row is not None
    board.store.put(FEEDBACK, {**row, "data": {**row["data"], "status": "declined"}})
    assert everybody.titles() == []


def test_the_changelog_has_what_was_published_newest_first(board: Board, everybody: Everybody) -> None:
    board.entry("Quieter", "By half.\n\nAt night\nat least.", ago=2 * DAY)
    board.entry("Faster", ago=DAY)
    board.entry("Not yet", status="draft")
    body = everybody.read("changelog.json").json
    assert body["product"] == {"key": PRODUCT, "name": "Grinder"}
    assert [entry["title"] for entry in body["items"]] == ["Faster", "Quieter"]
    page = everybody.read("changelog").body.decode()
    assert "<p>By half.</p><p>At night<br />at least.</p>" in page
    assert 'href="changelog.atom"' in page


@pytest.mark.parametrize("name", EVERY)
def test_it_is_kept_by_everybody_for_a_minute(everybody: Everybody, name: str) -> None:
    reply = everybody.read(name)
    assert reply.status == 200
    assert reply.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=300"
    assert "script" not in reply.headers["content-security-policy"]
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    again = everybody.read(name, headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status, again.body, again.headers["cache-control"]) == (304, b"", reply.headers["cache-control"])


class Counted(MemoryStore):
    calls = 0

    def query(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return super().query(*args, **kwargs)

    def get(self, *args: Any) -> Any:
        self.calls += 1
        return super().get(*args)


def test_a_crowd_costs_what_one_reader_does(board: Board, everybody: Everybody) -> None:
    store = Counted()
    store.tables = board.store.tables
    board.store = store
    crowd = Everybody(board)
    crowd.read("roadmap")
    crowd.read("roadmap.json", product="nothing")
    calls = store.calls
    assert calls > 0
    for _ in range(10):
        crowd.read("roadmap")
        crowd.read("roadmap.json", query="page=2")
        crowd.read("roadmap", product="nothing")
    assert store.calls == calls
    board.item(headline="New on it")
    assert crowd.titles() == []
    crowd.now += FRESH
    assert crowd.titles() == ["New on it"]


def test_what_is_in_memory_is_bounded(board: Board) -> None:
    public = Public(board.store)
    for number in range(2 * KEPT):
        public.roadmap(f"product-{number}", NOW)
    assert len(public._kept) == KEPT


def test_a_long_list_has_pages(board: Board, everybody: Everybody) -> None:
    made = {board.item(headline=f"Wish {number}") for number in range(2 * ON_A_PAGE + 1)}
    found, name = list[str](), cast("str | None", "/public/grinder/roadmap.json")
    while name is not None:
        _, _, query = name.partition("?")
        body = everybody.read("roadmap.json", query=query).json
        found += [wish["id"] for wish in body["items"]]
        name = body["next"]
    assert len(found) == len(made)
    assert set(found) == made
    assert b'href="/public/grinder/roadmap?page=2" rel="next"' in everybody.read("roadmap").body
    assert everybody.wishes("page=9") == []


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=", "page=1e3", "page=99999", "a=1&page=%31"])
def test_a_page_that_is_none_is_told(everybody: Everybody, query: str) -> None:
    reply = everybody.read("roadmap", query=query)
    assert (reply.status, reply.json["code"]) == (400, "malformed")


def test_what_is_read_is_bounded(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.feedback.public.MOST", 3)
    for number in range(5):
        board.item(headline=f"Wish {number}", ago=(5 - number) * DAY)
    assert sorted(Everybody(board).titles()) == ["Wish 2", "Wish 3", "Wish 4"], "the newest"
    assert MOST >= 1000


def test_a_store_that_does_not_answer_is_told(board: Board, everybody: Everybody, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailable("GetItem: throttled")

    monkeypatch.setattr(board.store, "get", down)
    reply = everybody.read("roadmap")
    assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (503, "unavailable", "1")


def test_one_line_a_request(everybody: Everybody, log_lines: list[dict[str, Any]]) -> None:
    everybody.read("roadmap.json", query="page=1&token=secret")
    everybody.read("roadmap", product="UNKNOWN-secret")
    routes = [(line["route"], line["status"]) for line in log_lines]
    assert routes == [("GET /public/{product}/roadmap.json", 200), ("none", 404)]
    assert "secret" not in str(log_lines)


# --- the feed --------------------------------------------------------------------------------------------


def feed(everybody: Everybody) -> ElementTree.Element:
    reply = everybody.read("changelog.atom")
    assert reply.headers["content-type"] == "application/atom+xml; charset=utf-8"
    return ElementTree.fromstring(reply.body)


def one(element: ElementTree.Element, name: str) -> ElementTree.Element:
    [found] = element.findall(f"{ATOM}{name}")
    return found


def checked(element: ElementTree.Element) -> None:
    """What RFC 4287 asks of a feed or an entry: sections 4.1.1 and 4.1.2."""
    assert (one(element, "id").text or "").startswith("tag:api.example.com,2026:")
    assert one(element, "title").text
    updated = datetime.fromisoformat(one(element, "updated").text or "")
    assert updated.tzinfo is not None
    links = element.findall(f"{ATOM}link")
    assert all(link.get("href", "").startswith("https://api.example.com/public/grinder/changelog") for link in links)
    alternates = [(link.get("type"), link.get("hreflang")) for link in links if link.get("rel") == "alternate"]
    assert len(alternates) == len(set(alternates)) == 1


def test_the_feed_is_atom(board: Board, everybody: Everybody) -> None:
    first, second = board.entry("Quieter & calmer", "By <half>.", ago=DAY), board.entry("Faster")
    root = feed(everybody)
    assert root.tag == f"{ATOM}feed"
    checked(root)
    assert one(one(root, "author"), "name").text == "Grinder"
    assert [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"] == [
        "https://api.example.com/public/grinder/changelog.atom"
    ]
    entries = root.findall(f"{ATOM}entry")
    for entry in entries:
        checked(entry)
    ids = [one(entry, "id").text for entry in entries]
    assert ids == [f"tag:api.example.com,2026:{id}" for id in (second, first)]
    content = one(entries[1], "content")
    assert (content.get("type"), content.text, one(entries[1], "title").text) == ("text", "By <half>.", "Quieter & calmer")
    assert one(root, "updated").text == max(one(entry, "updated").text or "" for entry in entries)


def test_an_empty_feed_is_one_as_well(everybody: Everybody) -> None:
    root = feed(everybody)
    checked(root)
    assert root.findall(f"{ATOM}entry") == []


def test_an_entry_that_is_mended_keeps_its_id(board: Board, everybody: Everybody) -> None:
    from slipway.feedback.changelog import Changelog, EntryPatch

    id = board.entry("Quiter", ago=DAY)
    before = one(feed(everybody).findall(f"{ATOM}entry")[0], "updated").text
    Changelog(board.store).update(board.call("changelog.update"), id, 1, EntryPatch(title="Quieter"))
    everybody.now += FRESH
    [entry] = feed(everybody).findall(f"{ATOM}entry")
    assert one(entry, "id").text == f"tag:api.example.com,2026:{id}"
    assert (one(entry, "updated").text or "") > (before or "")
    assert one(entry, "published").text == before


def test_what_xml_has_no_place_for_is_replaced(board: Board, everybody: Everybody) -> None:
    row = board.store.get(FEEDBACK, board.entry("Odd"), "head")
    assert row is not None
    board.store.put(FEEDBACK, {**row, "data": {**row["data"], "title": "Odd \ufffe\uffff\x0b\x00 one"}})
    [entry] = feed(everybody).findall(f"{ATOM}entry")
    assert one(entry, "title").text == "Odd \ufffd\ufffd\ufffd\ufffd one"


# --- what people write -----------------------------------------------------------------------------------


class Read(HTMLParser):
    """Elements with their attributes, and the texts between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements, self.texts = set[tuple[str, tuple[str, ...]]](), list[str]()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    handle_pi = unknown_decl = handle_comment


@pytest.mark.parametrize("where", ["roadmap", "changelog"])
def test_whatever_people_write_is_text_in_a_page(where: str) -> None:
    def read(texts: tuple[str, ...]) -> Read:
        board = Board({"roadmap": True, "changelog": True})
        fill(board, texts)
        return Read("".join(Everybody(board).read(where, query=f"page={page}").body.decode() for page in (1, 2, 3)))

    sane, hostile = read(("Plain",) * len(PAYLOADS)), read(PAYLOADS)
    assert hostile.elements == sane.elements
    shown = " ".join(hostile.texts)
    assert all(" ".join(hostile.texts).count(text) >= 2 for text in PAYLOADS), [text for text in PAYLOADS if text not in shown]


def fill(board: Board, texts: tuple[str, ...]) -> None:
    """Each as a title and as prose; as rows, whatever the door would have refused."""
    for number, text in enumerate(texts):
        board.item(text, reply=text) if number % 2 else board.item(headline=text, reply=text)
        row = board.store.get(FEEDBACK, board.entry("To be"), "head")
        assert row is not None
        board.store.put(FEEDBACK, {**row, "data": {**row["data"], "title": text, "text": text}})


def test_whatever_people_write_is_text_in_the_feed_and_in_json(board: Board, everybody: Everybody) -> None:
    fill(board, PAYLOADS)
    entries = feed(everybody).findall(f"{ATOM}entry")
    names = {"id", "title", "published", "updated", "link", "content"}
    assert {child.tag.removeprefix(ATOM) for entry in entries for child in entry.iter()} == {*names, "entry"}
    assert all(one(entry, "title").text == one(entry, "content").text for entry in entries)
    assert {one(entry, "title").text for entry in entries} <= set(PAYLOADS)
    found = {wish["title"] for page in (1, 2, 3) for wish in everybody.wishes(f"page={page}")}
    assert found == set(PAYLOADS)
    assert everybody.read("roadmap.json").headers["content-type"] == "application/json"
    assert everybody.read("roadmap.json").headers["x-content-type-options"] == "nosniff"


def test_a_products_own_name_is_text() -> None:
    everybody = Everybody(Board({"roadmap": True, "changelog": True}, name=PAYLOADS[0]))
    assert b"<script" not in everybody.read("roadmap").body
    assert one(feed(everybody), "title").text == f"Changelog \N{EN DASH} {PAYLOADS[0]}"
