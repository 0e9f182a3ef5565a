"""One call of a use case: who asks, when, and what makes its effects repeatable."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from slipway.access import Principal
from slipway.values import Value

# Crockford's base 32, lower case: no i, l, o, u.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def derived_id(prefix: str, *parts: str) -> str:
    """`prefix` + 26 characters (130 bits of SHA-256 over the parts): equal parts, equal id."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    number = int.from_bytes(digest[:17], "big") >> 6
    return prefix + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def ordered_id(prefix: str, moment: datetime, *parts: str) -> str:
    """A derived id that sorts by the moment, to the millisecond: 10 characters of it, and 16 of the parts."""
    number = int(moment.timestamp() * 1000)
    return prefix + "".join(_ALPHABET[number >> shift & 31] for shift in range(45, -1, -5)) + derived_id("", *parts)[:16]


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and `Z`: sorts as text."""
    # What is finer is cut off, not rounded. (`strftime` does not pad the years before 1000.)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class Call(Value):
    """What the edge hands to every use case. Clock and randomness are here, so that the domain stays pure.

    `nonce` is random per request; `digest` is over the canonical request, kept with an `idempotency_key`.
    """

    principal: Principal
    operation: str
    now: datetime
    nonce: str
    request_id: str = ""
    correlation_id: str = ""
    traceparent: str = ""
    idempotency_key: str | None = None
    digest: str = ""

    def new_id(self, prefix: str, *salt: str) -> str:
        """The id of what this call creates: the same for every try of one idempotent request."""
        return derived_id(prefix, self.principal.id, self.operation, self.idempotency_key or self.nonce, *salt)

    @property
    def stamp(self) -> str:
        return timestamp(self.now)

    @property
    def cause(self) -> dict[str, str]:
        """Who and why, as it is kept on the row and handed to the events."""
        return {
            "actor": f"{self.principal.kind}:{self.principal.id}",
            "correlation_id": self.correlation_id,
            "traceparent": self.traceparent,
        }
