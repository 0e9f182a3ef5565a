"""Answers, and the one place that turns them and every problem into HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from slipway.calls import timestamp
from slipway.edge import headers as read
from slipway.edge.event import Event, common_headers
from slipway.problems import Problem
from slipway.values import Value

JSON = "application/json"
PROBLEM = "application/problem+json"


class Answer(Value):
    """`body`: a model, a dict or list of models and plain values, or str and bytes with another `media`.

    `next` is the cursor of the next page: it becomes `next_cursor` of the body and a Link header.
    """

    status: int
    body: Any = None
    location: str | None = None
    etag: str | None = None
    replayed: bool = False
    next: str | None = None
    headers: Mapping[str, str] = {}
    media: str = JSON


class Rendered(Value):
    status: int
    headers: dict[str, str]
    body: str | bytes

    def as_event(self) -> dict[str, Any]:
        """As Lambda hands it to the gateway."""
        binary = isinstance(self.body, bytes)
        body = base64.b64encode(self.body).decode() if isinstance(self.body, bytes) else self.body
        return {"statusCode": self.status, "headers": self.headers, "body": body, "isBase64Encoded": binary}


def success(answer: Answer, event: Event) -> Rendered:
    headers = common_headers(event)
    if answer.etag is not None:
        headers["ETag"] = answer.etag
        if event.method in ("GET", "HEAD") and answer.status == 200 and read.not_modified(event.headers, answer.etag):
            headers["Cache-Control"] = "private, no-cache"
            return Rendered(304, headers, "")
    headers["Cache-Control"] = "private, no-cache" if answer.etag and event.method == "GET" else "no-store"
    if answer.location is not None:
        headers["Location"] = answer.location
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    body = answer.body
    if answer.next is not None:
        body = {**_mapping(body), "next_cursor": answer.next}
        headers["Link"] = f'<{_next_page(event, answer.next)}>; rel="next"'
    headers.update(answer.headers)
    if body is None:
        return Rendered(answer.status, headers, "")
    headers["Content-Type"] = answer.media
    return Rendered(answer.status, headers, body if isinstance(body, str | bytes) else dumps(body))


def problem(error: Problem, event: Event) -> Rendered:
    headers = common_headers(event) | {"Cache-Control": "no-store", "Content-Type": PROBLEM} | error.headers
    return Rendered(error.status, headers, dumps(error.body(instance=event.path[:256], request_id=event.request_id)))


def dumps(value: Any) -> str:
    """JSON of models and plain values. A Decimal is a number: an integer where it is one, else the nearest double."""
    return _encoded(_mapping(value) if hasattr(value, "model_dump") else value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    return _mapping(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = value.model_dump(by_alias=True) if hasattr(value, "model_dump") else value
    return found


_encoded = json.JSONEncoder(default=_plain, separators=(",", ":"), ensure_ascii=False).encode


def _next_page(event: Event, cursor: str) -> str:
    from urllib.parse import parse_qsl, urlencode  # dear to a cold start, and only needed here

    pairs = [(name, text) for name, text in parse_qsl(event.raw_query, keep_blank_values=True) if name != "cursor"]
    return f"{event.path}?{urlencode([*pairs, ('cursor', cursor)])}"
