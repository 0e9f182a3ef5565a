"""The document of an environment, in the bucket: made of what the table says, after every change of it.

    revisions/<environment>/<revision>.json   as it was at that revision: written once, kept for a while
    flags/<environment>/current.json          the newest, which evaluation reads

Whatever changes what an environment answers adds 1 to its row `revision#<environment>`, in the same transaction. So rows that
were read between two equal readings of that number belong together. The pointer moves only over the object that was read
before the rows, and only forward: it is never older than the last change that a writer was told of, in whatever order and
however often writers are told, and whoever else writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from slipway.flags.compilation import Rows, compiled
from slipway.flags.snapshot import Snapshot, path
from slipway.ports import Blob, Blobs, ConditionFailed, Row, Store, StoreError, StoreUnavailable, every
from slipway.resources import HEAD
from slipway.tables import FLAGS

JSON = "application/json"
_TRIES = 20
_CHUNK = 100  # rows of one reading


class Behind(StoreError):
    """The table's revision is lower than the published one: the table was set back. See the runbook `publication-lag`."""


def path_of(environment: str, revision: int) -> str:
    return f"revisions/{environment}/{revision}.json"


def touched(row: Row) -> tuple[str, int] | None:
    """The environment whose document a change to this row outdates, and the revision that it is to have at least."""
    family, _, environment = str(row["pk"]).partition("#")
    return (environment, int(row["revision"])) if family == "revision" else None


class Publisher:
    """Brings documents up to the table. Remembers what it published: a burst of changes is one publication."""

    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store, self._blobs = store, blobs
        self._published: dict[str, int] = {}  # revision by environment; it only grows, whoever else writes

    def reading(self, environments: Iterable[str]) -> Reading:
        """What `publish` may be given where it is called for each of these."""
        return Reading(self._store, environments)

    def publish(self, environment: str, least: int | None = None, reading: Reading | None = None) -> Mapping[str, str]:
        """Make the document anew, unless it has the revision `least` already. Returns what is wrong with which flags.

        Raises Behind; StoreUnavailable when others keep winning, or nothing answers."""
        if least is not None and self._published.get(environment, -1) >= least:
            return {}
        for _ in range(_TRIES):
            standing = self._blobs.get(path(environment))
            last = _document(standing)
            published = last.get("slipway", {"revision": -1})["revision"]
            if least is not None and published >= least:
                self._published[environment] = published
                return {}
            rows = (reading or self.reading([environment])).rows(environment)
            reading = None
            if rows.revision < published:
                raise Behind(f"{environment} is at {rows.revision} in the table, and at {published} where it is read")
            made = compiled(rows, last)
            if self._moved(environment, rows.revision, made.body, standing):
                self._published[environment] = rows.revision
                return made.faults
        raise StoreUnavailable(f"{path(environment)} is changed faster than it can be written")

    def sweep(self) -> tuple[dict[str, Mapping[str, str]], list[StoreError]]:
        """Compare every document with the table, and repair it: faults by environment, and what kept others from that."""
        faults, errors = {}, []
        environments = _members(self._store, "list#environments")
        reading = self.reading(environments)
        for environment in environments:
            try:
                faults[environment] = self.publish(environment, reading=reading)
            except StoreError as error:
                errors.append(error)
        return faults, errors

    def _moved(self, environment: str, revision: int, body: bytes, standing: Blob | None) -> bool:
        """Whether the pointer has these bytes now; False where somebody published since `standing` was read."""
        if standing is not None and standing.body == body:
            return True
        with suppress(ConditionFailed):  # it was written by whoever was here before
            self._blobs.put(path_of(environment, revision), body, content_type=JSON, absent=True)
        try:
            if standing is None:
                self._blobs.put(path(environment), body, content_type=JSON, absent=True)
            else:
                self._blobs.put(path(environment), body, content_type=JSON, etag=standing.etag)
        except ConditionFailed:
            return False
        return True


class Reading:
    """What several environments answer from: the flags and the segments, which they share, are read once, between two readings
    of each environment's revision. Where that moved meanwhile, all is read anew."""

    def __init__(self, store: Store, environments: Iterable[str]) -> None:
        self._store, self._environments = store, sorted(set(environments))
        self._shared: tuple[dict[str, int], list[str], tuple[Row, ...], tuple[Row, ...]] | None = None

    def rows(self, environment: str) -> Rows:
        """All that it answers from, at one revision. Raises StoreUnavailable when it never stands still."""
        for _ in range(_TRIES):
            if self._shared is None:
                self._shared = self._read()
            revisions, flags, heads, segments = self._shared
            configurations = _heads(self._store, [f"flag#{key}#{environment}" for key in flags])
            if _revision(self._store, environment) == revisions[environment]:
                return Rows(environment, revisions[environment], heads, tuple(configurations), segments)
            self._shared = None
        raise StoreUnavailable(f"the flags of {environment} change faster than they can be read")

    def _read(self) -> tuple[dict[str, int], list[str], tuple[Row, ...], tuple[Row, ...]]:
        revisions = {environment: _revision(self._store, environment) for environment in self._environments}
        flags = _members(self._store, "list#flags")
        heads = _heads(self._store, [f"flag#{key}" for key in flags])
        segments = _heads(self._store, [f"segment#{key}" for key in _members(self._store, "list#segments")])
        return revisions, flags, tuple(heads), tuple(segments)


def read(store: Store, environment: str) -> Rows:
    """Of one environment."""
    return Reading(store, [environment]).rows(environment)


def _revision(store: Store, environment: str) -> int:
    row = store.get(FLAGS, f"revision#{environment}", "revision")
    return 0 if row is None else int(row["revision"])


def _members(store: Store, partition: str) -> list[str]:
    return [row["sk"] for row in every(store, FLAGS, partition)]


def _heads(store: Store, ids: list[str]) -> list[Row]:
    asked = [(id, HEAD) for id in ids]
    return [row for first in range(0, len(asked), _CHUNK) for row in store.get_many(FLAGS, asked[first : first + _CHUNK])]


def _document(blob: Blob | None) -> dict[str, Any]:
    """What stands there; nothing where evaluation could not read it: it is made of the rows alone then, whatever was told
    before, so that it heals."""
    try:
        Snapshot.read(b"" if blob is None else blob.body)
        document: dict[str, Any] = json.loads(b"" if blob is None else blob.body)
        return document if type(document["slipway"]["revision"]) is int else {}
    except (ValueError, KeyError):
        return {}
