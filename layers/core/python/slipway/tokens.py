"""Access tokens of the user pool: RS256 JWTs, verified against the pool's published keys.

Importing this loads PyJWT and cryptography: `slipway.authentication` does so only when a caller sends a token.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeGuard

import jwt
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from slipway.blobs import StoreUnavailable

LONGEST = 8192  # characters; the gateway takes 10 KB of headers in all
SKEW = 60  # seconds that the issuer's clock may be ahead of ours
KEPT = 3600  # seconds for which the published keys are believed without asking
AGAIN = 60  # seconds between two questions for a key that is not known
PAUSE = 2  # seconds without a question after one that was not answered while there is no key at all
MOST_KEYS = 16
LATEST = 2**40  # epoch seconds that a token may name


class PoolKeys:
    """The pool's public keys by id. A key that it does not know is asked for once a minute at most, whoever invents ids.

    `fetch` gives the JWKS document; whatever it raises, the keys at hand go on, and without any StoreUnavailable is raised.
    """

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch
        self._keys: dict[str, PyJWK] = {}
        self._next, self._good = float("-inf"), float("-inf")

    def find(self, kid: str, now: float) -> PyJWK | None:
        if now >= self._next and (now - self._good >= KEPT or kid not in self._keys):
            self._next = now + AGAIN
            try:
                self._keys = _keys(self._fetch())
                self._good = now
            except Exception:
                self._next = now + (AGAIN if self._keys else PAUSE)
        if not self._keys:
            raise StoreUnavailable("the pool's keys are not at hand")
        return self._keys.get(kid)


class Tokens:
    """Verifies access tokens that `issuer` made for `client`."""

    def __init__(self, issuer: str, client: str, keys: PoolKeys) -> None:
        self._issuer, self._client, self._keys = issuer, client, keys

    def username(self, token: str, now: float) -> str | None:
        """Whose token it is, None for one that is not valid at `now` (epoch seconds), whatever it is.

        What the token claims is checked first, so that only a plausible one makes us look for its key. Keys come from the
        pool alone: `jku`, `x5u`, `jwk` and `x5c` in a header are not read. Raises StoreUnavailable when
        it has no keys to look at.
        """
        if len(token) > LONGEST or not token.isascii():
            return None
        try:
            head = jwt.get_unverified_header(token)
            claims = jwt.decode(token, options={"verify_signature": False})
        except (PyJWTError, ValueError, RecursionError):
            return None
        kid = head.get("kid")
        if head.get("alg") != "RS256" or "crit" in head or not isinstance(kid, str) or not self._claimed(claims, now):
            return None
        key = self._keys.find(kid, now)
        if key is None:
            return None
        try:
            # The clock is the caller's (`_claimed`), the audience of an access token stands in `client_id`.
            jwt.decode(token, key, algorithms=["RS256"], issuer=self._issuer, options=_SIGNATURE)
        except (PyJWTError, ValueError):
            return None
        return str(claims["username"])

    def _claimed(self, claims: dict[str, Any], now: float) -> bool:
        expires, begins, made = claims.get("exp"), claims.get("nbf", 0), claims.get("iat")
        if not (_is_moment(expires) and _is_moment(begins) and _is_moment(made)):
            return False
        username = claims.get("username")
        return (
            claims.get("iss") == self._issuer
            and claims.get("client_id") == self._client
            and claims.get("token_use") == "access"
            and now < expires
            and begins <= now + SKEW
            and made <= now + SKEW
            and isinstance(username, str)
            and 0 < len(username) <= 128
        )


def _is_moment(claim: object) -> TypeGuard[int | float]:
    """Seconds since 1970, of this or the next few centuries: JSON has numbers that no clock and no float can hold."""
    return isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim <= LATEST


_SIGNATURE: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


def _keys(document: bytes) -> dict[str, PyJWK]:
    """The RS256 signing keys of a JWKS. Raises ValueError where there is none."""
    found = {}
    for key in json.loads(document)["keys"][:MOST_KEYS]:
        if key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and key.get("alg", "RS256") == "RS256" and "kid" in key:
            found[str(key["kid"])] = PyJWK(key, algorithm="RS256")
    if not found:
        raise ValueError("the pool publishes no signing key")
    return found
