"""The widget on somebody's page: used by keyboard alone, readable by everyone, and inert whatever servers and people say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from tests.browser.visiting import PRODUCT, Host, host
from tests.payloads import PAYLOADS

THANKS = "Thank you. We have got it."
SUBMIT = "**/v1/feedback"


@pytest.fixture(scope="module")
def shop() -> Iterator[Host]:
    with host() as shop:
        yield shop


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture(params=["light"])
def page(request: pytest.FixtureRequest, browser: Browser, shop: Host, faults: list[str]) -> Iterator[Page]:
    """Not yet gone to the shop."""
    shop.attributes.clear()
    shop.store.tables["feedback"] = {}
    shop.switch(suggestions=True)
    context = browser.new_context(color_scheme=request.param, base_url=shop.origin, locale="en-GB")
    page = context.new_page()
    page.add_init_script("window.ran = []; window.pwned = number => window.ran.push(number)")

    def complained(message: ConsoleMessage) -> None:
        faults.append(f"{message.type}: {message.text}")

    page.on("console", complained)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    assert page.evaluate("window.ran") == []
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    context.close()
    assert faults == []


def opened(page: Page) -> Page:
    page.goto("/")
    page.get_by_role("button", name="Feedback").click()
    expect(page.get_by_role("dialog", name="Tell us")).to_be_visible()
    return page


def answer(status: int, body: Any, **headers: str) -> Callable[[Route], None]:
    sent = {"access-control-allow-origin": "*", "access-control-expose-headers": "retry-after", **headers}
    return lambda route: route.fulfill(status=status, headers=sent, json=body)


def test_somebody_tells_something_with_the_keyboard_alone(page: Page, shop: Host) -> None:
    page.goto("/")
    page.locator("#buy").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Tell us")
    expect(dialog.get_by_role("radio", name="A bug")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("A finer mill")
    page.keyboard.press("Tab")
    page.keyboard.type("For espresso, on Sundays.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("status").filter(has_text=THANKS)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Feedback")).to_be_focused()
    [item] = shop.told()
    assert (item["type"], item["title"], item["text"]) == ("idea", "A finer mill", "For espresso, on Sundays.")
    assert (item["email"], item["consent"], item["origin"], item["state"]) == ("ada@example.com", True, "client", "visible")
    assert item["context"]["url"] == f"{shop.origin}/"
    assert item["locale"] == "en-GB"
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("In one line")).to_have_value("")


def test_whoever_opens_it_again_at_once_has_a_new_form(page: Page) -> None:
    """The dialog is closed, and has not told so yet."""
    dialog = opened(page)
    dialog.get_by_label("In one line").fill("A finer mill")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("status").filter(has_text=THANKS)).to_be_focused()
    page.evaluate("(() => { const it = document.querySelector('slipway-feedback'); it.close(); it.open(); })()")
    expect(dialog.get_by_label("In one line")).to_have_value("")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Feedback").click()
    expect(dialog.get_by_label("In one line")).to_have_value("")


def test_the_focus_stays_inside_and_comes_back(page: Page) -> None:
    opened(page)
    inside = "document.querySelector('slipway-feedback').shadowRoot.activeElement"
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") != "buy"
        assert page.evaluate(f"{inside}?.name") != "website"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Feedback")).to_be_focused()


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("types", ["bug,idea", "nps", "csat,ces,rating"])
def test_the_form_is_accessible(page: Page, shop: Host, types: str) -> None:
    shop.attributes["data-types"] = types
    page.set_viewport_size({"width": 360, "height": 740})
    opened(page)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Something is to be mended above.")).to_be_visible()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_rating_asks_for_a_number(page: Page, shop: Host) -> None:
    shop.attributes["data-types"] = "idea,nps"
    page.goto("/")
    page.evaluate("slipway.open({type: 'nps', context: {session: 's-1', url: 'https://shop.example.com/cups', other: 1}})")
    expect(page.get_by_role("radio", name="0", exact=True)).to_be_focused()
    expect(page.get_by_label("In one line")).to_be_hidden()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Choose a number.")).to_be_visible()
    page.get_by_role("radio", name="10", exact=True).check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(THANKS)).to_be_visible()
    [item] = shop.told()
    assert (item["type"], item["rating"]) == ("nps", 10)
    assert "title" not in item
    assert (item["context"]["session"], item["context"]["url"]) == ("s-1", "https://shop.example.com/cups")


def test_what_the_server_does_not_take_stands_at_its_field(page: Page, shop: Host, faults: list[str]) -> None:
    opened(page)
    page.get_by_label("More about it").fill("Ring me")
    page.get_by_role("checkbox").check()
    page.get_by_label("E-mail address").fill("nobody")
    page.get_by_role("button", name="Send").click()
    email = page.get_by_label("E-mail address")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_be_focused()
    expect(page.locator("#email-fault")).not_to_be_empty()
    assert shop.told() == []
    email.fill("ada@example.com")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(THANKS)).to_be_visible()
    assert len(shop.told()) == 1
    assert all("422" in fault for fault in faults)
    faults.clear()


def test_what_is_lost_on_the_way_is_sent_again_and_makes_one(page: Page, shop: Host, faults: list[str]) -> None:
    """The first try arrives and its answer does not; the second meets a crowd; the third is answered."""
    sent: list[Any] = []

    def lossy(route: Route) -> None:
        sent.append(route.request.post_data_json)
        if len(sent) == 1:
            route.fetch()
            route.abort()
        elif len(sent) == 2:
            answer(429, {"message": "Too Many Requests"}, **{"retry-after": "7"})(route)
        else:
            route.continue_()

    page.clock.install()
    opened(page)
    page.route(SUBMIT, lossy)
    page.get_by_label("In one line").fill("Louder bell")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("It could not be sent. Your text is kept; the next try is in 2 s.")).to_be_visible()
    expect(page.get_by_label("In one line")).to_have_value("Louder bell")
    page.clock.run_for(2_000)
    expect(page.get_by_text("the next try is in 7 s.")).to_be_visible()
    page.clock.run_for(6_900)
    assert len(sent) == 2
    page.clock.run_for(200)
    expect(page.get_by_text(THANKS)).to_be_visible()
    assert len({body["submission_id"] for body in sent}) == 1
    assert [item["title"] for item in shop.told()] == ["Louder bell"]
    assert {"429" in fault or "ERR_FAILED" in fault for fault in faults} == {True}
    faults.clear()


def test_offline_the_text_is_kept_until_it_is_online_again(page: Page, shop: Host, faults: list[str]) -> None:
    opened(page)
    page.get_by_label("In one line").fill("In the tunnel")
    page.context.set_offline(True)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("You are offline. Your text is kept")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Feedback").click()
    expect(page.get_by_label("In one line")).to_have_value("In the tunnel")
    page.context.set_offline(False)
    expect(page.get_by_text(THANKS)).to_be_visible()
    assert [item["title"] for item in shop.told()] == ["In the tunnel"]
    assert all("ERR_INTERNET_DISCONNECTED" in fault for fault in faults)
    faults.clear()


def test_what_was_changed_after_it_had_arrived_is_told_as_well(page: Page, shop: Host, faults: list[str]) -> None:
    sent: list[str] = []

    def lossy(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "")["submission_id"])
        if len(sent) > 1:
            route.continue_()
            return
        route.fetch()
        route.abort()

    opened(page)
    page.route(SUBMIT, lossy)
    page.get_by_label("In one line").fill("Blue")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    page.get_by_label("In one line").fill("Green")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_text(THANKS)).to_be_visible()
    assert sorted(item["title"] for item in shop.told()) == ["Blue", "Green"]
    assert sent[0] == sent[1] != sent[2]
    faults.clear()


def test_a_form_brings_the_token_that_its_board_asks_for(page: Page, shop: Host) -> None:
    shop.switch(suggestions=True, form={"token": True, "seconds": 0})
    with page.expect_response("**/v1/feedback/form") as given:
        opened(page)
    page.get_by_label("In one line").fill("Signed")
    with page.expect_request(SUBMIT) as sent:
        page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(THANKS)).to_be_visible()
    assert [item["title"] for item in shop.told()] == ["Signed"]
    assert json.loads(sent.value.post_data or "")["form"] == given.value.json()["form"]


def test_a_token_that_was_lost_is_asked_for_again(page: Page, shop: Host, faults: list[str]) -> None:
    shop.switch(suggestions=True, form={"token": True, "seconds": 0})
    page.route("**/v1/feedback/form", lambda route: route.abort(), times=1)
    page.clock.install()
    opened(page)
    page.get_by_label("In one line").fill("Signed at last")
    with page.expect_response("**/v1/feedback/form"):
        page.get_by_role("button", name="Send").click()
    page.clock.run_for(1_000)
    expect(page.get_by_text(THANKS)).to_be_visible()
    assert [item["title"] for item in shop.told()] == ["Signed at last"]
    faults.clear()


def test_who_fills_in_what_nobody_sees_is_no_person(page: Page, shop: Host) -> None:
    opened(page)
    page.get_by_label("In one line").fill("Cheap pills")
    page.locator("slipway-feedback input[name=website]").evaluate("input => input.value = 'https://pills.example.com'")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(THANKS)).to_be_visible()
    assert [item["state"] for item in shop.told()] == ["spam"]


def test_what_is_alike_is_shown_while_somebody_types(page: Page, faults: list[str]) -> None:
    asked: list[str] = []

    def similar(route: Route) -> None:
        asked.append(route.request.url)
        answer(200, {"items": [{"id": "fbk_1", "title": "Grind finer", "status": "planned", "votes": 3, "score": 0.9}]})(route)

    page.clock.install()
    opened(page)
    page.route("**/v1/feedback/similar?*", similar)
    page.get_by_label("In one line").press_sequentially("finer grind")
    assert asked == []
    page.clock.run_for(300)
    expect(page.get_by_text("Grind finer (3 votes)")).to_be_visible()
    assert len(asked) == 1
    assert f"product={PRODUCT}&text=finer+grind" in asked[0]


def test_where_the_board_shows_nothing_alike_it_is_asked_once(page: Page, shop: Host, faults: list[str]) -> None:
    shop.switch(suggestions=False)
    page.clock.install()
    opened(page)
    title = page.get_by_label("In one line")
    with page.expect_response("**/v1/feedback/similar?*") as told:
        title.press_sequentially("finer")
        page.clock.run_for(300)
    assert told.value.status == 403
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    title.press_sequentially(" grind")
    page.clock.run_for(1_000)
    assert asked == []
    assert all("403" in fault for fault in faults)
    faults.clear()


def test_whatever_a_server_says_is_text(page: Page, faults: list[str]) -> None:
    """Titles that are alike, and what is wrong with fields: no element, attribute or script of theirs comes to be."""
    items = [{"id": "fbk_1", "title": text, "status": "new", "votes": 0, "score": 1} for text in PAYLOADS]
    errors = [
        {"pointer": f"/{field}", "code": "x", "detail": "".join(PAYLOADS)} for field in ("title", "text", "email", "other")
    ]
    page.clock.install()
    opened(page)
    count = "document.querySelector('slipway-feedback').shadowRoot.querySelectorAll('*').length"
    before = page.evaluate(count)
    page.route("**/v1/feedback/similar?*", answer(200, {"items": items}))
    page.get_by_label("In one line").press_sequentially("anything")
    page.clock.run_for(300)
    expect(page.locator("slipway-feedback li")).to_have_count(len(PAYLOADS))
    assert page.locator("slipway-feedback li").all_text_contents() == list(PAYLOADS)
    assert page.evaluate(count) == before + len(PAYLOADS)
    page.route(SUBMIT, answer(422, {"detail": PAYLOADS[0], "errors": errors}))
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#title-fault")).to_have_text("".join(PAYLOADS), use_inner_text=False)
    assert page.evaluate(count) == before + len(PAYLOADS)
    assert page.locator("slipway-feedback").evaluate_all("all => all.length") == 1
    assert all("422" in fault for fault in faults)
    faults.clear()


def test_it_takes_the_colours_and_the_words_of_its_page(page: Page, shop: Host) -> None:
    shop.attributes |= {
        "data-theme": "dark",
        "data-lang": "de",
        "data-texts": json.dumps({"launch": "Rückmeldung", "heading": "Sag es uns"}),
    }
    page.goto("/")
    launch = page.get_by_role("button", name="Rückmeldung")
    page.evaluate("document.documentElement.style.setProperty('--slipway-accent', 'rgb(1, 2, 3)')")
    expect(launch).to_have_css("background-color", "rgb(1, 2, 3)")
    launch.click()
    dialog = page.get_by_role("dialog", name="Sag es uns")
    expect(dialog).to_have_css("background-color", "rgb(16, 25, 30)")
    expect(dialog).to_have_attribute("lang", "de")


def test_without_a_button_of_its_own_the_page_opens_it(page: Page, shop: Host) -> None:
    shop.attributes["data-launcher"] = "off"
    page.goto("/")
    expect(page.get_by_role("button", name="Feedback")).to_have_count(0)
    page.locator("#buy").focus()
    page.evaluate("document.querySelector('slipway-feedback').open({type: 'praise', title: 'Nice'})")
    expect(page.get_by_label("In one line")).to_have_value("Nice")
    expect(page.get_by_role("radio", name="Praise")).to_be_checked()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#buy")).to_be_focused()
