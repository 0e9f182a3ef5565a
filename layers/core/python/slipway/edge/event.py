"""One HTTP API event (payload version 2), read without trust in what the caller wrote."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from slipway.access import Principal
from slipway.edge import headers as read
from slipway.problems import Malformed, TooLarge

if TYPE_CHECKING:
    from slipway.access import Kind, Role


KINDS = frozenset({"client", "server", "admin", "member"})  # of principals that come over HTTP


class Event:
    """What the door needs of an event: method, path, headers (lower case), query string, ids, principal, body."""

    def __init__(self, event: Mapping[str, Any], now: datetime, nonce: str) -> None:
        http = event["requestContext"]["http"]
        self.now, self.nonce = now, nonce
        self.method: str = http["method"].upper()
        self.path: str = event.get("rawPath") or http["path"]
        self.raw_query: str = event.get("rawQueryString") or ""
        self.headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        self.request_id: str = event["requestContext"].get("requestId") or nonce
        self.correlation_id = read.correlation_id(self.headers, nonce)
        self.traceparent = read.traceparent(self.headers, nonce)
        self._event = event

    @property
    def principal(self) -> Principal | None:
        """Whom the authorizer let in; None where none ran, or what it says is nothing that we know."""
        context = (self._event["requestContext"].get("authorizer") or {}).get("lambda") or {}
        kind, id = context.get("kind"), context.get("id")
        if kind not in KINDS or not id:
            return None
        role, environment = context.get("role") or None, context.get("environment") or None
        return Principal(cast("Kind", kind), id, cast("Role | None", role), environment)

    def body(self, largest: int) -> bytes:
        """The body's bytes. Raises TooLarge, Malformed."""
        text: str = self._event.get("body") or ""
        if len(text) > (largest * 4 // 3 + 4 if self._event.get("isBase64Encoded") else largest):
            raise TooLarge(f"The body may have at most {largest} bytes.")
        try:
            raw = base64.b64decode(text, validate=True) if self._event.get("isBase64Encoded") else text.encode()
        except ValueError:  # no base64, or a lone surrogate
            raise Malformed("The body cannot be decoded.") from None
        if len(raw) > largest:
            raise TooLarge(f"The body may have at most {largest} bytes.")
        return raw
