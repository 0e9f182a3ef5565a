"""The authorizer of every route that is not public: it says who calls, and nothing else.

The gateway remembers an answer for 30 s by the Authorization header alone, so the answer must be the same for every route.
Standard library and our own light modules only: this runs before every request, often cold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from slipway.adapters import connect
from slipway.authentication import Authentication
from slipway.edge import observe
from slipway.keyring import Keyring
from slipway.settings import Authorize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.access import Principal
    from slipway.tokens import Tokens

# Seconds for all tries, and a second more to connect: with both services silent, a key that was seen before is still answered
BUCKET_BUDGET, TABLE_BUDGET = 3.0, 1.5


def wire() -> Authentication:
    settings = Authorize.load()

    def tokens() -> Tokens:
        from slipway.adapters.jwks import PoolDocument
        from slipway.tokens import PoolKeys, Tokens

        return Tokens(settings.issuer, settings.user_pool_client, PoolKeys(PoolDocument(settings.issuer)))

    keyring = Keyring(connect.blobs(settings, settings.bucket_keys, budget=BUCKET_BUDGET))
    return Authentication(keyring, lambda: connect.store(settings, budget=TABLE_BUDGET), tokens)


class Authorizer:
    """The Lambda entry point; `clock` gives epoch seconds."""

    def __init__(self, wire: Callable[[], Authentication], clock: Callable[[], float] = time.time) -> None:
        self._wire, self._clock = wire, clock
        self._use: Authentication | None = None

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """The simple answer of an HTTP API (payload version 2). What it raises is a 500 of the gateway's, not remembered:
        "we cannot tell" is no refusal."""
        del context
        route = str(event.get("routeKey") or "")
        request_id = str(event["requestContext"].get("requestId") or "none")
        headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        # Only what the caller sent: the function behind makes ids of its own where there are none.
        with observe.Line(
            "authorize",
            request_id=request_id,
            trace_id=observe.trace_id(observe.sent_traceparent(headers)),
            correlation_id=observe.sent_correlation_id(headers),
        ) as line:
            line["route"] = route if " /" in route else "none"
            line["status"] = 500
            if self._use is None:
                self._use = self._wire()
            principal = self._use.principal(_credentials(event, headers), self._clock())
            if principal is None:
                line["status"], line["error_code"] = 403, "forbidden"
            else:
                line["status"] = 200
                line.principal(principal.kind, principal.id)
            return _answer(principal)


def _credentials(event: dict[str, Any], headers: Mapping[str, str]) -> str:
    """The Authorization header: what the gateway remembers the answer by."""
    source = event.get("identitySource")
    if isinstance(source, list) and len(source) == 1:
        return str(source[0])
    return headers.get("authorization", "")


def _answer(principal: Principal | None) -> dict[str, Any]:
    if principal is None:
        return {"isAuthorized": False, "context": {}}
    return {
        "isAuthorized": True,
        "context": {
            "kind": principal.kind,
            "id": principal.id,
            "role": principal.role or "",
            "environment": principal.environment or "",
            "maker": principal.maker or "",
        },
    }


handler = Authorizer(wire)
