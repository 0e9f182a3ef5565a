"""The link in an e-mail by which an address gets no more of them. Public: who has the link is who was written to.

Looking at the page changes nothing, because programs look at links as well; its button ends the e-mails, and so does what a
mail program posts by itself (RFC 8058).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from slipway.adapters import connect
from slipway.blobs import StoreUnavailable
from slipway.calls import timestamp
from slipway.edge import observe
from slipway.edge.answer import Rendered, problem
from slipway.edge.event import Event, common_headers
from slipway.feedback.letters import Subscriptions
from slipway.feedback.secrets import Secrets
from slipway.ports import Store
from slipway.problems import MethodNotAllowed, Problem, Unavailable
from slipway.settings import Unsubscribe as Settings

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><main><h1>{title}</h1>{rest}</main></html>
"""
ASKS = _PAGE.format(
    title="No more e-mails?", rest='<form method="post"><button>Send me no more of these e-mails</button></form>'
)
DONE = _PAGE.format(title="You get no more of these e-mails", rest="<p>You may close this page.</p>")


def subscriptions(store: Store, entropy: Callable[[int], bytes] = os.urandom) -> Subscriptions:
    return Subscriptions(store, Secrets(store, entropy), site="")  # makes no links


class Unsubscribe:
    """The Lambda entry point."""

    name = "unsubscribe"

    def __init__(self) -> None:
        self._use: Subscriptions | None = None
        self._now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG002 - Lambda's signature
        request = Event(event, os.urandom(16).hex())
        with observe.Line(
            self.name,
            request_id=request.request_id,
            trace_id=observe.trace_id(request.traceparent),
            correlation_id=request.correlation_id,
            route=f"{request.method} /unsubscribe/{{token}}" if request.method in ("GET", "POST") else "none",
            principal_kind="anonymous",
        ) as line:
            try:
                answer = Rendered(200, common_headers(request) | HEADERS, self._page(request))
            except Problem as error:
                line["error_code"] = error.code
                line.measure("Errors4xx", 1)
                answer = problem(error, request)
            except StoreUnavailable as error:
                line.failure(error, Unavailable.code)
                line.measure("Errors5xx", 1)
                answer = problem(Unavailable("The store did not answer in time; try again."), request)
            line["status"] = answer.status
            line.measure("Requests", 1)
        return answer.as_event()

    @contextmanager
    def testing(self, use: Subscriptions, now: Callable[[], datetime]) -> Iterator[None]:
        """Work with this, by this clock, for a while."""
        before = self._use, self._now
        self._use, self._now = use, now
        try:
            yield
        finally:
            self._use, self._now = before

    def _page(self, request: Event) -> str:
        """Raises NotFound, MethodNotAllowed, StoreUnavailable."""
        if self._use is None:
            self._use = subscriptions(connect.store(Settings.load()))
        whose = self._use.whose(request.path.rpartition("/")[2])
        if request.method == "GET":
            return ASKS
        if request.method != "POST":
            raise MethodNotAllowed("This path takes GET, POST.", headers={"Allow": "GET, POST"})
        self._use.end(whose, timestamp(self._now()))
        return DONE


handler = Unsubscribe()
