"""The stream of signals -> how many there are of each; once a day the rollouts that run, and the day before, are counted anew.

One of at most two readers of that stream. One write for each partition and delivery; whoever watches rollouts reads the stream
of what is written here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from slipway.adapters import connect
from slipway.edge import observe
from slipway.edge.stream import Change, Stream, Wired
from slipway.settings import Tally
from slipway.signals.tallying import Signal, Tallying, signal

MOST_TOLD = 20


def wire() -> Wired[Tallying]:
    settings = Tally.load()
    return Wired(
        Tallying(connect.store(settings), _now),
        connect.blobs(settings, settings.bucket_quarantine),
        raise_failures=settings.raise_failures,
    )


def decode(change: Change) -> Signal | None:
    """What is new; a row that leaves was counted."""
    return signal(change.new, change.sequence) if change.old is None and change.new is not None else None


def count(tallying: Tallying, signals: Sequence[Signal]) -> set[int]:
    return tallying.count(signals)


def sweep(tallying: Tallying) -> None:
    """Raises the first error, after everything else was recounted."""
    found = tallying.sweep()
    if found.left:
        observe.line()["left"] = len(found.left)
    if found.repaired:
        observe.line().level = "WARN"
        observe.line()["repaired"] = found.repaired[:MOST_TOLD]
    if found.errors:
        raise found.errors[0]


def _now() -> int:
    return int(time.time() * 1000)


handler = Stream("tally", wire, decode, count, together=True, daily=sweep)
