"""What a decision was made of: as it is kept with the rollout, and as the API shows it.

Kept as `policy` has it, in logarithms and shares of 1; shown with E itself where a number holds it, in percent and in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from slipway.calls import timestamp
from slipway.flags import jsontext
from slipway.ports import Row
from slipway.rollouts import policy, states
from slipway.rollouts.counts import Counted
from slipway.rollouts.course import percent
from slipway.rollouts.exposure import SCALE
from slipway.rollouts.policy import MISMATCH, Decision
from slipway.shape import Shape
from slipway.signals.counters import WINDOW, recents

Data = dict[str, Any]

_DIGITS = 12  # of the figures that are kept
_EXPOSED = ("share", "control", "treatment", "contaminated", "seen")
_LARGEST = 700.0  # of a logarithm whose exponential is shown


class UnitsView(Shape):
    """Distinct units with such an event, in one stage."""

    stage: int
    share: float = Field(description="percent in treatment")
    control: int
    treatment: int


class ExposedView(UnitsView):
    """Distinct units of one stage: by arm those that were exposed first in it."""

    seen: int = Field(description="that were exposed in it, those of earlier stages included")
    contaminated: int = Field(description="that were seen in both arms, and are not counted any more")


class WindowView(Shape):
    from_: str = Field(alias="from")
    to: str


class FindingView(Shape):
    """What one guard has found. A ratio is of rates, treatment to control."""

    metric: str = Field(description="`<name>><threshold>` for slow units; `*` for activity: any outcome")
    kind: policy.Kind
    margin: float
    stages: list[UnitsView]
    e: float | None = Field(description="how strongly the units speak against the treatment; null beyond 1e300")
    log_e: float
    log_e_servers: float = Field(description="of the signals of server keys alone")
    threshold: float = Field(description="J / alpha, at which it acts: J guards, alpha for all of them together")
    log_threshold: float
    p: float = Field(description="always valid, whenever one looks: of the largest E so far")
    ratio: float | None = Field(description="the likeliest; null where an arm has no such unit yet")
    low: float = Field(description="of the confidence sequence of the ratio, which holds whenever one looks")
    high: float | None = Field(description="null: unbounded")
    units: int = Field(description="worse ones that count for the floor of 5, no more than a fifth from one network")
    sources: int = Field(description="networks, or units that a server key vouches for; the floor is 3")
    asks_for: policy.Deed | None
    because: str
    needs: int | None = Field(description="about how many more units until it is settled; null: nobody can tell yet")
    outlook: str = Field(description="the same in words")
    window: WindowView | None = Field(description="in which its events came: to the ten minutes, or the stage; null: none did")


class RatioView(Shape):
    """Whether the arms are as large as the split says."""

    e: float | None
    log_e: float
    threshold: float


class DecisionView(Shape):
    """`action`, `reason`: what the policy says to it; `notify` and `continue` move nothing."""

    at: str
    action: policy.Action
    reason: policy.Reason
    detail: str
    guard: str | None = Field(description="the metric that decided")
    alpha: float
    since: str = Field(description="when the first stage began that is looked at: since a person resumed it, if one has")
    exposed: list[ExposedView]
    sample_ratio: RatioView
    contaminated: int
    uncounted: int = Field(description="exposures of who had nothing to be bucketed by")
    findings: list[FindingView]


class EvidenceView(Shape):
    rollout: str
    state: states.State
    share: float = Field(description="percent that get `to`")
    now: DecisionView | None = Field(description="from what is counted so far; nothing is done; null: it has not begun")
    decided: DecisionView | None = Field(description="what its clock or its guards last did, if they did anything")


# --- kept -----------------------------------------------------------------------------------------------


def made(data: Data, counted: Counted, decision: Decision, rows: Iterable[Row], now: datetime) -> Data:
    """What is kept of a decision. `rows`: of the rollout's counters."""
    first, told = int(data["judged"]), list(rows)
    windows = {one.metric: _window(data, one.metric, told, now) for one in decision.findings}
    kept = {
        "at": timestamp(now),
        "action": decision.action,
        "reason": decision.reason,
        "detail": decision.detail,
        "guard": decision.guard or None,
        "since": data["stages"][first]["since"],
        "first_stage": first,
        "alpha": jsontext.read(data["policy"])["alpha"],
        "log_sample_ratio": decision.log_sample_ratio,
        "exposed": [{name: getattr(one, name) for name in _EXPOSED} for one in counted.exposed[first:]],
        "uncounted": counted.uncounted,
        "findings": [
            {**one._asdict(), "stages": [stage._asdict() for stage in one.stages], "window": windows[one.metric]}
            for one in decision.findings
        ],
    }
    return dict(_short(kept))


def _short(value: Any) -> Any:
    """The same with no more digits than tell something, for a row has to hold it."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items()}
    return [_short(one) for one in value] if isinstance(value, list) else value


def _window(data: Data, metric: str, rows: Iterable[Row], now: datetime) -> Data | None:
    """From the beginning of the first stage that has units of that metric, to the newest window of the counters that has, or
    else the end of the last stage."""
    met, newest = set[int](), 0
    for row in rows:
        met |= {stage for name, number in row.get("counts", {}).items() if number and (stage := _stage(name, metric)) >= 0}
        for start, some in recents(row if "recent" in row else None).items():
            if any(number and _stage(name, metric) >= 0 for name, number in some.items()):
                newest = max(newest, start + WINDOW)
    told = [stage for stage in sorted(met) if int(data["judged"]) <= stage < len(data["stages"])]
    if not told:
        return None
    begins = [one["since"] for one in data["stages"]]
    ended = begins[told[-1] + 1] if told[-1] + 1 < len(begins) else timestamp(now)
    seen = timestamp(datetime.fromtimestamp(newest / 1000, UTC)) if newest else ended
    return {"from": begins[told[0]], "to": min(max(seen, begins[told[-1]]), timestamp(now))}


def _stage(name: str, metric: str) -> int:
    """Of a count of that metric; -1 for any other."""
    kind, _, rest = name.partition("|")
    of, _, place = rest.rpartition("|")[0].rpartition("|")[0].rpartition("|")
    return int(place) if kind == "met" and of == metric else -1


# --- shown ----------------------------------------------------------------------------------------------


def view(kept: Mapping[str, Any]) -> Data:
    """A DecisionView."""
    first = kept["first_stage"]
    return {
        **{name: kept[name] for name in ("at", "action", "reason", "detail", "guard", "alpha", "since", "uncounted")},
        "exposed": [
            _units(one, first + place) | {"seen": one["seen"], "contaminated": one["contaminated"]}
            for place, one in enumerate(kept["exposed"])
        ],
        "sample_ratio": {
            "e": shown(kept["log_sample_ratio"]),
            "log_e": kept["log_sample_ratio"],
            "threshold": round(math.exp(MISMATCH)),
        },
        "contaminated": sum(one["contaminated"] for one in kept["exposed"]),
        "findings": [_finding(one, first) for one in kept["findings"]],
    }


def _finding(kept: Mapping[str, Any], first: int) -> Data:
    needs = None if kept["needs"] is None else math.ceil(kept["needs"])
    alike = ("metric", "kind", "margin", "p", "ratio", "low", "high", "units", "sources", "because", "window")
    return {
        **{name: kept[name] for name in alike},
        "stages": [_units(one, first + place) for place, one in enumerate(kept["stages"])],
        "e": shown(kept["log_evidence"]),
        "log_e": kept["log_evidence"],
        "log_e_servers": kept["log_servers"],
        "threshold": round(math.exp(kept["threshold"]), 6),
        "log_threshold": kept["threshold"],
        "asks_for": kept["deed"],
        "needs": needs,
        "outlook": _outlook(kept["deed"], needs),
    }


def _outlook(deed: str | None, needs: int | None) -> str:
    if deed is not None:
        return "It is settled: this is harm."
    if needs is None:
        return "Too little was counted to tell how many more units it needs."
    return (
        f"It needs about {needs:,} more units at this share." if needs else "It is settled: this is no worse than the margin."
    )


def _units(kept: Mapping[str, Any], stage: int) -> Data:
    share = percent(round(kept["share"] * SCALE))
    return {"stage": stage, "share": share, "control": kept["control"], "treatment": kept["treatment"]}


def shown(log: float) -> float | None:
    """E itself, where a number can hold it."""
    return math.exp(log) if log <= _LARGEST else None
