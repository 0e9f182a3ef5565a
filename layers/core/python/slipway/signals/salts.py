"""What the hashes of a day are made with: of whoever needed it first, gone a day after it."""

from __future__ import annotations

from slipway.digests import hmac
from slipway.ports import Absent, ConditionFailed
from slipway.signals import rows
from slipway.tables import SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.ports import Store
    from slipway.signals.rows import Key

MOST = 64  # in memory


class Salts:
    """`entropy(n)`: n random bytes."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes]) -> None:
        self._store, self._entropy = store, entropy
        self._found: dict[Key, bytes] = {}

    def of(self, environment: str, now: float, before: int = 0) -> bytes:
        """`now`: epoch seconds; `before`: days ago."""
        key = rows.salt(environment, rows.day(now - before * rows.DAY))
        if key not in self._found:
            row = self._store.get(SIGNALS, *key)
            if row is None:
                row = rows.row(key, now, rows.SALT_DAYS, salt=self._entropy(16))
                try:
                    self._store.put(SIGNALS, row, Absent())
                except ConditionFailed as stands:
                    row = stands.row or row
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[key] = row["salt"]
        return self._found[key]


def hashed(salt: bytes, *parts: str) -> str:
    return hmac(salt, "\x1f".join(parts).encode())[:16].hex()


def person(salt: bytes, key: str) -> str:
    """Who has that targeting key, for a day."""
    return hashed(salt, "person", key)


def source(salt: bytes, network: str) -> str:
    """What is kept of a network: the day's hash."""
    return hashed(salt, "network", network)[:12]
