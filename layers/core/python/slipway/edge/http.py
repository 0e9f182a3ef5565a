"""The door: one `Api` per function. It matches, admits, reads, validates, calls one use case and answers.

    api: Api[Products] = Api("products", wire)          # wire() is called once, on the first request
    handler = api

    @api.post("/v1/products", "products.create", body=NewProduct, answers={201: ProductView}, creates=True)
    def create(request: Request[Products, NewProduct, None]) -> Answer:
        '''Create a product.'''                          # the summary in the OpenAPI document; further lines describe

In this order: path (404), method (405), who (401), may they (403), headers (400, 428), query (400, 422), media type (415),
size (413), JSON (400, 422), body (422), use case. Every answer that is not a success is a problem document.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response

from slipway.access import ANONYMOUS, Principal, allow
from slipway.calls import Call
from slipway.edge import headers as read
from slipway.edge import json as strict
from slipway.edge import observe
from slipway.edge.answer import JSON, Answer, Rendered, problem, success
from slipway.edge.event import Event
from slipway.ports import StoreUnavailable
from slipway.problems import (
    Forbidden,
    Malformed,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)

__all__ = ["JSON", "LARGEST_BODY", "MERGE_PATCH", "Answer", "Api", "Operation", "Request"]

MERGE_PATCH = "application/merge-patch+json"
LARGEST_BODY = 256 * 1024

Use = TypeVar("Use")
UseOf = TypeVar("UseOf", covariant=True)
Body = TypeVar("Body", covariant=True)
Query = TypeVar("Query", covariant=True)


@dataclass(frozen=True, slots=True)
class Request(Generic[UseOf, Body, Query]):
    """What a handler gets. `body` is the validated model (with `raw=True` the bytes), `query` the validated model, else None.

    `if_match` is the version that the caller has read: None for `*`, -1 for a tag that no version has.
    """

    use: UseOf
    call: Call
    body: Body
    query: Query
    path: Mapping[str, str]
    media: str = ""
    if_match: int | None = None
    accept: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One registered route, as the OpenAPI document needs it too.

    `answers`: the model of each success; `[Model]` is a page: `{"items": [Model], "next_cursor": str}`.
    """

    method: str
    path: str
    name: str
    run: Callable[[Any], Answer]
    body: type | None
    query: type | None
    answers: Mapping[int, Any]
    creates: bool
    versioned: bool
    media: tuple[str, ...]
    raw: bool
    largest: int


class Api(Generic[Use]):
    """The Lambda entry point of one function: `api(event, context)` takes an HTTP API event, payload version 2."""

    def __init__(self, name: str, wire: Callable[[], Use]) -> None:
        self.name = name
        self.operations: list[Operation] = []
        self._wire = wire
        self._use: Use | None = None
        self._now: Callable[[], datetime] = _utc_now
        self._nonce: Callable[[], str] = _random_nonce
        self._resolver = APIGatewayHttpResolver()
        self._resolver.not_found(self._no_route)
        self._lock = threading.RLock()  # the resolver keeps the current event on its class

    # --- registering ---

    def get(
        self, path: str, operation: str, *, query: type[Query] | None = None, answers: Mapping[int, Any] | None = None
    ) -> Callable[[Callable[[Request[Use, None, Query]], Answer]], Callable[[Request[Use, None, Query]], Answer]]:
        return self._registering(_operation("GET", path, operation, None, query, answers))

    def post(
        self,
        path: str,
        operation: str,
        *,
        body: type[Body] | None = None,
        query: type[Query] | None = None,
        answers: Mapping[int, Any] | None = None,
        creates: bool = False,
        versioned: bool = False,
        media: tuple[str, ...] = (JSON,),
        raw: bool = False,
        largest: int = LARGEST_BODY,
    ) -> Callable[[Callable[[Request[Use, Body, Query]], Answer]], Callable[[Request[Use, Body, Query]], Answer]]:
        return self._registering(
            _operation("POST", path, operation, body, query, answers, creates, versioned, media, raw, largest)
        )

    def patch(
        self,
        path: str,
        operation: str,
        *,
        body: type[Body],
        query: type[Query] | None = None,
        answers: Mapping[int, Any] | None = None,
        versioned: bool = True,
        largest: int = LARGEST_BODY,
    ) -> Callable[[Callable[[Request[Use, Body, Query]], Answer]], Callable[[Request[Use, Body, Query]], Answer]]:
        """A JSON merge patch (RFC 7396)."""
        return self._registering(
            _operation("PATCH", path, operation, body, query, answers, False, versioned, (MERGE_PATCH,), False, largest)
        )

    def put(
        self,
        path: str,
        operation: str,
        *,
        body: type[Body],
        query: type[Query] | None = None,
        answers: Mapping[int, Any] | None = None,
        versioned: bool = True,
        largest: int = LARGEST_BODY,
    ) -> Callable[[Callable[[Request[Use, Body, Query]], Answer]], Callable[[Request[Use, Body, Query]], Answer]]:
        return self._registering(
            _operation("PUT", path, operation, body, query, answers, False, versioned, (JSON,), False, largest)
        )

    def delete(
        self,
        path: str,
        operation: str,
        *,
        query: type[Query] | None = None,
        answers: Mapping[int, Any] | None = None,
        versioned: bool = True,
    ) -> Callable[[Callable[[Request[Use, None, Query]], Answer]], Callable[[Request[Use, None, Query]], Answer]]:
        return self._registering(_operation("DELETE", path, operation, None, query, answers, versioned=versioned))

    def _registering(self, entry: Callable[[Any], Operation]) -> Callable[[Any], Any]:
        def register(run: Any) -> Any:
            operation = entry(run)
            self.operations.append(operation)

            def serve(**variables: str) -> Response[Any]:
                return _response(self._answered(operation, variables))

            self._resolver.route(operation.path.replace("{", "<").replace("}", ">"), operation.method)(serve)
            return run

        return register

    @contextmanager
    def testing(
        self,
        *,
        use: Use | None = None,
        now: datetime | Callable[[], datetime] | None = None,
        nonce: Callable[[], str] | None = None,
    ) -> Iterator[None]:
        """Within: this wired object, this clock, this source of randomness."""
        before = self._use, self._now, self._nonce
        self._use = use or self._use
        if now is not None:
            self._now = now if callable(now) else lambda: now
        self._nonce = nonce or self._nonce
        try:
            yield
        finally:
            self._use, self._now, self._nonce = before

    # --- serving ---

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        with self._lock:
            return self._resolver.resolve(event, context)

    def _answered(self, operation: Operation | None, variables: Mapping[str, str]) -> Rendered:
        event = Event(self._resolver.current_event.raw_event, self._now(), self._nonce())
        with observe.Line(
            self.name,
            request_id=event.request_id,
            trace_id=observe.trace_id(event.traceparent),
            correlation_id=event.correlation_id,
            route="none" if operation is None else f"{operation.method} {operation.path}",
        ) as line:
            rendered = self._outcome(operation, variables, event, line)
            line["status"] = rendered.status
            line.measure("Requests", 1)
            if rendered.status >= 400:
                line.measure("Errors5xx" if rendered.status >= 500 else "Errors4xx", 1)
        return rendered

    def _outcome(self, operation: Operation | None, variables: Mapping[str, str], event: Event, line: observe.Line) -> Rendered:
        try:
            if operation is None:
                raise unmatched(methods(event.path, [(known.method, known.path) for known in self.operations]))
            return success(self._run(operation, variables, event, line), event)
        except Problem as error:
            if error.status >= 500:
                line.failure(error, error.code)
            line["error_code"] = error.code
            return problem(error, event)
        except StoreUnavailable as error:
            line.failure(error, Unavailable.code)
            return problem(Unavailable("The store did not answer in time; the same request may be sent again."), event)
        except Exception as error:  # a bug of ours: told as one, without a word of what was in it
            line.failure(error)
            return problem(Problem("Something went wrong on our side; tell us the request_id."), event)

    def _run(self, operation: Operation, variables: Mapping[str, str], event: Event, line: observe.Line) -> Answer:
        principal = event.principal or ANONYMOUS
        line.principal(principal.kind, principal.id)
        _admit(principal, operation.name)
        if_match = read.if_match(event.headers) if operation.versioned else None
        key = read.idempotency_key(event.headers) if operation.creates else None
        query = _query(operation, event)
        raw, media = _body(operation, event)
        parsed = strict.read(raw) if operation.body is not None else raw
        call = Call(
            principal=principal,
            operation=operation.name,
            now=event.now,
            nonce=event.nonce,
            request_id=event.request_id,
            correlation_id=event.correlation_id,
            traceparent=event.traceparent,
            idempotency_key=key,
            digest=_digest(event, media, parsed) if key else "",
        )
        body = _validated(operation.body, parsed) if operation.body is not None else raw if operation.raw else None
        path = {name: unquote(value) for name, value in variables.items()}
        if self._use is None:
            self._use = self._wire()
        request = Request(self._use, call, body, query, path, media, if_match, event.headers.get("accept", ""))
        return operation.run(request)

    def _no_route(self, _: Exception) -> Response[Any]:
        return _response(self._answered(None, {}))


def methods(path: str, routes: list[tuple[str, str]]) -> list[str]:
    """The methods of the routes (method, template) that match the path, in order."""
    steps = path.split("/")
    found = set()
    for method, template in routes:
        parts = template.split("/")
        if len(parts) == len(steps) and all(
            part == step or (part.startswith("{") and step) for part, step in zip(parts, steps, strict=True)
        ):
            found.add(method)
    return sorted(found)


def unmatched(allowed: list[str]) -> Problem:
    """The problem where a path takes only these methods: 405, or 404 where it takes none."""
    if not allowed:
        return NotFound("There is no such path; /docs lists all of them.")
    return MethodNotAllowed(f"This path takes {', '.join(allowed)}.", headers={"Allow": ", ".join(allowed)})


def _operation(
    method: str,
    path: str,
    name: str,
    body: type | None,
    query: type | None,
    answers: Mapping[int, Any] | None,
    creates: bool = False,
    versioned: bool = False,
    media: tuple[str, ...] = (JSON,),
    raw: bool = False,
    largest: int = LARGEST_BODY,
) -> Callable[[Callable[[Any], Answer]], Operation]:
    return lambda run: Operation(
        method, path, name, run, body, query, answers or {200: None}, creates, versioned, media, raw, largest
    )


def _admit(principal: Principal, operation: str) -> None:
    """Raises Unauthenticated, Forbidden."""
    if allow(principal, operation):
        return
    if principal == ANONYMOUS:
        raise Unauthenticated(
            "Send Authorization: Bearer with an API key or an access token.", headers={"WWW-Authenticate": "Bearer"}
        )
    raise Forbidden(f"The operation {operation} needs another role or another kind of key.")


def _query(operation: Operation, event: Event) -> Any:
    if operation.query is None and not event.raw_query:
        return None
    from slipway.edge import validation

    return validation.query(operation.query, event.raw_query)


def _body(operation: Operation, event: Event) -> tuple[bytes, str]:
    """Bytes and media type. Raises UnsupportedMediaType, TooLarge, Malformed; both empty where the operation takes no body."""
    if operation.body is None and not operation.raw:
        return b"", ""
    media, charset = read.media_type(event.headers)
    raw = event.body(operation.largest)
    if not raw and not media:
        raise Malformed(f"Send a body of type {' or '.join(operation.media)}.")
    if media not in operation.media:
        raise UnsupportedMediaType(f"Send Content-Type: {' or '.join(operation.media)}.")
    if charset not in ("", "utf-8", "utf8"):
        raise UnsupportedMediaType("Send the body in UTF-8.")
    if not raw:
        raise Malformed("The body is empty.")
    return raw, media


def _validated(model: type, value: Any) -> Any:
    from slipway.edge import validation

    return validation.body(model, value)


def _digest(event: Event, media: str, body: Any) -> str:
    """Of what was asked: equal for two texts of one JSON value, different for anything else."""
    content = body if isinstance(body, bytes) else json.dumps(body, sort_keys=True, default=str).encode()
    return hashlib.sha256(b"\x1f".join([event.path.encode(), event.raw_query.encode(), media.encode(), content])).hexdigest()


def _response(rendered: Rendered) -> Response[Any]:
    headers = dict(rendered.headers)
    media = headers.pop("Content-Type", None)
    return Response(rendered.status, content_type=media, headers=headers, body=rendered.body)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _random_nonce() -> str:
    return os.urandom(16).hex()
