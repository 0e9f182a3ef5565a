"""The public pages as people see them: readable by everyone, in light and dark, on a phone; nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

PAGES = ("/", "/docs")
SIZES = {"desk": (1280, 900), "phone": (360, 740)}


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained of, a refusal by the page's own policy included, and requests that left the origin."""
    return []


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, origin: str, faults: list[str]) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param, base_url=origin)
    page = context.new_page()

    def complained(message: ConsoleMessage) -> None:
        faults.append(f"{message.type}: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith(f"{origin}/"):
            faults.append(f"asked {request.url}")

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what the next page cut short
            faults.append(f"{request.failure} {request.url}")

    page.on("console", complained)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", asked)
    page.on("requestfailed", failed)
    yield page
    context.close()
    assert faults == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(page: Page, path: str, size: str) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(path)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"


def test_somebody_finds_an_operation_and_the_problem_that_it_may_answer(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="API reference").click()
    page.get_by_role("navigation", name="Operations").get_by_role("link", name="Create a product").click()
    article = page.get_by_role("article", name="Create a product")
    assert article.is_visible()
    assert "POST" in article.inner_text()
    article.get_by_text("invalid", exact=True).first.click()
    page.get_by_role("link", name="Slipway", exact=True).click()
    assert page.url.endswith("/")


def test_on_a_phone_the_menu_is_folded(page: Page) -> None:
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/docs")
    menu = page.get_by_role("navigation", name="Operations")
    link = menu.get_by_role("link", name="Create a product")
    assert not link.is_visible()
    assert page.get_by_role("heading", name="API reference").bounding_box()["y"] < height  # type: ignore[index]
    menu.get_by_text("Contents").click()
    link.click()
    assert page.get_by_role("article", name="Create a product").is_visible()


def test_the_keyboard_alone_gets_to_the_reference(page: Page) -> None:
    page.goto("/docs")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_every_link_leads_somewhere(page: Page, origin: str) -> None:
    page.goto("/docs")
    ids = set(page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)"))
    for path in PAGES:
        page.goto(path)
        for link in page.evaluate("[...document.links].map(each => each.getAttribute('href'))"):
            target, _, fragment = link.partition("#")
            assert not fragment or fragment in ids, link
            if target:
                assert page.request.get(origin + target).ok, link


def test_a_script_from_anywhere_is_refused(page: Page, faults: list[str]) -> None:
    """The policy forbids scripts altogether: whatever got into a page could not run."""
    page.goto("/docs")
    ran = page.evaluate(
        "() => { const it = document.createElement('script'); it.textContent = 'window.ran = true'; "
        "document.body.append(it); return window.ran === true }"
    )
    assert ran is False
    assert len(faults) == 1
    assert "Content Security Policy" in faults.pop()
