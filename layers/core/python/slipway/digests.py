"""SHA-256 for the hot path: the interpreter's own. `hashlib` asks OpenSSL for all that it has, which costs a cold start as much
as connecting does. For texts and requests, not for megabytes: there OpenSSL's is faster.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256  # before Python 3.12
        except ImportError:
            from hashlib import sha256  # where a distribution leaves them out

_BLOCK = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


def hexdigest(data: bytes) -> str:
    return sha256(data).hexdigest()


def hmac(key: bytes, data: bytes) -> bytes:
    """RFC 2104 with SHA-256."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    return sha256(key.translate(_OUTER) + sha256(key.translate(_INNER) + data).digest()).digest()
