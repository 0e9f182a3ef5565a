"""API keys as text: `slp_<environment>_<kind>_<selector>_<secret><crc>`, the last three in base 62 of a fixed width.

    slp_prod_server_4fJ2mQx0Zt8LwKd_<43 letters><6 letters>

The selector finds the key's verifier, the secret proves it, and the CRC-32 over everything before it refuses what was cut,
mistyped or made up before anything is looked up (it is no proof: anybody can compute it). Kept is a verifier: the SHA-256 of
the whole key. The secret has 256 random bits, so that a slow hash would add nothing. Admin keys belong to no environment:
`all` stands there, and only there.
"""

from __future__ import annotations

from _operator import _compare_digest  # what `hmac` calls compare_digest

from slipway.digests import hexdigest
from slipway.environments import EVERYWHERE as EVERYWHERE  # part of what a key is
from slipway.environments import is_environment
from slipway.values import Value

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KINDS = ("client", "server", "admin")

SELECTOR_BYTES, SECRET_BYTES = 11, 32
ENTROPY_BYTES = SELECTOR_BYTES + SECRET_BYTES  # what `mint` takes
_SELECTOR, _SECRET, _CRC = 15, 43, 6  # the digits that these bytes, and 32 bits, need
_LONGEST = len("slp____") + 32 + len("client") + _SELECTOR + _SECRET + _CRC


class Credential(Value):
    """What a well-formed key says of itself; nothing is proven before its verifier is compared. Holds no secret."""

    environment: str
    kind: str
    selector: str
    verifier: str  # SHA-256 of the key's text, hex

    @property
    def prefix(self) -> str:
        """The part of the key that may be shown."""
        return f"slp_{self.environment}_{self.kind}_{self.selector}"


def mint(environment: str, kind: str, entropy: bytes) -> tuple[str, Credential]:
    """A new key and its credential, from 43 random bytes. The key is to be shown once and kept nowhere.

    Raises ValueError for a kind or an environment that is none."""
    if kind not in KINDS or len(entropy) != ENTROPY_BYTES:
        raise ValueError("a key needs a kind and 43 random bytes")
    if not (environment == EVERYWHERE if kind == "admin" else is_environment(environment)):
        raise ValueError("a key needs an environment, an admin key none")
    selector = _base62(entropy[:SELECTOR_BYTES], _SELECTOR)
    body = f"slp_{environment}_{kind}_{selector}_{_base62(entropy[SELECTOR_BYTES:], _SECRET)}"
    text = body + _crc(body)
    return text, Credential(environment, kind, selector, _digest(text))


def parse(text: str) -> Credential | None:
    """The credential of a well-formed key; None for any other text, whatever it is."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    parts = text.split("_")
    if len(parts) != 5:
        return None
    brand, environment, kind, selector, tail = parts
    if brand != "slp" or kind not in KINDS or len(selector) != _SELECTOR or len(tail) != _SECRET + _CRC:
        return None
    if not (environment == EVERYWHERE if kind == "admin" else is_environment(environment)):
        return None
    if not (selector.isalnum() and tail.isalnum()) or _crc(text[:-_CRC]) != text[-_CRC:]:
        return None
    return Credential(environment, kind, selector, _digest(text))


def proves(credential: Credential, verifier: str) -> bool:
    """Whether this is the key that the verifier was made of; takes as long for a wrong one."""
    return _compare_digest(credential.verifier, verifier)


def _digest(text: str) -> str:
    return hexdigest(text.encode())


def _crc(body: str) -> str:
    from binascii import crc32  # who reads names only does not need it

    return _base62(crc32(body.encode()).to_bytes(4, "big"), _CRC)


def _base62(raw: bytes, width: int) -> str:
    number, digits = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits.rjust(width, DIGITS[0])
