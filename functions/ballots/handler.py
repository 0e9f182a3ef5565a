"""The stream of feedback -> how many people stand behind each item; once a day they are counted anew.

The second of at most two readers of that stream. One write for each item and delivery, and one more for a group of duplicates;
what is written here counts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from slipway.adapters import connect
from slipway.edge import observe
from slipway.edge.stream import Change, Stream, Wired
from slipway.feedback.ballots import Ballot, ballot
from slipway.feedback.recount import Recount
from slipway.settings import Ballots as Settings

MOST_TOLD = 20


def wire() -> Wired[Recount]:
    settings = Settings.load()
    return Wired(
        Recount(connect.store(settings), lambda: os.urandom(16).hex()),
        connect.blobs(settings, settings.bucket_quarantine),
        raise_failures=settings.raise_failures,
    )


def decode(change: Change) -> Ballot | None:
    return ballot(change.old, change.new, change.sequence)


def count(recount: Recount, ballots: Sequence[Ballot]) -> set[int]:
    return recount.ballots.count(ballots)


def sweep(recount: Recount) -> None:
    """Raises the first error, after everything else was looked at."""
    differing, errors = recount.sweep()
    if differing:
        observe.line().level = "WARN"
        observe.line()["repaired"] = differing[:MOST_TOLD]
    if errors:
        raise errors[0]


handler = Stream("ballots", wire, decode, count, together=True, daily=sweep)
