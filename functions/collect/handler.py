"""What applications tell: who was shown what, and what came of it.

It answers when every row stands and the batch is in the lake, and not before: 503 means the same batch again, which changes
nothing twice. Standard library and our own light modules only: every page of every application talks to it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

from slipway.access import allow
from slipway.adapters import connect
from slipway.edge import observe
from slipway.edge.event import Event, common_headers
from slipway.ports import StoreUnavailable
from slipway.rollouts.signing import Secrets
from slipway.settings import Collect
from slipway.signals.collection import Collector, documents
from slipway.signals.network import is_bot, network
from slipway.signals.posted import MOST, Sender, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.problems import Problem
    from slipway.signals.posted import Rejected

PATIENCE = 1.5  # seconds that a request waits for a file, and once in a while for one that did not come
WRITING = 4.0  # seconds for all tries of one write
LARGEST_BODY = 256 * 1024

OPERATIONS = {"POST /v1/events": "signals.collect", "POST /ofrep/v1/track": "signals.track"}


def wire() -> Collector:
    settings = Collect.load()
    flags, store = connect.blobs(settings, settings.bucket_flags, budget=PATIENCE), connect.store(settings, budget=WRITING)
    keys = connect.blobs(settings, settings.bucket_keys, beside=flags)
    lake = connect.lake(settings, budget=WRITING, beside=store)
    return Collector(store, lake, documents(flags), Secrets(keys), os.urandom)


class Collecting:
    """The Lambda entry point; `clock` gives epoch seconds."""

    def __init__(self, wire: Callable[[], Collector], clock: Callable[[], float] = time.time) -> None:
        self._wire, self._clock = wire, clock
        self._collector: Collector | None = None

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        del context
        request = Event(event, os.urandom(16).hex())
        route = f"POST {request.path}"
        with observe.Line(
            "collect",
            request_id=request.request_id,
            trace_id=observe.trace_id(request.traceparent),
            correlation_id=request.correlation_id,
            route=route,
        ) as line:
            status, headers, body = self._outcome(request, route, line)
            line["status"] = status
            line.measure("Requests", 1)
            if status >= 400:
                line.measure("Errors5xx" if status >= 500 else "Errors4xx", 1)
        return {"statusCode": status, "headers": headers, "body": body}

    # --- inside ---

    def _outcome(self, request: Event, route: str, line: observe.Line) -> tuple[int, dict[str, str], str]:
        try:
            body = json.dumps(self._taken(request, route, line), separators=(",", ":"))
            return 202, {**common_headers(request), "Cache-Control": "no-store", "Content-Type": "application/json"}, body
        except Exception as error:  # the answers to what goes wrong are dear to a cold start, and seldom needed
            from slipway.edge.answer import problem
            from slipway.problems import Problem

            found = error if isinstance(error, Problem) else _ours(error, line)
            line.fields.setdefault("error_code", found.code)
            rendered = problem(found, request)
            return rendered.status, rendered.headers, str(rendered.body)

    def _taken(self, request: Event, route: str, line: observe.Line) -> dict[str, Any]:
        """The answer. Raises Problem, StoreUnavailable."""
        principal = request.principal
        if principal is None:
            from slipway.problems import Unauthenticated

            line.principal("anonymous", "anonymous")
            detail = "Send Authorization: Bearer with an API key."
            raise Unauthenticated(detail, headers={"WWW-Authenticate": "Bearer"})
        line.principal(principal.kind, principal.id)
        if not allow(principal, OPERATIONS[route]) or principal.environment is None:
            from slipway.problems import Forbidden

            raise Forbidden(f"The operation {OPERATIONS[route]} needs a client or server key of an environment.")
        if request.asked("environment") not in (None, principal.environment):
            from slipway.problems import Forbidden

            raise Forbidden("This key belongs to another environment: what it tells counts in its own.")
        events = _events(request)
        line["events"] = len(events)
        server = principal.kind == "server"
        if not server and is_bot(request.headers.get("user-agent", "")):
            line["dropped"] = len(events)
            return _answer(0, [], dropped=len(events))
        signals, rejected = read(events, server=server)
        if self._collector is None:
            self._collector = self._wire()
        sender = Sender(principal.environment, server, "" if server else network(request.address))
        rejected += self._collector.collect(sender, signals, self._clock())
        line["rejected"] = len(rejected)
        return _answer(len(events) - len(rejected), rejected)


def _events(request: Event) -> list[Any]:
    """Raises Problem."""
    raw = request.body(LARGEST_BODY)
    try:
        document = json.loads(raw, parse_constant=_no_number, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        from slipway.edge.json import read as strictly  # says what is wrong, and where

        document = strictly(raw)
    events = document.get("events") if isinstance(document, dict) else None
    if not isinstance(events, list) or not 1 <= len(events) <= MOST or len(document) > 1:
        from slipway.problems import Fault, Invalid

        detail = f'Send {{"events": [...]}} with 1 to {MOST} events, and nothing beside.'
        raise Invalid(detail, errors=[Fault("/events", "out_of_range", detail)])
    return events


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _answer(accepted: int, rejected: list[Rejected], *, dropped: int = 0) -> dict[str, Any]:
    told = [{"index": one.index, "code": one.code, "detail": one.detail} for one in sorted(rejected, key=lambda one: one.index)]
    return {"accepted": accepted, "dropped": dropped, "rejected": told}


def _ours(error: Exception, line: observe.Line) -> Problem:
    """What is nobody's fault but ours, told without a word of what was in it."""
    from slipway.problems import Problem, Unavailable

    if isinstance(error, StoreUnavailable):
        line.failure(error, "unavailable")
        detail = "Not all of it is written down yet; send the same events again."
        return Unavailable(detail)
    line.failure(error)
    return Problem("Something went wrong on our side; tell us the request id.")


handler = Collecting(wire)
