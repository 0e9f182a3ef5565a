"""Personal fields, sealed with the key of the person: without that key nobody reads them any more, in whatever copy they stand.

0x01, 12 random bytes, AES-256-GCM of the JSON; the id of the item is authenticated with it
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol
else:
    Protocol = object

KEY_BYTES = 32
NONCE_BYTES = 12
_FORM = b"\x01"


class Aead(Protocol):
    """Authenticated encryption with 32 bytes of key and 12 of nonce, which is never used again with that key."""

    def seal(self, key: bytes, nonce: bytes, plain: bytes, about: bytes) -> bytes: ...

    def open(self, key: bytes, nonce: bytes, sealed: bytes, about: bytes) -> bytes:
        """Raises ValueError for what was not sealed so."""


def seal(aead: Aead, key: bytes, nonce: bytes, fields: Mapping[str, Any], id: str) -> bytes:
    plain = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return _FORM + nonce + aead.seal(key, nonce, plain, id.encode())


def opened(aead: Aead, key: bytes, sealed: bytes, id: str) -> dict[str, Any]:
    """Raises ValueError where another key, another item or another hand made it."""
    if sealed[:1] != _FORM:
        raise ValueError("sealed in a form that this version of Slipway does not know")
    nonce, rest = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    fields: dict[str, Any] = json.loads(aead.open(key, nonce, rest, id.encode()))
    return fields
