"""What stands outside the API."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any

import pytest

from functions.site.handler import OPENED, PAGES, handler
from infra.routes import ROUTES
from tests.functions.events import Reply, call


def site(method: str, path: str, headers: Mapping[str, str] | None = None, query: str = "") -> Reply:
    return call(handler, method, path, headers=headers, query=query, principal=None)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_a_type_a_tag_and_the_guards(path: str) -> None:
    reply = site("GET", path)
    assert reply.status == 200
    assert reply.body
    assert reply.headers["content-type"].split(";")[0] in (
        "text/html",
        "text/css",
        "text/javascript",
        "application/json",
        "image/svg+xml",
    )
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert reply.headers["x-content-type-options"] == "nosniff"
    again = site("GET", path, {"If-None-Match": reply.headers["etag"]})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", reply.headers["etag"])
    head = site("HEAD", path)
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", reply.headers["etag"])


def test_the_widget_is_small_and_pages_of_others_may_load_it() -> None:
    reply = site("GET", "/widget.js")
    assert len(gzip.compress(reply.body, 9)) <= 10_000
    assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
    assert reply.headers["cache-control"] == "public, max-age=300"
    forbidden = ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "cookie =", "localStorage", "eval(", "import ")
    assert not [word for word in forbidden if word in reply.body.decode()]


def test_the_page_says_what_runs_here_and_leads_to_the_reference() -> None:
    page = site("GET", "/").body.decode()
    assert "Slipway" in page
    assert all(
        part in page for part in ("feature flags", "guarded rollouts", "signals", "product catalogue", "members", "audit")
    )
    assert 'href="/docs"' in page


def test_the_served_document_is_openapi() -> None:
    assert site("GET", "/openapi.json").json["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/v1/nothing", 404, None),
        ("GET", "/v1/products/", 404, None),
        ("GET", "//", 404, None),
        ("GET", "/docs/../../etc/passwd", 404, None),
        ("OPTIONS", "/v1/nothing", 404, None),
        ("BREW", "/v1/nothing", 404, None),
        ("POST", "/", 405, "GET, HEAD"),
        ("DELETE", "/v1/products", 405, "GET, POST"),
        ("HEAD", "/v1/products", 405, "GET, POST"),
        ("PUT", "/v1/products/prd_1", 405, "DELETE, GET, PATCH"),
        ("POST", "/v1/me", 405, "GET"),
        ("HEAD", "/public/mug/roadmap", 405, "GET"),
        ("POST", "/public/mug/changelog.atom", 405, "GET"),
        ("OPTIONS", "/public/mug/roadmap.json", 204, "GET, OPTIONS"),
        ("POST", "/public/mug/roadmap.atom", 404, None),
        ("DELETE", "/unsubscribe/x", 405, "GET, POST"),
        ("OPTIONS", "/v1/products", 204, "GET, POST, OPTIONS"),
        ("OPTIONS", "/docs", 204, "GET, HEAD, OPTIONS"),
    ],
)
def test_what_is_no_page_is_a_problem(method: str, path: str, status: int, allow: str | None) -> None:
    reply = site(method, path)
    assert reply.status == status
    assert reply.headers.get("allow") == allow
    if status >= 400 and method != "HEAD":
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["code"] == {404: "not_found", 405: "method_not_allowed"}[status]


def test_every_route_that_is_no_operation_is_known() -> None:
    opened = [(route.method, route.path) for route in ROUTES if route.public and route.path.startswith("/")]
    assert sorted(OPENED) == sorted(opened)


@pytest.mark.parametrize("path", ["/v1/products/", "/v1/products/prd_1/", "/v1/me/", "/docs/", "//"])
def test_a_slash_too_many_is_told(path: str) -> None:
    reply = site("GET", path)
    assert (reply.status, reply.json["code"]) == (404, "not_found")
    assert "drop it" in reply.json["detail"]


@pytest.mark.parametrize("path", ["/v1/nothing/", "/v1/products//", "/v1/products/%2F/x/y"])
def test_where_no_path_is_near_all_paths_are_named(path: str) -> None:
    assert site("GET", path).json["detail"] == "There is no such path; /docs lists all of them."


def test_one_line_a_request(log_lines: list[dict[str, Any]]) -> None:
    site("GET", "/docs", query="token=secret")
    site("GET", "/wp-admin/secret")
    assert [(line["route"], line["status"]) for line in log_lines] == [("GET /docs", 200), ("none", 404)]
    assert "secret" not in str(log_lines)
