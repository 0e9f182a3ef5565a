"""The whole app over real HTTP, as a client meets it."""

from __future__ import annotations

import pytest

from infra.routes import ROUTES
from tests.e2e.journey import afternoon
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


def test_the_page_says_what_runs_here_and_leads_to_the_reference(stack: Stack) -> None:
    page = stack.call("GET", "/", token=None)
    assert page.status == 200
    assert page.headers.get_content_type() == "text/html"
    assert 'href="/docs"' in page.body.decode()
    reference = stack.call("GET", "/docs", token=None)
    assert (reference.status, reference.headers.get_content_type()) == (200, "text/html")
    assert "http://" not in reference.headers["Content-Security-Policy"]
    head = stack.call("HEAD", "/", token=None)
    assert (head.status, head.body) == (200, b"")


def test_the_document_describes_every_route(stack: Stack) -> None:
    document = stack.call("GET", "/openapi.json", token=None).json()
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert {(route.method, route.path) for route in ROUTES if not route.public} <= described


def test_what_is_no_route_is_a_problem(stack: Stack) -> None:
    missing = stack.call("GET", "/v2/nothing", token=None)
    assert (missing.status, missing.json()["code"]) == (404, "not_found")
    assert missing.headers.get_content_type() == "application/problem+json"
    wrong = stack.call("PUT", "/v1/products", {}, token=None)
    assert (wrong.status, wrong.json()["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


def test_nothing_is_answered_to_a_stranger(stack: Stack) -> None:
    for route in ROUTES:
        if not route.public:
            path = route.path.replace("{id}", "prd_00000000000000000000000000")
            assert stack.call(route.method, path, token=None).status == 401, route
    for token in ("nonsense", "slp_prod_server_x_y", stack.key("server")[:-1] + "!"):
        assert stack.call("GET", "/v1/me", token=token).status in (401, 403)


def test_a_months_data_is_there(stack: Stack) -> None:
    products = list(stack.pages("/v1/products?limit=10"))
    assert len(products) >= 24
    assert {product["stage"] for product in products} == {"idea", "discovery", "alpha", "beta", "ga", "sunset", "retired"} - {
        "sunset"
    }
    assert {"active", "archived"} == {product["status"] for product in products}
    assert any(len(product["price_history"]) > 2 for product in products)
    assert min(product["created_at"] for product in products)[:10] < max(product["updated_at"] for product in products)[:10]
    assert len(list(stack.pages("/v1/members"))) >= 6
    assert {key["status"] for key in stack.pages("/v1/keys")} >= {"active", "revoked"}


def test_an_afternoon(stack: Stack) -> None:
    afternoon(stack, "first2")
