"""Secrets that this deployment makes for itself: `secret#<name>` / <generation>, made on first use, whoever comes first."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from slipway.digests import hmac
from slipway.ports import Absent, ConditionFailed
from slipway.tables import FEEDBACK
from slipway.upgrades import upgrade

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.ports import Row, Store

SCHEMA = 1
SECRET_BYTES = 32
MOST = 64  # in memory


class Secrets:
    """`entropy(n)`: n random bytes."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes]) -> None:
        self._store, self._entropy = store, entropy
        self._found: dict[tuple[str, str], bytes] = {}

    def find(self, name: str, generation: str) -> bytes | None:
        if (name, generation) not in self._found:
            row = self._store.get(FEEDBACK, _partition(name), generation)
            if row is None:
                return None
            self._keep(name, generation, row)
        return self._found[name, generation]

    def of(self, name: str, generation: str = "1", *, expires: int | None = None) -> bytes:
        """Made where there is none. `expires`: epoch seconds."""
        standing = self.find(name, generation)
        if standing is not None:
            return standing
        row: Row = {"pk": _partition(name), "sk": generation, "schema": SCHEMA, "secret": self._entropy(SECRET_BYTES)}
        row |= {} if expires is None else {"expires": expires}
        try:
            self._store.put(FEEDBACK, row, Absent())
        except ConditionFailed as stands:
            row = stands.row or row
        return self._keep(name, generation, row)

    def _keep(self, name: str, generation: str, row: Row) -> bytes:
        if len(self._found) >= MOST:
            self._found.clear()
        self._found[name, generation] = secret = bytes(upgrade("secret", row)["secret"])
        return secret


def mac(secret: bytes, *parts: str) -> str:
    """What only who has the secret can make of these parts: 43 characters that a URL takes."""
    return urlsafe_b64encode(hmac(secret, "\x1f".join(parts).encode())).decode().rstrip("=")


def _partition(name: str) -> str:
    return f"secret#{name}"
