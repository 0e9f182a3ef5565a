"""A rollout is judged: what was counted is read, the policy decides, and what it decides is done, or nothing.

By `functions/guard` whenever a count has changed or an alarm goes off, and by `functions/ramp` when a hold's time is over, or a
stage begins while an alarm rings or is missing. Both read everything anew: it does not matter who comes, how often, or late.
Whoever moves the rollout at the same moment wins, and it is judged again as it is then.

Beside the counters stands, for each rollout, a note: by metric the largest E so far (its logarithm, as text), which the
always-valid p is made of. It is kept after the fact, and where it is lost p is larger than it could be, never smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from slipway.calls import Call
from slipway.flags import jsontext
from slipway.flags.beside import Moved
from slipway.ports import QUIET, Absent, ConditionFailed, Equals, Heard, Row, Store, StoreUnavailable, every
from slipway.problems import PreconditionFailed
from slipway.resources import TRIES, Stored
from slipway.rollouts import evidence, policy, rollout, states
from slipway.rollouts.counts import Counted, counted
from slipway.rollouts.course import percent
from slipway.rollouts.policy import Decision, Hold, Judgement
from slipway.rollouts.rollouts import Rollouts
from slipway.rollouts.states import Event
from slipway.signals.counters import KEPT_DAYS
from slipway.signals.rows import ROLLOUT_DAYS
from slipway.tables import COUNTERS

EARLY = timedelta(minutes=1)  # that a one-shot may come: clocks disagree
NOTE = "evidence"  # the sort key beside the shards'
_WORN = f"Its guards have looked for {ROLLOUT_DAYS} days, and units are remembered no longer: resume it, and they look anew."

Data = dict[str, Any]


class Astray(Exception):
    """A rollout is under way by its own row, and not by the configuration's: what neither waiting nor judging mends."""


class Judged(NamedTuple):
    """What was counted, and what the policy says to it."""

    counted: Counted
    decision: Decision


def judge(
    data: Data,
    rows: list[Row],
    now: datetime,
    *,
    alarms: Heard = QUIET,
    explained: bool = True,
) -> Judged:
    """Of a rollout that runs. `rows`: of its partition of `counters`; `explained`: see `policy.decide`."""
    told, guards, first = jsontext.read(data["policy"]), rollout.guards(data), int(data["judged"])
    shares = [int(one["share"]) for one in data["stages"]]
    found = counted(rows, [guard.metric for guard in guards if guard.kind != "alarm"], shares)
    step = data["ladder"][int(data["step"])]
    over = data["state"] == "advancing" or _over(data, now)
    hold = Hold(over, int(step.get("units", 0)), "approval" not in step, told["early"])
    since = {metric: tallies[first:] for metric, tallies in found.tallies.items()}
    peaks, warned = _peaks(noted(rows), first), data.get("warned", ())
    asked = Judgement(
        told["alpha"], guards, since, found.exposed[first:], hold, alarms.ringing, warned, peaks, missing=alarms.missing
    )
    return Judged(found, policy.decide(asked, explained=explained))


def judged(
    rollouts: Rollouts, call: Call, id: str, alarms: Heard = QUIET, *, shot: int | None = None, noting: bool = False
) -> Stored | None:
    """Do what is decided; the rollout as it is then, None where it is not under way. Raises StoreUnavailable, Astray.

    `shot`: the stage whose one-shot asks, which may come early; of another stage it moves nothing. `noting`: whether peaks are
    kept, too."""
    at = call.now if shot is None else call.now + EARLY
    versions = set()
    for tried in range(TRIES):
        before = rollouts.shelf.find(id)
        if before is None or before.data["state"] not in states.LIVE or shot not in (None, int(before.data["stage"])):
            return None
        versions.add(before.version)
        rows = counters(rollouts.store, id)
        found = judge(before.data, rows, at, alarms=alarms, explained=False)
        wanted, once = _wanted(before.data, found.decision, at), call.but(nonce=f"{call.nonce}.{tried}")
        after = before
        if wanted is not None:
            found = judge(before.data, rows, at, alarms=alarms)
            try:
                after = _done(rollouts, once, before, found, rows, wanted)
            except (Moved, PreconditionFailed):
                continue
        if noting:
            _note(rollouts.store, after, rows, found.decision, call.now)
        if wanted != "notify":
            return after
        return judged(rollouts, once, id, alarms, shot=shot, noting=noting)  # whatever else is due
    if len(versions) == 1:
        raise Astray(f"the configuration of the rollout {id} does not know of it")
    raise StoreUnavailable(f"the rollout {id} is changed faster than it can be judged")


def counters(store: Store, id: str) -> list[Row]:
    """All of its partition, however large."""
    return list(every(store, COUNTERS, id))


def noted(rows: list[Row]) -> Data:
    """`peaks` of the guards that look at the stages since `judged`."""
    row = _noted(rows)
    none: Data = {"judged": 0, "peaks": {}}
    return none if row is None else jsontext.read(row["note"])


def shown(rollouts: Rollouts, call: Call, key: str, environment: str, id: str) -> Data:
    """An EvidenceView: what the counters say now, and what was last decided. Nothing is done. Raises NotFound."""
    stored = rollouts.read(key, environment, id)
    data, now = stored.data, None
    if data["stages"]:
        rows = counters(rollouts.store, id)
        found = judge(data, rows, call.now)
        now = evidence.view(evidence.made(data, *found, rows, call.now))
    kept = next((text for one in _versions(rollouts, stored) if (text := one.data.get("evidence"))), None)
    decided = None if kept is None else evidence.view(jsontext.read(kept))
    share = percent(rollout.share(data))
    return {"rollout": id, "state": data["state"], "share": share, "now": now, "decided": decided}


def _versions(rollouts: Rollouts, stored: Stored) -> Iterator[Stored]:
    yield stored
    if stored.version > 1:
        yield from rollouts.shelf.versions(stored.id, below=stored.version)


def _wanted(data: Data, decision: Decision, at: datetime) -> Event | Literal["notify"] | None:
    """What is to happen to a rollout in that state; None where nothing is."""
    paused = data["state"] == "paused"
    match decision.action:
        case "roll_back" | "notify":
            return decision.action
        case "advance" | "continue" if _worn(data, at):
            return None if paused else "pause"
        case "pause" | "advance" if not paused:
            return decision.action
    return "hold_over" if data["state"] == "running" and _over(data, at) else None


def _done(
    rollouts: Rollouts, call: Call, before: Stored, found: Judged, rows: list[Row], wanted: Event | Literal["notify"]
) -> Stored:
    """Raises Moved, PreconditionFailed."""
    decision = found.decision
    kept = {"evidence": jsontext.written(evidence.made(before.data, *found, rows, call.now))}
    if wanted == "notify":
        return rollouts.warned(call, before, decision.guard, decision.detail, kept)
    worn = wanted == "pause" and decision.action != "pause"
    code, detail = ("too_long", _WORN) if worn else (decision.reason, decision.detail)
    return rollouts.moved(call, before, wanted, code, detail, kept)


def _over(data: Mapping[str, Any], at: datetime) -> bool:
    due = rollout.due(data)
    return due is not None and due <= at


def _worn(data: Data, at: datetime) -> bool:
    """Whether its guards have looked for longer than units are remembered: some would be counted once more."""
    since = datetime.fromisoformat(data["stages"][int(data["judged"])]["since"])
    return at - since >= timedelta(days=ROLLOUT_DAYS) and any(guard.kind != "alarm" for guard in rollout.guards(data))


def _noted(rows: list[Row]) -> Row | None:
    return next((row for row in rows if row["sk"] == NOTE), None)


def _peaks(note: Data, first: int) -> dict[str, float]:
    return note["peaks"] if note["judged"] == first else {}


def _note(store: Store, after: Stored, rows: list[Row], decision: Decision, now: datetime) -> None:
    """Keep the peaks, where one has grown, over those that somebody else has kept meanwhile."""
    standing, first = _noted(rows), int(after.data["judged"])
    found = {one.metric: one.peak for one in decision.findings if one.peak > 0}
    for _ in range(TRIES):
        note = noted([] if standing is None else [standing])
        before = _peaks(note, first)
        peaks = before | {metric: peak for metric, peak in found.items() if peak > before.get(metric, 0.0)}
        if note["judged"] > first or peaks == before:
            return
        row = {
            "pk": after.id,
            "sk": NOTE,
            "schema": 1,
            "version": 1 if standing is None else standing["version"] + 1,
            "note": jsontext.written({"judged": first, "peaks": peaks}),
            "expires": int(now.timestamp()) + KEPT_DAYS * 86_400,
        }
        try:
            store.put(COUNTERS, row, Absent() if standing is None else Equals("version", standing["version"]))
            return
        except ConditionFailed as stands:
            standing = stands.row
