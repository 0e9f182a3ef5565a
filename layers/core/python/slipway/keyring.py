"""The key file of an environment: who may read it is let in without asking the table.

    table   verifiers#<environment>/<selector>   one row per live secret, written with its key
            used#<environment>/<key id>          the last day on which the key was used, in days since 1970; kept 400 days
    file    keys/<environment>.json              the secrets, each with its key's day, as `functions/authorize` reads them

`publish` writes the file after every change of the rows. Each writing has a number of its own: a writer that read an older
file loses on the file's ETag, also when the newer one says the same as the older did, and reads the table again. So the file
is never older than the last change that a writer was told of, in whatever order and however often they are told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from slipway.blobs import Blobs, StoreUnavailable
from slipway.copies import Copies
from slipway.credentials import EVERYWHERE
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.ports import Row, Store

SCHEMA = 1
FRESH = 15  # seconds for which a file is believed without asking
STALE = 24 * 3600  # seconds for which the last good copy serves while the bucket does not answer
PAUSE = 5  # seconds before a bucket that failed is asked again for the same file
MOST_ENVIRONMENTS = 64  # files in memory
_TRIES = 20


class Entry(Value):
    """One live secret. `expires`: epoch seconds or None; `used`: the last day of use that was published, in days since 1970."""

    key: str
    kind: str
    verifier: str
    expires: int | None = None
    used: int = 0

    def lives(self, now: float) -> bool:
        return self.expires is None or now < self.expires


def path(environment: str) -> str:
    return f"keys/{environment}.json"


# --- writing --------------------------------------------------------------------------------------------


def touched(row: Row) -> str | None:
    """The environment whose file a change of this row outdates."""
    family, _, environment = str(row["pk"]).partition("#")
    return environment if family in ("verifiers", "used") and environment != EVERYWHERE else None


def publish(store: Store, blobs: Blobs, environment: str) -> None:
    """Bring the file up to the table. Raises StoreUnavailable when others keep winning, or nothing answers."""
    from slipway.ports import ConditionFailed  # who reads the file only does without

    for _ in range(_TRIES):
        standing = blobs.get(path(environment))
        generation = 1 if standing is None else _generation(standing.body) + 1
        verifiers = _verifiers(store, environment)
        body = written(environment, generation, verifiers, _used(store, environment, verifiers))
        try:
            if standing is None:
                blobs.put(path(environment), body, content_type="application/json", absent=True)
            else:
                blobs.put(path(environment), body, content_type="application/json", etag=standing.etag)
        except ConditionFailed:
            continue  # somebody published since: what they read may be newer or older, so read again
        return
    raise StoreUnavailable(f"{path(environment)} is changed faster than it can be written")


def written(environment: str, generation: int, verifiers: Iterable[Row], used: Iterable[Row]) -> bytes:
    """The file: equal rows and generation, equal bytes."""
    days = {row["sk"]: row["day"] for row in used}
    keys = {
        row["sk"]: [row["key"], row["kind"], row["verifier"], None if row.get("expires") is None else int(row["expires"]), day]
        for row in verifiers
        for day in [int(days.get(row["key"], 0))]
    }
    file = {"schema": SCHEMA, "environment": environment, "generation": generation, "keys": keys}
    return json.dumps(file, sort_keys=True, separators=(",", ":")).encode()


def _generation(body: bytes) -> int:
    try:
        return int(json.loads(body)["generation"])
    except (ValueError, KeyError, TypeError):
        return 0  # damaged: the file is made of the rows alone, so that it heals


def _verifiers(store: Store, environment: str) -> list[Row]:
    from slipway.tables import ACCESS
    from slipway.upgrades import upgrade

    rows: list[Row] = []
    start = None
    while True:
        page = store.query(ACCESS, (f"verifiers#{environment}",), start=start)
        rows += [upgrade("verifier", row) for row in page.rows]
        if (start := page.next) is None:
            return rows


def _used(store: Store, environment: str, verifiers: Iterable[Row]) -> list[Row]:
    """The days of the keys that have a secret: keys of the past do not make a publication dearer."""
    from slipway.tables import ACCESS
    from slipway.upgrades import upgrade

    asked = [(f"used#{environment}", key) for key in sorted({row["key"] for row in verifiers})]
    parts = (asked[first : first + 100] for first in range(0, len(asked), 100))
    return [upgrade("use", row) for part in parts for row in store.get_many(ACCESS, part)]


# --- reading --------------------------------------------------------------------------------------------


def read(body: bytes) -> dict[str, Entry]:
    """Entries by selector. Raises ValueError for anything that is no key file."""
    try:
        file = json.loads(body)
        if file["schema"] != SCHEMA:
            raise ValueError("a key file of another schema")
        return {selector: Entry(*fields) for selector, fields in file["keys"].items()}
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a key file") from error


class Keyring:
    """The key files as one instance of a function sees them: at most 15 s old while the bucket answers."""

    def __init__(self, blobs: Blobs) -> None:
        self._files = Copies(blobs, path, read, fresh=FRESH, pause=PAUSE, stale=STALE, most=MOST_ENVIRONMENTS)

    def find(self, environment: str, selector: str, now: float) -> Entry | None:
        """The entry of a live secret, None where there is none. `now`: epoch seconds.

        Raises StoreUnavailable when the bucket does not answer and no copy younger than 24 h is at hand."""
        copy = self._files.find(environment, now)
        entry = copy.content.get(selector) if copy is not None else None
        return entry if entry is not None and entry.lives(now) else None
