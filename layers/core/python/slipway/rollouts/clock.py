"""The steps of rollouts, and the minutes at which they are due.

A one-shot outside (`slipway.ports.Schedules`), named after the rollout and the stage that it was made for, wakes `stepped` when
that stage's time is over; a consumer of the rollout's events makes it. The rollout's row alone decides: one-shots may come
twice, late, a minute early, or for a stage that is over. Once a day what is missing is made, and what is overdue is done.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from slipway.calls import Call
from slipway.ports import Schedules as OneShots
from slipway.resources import Stored
from slipway.rollouts import rollout
from slipway.rollouts.judging import judged
from slipway.rollouts.rollouts import Rollouts


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
    errors = []
    for id in rollouts.under_way():
        try:
            stored = rollouts.shelf.find(id)
            if stored is not None and stored.data["state"] == "running":
                _await(shots, stored, now)
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


def stepped(rollouts: Rollouts, call: Call, name: str) -> Stored | None:
    """What a one-shot of that name asks for: the rollout is judged, if it still is in that stage."""
    id, _, stage = name.rpartition("-")
    return judged(rollouts, call, id, shot=int(stage)) if id and stage.isdecimal() else None


def _await(shots: OneShots, stored: Stored, now: datetime) -> None:
    at = rollout.due(stored.data)
    if at is not None:
        shots.add(_name(stored), at if at > now else now.replace(second=0, microsecond=0) + timedelta(minutes=2))


def _name(stored: Stored) -> str:
    return f"{stored.id}-{int(stored.data['stage'])}"
