"""OFREP 0.3.0 and the snapshot: what every OpenFeature SDK, and every reader of flagd documents, asks.

It reads one object of each environment and its own memory: it answers while the database does not, and with the last good copy
while the bucket does not. Standard library and our own light modules only: it is called for every user of every application.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping

from slipway.access import Principal, allow
from slipway.adapters import connect
from slipway.blobs import Blobs, StoreUnavailable
from slipway.copies import Copies, Copy
from slipway.edge import headers as read
from slipway.edge import observe
from slipway.edge.event import Event, common_headers
from slipway.environments import is_environment
from slipway.flags import ofrep
from slipway.flags.snapshot import Snapshot, path
from slipway.settings import Evaluate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.rollouts.signing import Secrets

FRESH = 2  # seconds for which a copy is believed without asking
HURRY = 0.25  # seconds that a request waits for news, with a copy at hand
PATIENCE = 1.5  # seconds that it waits for a first copy, and every PAUSE seconds for what takes longer than HURRY
PAUSE = 10
FOR_EVER = float("inf")
MOST_ENVIRONMENTS = 8  # documents in memory
LARGEST_BODY = 256 * 1024
SMALL = 16 * 1024  # of a document that is not worth compressing
SMALL_ANSWER = 256 * 1024  # of an answer for which the time is too dear, since it is compressed each time anew
COUNTED = 60  # seconds between two tellings of how often each flag was asked for
MOST_COUNTED = 2000  # flags of one telling

FLAGS = "/ofrep/v1/evaluate/flags"
TRACK = "/ofrep/v1/track"  # where exposures and outcomes are sent: no part of OFREP, so the answer names it
SINGLE, BULK, SNAPSHOT = f"POST {FLAGS}/{{key}}", f"POST {FLAGS}", "GET /v1/environments/{environment}/snapshot"
OPERATIONS = {SINGLE: "flags.evaluate", BULK: "flags.evaluate_all", SNAPSHOT: "flags.snapshot"}
JSON = "application/json"

Answer = tuple[int, dict[str, str], bytes]  # status, headers beside those of every answer, body


def wire() -> Copies:
    settings = Evaluate.load()
    blobs, hurried = (connect.blobs(settings, settings.bucket_flags, budget=budget) for budget in (PATIENCE, HURRY))
    return documents(blobs, hurried)


def signed() -> Secrets:
    """What signs exposures: asked for where a flag has a rollout, and loaded then."""
    from slipway.rollouts.signing import Secrets

    settings = Evaluate.load()
    return Secrets(connect.blobs(settings, settings.bucket_keys, budget=HURRY))


def documents(blobs: Blobs, hurried: Blobs | None = None) -> Copies:
    """The documents as one instance sees them; `hurried`: the same bucket, for news."""
    make, most = Snapshot.read, MOST_ENVIRONMENTS
    return Copies(
        blobs, path, make, renew=make, fresh=FRESH, pause=PAUSE, stale=FOR_EVER, most=most, hurried=hurried, outlives=True
    )


class Refused(Exception):
    """`code`: one of OpenFeature's; `headers`: beside those of every answer."""

    def __init__(self, status: int, code: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


class Evaluator:
    """The Lambda entry point; `clock` gives epoch seconds."""

    def __init__(
        self, wire: Callable[[], Copies], signed: Callable[[], Secrets], clock: Callable[[], float] = time.time
    ) -> None:
        self._wire, self._signed, self._clock = wire, signed, clock
        self._copies: Copies | None = None
        self._secrets: Secrets | None = None
        self._counts: dict[str, dict[str, int]] = {}  # by environment and flag; `slipway.flags.counting`
        self._told = 0.0  # when they were told last

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        del context
        request = Event(event, os.urandom(16).hex())
        route, name = _route(request)
        with observe.Line(
            "evaluate",
            request_id=request.request_id,
            trace_id=observe.trace_id(request.traceparent),
            correlation_id=request.correlation_id,
            route=route,
        ) as line:
            status, headers, body = self._outcome(request, route, name, line)
            line["status"] = status
            line.measure("Requests", 1)
            if status >= 400:
                line.measure("Errors5xx" if status >= 500 else "Errors4xx", 1)
            self._tell(line)
        headers = {**common_headers(request), "Cache-Control": "no-store", "Content-Type": JSON, **headers}
        if "Content-Encoding" in headers:
            from base64 import b64encode

            return {"statusCode": status, "headers": headers, "body": b64encode(body).decode(), "isBase64Encoded": True}
        return {"statusCode": status, "headers": headers, "body": body.decode()}

    # --- inside ---

    def _outcome(self, request: Event, route: str, name: str, line: observe.Line) -> Answer:
        """Every status has a JSON body with `errorCode`, as SDKs read it; none is anybody's fault but who is told so."""
        try:
            return self._answer(request, route, name, line)
        except Refused as refused:
            found = refused
        except StoreUnavailable as error:
            line.failure(error, "unavailable")
            detail = "The flags cannot be read at the moment, and none were read before; use your defaults."
            found = Refused(503, "GENERAL", detail, **{"Retry-After": "1"})
        except Exception as error:  # a bug of ours: told as one, without a word of what was in it
            line.failure(error)
            found = Refused(500, "GENERAL", "Something went wrong on our side; tell us the request id.")
        line.fields.setdefault("error_code", found.code.lower())
        key = name if route == SINGLE else ""
        document = {"errorCode": found.code, "errorDetails": found.detail, "key": key, "metadata": {}}
        return found.status, found.headers, json.dumps(document, separators=(",", ":")).encode()

    def _answer(self, request: Event, route: str, name: str, line: observe.Line) -> Answer:
        principal = _admitted(request, route, line)
        environment = _environment(principal, name if route == SNAPSHOT else request.asked("environment"))
        if route == SNAPSHOT:
            return _document(self._copy(environment, line), environment, request)
        context = _context(request)
        copy = self._copy(environment, line)
        if copy is None and principal.environment is None:  # a person may misspell it; a key's own is there, if still empty
            raise _unpublished(environment)
        snapshot = copy.content if copy is not None else Snapshot.empty(environment)
        stale = {"stale": True} if copy is not None and copy.doubted else {}
        client, now = principal.kind == "client", self._clock()
        if route == BULK:
            if copy is not None:
                self._count(environment, "*client" if client else "*")
            told = {"track": TRACK, **stale}
            etag, body = snapshot.bulk(client).answer(context, now, told, self._tokens(environment, snapshot, context, now))
            headers = {"ETag": etag, "Vary": "Accept-Encoding"}
            if read.not_modified(request.headers, etag):
                return 304, headers, b""
            return _sent(request, headers, body, SMALL_ANSWER, "ask for single flags")
        if client and name not in snapshot.client_side:
            raise Refused(404, "FLAG_NOT_FOUND", "There is no such flag.")
        evaluation = snapshot.flags.evaluate(name, context, now=now)
        if client:
            evaluation = ofrep.discreet(evaluation)
        if tokens := name in snapshot.rollouts and self._tokens(environment, snapshot, context, now):
            evaluation = ofrep.exposed(evaluation, tokens(name))
        if stale:
            evaluation = evaluation.but(metadata={**evaluation.metadata, **stale})
        status, body = ofrep.single(evaluation)
        if evaluation.error_code is not None:
            line["error_code"] = evaluation.error_code.lower()
        if status != 404:
            self._count(environment, name)
        return status, {}, body

    def _copy(self, environment: str, line: observe.Line) -> Copy | None:
        if self._copies is None:
            self._copies = self._wire()
        copy = self._copies.find(environment, self._clock())
        if copy is not None and copy.doubted:
            line["stale"] = True
            line.measure("Failures", 1)
        return copy

    def _tokens(self, environment: str, snapshot: Snapshot, context: Any, now: float) -> Callable[[str], str | None] | None:
        """What gives the token of a flag's exposure; None where no flag has a rollout, or nothing to sign with is at hand."""
        if not snapshot.rollouts:
            return None
        if self._secrets is None:
            self._secrets = self._signed()
        secrets = self._secrets.find(environment, now)
        return (lambda key: snapshot.audience.token(key, context, secrets, now)) if secrets else None

    def _count(self, environment: str, key: str) -> None:
        counts = self._counts.setdefault(environment, {})
        if key in counts or len(counts) < MOST_COUNTED:
            counts[key] = counts.get(key, 0) + 1

    def _tell(self, line: observe.Line) -> None:
        now = self._clock()
        if self._counts and now - self._told >= COUNTED:
            line["evaluations"] = self._counts
            self._counts, self._told = {}, now


def _route(request: Event) -> tuple[str, str]:
    """The route, and the key or the environment in its path."""
    head, _, last = request.path.rpartition("/")
    if request.path == FLAGS:
        return BULK, ""
    if head == FLAGS:
        return SINGLE, last
    return SNAPSHOT, head.rpartition("/")[2]


def _admitted(request: Event, route: str, line: observe.Line) -> Principal:
    """Raises Refused."""
    principal = request.principal
    if principal is None:
        line.principal("anonymous", "anonymous")
        raise Refused(401, "GENERAL", "Send Authorization: Bearer with an API key.", **{"WWW-Authenticate": "Bearer"})
    line.principal(principal.kind, principal.id)
    if not allow(principal, OPERATIONS[route]):
        raise Refused(403, "GENERAL", f"The operation {OPERATIONS[route]} needs another role or another kind of key.")
    return principal


def _environment(principal: Principal, asked: str | None) -> str:
    """A key's own; for people the one that they name. Raises Refused."""
    if principal.environment is None:
        if asked is None or not is_environment(asked):
            raise Refused(400, "GENERAL", "Name an environment: ?environment=production.")
        return asked
    if asked not in (None, principal.environment):
        raise Refused(403, "GENERAL", "This key belongs to another environment.")
    return principal.environment


def _context(request: Event) -> Mapping[str, Any]:
    """The evaluation context; an empty one where none was sent. Raises Refused."""
    try:
        raw = request.body(LARGEST_BODY)
    except Exception as wrong:  # too large, or no bytes at all
        raise Refused(400, "PARSE_ERROR", str(wrong)) from None
    try:
        document = _read(raw.decode(json.detect_encoding(raw), "surrogatepass")) if raw else {}
    except (ValueError, RecursionError):
        raise Refused(400, "PARSE_ERROR", "The body is no JSON in UTF-8.") from None
    context = document.get("context") if isinstance(document, dict) else []
    if context is None:  # as Go writes what is not there
        return {}
    if not isinstance(context, dict):
        raise Refused(400, "INVALID_CONTEXT", 'Send {"context": {...}}: an object.')
    if not isinstance(context.get("targetingKey", ""), str):
        raise Refused(400, "INVALID_CONTEXT", "`targetingKey` is text.")
    return context


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_read = json.JSONDecoder(parse_constant=_no_number).decode


def _document(copy: Copy | None, environment: str, request: Event) -> Answer:
    """The published document as it is: for flagd, and every provider that evaluates by itself."""
    if copy is None:
        raise _unpublished(environment)
    headers = {"ETag": copy.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if read.not_modified(request.headers, copy.etag):
        return 304, headers, b""
    return _sent(request, headers, copy.content.body, SMALL, "split the environment")


def _unpublished(environment: str) -> Refused:
    return Refused(404, "GENERAL", f"Of the environment {environment!r} nothing is published.")


def _sent(request: Event, headers: dict[str, str], body: bytes, small: int, otherwise: str) -> Answer:
    """As it is; compressed from `small` bytes on, where that is taken. Raises Refused for what does not fit."""
    if len(body) <= small:
        return 200, headers, body
    from slipway.edge import compression

    try:
        more, body = compression.fitted(body, request.headers.get("accept-encoding", ""), otherwise)
    except compression.TooLong as long:
        raise Refused(406, "GENERAL", str(long)) from None
    return 200, {**headers, **more}, body


handler = Evaluator(wire, signed)
