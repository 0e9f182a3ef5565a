"""A rollout as it is kept: what it is to do, where it stands, and the two rows that change with each of its moves.

Kept per rollout (`rol_...`):

    flag, environment, from, to, bucket_by, holdback, reason, planned_by (`kind:id`), person (who that was, or
                who made the key that it was; missing where nobody knows), template (if any)
    ladder      [{share, minutes, units, approval}]; the last is what stays, without minutes where nothing is waited for there
    policy      JSON text: {alpha, early, guards: [{metric, kind, threshold, margin, action, trust_client}]}
    state       see `slipway.rollouts.states`
    share       that is in treatment, or stays there when it is over
    step        of the ladder, from 0; -1 while it is planned
    stage       a period with one split, from 0: each step begins one, and so does going on after a stop
    judged      the first stage that guards look at: what was known when a person went on is not held against it again
    stages      [{step, share, since}] by stage
    generation  of the secret that its units are hashed by; from its start on
    configured  the version of the configuration that its last move made
    drawn       a digest of the flag's hash and variants, by which it was begun or last resumed
    why         {code, detail}: of the last move
    warned      metrics of the guards that have told since `judged`, where any has
    evidence    JSON text: what the last decision was made of, where one was made

Shares are whole numbers of `SCALE` parts. The configuration's own field `rollout` is what evaluation reads of it, and the lock
that lets one run at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from slipway.calls import Call, timestamp
from slipway.flags import jsontext, ledger
from slipway.flags.beside import Beside
from slipway.ports import Store
from slipway.problems import Conflict
from slipway.resources import Event, Shelf, Stored
from slipway.rollouts import policy, states
from slipway.rollouts.exposure import SCALE
from slipway.signals.rows import metric
from slipway.tables import FLAGS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

RUNNING = "list#rollouts"  # those that are under way
MOST_STAGES = 24  # that it may come to: each is counted by itself, in rows that have an end


def shelf(store: Store) -> Shelf:
    return Shelf(store, FLAGS, kind="rollout", schema=newest("rollout"), upgrade=upgrader("rollout"))


def all_of(flag: str, environment: str) -> str:
    return f"list#rollouts#{flag}#{environment}"


def place(created_at: str, id: str) -> str:
    """Of a rollout in the list of its flag and environment."""
    return f"{created_at}#{id}"


def listed(place: str) -> str:
    """The id of who has that place."""
    return place.rpartition("#")[2]


# --- reading --------------------------------------------------------------------------------------------


def share(data: Mapping[str, Any]) -> int:
    """In force, or left when it is over; 0 where nobody is in treatment."""
    return int(data["share"])


def due(data: Mapping[str, Any]) -> datetime | None:
    """The whole minute at which the running stage's time is over; None where it waits for nothing."""
    step = data["ladder"][int(data["step"])]
    if "minutes" not in step:
        return None
    over = datetime.fromisoformat(data["stages"][-1]["since"]) + timedelta(minutes=int(step["minutes"]))
    whole = over.replace(second=0, microsecond=0)
    return whole if whole == over else whole + timedelta(minutes=1)


def guards(data: Mapping[str, Any]) -> list[policy.Guard]:
    """As they are judged: with the activity guard that others need."""
    return guarded(jsontext.read(data["policy"])["guards"])


def guarded(shapes: Iterable[Mapping[str, Any]]) -> list[policy.Guard]:
    """The same of guards as the API has them."""
    return policy.guarded(
        [policy.Guard(metric(one), one["kind"], one["margin"], one.get("action"), one["trust_client"]) for one in shapes]
    )


def alarms(data: Mapping[str, Any]) -> set[str]:
    """That its guards listen to."""
    return {guard.metric for guard in guards(data) if guard.kind == "alarm"}


def hears(data: Mapping[str, Any], alarm: str, at: datetime) -> bool:
    """Whether it is news to one of its guards that this alarm went off then: a message may be late, or come again. What went
    off before the guards began to look is nobody's news; whether it still rings is asked when a stage begins."""
    return alarm in alarms(data) and at >= datetime.fromisoformat(data["stages"][int(data["judged"])]["since"])


def watch(data: Mapping[str, Any]) -> list[Data]:
    """The metrics that the collector counts for it."""
    told = jsontext.read(data["policy"])["guards"]
    listed = [
        {name: one[name] for name in ("metric", "kind", "threshold") if one.get(name) is not None}
        for one in told
        if one["kind"] != "alarm"
    ]
    if any(guard.kind == "activity" for guard in guards(data)):
        listed = [*(one for one in listed if one["kind"] != "activity"), {"metric": policy.ACTIVITY, "kind": "activity"}]
    return listed


def in_force(data: Mapping[str, Any], id: str) -> Data:
    """The field `rollout` of the configuration."""
    told = {name: data[name] for name in ("from", "to", "bucket_by")}
    numbers = {"share": share(data), "stage": int(data["stage"]), "generation": int(data["generation"])}
    return {"id": id, **told, **numbers, "watch": jsontext.written(watch(data)), "steps": _steps(data)}


def _steps(data: Mapping[str, Any]) -> list[list[int]] | None:
    """Unix seconds and share of the steps to come, where they are a matter of time alone: guards may act, or miss units."""
    at, found = due(data), list[list[int]]()
    holds = any(guard.kind != "alarm" or guard.deed != "notify" for guard in guards(data))
    if data["state"] != "running" or holds or jsontext.read(data["policy"])["early"]:
        return None
    for step, then in zip(data["ladder"][int(data["step"]) :], data["ladder"][int(data["step"]) + 1 :], strict=False):
        if at is None or "units" in step or "approval" in step:
            return None
        found.append([int(at.timestamp()), int(then["share"])])
        at += timedelta(minutes=int(then.get("minutes", 0)))
    return found or None


# --- moving ---------------------------------------------------------------------------------------------


def moved(data: Mapping[str, Any], event: states.Event, now: datetime, code: str, detail: str) -> Data:
    """After that event. A stage that was told ahead begins when it was told to, by whoever evaluates by that.

    Raises MoveNotAllowed."""
    after: Data = {**data, "state": states.move(data["state"], event), "why": {"code": code, "detail": detail}}
    after.pop("evidence", None)
    if event in ("start", "advance"):
        told = due(data) if code == "hold_over" and _steps(data) else None
        return _begun(after, int(data["step"]) + 1, now if told is None else min(now, told))
    if event == "resume":
        after.pop("warned", None)
        if len(data["stages"]) + len(data["ladder"]) - int(data["step"]) > MOST_STAGES:
            raise Conflict("It was resumed too often to be judged: stop it, and begin another one.")
        return {**_begun(after, int(data["step"]), now), "judged": int(data["stage"]) + 1}
    if event == "complete":
        return {**after, "share": final(data)}
    return {**after, "share": 0} if event in ("roll_back", "human_edit") else after


def _begun(data: Data, step: int, now: datetime) -> Data:
    """A new stage."""
    stages = [*data["stages"], {"step": step, "share": data["ladder"][step]["share"], "since": timestamp(now)}]
    return {**data, "step": step, "share": int(stages[-1]["share"]), "stage": len(stages) - 1, "stages": stages}


def final(data: Mapping[str, Any]) -> int:
    """The share that stays when it is completed."""
    return SCALE - int(data["holdback"])


def told(data: Mapping[str, Any], version: int, name: str = "") -> Event:
    """The event of a move, or of that name."""
    name = name or (_EVENTS[data["state"]] if data["state"] != "running" else _begins(data))
    facts = {name: data[name] for name in ("flag", "environment", "state")}
    facts |= {"stage": int(data["stage"]), "share": share(data), "why": data["why"]["code"]}
    return f"rollout.{name}.v1", facts | {"version": version, "changes": [{"field": "state", "to": data["state"]}]}


def _begins(data: Mapping[str, Any]) -> str:
    if len(data["stages"]) == 1:
        return "started"
    return "resumed" if int(data["judged"]) == int(data["stage"]) else "advanced"


_EVENTS = {
    "planned": "planned",
    "advancing": "waiting",
    "paused": "paused",
    "rolled_back": "rolled_back",
    "completed": "completed",
    "stopped": "stopped",
}


def lists(before: Mapping[str, Any], after: Mapping[str, Any], id: str) -> list[Beside]:
    old, new = ([(RUNNING, id)] if data.get("state") in states.LIVE else [] for data in (before, after))
    return ledger.moved(old, new)


def ended(store: Store, call: Call, configuration: Stored, what: str) -> list[Beside]:
    """What an edit of the configuration by hand writes beside itself: the rollout that runs is stopped.

    Where its row is lost, or says that it is over, that is in nobody's way."""
    if "rollout" not in configuration.data:
        return []
    kept, id = shelf(store), configuration.data["rollout"]["id"]
    before = kept.find(id)
    if before is None or before.data["state"] not in states.LIVE:
        return ledger.moved([(RUNNING, id)], [])
    who = call.cause["actor"]
    after = moved(before.data, "human_edit", call.now, "edited", f"{who} changed {what}: what was written there holds now.")
    after["ended_by"] = who
    writes, _token = kept.updating(call, before, after, [told(after, before.version + 1)])
    return [*map(Beside, writes), *lists(before.data, after, id)]
