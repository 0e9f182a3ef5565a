"""From a planned change to its one-shot, and from the one-shot to the change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.calendar.handler import Use
from functions.calendar.handler import handler as calendar
from functions.planner.handler import handler as planner
from slipway.adapters.memory import MemorySchedules, MemoryStore
from slipway.flags.control import Control
from slipway.flags.schedules import NewSchedule
from slipway.outbox import envelopes
from slipway.resources import Stored
from tests.catalogue import START, a_call
from tests.flagging import made
from tests.functions.events import Context
from tests.records import arrival

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
        with planner.testing(self.control.schedules, lambda: now):
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
