"""From a one-shot to the next step: once, however often it fires; and the day that finds what was lost."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import pytest

from slipway.adapters.memory import MemoryAlarms, MemoryStore
from slipway.flags import jsontext
from slipway.ports import Heard, Page, StoreUnavailable
from slipway.rollouts.evidence import view
from slipway.rollouts.judging import NOTE
from slipway.rollouts.states import Event
from slipway.tables import COUNTERS, FLAGS, Table
from tests.flagging import configured, disagreements
from tests.functions.events import daily
from tests.records import arrival
from tests.rolling import ALARM, ERRORS, Rolling, seen

MINUTES = [{"share": 5, "hold": {"minutes": 1}}, {"share": 50, "hold": {"minutes": 1}}, {"share": 100}]


class Store(MemoryStore):
    """`rival`: comes just before the next transaction; `refuse`: partitions of counters that do not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.rival: Any = None
        self.refuse: set[str] = set()

    def query(self, table: Table, partition: Any, *arguments: Any, **named: Any) -> Page:
        if table is COUNTERS and partition[0] in self.refuse:
            raise StoreUnavailable("throttled")
        return super().query(table, partition, *arguments, **named)

    def transact(self, writes: Any, token: str) -> None:
        rival, self.rival = self.rival, None
        if rival is not None:
            rival()
        super().transact(writes, token)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def rolling(store: Store) -> Iterator[Rolling]:
    made = Rolling(store)
    yield made
    assert disagreements(store) == []


def shot(id: str, stage: int = 0) -> dict[str, str]:
    return {"schedule": f"{id}-{stage}"}


def test_a_one_shot_takes_the_step_that_is_due(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    id = rolling.begin()
    rolling.count(id, seen() | seen(1, 500, 500))
    rolling.later(minutes=10)
    rolling.step(shot(id))
    stored = rolling.find(id)
    assert (stored.data["stage"], stored.data["why"]["code"], stored.actor) == (1, "hold_over", "system:ramp")
    line = log_lines[-1]
    assert (line["service"], line["source"], line["event_type"]) == ("ramp", "aws.scheduler", "schedule")
    assert (line["correlation_id"], line["decisions"]) == (f"{id}-0", {"running": 1})
    rolling.later(minutes=10)
    rolling.step(shot(id, 1))
    assert rolling.state(id) == "completed"
    assert rolling.control.configurations.shelf.read("flag#checkout#production").data["default_variant"] == "on"


def test_one_that_fires_twice_takes_one_step(rolling: Rolling) -> None:
    """Holds of a minute, and a clock that lets a one-shot come a minute early: the second one finds another stage."""
    id = rolling.begin(ladder=MINUTES)
    rolling.count(id, seen() | seen(1, 500, 500))
    rolling.later(minutes=1)
    rolling.step(shot(id))
    rolling.step(shot(id))
    assert rolling.find(id).data["stage"] == 1


def test_nor_do_two_at_the_same_moment(rolling: Rolling, store: Store, log_lines: list[dict[str, Any]]) -> None:
    """The one that loses reads again, and finds a stage that is not its own, however soon that is due."""
    id = rolling.begin(ladder=MINUTES)
    rolling.count(id, seen() | seen(1, 500, 500))
    rolling.later(minutes=1)
    store.rival = lambda: rolling.step(shot(id))
    rolling.step(shot(id))
    assert rolling.find(id).data["stage"] == 1
    assert [line.get("decisions") for line in log_lines] == [{"running": 1}, None]


def test_it_may_come_a_little_early_and_not_more(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.count(id, seen())
    rolling.later(minutes=8, seconds=59)
    rolling.step(shot(id))
    assert rolling.find(id).data["stage"] == 0
    rolling.later(seconds=1)
    rolling.step(shot(id))
    assert rolling.find(id).data["stage"] == 1


def test_a_hold_ends_at_a_whole_minute(rolling: Rolling) -> None:
    rolling.later(seconds=20)
    id = rolling.begin()
    rolling.count(id, seen())
    rolling.later(minutes=9, seconds=39)  # 9:09:59
    rolling.step(shot(id))
    assert rolling.find(id).data["stage"] == 0  # it is due at 9:11
    rolling.later(seconds=1)
    rolling.step(shot(id))
    assert rolling.find(id).data["stage"] == 1


@pytest.mark.parametrize("name", ["", "-", "-0", "rol_none-0", "rol_none", "rol_none--1", "rol_none-x", "rol_none-²", "x" * 64])
def test_a_name_of_nothing_moves_nothing(rolling: Rolling, name: str) -> None:
    id = rolling.begin()
    rolling.count(id, seen())
    rolling.later(minutes=5)
    rolling.step({"schedule": name} if name else daily(rolling.now))
    assert rolling.find(id).version == 1


@pytest.mark.parametrize("move", ["pause", "roll_back", "stop"])
def test_what_is_stopped_is_not_taken_further(rolling: Rolling, move: Any) -> None:
    id = rolling.begin()
    rolling.count(id, seen())
    rolling.move(id, move)
    rolling.later(minutes=10)
    rolling.step(shot(id))
    assert rolling.find(id).version == 2


def test_an_edit_at_the_same_moment_wins(rolling: Rolling, store: Store) -> None:
    id = rolling.begin()
    rolling.count(id, seen())
    rolling.later(minutes=10)
    edit = {"environment": "production", "default_variant": "on", "reason": "R", "seconds": 40_000}
    store.rival = lambda: configured(rolling.control, **edit)  # type: ignore[arg-type]
    rolling.step(shot(id))
    assert (rolling.state(id), rolling.why(id)) == ("stopped", "edited")


def test_harm_that_was_counted_is_seen_by_who_was_about_to_go_on(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.harm(id)
    rolling.later(minutes=10)
    rolling.step(shot(id))
    assert (rolling.state(id), rolling.why(id)) == ("rolled_back", "harm")
    assert rolling.store.get(COUNTERS, id, NOTE) is None  # the guard's affair


def test_nobody_came_so_it_pauses(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    id = rolling.begin()
    rolling.later(minutes=10)
    rolling.step(shot(id))
    assert (rolling.state(id), rolling.why(id)) == ("paused", "no_traffic")
    assert log_lines[-1]["decisions"] == {"paused": 1}


def test_it_waits_for_units(rolling: Rolling) -> None:
    id = rolling.begin(ladder=[{"share": 5, "hold": {"minutes": 1, "units": 2_000}}, {"share": 100}])
    rolling.count(id, seen())
    rolling.later(minutes=1)
    rolling.step(shot(id))
    assert rolling.state(id) == "advancing"
    rolling.step(shot(id))
    assert rolling.find(id).version == 2


def test_once_a_day_what_was_lost_is_found(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    rolling.flag("search")
    busy, silent = rolling.begin(), rolling.begin("search")
    rolling.count(busy, seen())
    rolling.later(minutes=9)
    rolling.step(daily(rolling.now))
    assert (rolling.find(busy).version, rolling.find(silent).version) == (1, 1)
    rolling.later(hours=9)
    rolling.step(daily(rolling.now))
    assert (rolling.find(busy).data["stage"], rolling.why(silent)) == (1, "no_traffic")
    line = log_lines[-1]
    assert (line["source"], line["event_type"]) == ("aws.events", "Scheduled.Event")
    assert line["decisions"] == {"running": 1, "paused": 1}


def test_one_that_cannot_be_judged_keeps_no_other(rolling: Rolling, store: Store, log_lines: list[dict[str, Any]]) -> None:
    for key in ("search", "cart"):
        rolling.flag(key)
    down, broken, sound = rolling.begin(), rolling.begin("search"), rolling.begin("cart", guards=[ERRORS])
    store.refuse.add(down)
    head = store.get(FLAGS, broken, "head")
    assert head is not None
    store.put(FLAGS, head | {"data": head["data"] | {"policy": "no JSON"}})
    rolling.harm(sound)
    with pytest.raises((StoreUnavailable, ValueError)):
        rolling.step(daily(rolling.now))
    assert rolling.state(sound) == "rolled_back"
    assert (log_lines[-1]["level"], log_lines[-1]["Failures"], log_lines[-1]["decisions"]) == ("ERROR", 1, {"rolled_back": 1})
    store.put(FLAGS, head)


def test_one_shots_that_wait_are_of_the_stage_that_runs(rolling: Rolling) -> None:
    """A step by hand leaves the earlier one to fire for nothing."""
    id = rolling.begin()
    rolling.count(id, seen() | seen(1, 500, 500))
    rolling.move(id, "advance")
    rolling.later(minutes=9)
    rolling.step(shot(id, 0))
    assert rolling.find(id).data["stage"] == 1


# --- alarms that ring already ---------------------------------------------------------------------------


class Silent(MemoryAlarms):
    """CloudWatch, when it does not answer."""

    def hear(self, names: Collection[str]) -> Heard:
        raise StoreUnavailable("DescribeAlarms: Throttling")


def test_what_begins_while_an_alarm_rings_is_taken_back(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    rolling.alarms.ring = {"checkout-5xx", "another"}
    id = rolling.begin(guards=[ERRORS, ALARM])
    rolling.told(id)
    assert (rolling.state(id), rolling.why(id), rolling.find(id).actor) == ("rolled_back", "alarm", "system:ramp")
    line = log_lines[-1]
    assert (line["source"], line["event_type"], line["decisions"]) == (
        "slipway.flags",
        "rollout.started.v1",
        {"rolled_back": 1},
    )
    rolling.step(arrival(rolling.first(id)))
    assert rolling.find(id).version == 2


@pytest.mark.parametrize("event", ["resume", "advance"])
def test_so_is_what_goes_on_while_it_rings(rolling: Rolling, event: Event) -> None:
    """It went off while the rollout was paused, or its message is lost: nobody tells again that it still rings."""
    id = rolling.begin(guards=[ERRORS, ALARM])
    rolling.told(id)
    assert rolling.find(id).version == 1
    if event == "resume":
        rolling.move(id, "pause")
    rolling.alarms.ring = {"checkout-5xx"}
    rolling.move(id, event)
    rolling.told(id)
    assert (rolling.state(id), rolling.why(id)) == ("rolled_back", "alarm")


@pytest.mark.parametrize(("action", "state", "code"), [("pause", "paused", "alarm"), ("notify", "running", "warned")])
def test_what_its_guard_says_is_done(rolling: Rolling, action: str, state: str, code: str) -> None:
    rolling.alarms.ring = {"checkout-5xx"}
    id = rolling.begin(guards=[ALARM | {"action": action}])
    rolling.told(id)
    assert (rolling.state(id), rolling.why(id)) == (state, code)


def test_nobody_is_shown_more_while_an_alarm_rings(rolling: Rolling) -> None:
    """Whose message never came."""
    id = rolling.begin(guards=[ALARM])
    rolling.alarms.ring = {"checkout-5xx"}
    rolling.later(minutes=10)
    rolling.step(shot(id))
    assert (rolling.state(id), rolling.why(id)) == ("rolled_back", "alarm")


def test_who_listens_to_an_alarm_that_there_is_not_is_told_so(rolling: Rolling) -> None:
    rolling.alarms.gone = {"checkout-5xx", "another"}
    id = rolling.begin(guards=[ERRORS, ALARM])
    rolling.told(id)
    paused = rolling.find(id)
    assert (paused.data["state"], rolling.why(id), paused.actor) == ("paused", "alarm", "system:ramp")
    assert "no alarm 'checkout-5xx'" in paused.data["why"]["detail"]
    kept = view(jsontext.read(paused.data["evidence"]))
    assert (kept["action"], kept["reason"], kept["guard"]) == ("pause", "alarm", "checkout-5xx")
    rolling.move(id, "resume")
    rolling.told(id)
    assert (rolling.state(id), rolling.why(id)) == ("paused", "alarm")
    rolling.alarms.gone = set()
    rolling.move(id, "resume")
    rolling.told(id)
    assert rolling.state(id) == "running"


def test_one_that_is_deleted_later_keeps_everybody_from_more(rolling: Rolling) -> None:
    id = rolling.begin(guards=[ALARM])
    rolling.told(id)
    rolling.alarms.gone = {"checkout-5xx"}
    rolling.later(minutes=10)
    rolling.step(shot(id))
    assert (rolling.state(id), rolling.why(id), rolling.find(id).data["stage"]) == ("paused", "alarm", 0)


def test_the_day_finds_an_alarm_that_rings(rolling: Rolling) -> None:
    id = rolling.begin(guards=[ALARM])
    rolling.alarms.ring = {"checkout-5xx"}
    rolling.step(daily(rolling.now))
    assert (rolling.state(id), rolling.why(id)) == ("rolled_back", "alarm")


def test_nor_while_nobody_can_tell_whether_it_does(rolling: Rolling) -> None:
    rolling.flag("search")
    id, deaf = rolling.begin(guards=[ALARM]), rolling.begin("search", guards=[])
    rolling.alarms = Silent()
    rolling.later(minutes=10)
    for event in (shot(id), daily(rolling.now)):
        with pytest.raises(StoreUnavailable):
            rolling.step(event)
    assert (rolling.find(id).version, rolling.find(deaf).data["stage"]) == (1, 1)  # the other one listens to none
    rolling.alarms = MemoryAlarms()
    rolling.step(shot(id))
    assert rolling.find(id).data["stage"] == 1


def test_where_none_rings_a_stage_begins_unjudged(rolling: Rolling) -> None:
    """Who begins has seen nobody yet: what was counted is the guard's affair."""
    id = rolling.begin(guards=[ERRORS, ALARM])
    rolling.harm(id)
    rolling.told(id)
    assert rolling.find(id).version == 1
    assert rolling.move(id, "stop").data["state"] == "stopped"
    rolling.alarms.ring = {"checkout-5xx"}
    rolling.step(arrival(rolling.first(id)))
    assert rolling.state(id) == "stopped"
