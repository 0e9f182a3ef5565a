"""Who was shown what: units without their names, and tokens that prove an exposure.

    unit    22 letters: HMAC-SHA256 of (rollout, the value that units are bucketed by), cut to 128 bits. Without the secret
            nobody can tell whose it is, nor connect one rollout's units with another's
    token   1.<generation>.<rollout>.<stage>.<arm>.<bucket>.<unit>.<mac>, given out with the answer and sent back as proof

A token depends on nothing but the unit and the stage: equal answers stay equal. Its MAC is over the environment and the flag,
too. `generation` says which of the environment's secrets made it. Standard library only: every answer goes through here.
"""

from __future__ import annotations

from _operator import _compare_digest  # what `hmac` calls compare_digest
from binascii import b2a_base64

from slipway import digests
from slipway.flags import cbor
from slipway.flags.coercion import text
from slipway.flags.limits import MOST_BITS
from slipway.flags.murmur3 import murmur3
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SCALE = 100_000  # parts of all units that a share is counted in
TREATMENT, CONTROL = "t", "c"

_LONGEST = 200  # letters of a token
_SAFE = bytes.maketrans(b"+/", b"-_")


class Exposure(Value):
    """`stage`: from 0; `arm`: "t" | "c"; `bucket`: 0 to SCALE - 1."""

    generation: int
    rollout: str
    stage: int
    arm: str
    bucket: int
    unit: str


def salt(flag: str) -> str:
    """What comes before the value that a rollout of the flag draws by."""
    return f"{flag}:rollout:"


def value(context: Mapping[str, Any], bucket_by: str) -> str | None:
    """What the unit is bucketed by, as text: a text or a whole number in the context (as in JavaScript 1.0 is one). None: it is
    not counted. `bucket_by`: a path, by dots."""
    found: Any = context
    for part in bucket_by.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, int):
        whole = not isinstance(found, bool) and found.bit_length() <= MOST_BITS
    else:
        whole = isinstance(found, float) and found.is_integer()
    return text(found) if found and (whole or isinstance(found, str)) else None


def bucket(flag: str, hash: str, value: str) -> int:
    """0 to SCALE - 1, as `fractional` draws it. Raises ValueError for half of a surrogate pair."""
    salted = salt(flag) + value
    return murmur3(cbor.text(salted) if hash == "v3" else salted.encode()) * SCALE >> 32


def arm(bucket: int, share: int) -> str:
    """By the share in force."""
    return TREATMENT if bucket < share else CONTROL


def unit(secret: bytes, rollout: str, value: str) -> str:
    """Raises ValueError for half of a surrogate pair."""
    return _short(secret, "unit", rollout, value)


def sign(secret: bytes, environment: str, flag: str, exposure: Exposure) -> str:
    """The token."""
    body = f"1.{exposure.generation}.{exposure.rollout}.{exposure.stage}.{exposure.arm}.{exposure.bucket}.{exposure.unit}"
    return f"{body}.{_short(secret, 'exposure', environment, flag, body)}"


def verify(secrets: Mapping[int, bytes], environment: str, flag: str, token: str) -> Exposure | None:
    """What the token proves; None for any other text, whatever it is. `secrets`: by generation."""
    body, _, mac = token.rpartition(".")
    parts = body.split(".")
    if len(token) > _LONGEST or not token.isascii() or len(parts) != 7 or parts[0] != "1":
        return None
    _, generation, rollout, stage, arm, bucket, unit = parts
    if not (generation.isdecimal() and stage.isdecimal() and bucket.isdecimal()):
        return None
    secret = secrets.get(int(generation))
    if secret is None or not _compare_digest(mac, _short(secret, "exposure", environment, flag, body)):
        return None
    return Exposure(int(generation), rollout, int(stage), arm, int(bucket), unit)


def _short(secret: bytes, *parts: str) -> str:
    raw = digests.hmac(secret, "\x1f".join(parts).encode())[:16]
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_SAFE).decode()
