"""The secrets by which an environment's exposures are signed, and its units hashed.

    table   signing#<environment> / <generation>     `secret` (base64 of 32 random bytes); made when a first rollout is
            generation#<environment> / newest        `generation`
    file    signing/<environment>.json               the two newest, as evaluation and the collector read them

A rollout goes on with the generation that it began with, so that no unit is counted twice; so a generation is taken away only
two later. Of the functions only the one that publishes the file reads the secrets in the table; who begins a rollout reads only
which generation is the newest.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from contextlib import suppress

from slipway.blobs import StoreError, StoreUnavailable
from slipway.copies import Copies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.ports import Blobs, Row, Store

SCHEMA = 1
SECRET_BYTES = 32
LIVE = 2  # generations
FRESH = 15  # seconds for which a file is believed without asking
PAUSE = 5  # seconds before a bucket that failed is asked again
MOST_ENVIRONMENTS = 16
_TRIES = 20


def path(environment: str) -> str:
    return f"signing/{environment}.json"


# --- writing --------------------------------------------------------------------------------------------


def begin(store: Store, environment: str, entropy: bytes) -> int:
    """The newest generation; where there is none the first is made, from 32 random bytes."""
    from slipway.ports import Absent, ConditionFailed  # who reads the file only does without
    from slipway.tables import ACCESS

    if (standing := newest(store, environment)) is not None:
        return standing
    _make(store, environment, 1, entropy)
    with suppress(ConditionFailed):  # somebody else began at this moment
        store.put(ACCESS, _told(environment, 1), Absent())
    return 1


def newest(store: Store, environment: str) -> int | None:
    """The generation that rollouts begin with; None before the first did."""
    from slipway.tables import ACCESS

    row = store.get(ACCESS, *_newest(environment))
    return None if row is None else int(row["generation"])


def rotate(store: Store, environment: str, generation: int, entropy: bytes) -> int:
    """The generation after that one, which is the newest: the same again, also after half of it, makes no other."""
    from slipway.ports import ConditionFailed, Equals
    from slipway.tables import ACCESS

    _make(store, environment, generation + 1, entropy)
    with suppress(ConditionFailed):  # it was done
        store.put(ACCESS, _told(environment, generation + 1), Equals("generation", generation))
    return generation + 1


def _make(store: Store, environment: str, generation: int, entropy: bytes) -> None:
    """Unless it stands."""
    from slipway.ports import Absent, ConditionFailed
    from slipway.tables import ACCESS

    if len(entropy) != SECRET_BYTES:
        raise ValueError("a secret is made of 32 random bytes")
    secret = b2a_base64(entropy, newline=False).decode()
    row = {"pk": _pk(environment), "sk": _sk(generation), "schema": SCHEMA, "generation": generation, "secret": secret}
    with suppress(ConditionFailed):
        store.put(ACCESS, row, Absent())


def _told(environment: str, generation: int) -> Row:
    pk, sk = _newest(environment)
    return {"pk": pk, "sk": sk, "schema": SCHEMA, "generation": generation}


def _newest(environment: str) -> tuple[str, str]:
    return f"generation#{environment}", "newest"


def touched(row: Row) -> str | None:
    """The environment whose file a change of this row outdates."""
    family, _, environment = str(row["pk"]).partition("#")
    return environment if family == "signing" else None


def publish(store: Store, blobs: Blobs, environment: str) -> None:
    """Bring the file up to the table. Raises StoreUnavailable when others keep winning, or nothing answers."""
    from slipway.ports import ConditionFailed
    from slipway.tables import ACCESS

    for _ in range(_TRIES):
        standing = blobs.get(path(environment))
        rows = store.query(ACCESS, (_pk(environment),), limit=LIVE, forward=False).rows
        body = _written(environment, rows)
        if standing is not None and standing.body == body:
            return
        try:
            if standing is None:
                blobs.put(path(environment), body, content_type="application/json", absent=True)
            else:
                blobs.put(path(environment), body, content_type="application/json", etag=standing.etag)
        except ConditionFailed:
            continue  # somebody published since
        return
    raise StoreUnavailable(f"{path(environment)} is changed faster than it can be written")


def _written(environment: str, rows: list[Row]) -> bytes:
    secrets = {str(int(row["generation"])): row["secret"] for row in rows}
    return json.dumps(
        {"schema": SCHEMA, "environment": environment, "secrets": secrets}, sort_keys=True, separators=(",", ":")
    ).encode()


def _pk(environment: str) -> str:
    return f"signing#{environment}"


def _sk(generation: int) -> str:
    return f"{generation:08d}"


# --- reading --------------------------------------------------------------------------------------------


def read(body: bytes) -> dict[int, bytes]:
    """Secrets by generation. Raises ValueError for anything that is no such file."""
    try:
        file = json.loads(body)
        if file["schema"] != SCHEMA:
            raise ValueError("a file of another schema")
        return {int(generation): a2b_base64(secret, strict_mode=True) for generation, secret in file["secrets"].items()}
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a file of signing secrets") from error


class Secrets:
    """The files as one instance of a function sees them; a copy serves on while the bucket does not answer."""

    def __init__(self, blobs: Blobs) -> None:
        self._files = Copies(blobs, path, read, fresh=FRESH, pause=PAUSE, stale=float("inf"), most=MOST_ENVIRONMENTS)

    def find(self, environment: str, now: float) -> dict[int, bytes]:
        """Secrets by generation; none where none were published, or none can be read. `now`: epoch seconds."""
        try:
            return self.known(environment, now)
        except StoreError:
            return {}

    def known(self, environment: str, now: float) -> dict[int, bytes]:
        """The same, for who has to tell one from the other. Raises StoreUnavailable where none can be read."""
        copy = self._files.find(environment, now)
        return {} if copy is None else copy.content
