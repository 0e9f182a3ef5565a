"""The flags table's stream -> the document of each environment that was touched; once a day all of them, whatever was told.

Its second reader: switching a flag off must not wait for the bus. A record says only that something changed; the document is
made of what the table says now, so repeats and order do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipway.adapters import connect
from slipway.edge import observe
from slipway.edge.stream import Change, Stream, Wired
from slipway.flags.publication import Publisher, touched
from slipway.ports import StoreError
from slipway.settings import Snapshot

Due = tuple[str, int]  # environment, and the revision that it is to have at least

MOST_TOLD = 20


def wire() -> Wired[Publisher]:
    settings = Snapshot.load()
    return Wired(
        Publisher(connect.store(settings), connect.blobs(settings, settings.bucket_flags)),
        connect.blobs(settings, settings.bucket_quarantine),
        raise_failures=settings.raise_failures,
    )


def decode(change: Change) -> Due | None:
    """What the change makes due; nothing where the row is gone: an environment that was deleted keeps its last document."""
    return None if change.new is None else touched(change.new)


def publish(publisher: Publisher, dues: Sequence[Due]) -> set[int]:
    """The indexes of those whose document could not be written."""
    failed, faults, reading = set(), {}, publisher.reading(environment for environment, _ in dues)
    for index, (environment, least) in enumerate(dues):
        try:
            faults[environment] = publisher.publish(environment, least, reading)
        except StoreError as error:
            observe.line().failure(error, "unpublished")
            failed.add(index)
    _tell(faults)
    return failed


def sweep(publisher: Publisher) -> None:
    """Raises the first error of an environment, after the others were repaired."""
    faults, errors = publisher.sweep()
    _tell(faults)
    if errors:
        raise errors[0]


def _tell(faults: Mapping[str, Mapping[str, str]]) -> None:
    """Name what stays at its last good form: the alarm `quarantine` counts it."""
    named = [f"{environment}/{name}" for environment, found in faults.items() for name in found]
    if named:
        observe.line()["faults"] = named[:MOST_TOLD]
        observe.line().measure("Quarantined", len(named))


handler = Stream("snapshot", wire, decode, publish, wave=100, delay="PublishDelay", daily=sweep)
