"""The public pages in a browser: readable by everyone, and whatever people wrote is text there."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from functions.public.handler import Pages
from slipway.feedback.public import Public
from tests.boards import NOW, PRODUCT, Board
from tests.contracts import rooms
from tests.functions.test_public import fill
from tests.payloads import PAYLOADS

SANE = ("A lid that holds", "Two cups at once")


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, origin: str) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param, base_url=origin)
    page = context.new_page()
    page.add_init_script("window.ran = []; window.pwned = number => window.ran.push(number)")
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    yield page
    assert page.evaluate("window.ran") == []
    context.close()
    assert faults == []


def shown(texts: tuple[str, ...]) -> Pages:
    board = Board({"roadmap": True, "changelog": True})
    fill(board, texts)
    return Pages(lambda: (Public(board.store), "https://api.example.com"), lambda: NOW)


def looked(page: Page, texts: tuple[str, ...], where: str, number: int = 1) -> None:
    with patch.dict(rooms._HANDLERS, {"public": shown(texts)}):
        page.goto(f"/public/{PRODUCT}/{where}?page={number}&of={len(texts)}")  # what it was a moment ago, the browser keeps


@pytest.mark.parametrize("where", ["roadmap", "changelog"])
def test_a_page_is_accessible(page: Page, where: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    looked(page, SANE, where)
    assert page.get_by_role("heading", name=SANE[0]).is_visible()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Roadmap", "Changelog"]


@pytest.mark.parametrize("page", ["light"], indirect=True)
@pytest.mark.parametrize("where", ["roadmap", "changelog"])
def test_whatever_people_write_is_text(page: Page, where: str) -> None:
    tags = (
        "[...new Set([...document.querySelectorAll('*')].map(each => each.localName + ' ' + each.getAttributeNames()))].sort()"
    )
    looked(page, SANE, where)
    sane = page.evaluate(tags)
    texts = list[str]()
    for number in (1, 2, 3):
        looked(page, PAYLOADS, where, number)
        assert set(page.evaluate(tags)) <= {*sane, "a href,rel", "p "}
        texts += page.locator("main h3, main article h2").all_text_contents()
    assert sorted(texts) == sorted(PAYLOADS)


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_a_feed_runs_nothing_either(page: Page) -> None:
    with patch.dict(rooms._HANDLERS, {"public": shown(PAYLOADS)}):
        reply = page.request.get(f"/public/{PRODUCT}/changelog.atom")
    page.goto("/")
    names = page.evaluate(
        """text => {
             const read = new DOMParser().parseFromString(text, 'application/xml');
             return [...new Set([...read.querySelectorAll('*')].map(each => each.namespaceURI + ' ' + each.localName))];
           }""",
        reply.text(),
    )
    known = ("feed", "id", "title", "updated", "author", "name", "link", "entry", "published", "content")
    assert set(names) == {f"http://www.w3.org/2005/Atom {name}" for name in known}
