"""Somebody's page with the widget on it, at one origin, and the API at another, with the CORS that the gateway has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from functions.feedback.door import api, feedback
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.feedback.boards import BoardPatch
from slipway.markup import tag, void
from tests.chromium import served
from tests.contracts import rooms
from tests.contracts.bridge import Start
from tests.functions.events import EDITOR, http_event

BROWSER = Principal("client", "key_browser", environment="production")
PRODUCT = "grinder"
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET,POST",
    "access-control-allow-headers": "authorization,content-type,if-none-match",
    "access-control-expose-headers": "etag,retry-after",
}


def gateway(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """The functions for whoever has the browser's key."""
    method, headers = environ["REQUEST_METHOD"], {"content-type": environ.get("CONTENT_TYPE", "")}
    path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~-._")
    if method == "OPTIONS":
        start_response("204 No Content", list(CORS.items()))
        return []
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or None
    known = environ.get("HTTP_AUTHORIZATION") == "Bearer slp_browser"
    query = environ.get("QUERY_STRING", "")
    event = http_event(method, path, query=query, headers=headers, body=body, principal=BROWSER if known else None)
    reply = rooms.gateway(event)
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", [*reply.headers.items(), *CORS.items()])
    return [reply.body]


class Host:
    """Where pages with the widget are. `origin` of theirs, `api` of ours; `store`: what the functions work on."""

    def __init__(self, store: MemoryStore, api: str) -> None:
        self.store, self.api, self.origin = store, api, ""
        self._working = ExitStack()
        self.attributes: dict[str, str] = {}

    def page(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """As strict as a page can be that has the widget. Its own button is outside of the widget."""
        policy = (
            f"default-src 'none'; script-src {self.api}; connect-src {self.api}; base-uri 'none'; form-action 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        if environ["PATH_INFO"] != "/":
            start_response("204 No Content", [])
            return []
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy)])
        named = {"data-client-key": "slp_browser", "data-product": PRODUCT, **self.attributes}
        attributes = {name.replace("-", "_"): value for name, value in named.items()}
        script = tag("script", src=f"{self.api}/widget.js", defer="", **attributes)
        head = tag("head", void("meta", charset="utf-8"), tag("title", "A shop"), script)
        main = tag("main", tag("h1", "A shop"), tag("button", "Buy", id="buy"))
        return [b"<!doctype html>" + tag("html", head, tag("body", main), lang="en").encode()]

    def switch(self, **switches: Any) -> None:
        """The product's board, from now on: what functions believed of it is forgotten."""
        call = Call(EDITOR, "boards.update", datetime.now(UTC), os.urandom(8).hex())
        feedback(self.store).boards.update(call, PRODUCT, None, BoardPatch.model_validate(switches))
        self.forget()

    def told(self) -> list[dict[str, Any]]:
        """What has arrived: the bodies as they are kept, opened."""
        items = feedback(self.store).items
        heads = [row for (_, sk), row in self.store.tables["feedback"].items() if sk == "head" and row["kind"] == "feedback"]
        stored = [items.read(row["pk"]) for row in sorted(heads, key=lambda row: row["created_at"])]
        return [one.data | (items.open(one) or {}) for one in stored]

    def forget(self) -> None:
        """The function begins anew, as a new instance does."""
        self._working.close()
        self._working.enter_context(api.testing(use=feedback(self.store)))


@contextmanager
def host() -> Iterator[Host]:
    with rooms.opened() as store, served(gateway) as origin:
        rooms.furnished()
        for place in [place for place, row in store.tables["feedback"].items() if row.get("kind") == "feedback"]:
            del store.tables["feedback"][place]
        here = Host(store, origin)
        with served(here.page) as origin:
            here.origin = origin
            yield here
            here._working.close()
