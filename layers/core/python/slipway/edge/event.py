"""One HTTP API event (payload version 2), read without trust in what the caller wrote."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.access import Principal
from slipway.edge import headers as read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KINDS = frozenset({"client", "server", "admin", "member"})  # of principals that come over HTTP


class Event:
    """What the door needs of an event: method, path, headers (lower case), query string, ids, principal, body."""

    def __init__(self, event: Mapping[str, Any], nonce: str) -> None:
        http = event["requestContext"]["http"]
        self.nonce = nonce
        self.method: str = http["method"].upper()
        self.path: str = event.get("rawPath") or http["path"]
        self.raw_query: str = event.get("rawQueryString") or ""
        self.headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        self.address = str(http.get("sourceIp") or "")
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
        role, environment, maker = context.get("role"), context.get("environment"), context.get("maker")
        return Principal(kind, id, role or None, environment or None, maker or None)

    def asked(self, name: str) -> str | None:
        """The query's first value of that name, as it stands."""
        pairs = (pair.partition("=") for pair in self.raw_query.split("&"))
        return next((value for found, _, value in pairs if found == name), None)

    def body(self, largest: int) -> bytes:
        """The body's bytes. Raises TooLarge, Malformed."""
        text: str = self._event.get("body") or ""
        if len(text) > (largest * 4 // 3 + 4 if self._event.get("isBase64Encoded") else largest):
            raise _too_large(largest)
        try:
            raw = _decoded(text) if self._event.get("isBase64Encoded") else text.encode()
        except ValueError:  # no base64, or a lone surrogate
            from slipway.problems import Malformed

            raise Malformed("The body cannot be decoded.") from None
        if len(raw) > largest:
            raise _too_large(largest)
        return raw


def common_headers(event: Event) -> dict[str, str]:
    """Of every answer."""
    return {
        "X-Request-Id": event.request_id,
        "X-Correlation-Id": event.correlation_id,
        "traceparent": event.traceparent,
        "X-Content-Type-Options": "nosniff",
    }


def _decoded(text: str) -> bytes:
    from binascii import a2b_base64

    return a2b_base64(text, strict_mode=True)


def _too_large(largest: int) -> Exception:
    from slipway.problems import TooLarge  # dear to a cold start, and only for what goes wrong

    return TooLarge(f"The body may have at most {largest} bytes.")
