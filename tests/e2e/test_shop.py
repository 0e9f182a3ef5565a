"""The web SDK in Chromium, unmodified, from another origin and with a client key."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, BrowserContext, Route

from infra.local.demo import ENVIRONMENT
from tests.chromium import ABSENT, absent, served
from tests.e2e.fading import PROMISE as POWER
from tests.e2e.shop import EVALUATE, Shop, application, script
from tests.e2e.stack import ROOT, Stack, until
from tests.e2e.test_docs import THROWING, blocks
from tests.e2e.test_flags import NOWHERE, PROMISE, configure, create, settled
from tests.figures import Tell

pytestmark = pytest.mark.e2e
if absent():
    pytest.skip(ABSENT, allow_module_level=True)

SECRET = f"tier-{secrets.token_hex(8)}"  # stands in a rule, and nowhere else
PRO, FREE = {"targetingKey": "unit-1", "plan": SECRET}, {"targetingKey": "unit-1", "plan": "free"}
RULE = {"if": [{"in": [{"var": "plan"}, [SECRET, f"{SECRET}-too"]]}, "on", None]}
FIRST = {"cacheMode": "network-first"}  # as the guide has it


@pytest.fixture(scope="module")
def flag(stack: Stack) -> str:
    """True for those who pay; `<flag>-hidden` is the same, but not for browsers."""
    key = create(stack, f"shop-{secrets.token_hex(4)}")
    create(stack, f"{key}-hidden", client_side=False)
    for one in (key, f"{key}-hidden"):
        configure(stack, one, enabled=True, default_variant="off", targeting=RULE)
    settled(stack, f"{key}-hidden", True, **PRO)
    return key


@pytest.fixture(scope="module")
def origin(stack: Stack, flag: str) -> Iterator[str]:
    (snippet,) = (block for block in blocks(ROOT / "docs" / "flags.md", "js") if "web-sdk" in block)
    # What a bundler does, and another flag than that which the guide's own test makes.
    for name, value in {"SLIPWAY_URL": stack.url, "SLIPWAY_CLIENT_KEY": stack.key("client")}.items():
        snippet = snippet.replace(f"process.env.{name}", repr(value))
    snippet = THROWING + snippet.replace("new-checkout", flag).replace('"pro"', repr(SECRET))
    with served(application(stack.url, {"shop.mjs": script(), "snippet.mjs": snippet})) as origin:
        yield origin


def has(page: Shop, flag: str, value: bool) -> bool:
    return page.value(flag, not value) is value


def evaluation(stack: Stack, key: str) -> int:
    """The status of an answer to that key."""
    return stack.call("POST", EVALUATE, {}, token=key).status


@pytest.fixture(scope="module", autouse=True)
def revoked(stack: Stack, flag: str, origin: str, browser: Browser) -> Iterator[tuple[str, Shop]]:
    """A key, and a page that was open with it when it was revoked: it loses its power while the other tests run."""
    made = stack.call("POST", "/v1/keys", {"name": "Shop", "kind": "client", "environment": ENVIRONMENT})
    key, place = made.json()["key"], made.headers["Location"]
    until(lambda: evaluation(stack, key) == 200, within=2 * POWER, what="the key works", every=0.5)
    context = browser.new_context()
    page = Shop(context, origin, stack)
    assert page.open(key, PRO, cacheMode="disabled") == "READY"
    assert page.value(flag, False) is True
    assert stack.call("POST", f"{place}/revoke", headers={"If-Match": "*"}).status == 200
    yield key, page
    context.close()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody whose browser has kept nothing."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def shop(visitor: BrowserContext, origin: str, stack: Stack) -> Callable[[], Shop]:
    return lambda: Shop(visitor, origin, stack)


def test_the_guides_snippet_runs_in_a_page(shop: Callable[[], Shop]) -> None:
    page = shop()
    page.run("snippet.mjs")
    assert page.statuses == [200]
    assert page.faults == []


def test_values_follow_the_context_and_what_is_the_same_is_not_sent_again(
    stack: Stack, flag: str, shop: Callable[[], Shop]
) -> None:
    """The provider keeps the ETag of its last answer when the context changes: the value must change all the same."""
    page = shop()
    assert page.open(stack.key("client"), FREE, **FIRST) == "READY"
    seen = [page.value(flag, True)]
    for context in (PRO, {**PRO, "irrelevant": 1}, FREE):
        page.become(context)
        seen.append(page.value(flag, context is FREE))
    assert seen == [False, True, True, False]
    assert page.statuses == [200, 200, 304, 200]
    assert [("if-none-match" in answer.request.headers) for answer in page.answers] == [False, True, True, True]
    assert page.faults == []


def test_a_provider_that_answers_from_the_browser_first_ends_at_the_same_values(
    stack: Stack, flag: str, shop: Callable[[], Shop]
) -> None:
    """As it does by itself: what it kept of this targeting key comes first, and what is true soon after."""
    page = shop()
    assert page.open(stack.key("client"), FREE) == "READY"
    for context in (PRO, FREE, PRO):
        page.become(context)
        right = context is PRO
        until(partial(has, page, flag, right), within=3 * PROMISE, what="the value of the context")
    assert page.faults == []


def test_a_browser_sees_values_of_its_own_flags_and_no_rule(stack: Stack, flag: str, shop: Callable[[], Shop]) -> None:
    page = shop()
    page.open(stack.key("client"), {"targetingKey": "unit-2"}, **FIRST)
    for default in (True, False):
        found = page.details(f"{flag}-hidden", default)
        assert (found["value"], found["errorCode"]) == (default, "FLAG_NOT_FOUND")
    [answer] = page.answers
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert flag in {one["key"] for one in body["flags"]}
    assert {name for one in body["flags"] for name in one} <= {"key", "value", "variant", "reason", "metadata"}
    text = answer.text()
    assert f"{flag}-hidden" not in text
    assert SECRET not in text
    refused = page.page.evaluate(
        "([url, key]) => fetch(url, {headers: {Authorization: `Bearer ${key}`}}).then(answer => answer.status)",
        [f"{stack.url}/v1/environments/{ENVIRONMENT}/snapshot", stack.key("client")],
    )
    assert refused == 403


def test_a_page_that_polls_sees_a_change_within_five_seconds(stack: Stack, shop: Callable[[], Shop], tell: Tell) -> None:
    key = create(stack, f"shop-switch-{secrets.token_hex(4)}")
    configure(stack, key, enabled=True, default_variant="off")
    settled(stack, key, False)
    page = shop()
    page.open(stack.key("client"), FREE, pollInterval=250, **FIRST)
    assert page.details(key, True) == {"value": False, "variant": "off", "reason": "STATIC", "errorCode": None}
    until(lambda: page.value(key, True) is False and 304 in page.statuses, within=3 * PROMISE, what="an unchanged poll is 304")
    configure(stack, key, enabled=True, default_variant="on")
    begun = time.monotonic()
    until(lambda: page.value(key, False), within=3 * PROMISE, what="the page has the new value")
    tell(f"from a change to a page that polls: {time.monotonic() - begun:.1f} s")
    assert set(page.statuses) == {200, 304}
    assert page.faults == []


def test_without_an_answer_a_new_page_has_its_defaults_and_an_old_one_its_values(
    stack: Stack, flag: str, shop: Callable[[], Shop], browser: Browser, origin: str
) -> None:
    old = shop()
    old.open(stack.key("client"), PRO, **FIRST)
    other = browser.new_context()
    with stack.changed({"evaluate": {"AWS_ENDPOINT_URL_S3": NOWHERE}}):
        new = Shop(other, origin, stack)
        assert new.open(stack.key("client"), PRO, **FIRST) == "ERROR"
        assert [new.value(flag, default) for default in (True, False)] == [True, False]
        old.become({**PRO, "irrelevant": 1})
        assert old.value(flag, False) is True
        assert (new.statuses, old.statuses) == ([503], [200, 503])
        assert new.answers[0].headers["retry-after"] == "1"
    settled(stack, flag, True, **PRO)
    new.become({**PRO, "irrelevant": 1})
    assert new.value(flag, False) is True
    other.close()


def test_a_page_that_is_told_to_wait_has_its_defaults_waits_and_asks_again(
    stack: Stack, flag: str, shop: Callable[[], Shop]
) -> None:
    """Nothing here limits rates as the service's gateway does, so its answer is given in its place."""

    def limited(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "etag,retry-after", "Retry-After": "1"}
        route.fulfill(status=429, headers=headers, json={"message": "Too Many Requests"})

    page = shop()
    page.page.route(f"{stack.url}{EVALUATE}", limited)
    assert page.open(stack.key("client"), PRO, **FIRST) == "ERROR"
    assert [page.value(flag, default) for default in (True, False)] == [True, False]
    page.page.unroute(f"{stack.url}{EVALUATE}")
    page.become({**PRO, "irrelevant": 1})
    assert page.statuses == [429], "it waits as long as it was told"

    def asked_again() -> bool:
        page.become({**PRO, "irrelevant": secrets.token_hex(4)})
        return page.value(flag, False)

    until(asked_again, within=3 * PROMISE, what="the page asks again")


@pytest.mark.parametrize("key", ["", "slp_development_client_nobodys_key"], ids=["none", "unknown"])
def test_a_key_that_is_none_leaves_a_page_its_defaults(stack: Stack, flag: str, key: str, shop: Callable[[], Shop]) -> None:
    """Whether or not a refusal by the gateway itself may be read by a page of another origin: that is the gateway's affair."""
    page = shop()
    assert page.open(key, PRO, **FIRST) in ("FATAL", "ERROR")
    assert [page.value(flag, default) for default in (True, False)] == [True, False]


def test_a_revoked_key_leaves_a_new_page_its_defaults_and_an_open_one_its_values(
    stack: Stack, flag: str, revoked: tuple[str, Shop], shop: Callable[[], Shop]
) -> None:
    key, open = revoked
    until(lambda: evaluation(stack, key) == 403, within=2 * POWER, what="the key is refused", every=0.5)
    open.become({**PRO, "irrelevant": 1})
    assert open.value(flag, False) is True
    new = shop()
    assert new.open(key, PRO, cacheMode="disabled") in ("FATAL", "ERROR")
    assert [new.value(flag, default) for default in (True, False)] == [True, False]
