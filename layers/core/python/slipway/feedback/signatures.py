"""How a delivery is signed: version 1 of the Standard Webhooks scheme, HMAC-SHA256 over id, timestamp and body.

A secret is shown as `whsec_` and its base64. While a secret is changed, every one that still holds signs: whoever verifies
takes a delivery that any of them has signed.

Source: the Standard Webhooks specification, 1.0.0.
"""

from __future__ import annotations

from binascii import b2a_base64

from slipway.digests import hmac

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SECRET_BYTES = 32
_PREFIX = "whsec_"


def shown(secret: bytes) -> str:
    return _PREFIX + _base64(secret)


def signed(secrets: Iterable[bytes], id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`."""
    content = f"{id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_base64(hmac(secret, content))}" for secret in secrets)


def _base64(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode()
