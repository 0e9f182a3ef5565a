"""What `evaluate` tells in its log -> how often each flag is asked for; once a day, the lists of stale flags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from slipway.adapters import connect
from slipway.edge.logs import LogLine, Logs
from slipway.flags.counting import Counting, environments, told
from slipway.flags.staleness import judge
from slipway.settings import FlagsAndUsage


def wire() -> Counting:
    return Counting(connect.store(FlagsAndUsage.load()))


def note(counting: Counting, lines: Sequence[LogLine]) -> None:
    counting.note([one for line in lines if (one := told(*line)) is not None])


def sweep(counting: Counting, moment: datetime) -> None:
    """Sums first: what is stale is judged by all that was told."""
    for environment in environments(counting.store):
        counting.sum(environment, moment)
        judge(counting.store, counting, environment, moment)


handler = Logs("usage", wire, note, sweep)
