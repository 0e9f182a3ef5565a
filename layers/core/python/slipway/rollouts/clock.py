"""The steps of rollouts, and the minutes at which they are due.

A one-shot outside (`slipway.ports.Schedules`), named after the rollout and the stage that it was made for, wakes `stepped` when
that stage's time is over; a consumer of the rollout's events makes it. The rollout's row alone decides: one-shots may come
twice, late, a minute early, or for a stage that is over. Once a day what is missing is made, and what is overdue is done.

An alarm tells when it goes off, and no more. So whether one rings already, and whether there is one at all, is asked when a
stage begins, which is after each start, step and resume, and before each step that is due: nobody is shown more while nobody
can tell.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from slipway.calls import Call
from slipway.ports import QUIET, Alarms, Heard
from slipway.ports import Schedules as OneShots
from slipway.resources import Stored
from slipway.rollouts import rollout, states
from slipway.rollouts.judging import judged
from slipway.rollouts.rollouts import Rollouts
from slipway.sweep import each


def awaited(rollouts: Rollouts, shots: OneShots, id: str, now: datetime) -> None:
    """Bring the one-shot of the rollout's stage up to its row: safe to repeat and in any order. Raises StoreUnavailable."""
    stored = rollouts.shelf.find(id)
    if stored is None or not stored.data["stages"]:
        return
    if stored.data["state"] == "running":
        _await(shots, stored, now)
    else:
        shots.remove(_name(stored))


def reconciled(rollouts: Rollouts, shots: OneShots, now: datetime) -> None:
    """Make what is missing; what should have come already comes as soon as it can. Raises the first error, after the others."""

    def reconcile(id: str) -> None:
        stored = rollouts.shelf.find(id)
        if stored is not None and stored.data["state"] == "running":
            _await(shots, stored, now)

    each(rollouts.under_way(), reconcile)


def begun(rollouts: Rollouts, alarms: Alarms, call: Call, id: str) -> Stored | None:
    """A stage of it has begun: it is judged, if an alarm of its guards rings already or is missing.

    Raises StoreUnavailable, Astray."""
    heard = _heard(rollouts, alarms, id)
    return judged(rollouts, call, id, heard) if heard.ringing or heard.missing else None


def stepped(rollouts: Rollouts, alarms: Alarms, call: Call, name: str) -> Stored | None:
    """What a one-shot of that name asks for: the rollout is judged, if it still is in that stage.

    Raises StoreUnavailable, Astray."""
    id, _, stage = name.rpartition("-")
    return looked(rollouts, alarms, call, id, shot=int(stage)) if id and stage.isdecimal() else None


def looked(rollouts: Rollouts, alarms: Alarms, call: Call, id: str, *, shot: int | None = None) -> Stored | None:
    """It is judged, by how its alarms stand now as well. Raises StoreUnavailable, Astray."""
    return judged(rollouts, call, id, _heard(rollouts, alarms, id), shot=shot)


def _heard(rollouts: Rollouts, alarms: Alarms, id: str) -> Heard:
    """How the alarms stand that its guards listen to."""
    stored = rollouts.shelf.find(id)
    names = rollout.alarms(stored.data) if stored is not None and stored.data["state"] in states.LIVE else set()
    return alarms.hear(names) if names else QUIET


def _await(shots: OneShots, stored: Stored, now: datetime) -> None:
    at = rollout.due(stored.data)
    if at is not None:
        shots.add(_name(stored), at if at > now else now.replace(second=0, microsecond=0) + timedelta(minutes=2))


def _name(stored: Stored) -> str:
    return f"{stored.id}-{int(stored.data['stage'])}"
