"""The gateway as a WSGI application: HTTP in, HTTP API events through the functions, HTTP out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from infra.routes import ROUTES
from tests.contracts import rooms
from tests.functions.events import Reply, http_event

Start = Callable[[str, list[tuple[str, str]]], object]

TOKEN = "slp_test"


def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~-._")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    reply = _answered(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body)
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(reply.headers.items()))
    return [reply.body]


def _answered(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Reply:
    """The authorizer's part first, as the gateway does for what is a route."""
    event = http_event(method, path, query=query, headers=headers, body=body or None, principal=None)
    route = next((route for route in ROUTES if not route.public and rooms.fits(route, method, path)), None)
    if route is not None:
        authorization = headers.get("authorization")
        if authorization is None:
            return _message(401, "Unauthorized")
        if authorization.removeprefix("Bearer ") != TOKEN:
            return _message(403, "Forbidden")
        principal = rooms.caller(route)
        event = http_event(method, path, query=query, headers=headers, body=body or None, principal=principal)
    return rooms.gateway(event)


def _message(status: int, message: str) -> Reply:
    return Reply(status, {"content-type": "application/json"}, b'{"message":"%s"}' % message.encode())
