"""A rollout is judged: what was counted is read, the policy decides, and what it decides is done, or nothing.

By `functions/guard` whenever a count has changed or an alarm rings, and by `functions/ramp` when a hold's time is over. Both
read everything anew: it does not matter who comes, how often, or late. Whoever moves the rollout at the same moment wins, and
it is judged again as it is then.

Beside the counters stands, for each rollout, `evidence`: by metric the largest E so far (its logarithm, as text), which
the always-valid p is made of, and which guards have told already.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from slipway.calls import Call, timestamp
from slipway.flags import jsontext
from slipway.flags.beside import Moved
from slipway.ports import Row, Store, StoreUnavailable
from slipway.problems import PreconditionFailed
from slipway.resources import TRIES, Stored
from slipway.rollouts import policy, rollout, states
from slipway.rollouts.counts import Counted, counted
from slipway.rollouts.policy import Decision, Hold, Judgement
from slipway.rollouts.rollouts import Rollouts
from slipway.tables import COUNTERS

EARLY = timedelta(minutes=1)  # that a one-shot may come: clocks disagree
NOTE = "evidence"  # the sort key beside the shards'

Data = dict[str, Any]


class Judged(NamedTuple):
    """What was counted, and what the policy says to it."""

    counted: Counted
    decision: Decision


def judge(data: Data, rows: list[Row], now: datetime, *, alarms: Collection[str] = (), approved: bool = False) -> Judged:
    """Of a rollout that runs. `rows`: of its partition of `counters`; `approved`: whether a person asks for the next step."""
    told, guards, first = jsontext.read(data["policy"]), rollout.guards(data), int(data["judged"])
    shares = [int(one["share"]) for one in data["stages"]]
    found = counted(rows, [guard.metric for guard in guards if guard.kind != "alarm"], shares)
    note = noted(rows)
    step = data["ladder"][int(data["step"])]
    over = data["state"] == "advancing" or _over(data, now)
    hold = Hold(over, int(step.get("units", 0)), approved or "approval" not in step, told["early"])
    since = {metric: tallies[first:] for metric, tallies in found.tallies.items()}
    peaks = note["peaks"] if note.get("judged") == first else {}
    return Judged(
        found,
        policy.decide(
            Judgement(
                told["alpha"],
                guards,
                since,
                found.exposed[first:],
                hold,
                alarms,
                note["notified"] if peaks is note["peaks"] else (),
                peaks,
            )
        ),
    )


def judged(rollouts: Rollouts, call: Call, id: str, alarms: Collection[str] = ()) -> Stored | None:
    """Do what is decided; the rollout as it is then, None where it is not under way. Raises StoreUnavailable."""
    for tried in range(TRIES):
        before = rollouts.shelf.find(id)
        if before is None or before.data["state"] not in states.LIVE:
            return None
        rows = counters(rollouts.store, id)
        found = judge(before.data, rows, call.now, alarms=alarms)
        try:
            after = _done(rollouts, call.but(nonce=f"{call.nonce}.{tried}"), before, found)
        except (Moved, PreconditionFailed):
            continue
        _note(rollouts.store, after, rows, found.decision)
        return after
    raise StoreUnavailable(f"the rollout {id} is changed faster than it can be judged")


def counters(store: Store, id: str) -> list[Row]:
    return store.query(COUNTERS, (id,)).rows


def noted(rows: list[Row]) -> Data:
    """`peaks` and `notified` of the guards that look at the stages since `judged`."""
    text = next((row["note"] for row in rows if row["sk"] == NOTE), None)
    none: Data = {"judged": 0, "peaks": {}, "notified": []}
    return none if text is None else jsontext.read(text)


def evidence(data: Data, found: Judged, now: datetime) -> Data:
    """What is kept of a decision, and shown."""
    decision, first = found.decision, int(data["judged"])
    return {
        "at": timestamp(now),
        "action": decision.action,
        "reason": decision.reason,
        "detail": decision.detail,
        "guard": decision.guard or None,
        "since": data["stages"][first]["since"],
        "first_stage": first,
        "alpha": jsontext.read(data["policy"])["alpha"],
        "log_sample_ratio": decision.log_sample_ratio,
        "exposed": [one._asdict() for one in found.counted.exposed[first:]],
        "uncounted": found.counted.uncounted,
        "findings": [{**one._asdict(), "stages": [stage._asdict() for stage in one.stages]} for one in decision.findings],
    }


def _done(rollouts: Rollouts, call: Call, before: Stored, found: Judged) -> Stored:
    """Raises Moved, PreconditionFailed."""
    decision, data = found.decision, before.data
    kept = {"evidence": jsontext.written(evidence(data, found, call.now))}
    paused = data["state"] == "paused"
    if decision.action == "roll_back" or (decision.action == "pause" and not paused):
        return rollouts.moved(call, before, decision.action, decision.reason, decision.detail, kept)
    if decision.action == "notify":
        return rollouts.warned(call, before, decision.detail, kept)
    if decision.action == "advance" and not paused:
        return rollouts.moved(call, before, "advance", decision.reason, decision.detail, kept)
    if data["state"] == "running" and _over(data, call.now):
        return rollouts.moved(call, before, "hold_over", decision.reason, decision.detail, kept)
    return before


def _over(data: Mapping[str, Any], now: datetime) -> bool:
    at = rollout.due(data)
    return at is not None and at <= now + EARLY


def _note(store: Store, after: Stored, rows: list[Row], decision: Decision) -> None:
    """Keep the peaks, where one has grown; one reader of a partition comes after the other, and an older one harms little."""
    before, first = noted(rows), int(after.data["judged"])
    same = before["judged"] == first
    peaks = {one.metric: one.peak for one in decision.findings if one.peak > 0}
    notified = sorted({*(before["notified"] if same else ()), *([decision.guard] if decision.action == "notify" else ())})
    note = {"judged": first, "peaks": peaks, "notified": notified}
    if note != before:
        text = jsontext.written(note)
        store.put(COUNTERS, {"pk": after.id, "sk": NOTE, "schema": 1, "note": text})
