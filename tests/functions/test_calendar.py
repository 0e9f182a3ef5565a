"""From a planned change to its one-shot, and from the one-shot to the change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.calendar.handler import Use
from functions.calendar.handler import handler as calendar
from functions.planner.handler import Use as Planner
from functions.planner.handler import handler as planner
from slipway.adapters.memory import MemorySchedules, MemoryStore
from slipway.flags.control import Control
from slipway.flags.schedules import NewSchedule
from slipway.outbox import envelopes
from slipway.ports import StoreUnavailable
from slipway.resources import Stored
from slipway.rollouts.states import Event
from slipway.tables import FLAGS
from tests.catalogue import START, a_call
from tests.flagging import made
from tests.functions.events import Context
from tests.records import arrival
from tests.rolling import Rolling, seen

DAILY: dict[str, Any] = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


class Desk:
    def __init__(self) -> None:
        self.control, self.shots, self.steps, self.now = Control(MemoryStore()), MemorySchedules(), MemorySchedules(), START
        made(self.control)

    def planned(self, minutes: int = 5) -> Stored:
        change = {"flag": "checkout", "environment": "staging", "change": {"enabled": True}, "reason": "Launch"}
        new = NewSchedule.model_validate(change | {"at": (START + timedelta(minutes=minutes)).isoformat()})
        return self.control.schedules.plan(a_call(1, operation="schedules.plan"), new).stored

    def hears(self, event: dict[str, Any]) -> None:
        with calendar.testing(Use(self.control, self.shots, self.steps, lambda: self.now)):
            calendar(event, Context())

    def fires(self, id: str, now: datetime) -> str:
        with planner.testing(Planner(self.control.schedules, lambda: now)):
            planner({"schedule": id}, Context())
        return str(self.control.schedules.read(id).data["status"])


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_event_makes_the_one_shot_and_a_late_one_undoes_nothing(desk: Desk, log_lines: list[dict[str, object]]) -> None:
    plan = desk.planned()
    (event,) = map(arrival, envelopes(plan.row))
    desk.hears(event)
    desk.hears(event)
    assert desk.shots.waiting == {plan.id: START + timedelta(minutes=5)}
    cancelled = desk.control.schedules.cancel(a_call(2), plan.id, None)
    (late,) = map(arrival, envelopes(cancelled.row))
    desk.hears(late)
    desk.hears(event)
    assert desk.shots.waiting == {}
    assert [line["event_type"] for line in log_lines] == ["schedule.planned.v1"] * 2 + [
        "schedule.cancelled.v1",
        "schedule.planned.v1",
    ]


def test_the_one_shot_makes_the_change(desk: Desk, log_lines: list[dict[str, object]]) -> None:
    plan = desk.planned()
    assert desk.fires(plan.id, START + timedelta(minutes=3)) == "planned"
    assert desk.fires(plan.id, START + timedelta(minutes=5)) == "fired"
    assert desk.fires(plan.id, START + timedelta(minutes=6)) == "fired"
    assert desk.control.configurations.read(a_call(), "checkout", "staging")[1].data["enabled"] is True
    assert [line["service"] for line in log_lines] == ["planner"] * 3


def test_once_a_day_what_was_lost_comes_after_all(desk: Desk, log_lines: list[dict[str, object]]) -> None:
    plan = desk.planned()
    desk.now = START + timedelta(hours=9, seconds=30)
    desk.hears(DAILY)
    assert desk.shots.waiting == {plan.id: START + timedelta(hours=9, minutes=2)}
    assert desk.fires(plan.id, START + timedelta(hours=9, minutes=2)) == "fired"
    assert len(log_lines) == 2


class Refusing(MemorySchedules):
    """Makes no one-shot of these names."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def add(self, name: str, at: datetime) -> None:
        if name in self.names:
            raise StoreUnavailable("CreateSchedule: Throttling")
        super().add(name, at)


def test_a_one_shot_that_cannot_be_made_keeps_no_other(desk: Desk) -> None:
    first, second = desk.planned(5), desk.planned(6)
    desk.shots = Refusing(first.id)
    with pytest.raises(StoreUnavailable):
        desk.hears(DAILY)
    assert desk.shots.waiting.keys() == {second.id}


# --- rollouts -------------------------------------------------------------------------------------------


class Ladder(Rolling):
    """And the calendar that hears of it."""

    def hears(self, *events: dict[str, Any]) -> None:
        with calendar.testing(Use(self.control, MemorySchedules(), self.shots, lambda: self.now)):
            for event in events:
                calendar(event, Context())

    def events(self, id: str) -> list[dict[str, Any]]:
        """The events of all versions so far that the calendar takes."""
        rows = [row for (pk, _), row in self.store.tables["flags"].items() if pk == id]
        rows.sort(key=lambda row: row["version"])
        return [arrival(event) for row in rows for event in envelopes(row) if event["type"] != "rollout.waiting.v1"]

    def moves(self, id: str, *events: Event) -> None:
        for event in events:
            self.move(id, event)


@pytest.fixture
def ladder() -> Ladder:
    return Ladder()


def test_each_stage_has_its_one_shot(ladder: Ladder) -> None:
    start = ladder.now
    id = ladder.begin()
    ladder.hears(*ladder.events(id))
    assert ladder.shots.waiting == {f"{id}-0": start + timedelta(minutes=10)}
    ladder.later(minutes=3, seconds=1)
    ladder.moves(id, "advance")
    ladder.hears(*ladder.events(id)[1:])
    assert ladder.shots.waiting == {f"{id}-{n}": start + timedelta(minutes=at) for n, at in enumerate((10, 14))}


def test_what_is_paused_waits_for_nothing_until_it_goes_on(ladder: Ladder) -> None:
    id = ladder.begin()
    ladder.hears(*ladder.events(id))
    ladder.moves(id, "pause")
    ladder.hears(*ladder.events(id)[1:])
    assert ladder.shots.waiting == {}
    ladder.later(hours=1)
    ladder.moves(id, "resume")
    ladder.hears(*ladder.events(id)[2:])
    assert ladder.shots.waiting == {f"{id}-1": ladder.now + timedelta(minutes=10)}


@pytest.mark.parametrize("end", ["pause", "roll_back", "stop"])
def test_an_event_that_comes_late_or_again_undoes_nothing(ladder: Ladder, end: Event) -> None:
    id = ladder.begin()
    ladder.moves(id, end)
    ladder.hears(*reversed(ladder.events(id)), *ladder.events(id))
    assert ladder.shots.waiting == {}


def test_a_step_without_a_hold_waits_for_nothing(ladder: Ladder) -> None:
    """As ladders of one step alone once had."""
    id = ladder.begin()
    head = ladder.store.get(FLAGS, id, "head")
    assert head is not None
    ladder.store.put(FLAGS, head | {"data": head["data"] | {"ladder": [{"share": 100_000}]}})
    ladder.hears(*ladder.events(id))
    assert ladder.shots.waiting == {}


def test_once_a_day_a_step_that_was_lost_is_asked_for(ladder: Ladder) -> None:
    ladder.flag("search")
    lost, paused = ladder.begin(), ladder.begin("search")
    ladder.moves(paused, "pause")
    ladder.hears(DAILY)
    assert ladder.shots.waiting == {f"{lost}-0": ladder.now + timedelta(minutes=10)}
    ladder.shots.waiting.clear()
    ladder.later(hours=9, seconds=30)
    ladder.hears(DAILY)
    assert ladder.shots.waiting == {f"{lost}-0": ladder.now.replace(second=0) + timedelta(minutes=2)}
    ladder.count(lost, seen())
    ladder.step({"schedule": f"{lost}-0"})
    assert ladder.find(lost).data["stage"] == 1


def test_one_that_nobody_can_read_keeps_no_other_from_its_step(ladder: Ladder) -> None:
    ladder.flag("search")
    broken, sound = sorted((ladder.begin(), ladder.begin("search")))
    head = ladder.store.get(FLAGS, broken, "head")
    assert head is not None
    ladder.store.put(FLAGS, head | {"data": head["data"] | {"ladder": []}})
    with pytest.raises(IndexError):
        ladder.hears(DAILY)
    assert list(ladder.shots.waiting) == [f"{sound}-0"]


def test_a_scheduled_change_that_fails_keeps_no_rollout_from_its_step(
    ladder: Ladder, log_lines: list[dict[str, object]]
) -> None:
    change = {"flag": "checkout", "environment": "staging", "change": {"enabled": True}, "reason": "Launch"}
    at = (ladder.now + timedelta(minutes=5)).isoformat()
    plan = ladder.control.schedules.plan(ladder.call("schedules.plan"), NewSchedule.model_validate(change | {"at": at})).stored
    id = ladder.begin()
    use = Use(ladder.control, Refusing(plan.id), ladder.shots, lambda: ladder.now)
    with calendar.testing(use), pytest.raises(StoreUnavailable):
        calendar(DAILY, Context())
    assert ladder.shots.waiting.keys() == {f"{id}-0"}
    assert (log_lines[-1]["level"], log_lines[-1]["Failures"]) == ("ERROR", 1)
