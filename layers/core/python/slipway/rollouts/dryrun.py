"""A dry run: the signals that a rollout has recorded, looked at by its own guards or by others. Nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from slipway.calls import timestamp
from slipway.flags import jsontext
from slipway.ports import Row, Store
from slipway.problems import Conflict, Fault, Invalid
from slipway.rollouts import evidence, rollout
from slipway.rollouts.course import Alpha, Guards
from slipway.rollouts.evidence import DecisionView
from slipway.rollouts.judging import counters
from slipway.rollouts.replay import Replayed, replayed
from slipway.rollouts.rollouts import Rollouts
from slipway.shape import Shape
from slipway.signals.counters import total
from slipway.signals.rows import SHARDS
from slipway.signals.rows import metric as named
from slipway.tables import SIGNALS

Data = dict[str, Any]

MOST_SIGNALS = 20_000
_KINDS = ("unit#", "seen#", "met#", "out#", "none#", "vouched#")


class DryRunning(Shape):
    """Guards and alpha to try; what is left out is the rollout's own."""

    guards: Guards | None = None
    alpha: Alpha | None = None


class WarnedView(Shape):
    at: str
    guard: str


class DryRunView(Shape):
    outcome: Literal["roll_back", "pause", "none"] = Field(description="what would have been done first")
    words: str
    at: str | None = Field(description="when, by the server's clock")
    guard: str | None
    e: float | None = Field(description="of that guard then; null without one, or beyond 1e300")
    warned: list[WarnedView] = Field(description="when guards that only notify would have told")
    signals: int = Field(description="that are recorded")
    looks: int = Field(description="how often the guards looked")
    decision: DecisionView = Field(description="of that moment, or of the end")


def dry_run(rollouts: Rollouts, key: str, environment: str, id: str, asked: DryRunning) -> Data:
    """A DryRunView. Raises NotFound, Conflict where it has not begun, Invalid for guards of what was not recorded, and for more
    than MOST_SIGNALS."""
    data = rollouts.read(key, environment, id).data
    if not data["stages"]:
        raise Conflict("It has not begun: nothing is recorded.")
    own = jsontext.read(data["policy"])
    shapes = own["guards"] if asked.guards is None else [guard.model_dump(exclude_none=True) for guard in asked.guards]
    _check(shapes if asked.guards is not None else [], data)
    guards, alpha = rollout.guarded(shapes), own["alpha"] if asked.alpha is None else asked.alpha
    _check_room(sum(_all(rollouts.store, id)))
    signals = recorded(rollouts.store, id)
    found = replayed(data["stages"], guards, alpha, signals)
    then = datetime.fromtimestamp(found.at / 1000, UTC)
    seen = {**data, "stages": data["stages"][: found.stages], "judged": found.first}
    seen["policy"] = jsontext.written({**own, "alpha": alpha})
    told = evidence.view(evidence.made(seen, found.counted, found.decision, [{"counts": found.counts}], then))
    return {**_verdict(found), "signals": len(signals), "looks": found.looks, "decision": told}


def recorded(store: Store, id: str) -> list[Row]:
    """The signals of a rollout that are counted. Raises Invalid for more than MOST_SIGNALS."""
    found = list[Row]()
    for shard in range(SHARDS):
        start: Any = None
        while True:
            page = store.query(SIGNALS, (f"{id}#{shard:02x}",), limit=1000, start=start)
            found += [row for row in page.rows if row["sk"].startswith(_KINDS)]
            _check_room(len(found))
            if (start := page.next) is None:
                break
    return found


def _all(store: Store, id: str) -> list[int]:
    counts = total(row for row in counters(store, id) if "counts" in row)
    return [number for name, number in counts.items() if not name.startswith("net|")]


def _check_room(number: int) -> None:
    if number > MOST_SIGNALS:
        detail = f"{number:,} signals and more are recorded; a dry run takes {MOST_SIGNALS:,} at most."
        raise Invalid(detail, errors=[Fault("", "too_many_signals", detail)])


def _check(shapes: list[Data], data: Data) -> None:
    """Raises Invalid for what nobody recorded."""
    known = {named(one) for one in rollout.watch(data)}
    faults, metrics = list[Fault](), [named(one) for one in shapes]
    for place, metric in enumerate(metrics):
        if shapes[place]["kind"] == "alarm" or metric not in known:
            detail = f"Nothing is recorded of {metric}; of this rollout there is {', '.join(sorted(known)) or 'nothing'}."
            faults.append(Fault(f"/guards/{place}", "not_recorded", detail))
        elif metric in metrics[:place]:
            faults.append(Fault(f"/guards/{place}", "duplicate", "No two guards watch the same metric."))
    if faults:
        raise Invalid("These guards cannot be tried.", errors=faults)


def _verdict(found: Replayed) -> Data:
    decision = found.decision
    at = _stamp(found.at)
    e = next((evidence.shown(one.log_evidence) for one in decision.findings if one.metric == decision.guard), None)
    done = {"roll_back": "rolled back", "pause": "paused"}.get(decision.action)
    words = f"It would have {done} at {at}. {decision.detail}" if done else "It would not have rolled back, nor paused."
    return {
        "outcome": decision.action if found.acted else "none",
        "words": words,
        "at": at if found.acted else None,
        "guard": decision.guard or None if found.acted else None,
        "e": e if found.acted else None,
        "warned": [{"at": _stamp(moment), "guard": metric} for moment, metric in found.warned],
    }


def _stamp(milliseconds: int) -> str:
    return timestamp(datetime.fromtimestamp(milliseconds / 1000, UTC))
