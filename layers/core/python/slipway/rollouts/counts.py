"""From a rollout's counters to what its guards judge by (`slipway.rollouts.arms`).

Every shard holds a part of each count; `shares` are those of the stages so far, in parts of `SCALE`, the running one last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from slipway.ports import Row
from slipway.rollouts.arms import Arm, Brought, Exposed, Tally
from slipway.rollouts.exposure import CONTROL, SCALE, TREATMENT
from slipway.signals.counters import EXPOSED, OUT, SEEN, Counts, total


class Counted(NamedTuple):
    """`tallies` by metric as the rows name it (`slipway.signals.rows.metric`) and `exposed`, each by stage; `uncounted`:
    exposures of who has nothing to be bucketed by."""

    tallies: Mapping[str, Sequence[Tally]]
    exposed: Sequence[Exposed]
    uncounted: int


def counted(rows: Iterable[Row], metrics: Iterable[str], shares: Sequence[int]) -> Counted:
    """`rows`: of the rollout's partition of `counters`; what else stands there is left out."""
    return tallied(total(row for row in rows if "counts" in row), metrics, shares)


def tallied(counts: Counts, metrics: Iterable[str], shares: Sequence[int]) -> Counted:
    """The same of counts that are summed up."""
    networks = _networks(counts)
    told = list(enumerate(share / SCALE for share in shares))
    tallies = {
        metric: [
            Tally(share, *(_arm(counts, networks, metric, stage, arm) for arm in (CONTROL, TREATMENT))) for stage, share in told
        ]
        for metric in metrics
    }
    return Counted(tallies, [_exposed(counts, networks, stage, share) for stage, share in told], counts.get("none", 0))


def _arm(counts: Counts, networks: Mapping[str, Mapping[str, int]], metric: str, stage: int, arm: str) -> Arm:
    place = f"{metric}|{stage}|{arm}"
    server, client = (counts.get(f"met|{place}|{trust}", 0) for trust in ("server", "client"))
    return Arm(server, client, networks.get(place, {}))


def _exposed(counts: Counts, networks: Mapping[str, Mapping[str, int]], stage: int, share: float) -> Exposed:
    control, treatment = (
        sum(counts.get(f"exposed|{stage}|{arm}|{trust}", 0) for trust in ("server", "client")) for arm in (CONTROL, TREATMENT)
    )
    seen = control + treatment + counts.get(f"seen|{stage}", 0)
    places = (f"{EXPOSED}|{stage}|{CONTROL}", f"{EXPOSED}|{stage}|{TREATMENT}", f"{OUT}|{stage}|", f"{SEEN}|{stage}|")
    brought = [networks.get(place, {}) for place in places]
    clients = {}
    for name in sorted(set().union(*brought)):
        first, second, out, again = (some.get(name, 0) for some in brought)
        clients[name] = Brought(first, second, out, first + second + again)
    return Exposed(share, control, treatment, counts.get(f"out|{stage}", 0), seen, clients)


def _networks(counts: Counts) -> dict[str, dict[str, int]]:
    """By metric, stage and arm; never below 0: by a clock that is behind, one is vouched for before it came."""
    found: dict[str, dict[str, int]] = {}
    for name, number in counts.items():
        if name.startswith("net|") and number > 0:
            place, _, group = name.removeprefix("net|").rpartition("|")
            found.setdefault(place, {})[group] = number
    return found
