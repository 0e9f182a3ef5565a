"""What guards would have done with signals that are recorded: all of them, in the order in which they came.

The guards look after each signal, as live ones do, or after each few where there are many; at every look they know what was
counted by then, in the stages that had begun. What a person resumed is judged from there on, as it was then. The first look at
which they step back or pause is the end of it, since nobody knows what would have come after.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from slipway.ports import Row
from slipway.rollouts import policy
from slipway.rollouts.counts import Counted, tallied
from slipway.rollouts.policy import Decision, Guard, Judgement
from slipway.signals.counters import Counts, add, counted

MOST_LOOKS = 1_000

Data = Mapping[str, Any]


class Replayed(NamedTuple):
    """The decision at which it ended, or at the end of the signals; `at`: milliseconds; `stages`: that had begun by then;
    `first`: the first one that was judged; `warned`: when a guard would have told, and which."""

    at: int
    decision: Decision
    counts: Counts
    counted: Counted
    first: int
    stages: int
    looks: int
    warned: Sequence[tuple[int, str]]

    @property
    def acted(self) -> bool:
        return self.decision.action in ("roll_back", "pause")


def replayed(stages: Sequence[Data], guards: Sequence[Guard], alpha: float, signals: Sequence[Row]) -> Replayed:
    """`stages`: of the rollout, as it keeps them; `signals`: its rows, in any order.

    Raises ValueError for what the statistic refuses, KeyError for rows that are no signals."""
    told = sorted(signals, key=lambda row: (row["at"], row["pk"], row["sk"]))
    begins = [int(datetime.fromisoformat(one["since"]).timestamp() * 1000) for one in stages]
    metrics = [guard.metric for guard in guards if guard.kind != "alarm"]
    counts: Counts = {}
    latest, found = 0, None
    peaks: dict[str, float] = {}
    notified: set[str] = set()  # since a person last went on, as are the peaks
    warned: list[tuple[int, str]] = []
    size = max(1, math.ceil(len(told) / MOST_LOOKS))
    for look, start in enumerate(range(0, max(1, len(told)), size), 1):
        some = told[start : start + size]
        for row in some:
            add(counts, counted(row))
            latest = max(latest, int(row.get("stage", 0)))
        at = some[-1]["at"] if some else begins[0]
        begun = max(latest + 1, sum(began <= at for began in begins))
        first = resumed(stages[:begun])
        if found is None or found.first != first:
            peaks, notified = {}, set()
        sums = tallied(counts, metrics, [int(one["share"]) for one in stages[:begun]])
        since = {metric: tallies[first:] for metric, tallies in sums.tallies.items()}
        asked = Judgement(alpha, guards, since, sums.exposed[first:], notified=notified, peaks=peaks)
        decision = policy.decide(asked, explained=False)
        while decision.action == "notify":
            warned.append((at, decision.guard))
            notified.add(decision.guard)
            decision = policy.decide(asked, explained=False)
        peaks = {one.metric: one.peak for one in decision.findings}
        found = Replayed(at, decision, counts, sums, first, begun, look, warned)
        if found.acted:
            break
    assert found is not None, "there is one look at least"
    return found._replace(decision=policy.decide(asked))  # explained once: that costs ten times as much


def resumed(stages: Sequence[Data]) -> int:
    """The first stage that guards look at: the one in which a person last went on, where the step is the same as before."""
    again = [number for number in range(1, len(stages)) if stages[number]["step"] == stages[number - 1]["step"]]
    return again[-1] if again else 0
