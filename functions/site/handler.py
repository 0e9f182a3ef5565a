"""What stands outside the API: the page at `/`, the reference, and a problem for every path or method that is no route.

Public, without pydantic: the pages are files beside this one, written by `python -m ops.openapi`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from slipway.edge import headers as read
from slipway.edge import pages
from slipway.edge.answer import Rendered
from slipway.edge.event import Event, common_headers
from slipway.edge.operation import methods, unmatched

HERE = os.path.dirname(__file__)  # pathlib would be a fifth of what a cold start loads
HTML, SVG = "text/html; charset=utf-8", "image/svg+xml"
PAGES = {
    "/": ("index.html", HTML),
    "/docs": ("docs.html", HTML),
    "/openapi.json": ("openapi.json", "application/json"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/widget.js": ("widget.js", "text/javascript; charset=utf-8"),
    "/favicon.svg": ("favicon.svg", SVG),
    "/favicon.ico": ("favicon.svg", SVG),  # asked for by browsers whatever the page says
}
# What people open that is no operation: each path with its methods.
OPENED = (
    *(("GET", f"/public/{{product}}/{page}") for page in ("roadmap", "roadmap.json")),
    *(("GET", f"/public/{{product}}/{page}") for page in ("changelog", "changelog.json", "changelog.atom")),
    *((method, "/unsubscribe/{token}") for method in ("GET", "POST")),
)
SHARED = ("/widget.js",)  # what pages of others load


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    request = Event(event, os.urandom(16).hex())
    route = f"GET {request.path}" if request.path in PAGES else "none"
    return pages.answered("site", route, request, _answer)


def _answer(request: Event) -> Rendered:
    """Raises NotFound, MethodNotAllowed."""
    if request.path not in PAGES:
        allowed = methods(request.path, [*_routes(), *OPENED])
    elif request.method in ("GET", "HEAD"):
        return _page(request)
    else:
        allowed = ["GET", "HEAD"]
    if request.method == "OPTIONS" and allowed:
        return Rendered(204, {**common_headers(request), "Allow": ", ".join([*allowed, "OPTIONS"])}, "")
    raise unmatched(request.path, allowed, [*_routes(), *(("GET", page) for page in PAGES)])


def _page(request: Event) -> Rendered:
    name, media = PAGES[request.path]
    body, etag = _file(name)
    headers = {**common_headers(request), "ETag": etag, "Cache-Control": "public, max-age=300"}
    if request.path in SHARED:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if read.not_modified(request.headers, etag):
        return Rendered(304, headers, "")
    return Rendered(200, {**headers, "Content-Type": media}, body)


@cache
def _file(name: str) -> tuple[str, str]:
    with open(os.path.join(HERE, name), "rb") as file:
        body = file.read()
    return body.decode(), f'"{hashlib.sha256(body).hexdigest()[:16]}"'


@cache
def _routes() -> list[tuple[str, str]]:
    """Method and path of every operation, as the document has them."""
    paths = json.loads(_file("openapi.json")[0])["paths"]
    return [(method.upper(), path) for path, operations in paths.items() for method in operations]
