"""The door: one `Api` per function, over Powertools' HTTP API resolver, which matches. The rest is ours, because the resolver's
own is open to anyone: it admits, reads, validates, calls one use case and answers.

    api: Api[Products] = Api("products", wire)          # wire() is called once, on the first request
    handler = api

    @api.post("/v1/products", "products.create", body=NewProduct, answers={201: ProductView}, creates=True)
    def create(request: Request[Products, NewProduct, None]) -> Answer:
        '''Create a product.'''                          # the summary in the OpenAPI document; further lines describe

In this order: path (404), method (405), who (401), may they (403), headers (400, 428), query (400, 422), size (413), media type
(415), JSON (400, 422), body (422), use case. Every answer that is not a success is a problem document.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from slipway.access import ANONYMOUS, Principal, allow
from slipway.calls import Call
from slipway.edge import headers as read
from slipway.edge import json as strict
from slipway.edge import observe
from slipway.edge.answer import JSON, Answer, Rendered, problem, success
from slipway.edge.event import Event
from slipway.edge.operation import LARGEST_BODY, MERGE_PATCH, Body, Operation, Query, Request, matched, methods, unmatched
from slipway.edge.resolver import APIGatewayHttpResolver, Response
from slipway.ports import StoreUnavailable
from slipway.problems import (
    Forbidden,
    Malformed,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)

# What functions take from the door; some of it stands in other modules.
__all__ = ["JSON", "LARGEST_BODY", "MERGE_PATCH", "Answer", "Api", "Operation", "Request"]

LONGEST_NAME = 256  # characters of a path variable
NAMELESS = "Nothing can have such a name."

Use = TypeVar("Use")


class Api(Generic[Use]):
    """The Lambda entry point of one function: `api(event, context)` takes an HTTP API event, payload version 2."""

    def __init__(self, name: str, wire: Callable[[], Use]) -> None:
        self.name = name
        self._operations: list[Operation] = []
        self._more: Callable[[], object] | None = None
        self._wire = wire
        self._use: Use | None = None
        self._now: Callable[[], datetime] = _utc_now
        self._nonce: Callable[[], str] = _random_nonce
        self._resolver = APIGatewayHttpResolver(debug=False)  # whatever POWERTOOLS_DEV says: it prints whole events
        self._resolver.not_found(self._no_route)
        self._lock = threading.RLock()  # the resolver keeps the present event on its class

    # --- registering ---

    def get(
        self, path: str, operation: str, *, query: type[Query] | None = None, answers: Mapping[int, Any] | None = None
    ) -> Callable[[Callable[[Request[Use, None, Query]], Answer]], Callable[[Request[Use, None, Query]], Answer]]:
        return self._registering("GET", path, operation, answers, query=query)

    def post(
        self,
        path: str,
        operation: str,
        *,
        body: type[Body] | None = None,
        query: type[Query] | None = None,
        answers: Mapping[int, Any] | None = None,
        creates: bool = False,
        repeatable: bool = False,
        versioned: bool = False,
        media: tuple[str, ...] = (JSON,),
        raw: bool = False,
        largest: int = LARGEST_BODY,
    ) -> Callable[[Callable[[Request[Use, Body, Query]], Answer]], Callable[[Request[Use, Body, Query]], Answer]]:
        return self._registering(
            "POST",
            path,
            operation,
            answers,
            body=body,
            query=query,
            creates=creates,
            repeatable=repeatable,
            versioned=versioned,
            media=media,
            raw=raw,
            largest=largest,
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
            "PATCH",
            path,
            operation,
            answers,
            body=body,
            query=query,
            versioned=versioned,
            media=(MERGE_PATCH,),
            largest=largest,
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
        return self._registering("DELETE", path, operation, answers, query=query, versioned=versioned)

    def standard(
        self,
        method: str,
        path: str,
        operation: str,
        told: Callable[[Problem], Answer],
        *,
        body: type[Body] | None = None,
        query: type[Query] | None = None,
        answers: Mapping[int, Any] | None = None,
    ) -> Callable[[Callable[[Request[Use, Body, Query]], Answer]], Callable[[Request[Use, Body, Query]], Answer]]:
        """An operation of somebody else's standard, which has its own way to tell problems."""
        return self._registering(method, path, operation, answers, body=body, query=query, told=told)

    def _registering(
        self, method: str, path: str, name: str, answers: Mapping[int, Any] | None, **fields: Any
    ) -> Callable[[Any], Any]:
        def register(run: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
            operation = Operation(method, path, name, run, answers or {200: None}, **fields)
            self._operations.append(operation)

            def serve(**variables: str) -> Response[Any]:
                return self._answered(operation, variables)

            self._resolver.route(path.replace("{", "<").replace("}", ">"), method)(serve)
            return run

        return register

    def later(self, load: Callable[[], object]) -> None:
        """`load` registers further operations, once something is asked for that is not here: most cold starts are spared them.
        What is here before matches no path of theirs."""
        self._more = load

    @property
    def operations(self) -> list[Operation]:
        """All, in the order in which they were registered."""
        if self._more is not None:
            self._more()
            self._more = None
        return self._operations

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
            if self._more is not None and not self._here(event):
                _ = self.operations
            return self._resolver.resolve(event, context)

    def _here(self, event: dict[str, Any]) -> bool:
        asked = Event(event, "")
        return any(one.method == asked.method and matched(one.path, asked.path) is not None for one in self._operations)

    def _no_route(self, _: Exception) -> Response[Any]:
        return self._answered(None, {})

    def _answered(self, operation: Operation | None, variables: Mapping[str, str]) -> Response[Any]:
        event = Event(self._resolver.current_event.raw_event, self._nonce())
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
        return Response(rendered.status, headers=dict(rendered.headers), body=rendered.body)

    def _outcome(self, operation: Operation | None, variables: Mapping[str, str], event: Event, line: observe.Line) -> Rendered:
        try:
            if operation is None:
                routes = [(known.method, known.path) for known in self.operations]
                allowed = methods(event.path, routes)
                if event.method in allowed:  # a path like ours, with a letter in it that the resolver passes over
                    raise NotFound(NAMELESS)
                raise unmatched(event.path, allowed, routes)
            return success(self._run(operation, variables, event, line), event)
        except Problem as error:
            if error.status >= 500:
                line.failure(error, error.code)
            line["error_code"] = error.code
            return _told(operation, error, event)
        except StoreUnavailable as error:
            line.failure(error, Unavailable.code)
            return _told(operation, Unavailable(_again(operation, event)), event)
        except Exception as error:  # a bug of ours: told as one, without a word of what was in it
            line.failure(error)
            return _told(operation, Problem("Something went wrong on our side; tell us the request_id."), event)

    def _run(self, operation: Operation, variables: Mapping[str, str], event: Event, line: observe.Line) -> Answer:
        principal = event.principal or ANONYMOUS
        line.principal(principal.kind, principal.id)
        _admit(principal, operation.name)
        path = {name: _variable(value) for name, value in variables.items()}
        if_match = read.if_match(event.headers) if operation.versioned else None
        key = read.idempotency_key(event.headers) if operation.creates else None
        query = _query(operation, event)
        raw, media = _body(operation, event)
        parsed = strict.read(raw) if operation.body is not None else raw
        call = Call(
            principal=principal,
            operation=operation.name,
            now=self._now(),
            nonce=event.nonce,
            request_id=event.request_id,
            correlation_id=event.correlation_id,
            traceparent=event.traceparent,
            idempotency_key=key,
            digest=_digest(event, media, parsed) if key else "",
        )
        body = _validated(operation.body, parsed) if operation.body is not None else raw if operation.raw else None
        if self._use is None:
            self._use = self._wire()
        request = Request(self._use, call, body, query, path, media, if_match, event.address)
        return operation.run(request)


def _told(operation: Operation | None, error: Problem, event: Event) -> Rendered:
    return problem(error, event) if operation is None or operation.told is None else success(operation.told(error), event)


def _again(operation: Operation | None, event: Event) -> str:
    doubles = operation is not None and operation.creates and not operation.repeatable
    if doubles and "idempotency-key" not in event.headers:
        return (
            "The store did not answer in time. Look whether it happened before you send it again, then with an Idempotency-Key."
        )
    return "The store did not answer in time; the same request may be sent again."


def _admit(principal: Principal, operation: str) -> None:
    """Raises Unauthenticated, Forbidden."""
    if allow(principal, operation):
        return
    if principal == ANONYMOUS:
        raise Unauthenticated(
            "Send Authorization: Bearer with an API key or an access token.", headers={"WWW-Authenticate": "Bearer"}
        )
    raise Forbidden(f"The operation {operation} needs another role or another kind of key.")


def _variable(segment: str) -> str:
    """A path variable, decoded. Raises NotFound for what can name nothing, so that no use case has to bound it."""
    value = segment
    if "%" in segment:
        from urllib.parse import unquote  # seldom needed, and dear to a cold start

        value = unquote(segment)
    if not value.isprintable() or len(value) > LONGEST_NAME:
        raise NotFound(NAMELESS)
    return value


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
    if not raw and operation.spares:
        return b"{}", JSON  # whatever type nothing is said to have
    if not raw and not media:
        raise Malformed(f"Send a body of type {' or '.join(operation.media)}.")
    if media not in operation.media:
        raise UnsupportedMediaType(f"Send Content-Type: {' or '.join(operation.media)}.")
    if charset not in ("", "utf-8", "utf8"):
        raise UnsupportedMediaType("Send the body in UTF-8.")
    if not raw:
        raise Malformed("The body is empty." if operation.raw else "The body is empty: send a JSON object, if only `{}`.")
    return raw, media


def _validated(model: type, value: Any) -> Any:
    from slipway.edge import validation

    return validation.body(model, value)


def _digest(event: Event, media: str, body: Any) -> str:
    """Of what was asked: equal for two texts of one JSON value, different for anything else."""
    content = body if isinstance(body, bytes) else json.dumps(body, sort_keys=True, default=_number).encode()
    return hashlib.sha256(b"\x1f".join([event.path.encode(), event.raw_query.encode(), media.encode(), content])).hexdigest()


def _number(value: Decimal) -> Any:
    """As any number of equal value, and as nothing else that the reader lets in."""
    return int(value) if value == value.to_integral_value() else {"\0": str(value.normalize())}


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _random_nonce() -> str:
    return os.urandom(16).hex()
