"""From counts, and from alarms, to the verdict on a rollout: whatever comes, however often, and whoever else moves it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.edge.stream import BatchFailed
from slipway.flags import jsontext
from slipway.outbox import due
from slipway.ports import Page, Row, StoreUnavailable
from slipway.problems import Conflict, PreconditionFailed
from slipway.rollouts import judging
from slipway.rollouts.judging import NOTE, Astray, counters, noted
from slipway.rollouts.states import Event
from slipway.rowsize import row_bytes
from slipway.signals.rows import ROLLOUT_DAYS
from slipway.tables import COUNTERS, FLAGS, Table
from tests.flagging import configured, disagreements
from tests.rolling import ALARM, ERRORS, LADDER, Rolling, notification, seen


class Store(MemoryStore):
    """`before`: what comes just before each transaction; `refuse`: partitions that do not answer; `lost`: how many answers do
    not arrive; `page`: rows of one."""

    def __init__(self) -> None:
        super().__init__()
        self.refuse: set[str] = set()
        self.lost = 0
        self.before: list[Callable[[], Any]] = []
        self.transactions = 0
        self.page = 100

    def query(self, table: Table, partition: Any, *arguments: Any, **named: Any) -> Page:
        if partition[0] in self.refuse:
            raise StoreUnavailable("throttled")
        return super().query(table, partition, *arguments, **{"limit": self.page, **named})

    def transact(self, writes: Any, token: str) -> None:
        if self.before:
            self.before.pop(0)()
        self.transactions += 1
        super().transact(writes, token)
        if self.lost:
            self.lost -= 1
            raise StoreUnavailable("lost")


@pytest.fixture
def rolling() -> Any:
    made = Rolling(Store())
    yield made
    assert disagreements(made.store) == []
    assert list(made.quarantine.objects) == []


def told(rolling: Rolling, id: str) -> list[str]:
    """The types of the events of all its versions, in order."""
    rows = sorted((row for (pk, _), row in rolling.store.tables["flags"].items() if pk == id), key=lambda row: row["version"])
    return [event["type"] for row in rows for event in due(None, {**row, "sk": "head"})]


def store(rolling: Rolling) -> Store:
    assert isinstance(rolling.store, Store)
    return rolling.store


# --- counts ---------------------------------------------------------------------------------------------


def test_harm_that_is_counted_takes_the_rollout_back(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    id = rolling.begin()
    rolling.harm(id)
    assert rolling.deliver() == []
    assert (rolling.state(id), rolling.why(id)) == ("rolled_back", "harm")
    assert "rollout" not in configuration(rolling)
    assert log_lines[-1]["decisions"] == {"rolled_back": 1}
    assert log_lines[-1]["level"] == "INFO"
    assert told(rolling, id) == ["rollout.started.v1", "rollout.rolled_back.v1"]
    assert rolling.find(id).actor == "system:guard"
    kept = jsontext.read(rolling.find(id).data["evidence"])
    assert (kept["guard"], kept["action"], kept["findings"][0]["stages"][0]["treatment"]) == ("errors", "roll_back", 9)


def test_what_comes_again_in_any_order_changes_nothing_more(rolling: Rolling) -> None:
    """The record only says that something was counted: an older one does not bring back what it shows."""
    id = rolling.begin()
    for number in range(8):
        rolling.count(id, seen() | {"met|errors|0|t|server": number, "met|errors|0|c|server": 12 * number})
    rolling.deliver()
    assert rolling.state(id) == "running"
    rolling.harm(id)
    for seed in range(5):
        records = [*rolling.records, *rolling.records]
        random.Random(seed).shuffle(records)
        assert rolling.deliver(records) == []
    assert rolling.find(id).version == 2
    assert told(rolling, id)[1:] == ["rollout.rolled_back.v1"]


def test_a_judgement_that_decides_nothing_writes_nothing_but_a_larger_peak(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.count(id, seen() | {"met|errors|0|t|server": 2, "met|errors|0|c|server": 3})
    rolling.deliver()
    once, transactions = counters(rolling.store, id), store(rolling).transactions
    rolling.deliver()
    assert counters(rolling.store, id) == once
    assert store(rolling).transactions == transactions
    peak = noted(once)["peaks"]["errors"]
    rolling.count(id, seen() | {"met|errors|0|t|server": 2, "met|errors|0|c|server": 300})
    rolling.deliver()
    assert noted(counters(rolling.store, id))["peaks"]["errors"] == peak


def test_the_note_of_whoever_came_between_is_kept(rolling: Rolling, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both peaks stand: of each guard the larger."""
    id = rolling.begin(guards=[ERRORS, {"metric": "slow", "kind": "bad_units"}])
    rolling.count(id, seen() | {"met|errors|0|t|server": 2, "met|slow|0|t|server": 2})
    read = judging.counters

    def raced(*arguments: Any) -> list[Row]:
        rows = read(*arguments)
        note = jsontext.written({"judged": 0, "peaks": {"errors": 100.0, "slow": 0.1}})
        rolling.store.put(COUNTERS, {"pk": id, "sk": NOTE, "schema": 1, "version": 1, "note": note})
        return rows

    monkeypatch.setattr(judging, "counters", raced)
    rolling.deliver()
    peaks = noted(read(rolling.store, id))["peaks"]
    assert peaks["errors"] == 100.0
    assert peaks["slow"] > 1


def test_the_note_wakes_nobody(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.count(id, seen() | {"met|errors|0|t|server": 2})
    rolling.deliver()
    (note,) = (one for one in rolling.records if one["dynamodb"]["Keys"]["sk"]["S"] == NOTE)
    store(rolling).refuse.add(id)
    assert rolling.deliver([note]) == []


def test_counters_of_flags_and_metrics_are_nobodys_business(rolling: Rolling) -> None:
    row = {"sk": "2026-11-01#00", "schema": 1, "version": 1, "last": "1", "floor": 0, "counts": {}, "networks": {}}
    rolling.store.put(COUNTERS, {"pk": "adopt#production#checkout", **row})
    rolling.store.put(COUNTERS, {"pk": "metric#production#errors", **row})
    before = store(rolling).transactions
    assert rolling.deliver() == []
    assert store(rolling).transactions == before


def test_all_of_a_large_partition_is_read(rolling: Rolling) -> None:
    """A page ends at 1 MB; what is on the next one counts."""
    id = rolling.begin()
    for shard in range(15):
        rolling.count(id, seen(0, 95, 5), f"{shard:02x}")
    rolling.count(id, seen(0, 95, 5) | {"met|errors|0|t|server": 9}, "0f")
    store(rolling).page = 4
    rolling.deliver()
    assert rolling.state(id) == "rolled_back"
    assert jsontext.read(rolling.find(id).data["evidence"])["exposed"][0]["control"] == 16 * 95


def test_units_that_came_take_a_waiting_rollout_on(rolling: Rolling) -> None:
    """`advancing` waits for units, and goes on with the count that brings them."""
    id = rolling.begin(ladder=[{"share": 5, "hold": {"minutes": 10, "units": 1_000}}, {"share": 100}])
    rolling.count(id, seen(0, 900, 50))
    rolling.later(minutes=9, seconds=59)
    rolling.deliver()
    assert rolling.state(id) == "running"
    rolling.later(seconds=1)
    rolling.deliver()
    assert (rolling.state(id), rolling.why(id)) == ("advancing", "holding")
    rolling.deliver()
    assert rolling.find(id).version == 2
    rolling.count(id, seen(0, 950, 50))
    rolling.deliver()
    assert (rolling.state(id), told(rolling, id)[1:]) == ("completed", ["rollout.waiting.v1", "rollout.completed.v1"])


def test_a_hold_of_a_minute_is_a_minute_whoever_looks(rolling: Rolling) -> None:
    """Counts come all the time; only one-shots may come early."""
    id = rolling.begin(ladder=[{"share": 5, "hold": {"minutes": 1}}, {"share": 50, "hold": {"minutes": 1}}, {"share": 100}])
    rolling.count(id, seen() | seen(1))
    rolling.deliver()
    assert rolling.find(id).data["stage"] == 0
    rolling.later(minutes=1)
    rolling.deliver()
    rolling.deliver()
    assert rolling.find(id).data["stage"] == 1


def test_an_approval_is_waited_for(rolling: Rolling) -> None:
    id = rolling.begin(ladder=[{"share": 5, "hold": {"minutes": 1, "approval": True}}, {"share": 100}])
    rolling.count(id, seen())
    rolling.later(minutes=1)
    rolling.deliver()
    rolling.deliver()
    assert rolling.state(id) == "advancing"
    assert rolling.move(id, "advance").data["state"] == "completed"


def test_early_goes_on_where_no_harm_is_proven(rolling: Rolling) -> None:
    id = rolling.begin(early=True, guards=[ERRORS | {"margin": 0.5}, {"kind": "activity", "margin": 0.5}])
    many = {"exposed|0|c|server": 95_000, "exposed|0|t|server": 5_000}
    for metric in ("errors", "*"):
        many |= {f"met|{metric}|0|c|server": 9_500, f"met|{metric}|0|t|server": 500}
    rolling.count(id, many)
    rolling.deliver()
    assert (rolling.find(id).data["stage"], rolling.why(id)) == (1, "no_worse")


def test_early_goes_through_no_stage_unseen(rolling: Rolling) -> None:
    """What is proven stays so: each stage waits until somebody has come to it, or the ladder were none."""
    guards = [ERRORS | {"margin": 0.5}, {"kind": "activity", "margin": 0.5}]
    id = rolling.begin(early=True, guards=guards, ladder=[*LADDER[:2], {"share": 75, "hold": {"minutes": 10}}, {"share": 100}])
    many = {"exposed|0|c|server": 95_000, "exposed|0|t|server": 5_000}
    for metric in ("errors", "*"):
        many |= {f"met|{metric}|0|c|server": 9_500, f"met|{metric}|0|t|server": 500}
    for stage in range(1, 3):
        rolling.count(id, many)
        rolling.deliver()
        rolling.deliver()
        assert rolling.find(id).data["stage"] == stage
        many |= {f"seen|{stage}": 1}


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (seen(0, 950, 150), "sample_ratio"),
        (seen() | {"out|0": 100}, "contamination"),
        ({"none": 40}, "no_traffic"),
    ],
)
def test_what_cannot_be_compared_pauses_once(rolling: Rolling, counts: dict[str, int], why: str) -> None:
    id = rolling.begin()
    rolling.count(id, counts)
    rolling.later(minutes=10)
    rolling.deliver()
    rolling.deliver()
    assert (rolling.state(id), rolling.why(id), rolling.find(id).version) == ("paused", why, 2)
    assert configuration(rolling)["rollout"]["share"] == 5_000


def test_an_activity_guard_counts_any_outcome(rolling: Rolling) -> None:
    id = rolling.begin(guards=[{"kind": "activity"}])
    rolling.count(
        id, {"exposed|0|c|server": 9_500, "exposed|0|t|server": 500, "met|*|0|c|server": 4_000, "met|*|0|t|server": 9}
    )
    rolling.deliver()
    assert rolling.state(id) == "rolled_back"


def test_a_large_threshold_is_counted_under_the_name_that_the_collector_gives_it(rolling: Rolling) -> None:
    id = rolling.begin(guards=[{"metric": "bytes", "kind": "slow_units", "threshold": 2_500_000}])
    rolling.harm(id, metric="bytes>2500000")
    rolling.deliver()
    assert rolling.state(id) == "rolled_back"


def test_a_rollout_that_is_older_than_what_is_known_of_its_units_pauses(rolling: Rolling) -> None:
    """After that a unit would be counted once more; who resumes it has the guards look anew."""
    id = rolling.begin(ladder=[{"share": 5, "hold": {"minutes": 1, "approval": True}}, {"share": 100}])
    rolling.count(id, seen())
    rolling.later(days=ROLLOUT_DAYS, seconds=-1)
    rolling.deliver()
    assert rolling.state(id) == "advancing"
    rolling.later(seconds=1)
    rolling.deliver()
    rolling.deliver()
    assert (rolling.state(id), rolling.why(id), rolling.find(id).version) == ("paused", "too_long", 3)
    rolling.move(id, "resume")
    rolling.count(id, seen() | seen(1))
    rolling.deliver()
    assert rolling.state(id) == "running"
    rolling.later(days=ROLLOUT_DAYS)
    rolling.harm(id, stage=1)
    rolling.deliver()
    assert rolling.why(id) == "harm"


def test_one_by_which_nobody_is_counted_may_be_as_old_as_it_likes(rolling: Rolling) -> None:
    id = rolling.begin(ladder=[{"share": 5, "hold": {"minutes": 1, "approval": True}}, {"share": 100}], guards=[ALARM])
    rolling.count(id, seen())
    rolling.later(days=ROLLOUT_DAYS)
    rolling.deliver()
    assert rolling.state(id) == "advancing"


# --- guards that only tell ------------------------------------------------------------------------------


def test_a_guard_that_only_tells_does_so_once(rolling: Rolling) -> None:
    id = rolling.begin(guards=[ERRORS | {"action": "notify"}])
    rolling.harm(id)
    store(rolling).lost = 1
    assert len(rolling.deliver()) == 1
    for _ in range(3):
        assert rolling.deliver() == []
    assert told(rolling, id)[1:] == ["rollout.warned.v1"]
    assert rolling.state(id) == "running"


def test_it_tells_and_goes_on_in_one_look(rolling: Rolling) -> None:
    """Nobody may look again for a day."""
    id = rolling.begin(guards=[{"metric": f"m{n}", "kind": "bad_units", "action": "notify"} for n in range(9)])
    counts = seen() | {f"met|m{n}|0|t|server": 30 for n in range(9)}
    rolling.count(id, counts)
    rolling.later(minutes=10)
    rolling.deliver()
    assert told(rolling, id)[1:] == ["rollout.warned.v1"] * 9 + ["rollout.advanced.v1"]


def test_who_was_told_is_told_again_after_a_person_went_on(rolling: Rolling) -> None:
    id = rolling.begin(guards=[ERRORS | {"action": "notify"}])
    rolling.harm(id)
    rolling.deliver()
    rolling.move(id, "pause")
    rolling.move(id, "resume")
    rolling.deliver()
    assert told(rolling, id).count("rollout.warned.v1") == 1
    rolling.harm(id, stage=1)
    rolling.deliver()
    assert told(rolling, id).count("rollout.warned.v1") == 2


# --- others who move it ---------------------------------------------------------------------------------


def test_an_edit_at_the_same_moment_wins(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.harm(id)
    store(rolling).before = [
        lambda: configured(rolling.control, environment="production", default_variant="on", reason="R", seconds=40_000)
    ]
    assert rolling.deliver() == []
    assert (rolling.state(id), rolling.why(id)) == ("stopped", "edited")
    assert configuration(rolling)["default_variant"] == "on"


def test_a_pause_at_the_same_moment_does_not_hold_a_step_back_up(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.harm(id)
    store(rolling).before = [lambda: rolling.move(id, "pause")]
    assert rolling.deliver() == []
    assert told(rolling, id) == ["rollout.started.v1", "rollout.paused.v1", "rollout.rolled_back.v1"]


EDIT = {"environment": "production", "default_variant": "on", "reason": "R", "seconds": 40_000}


@pytest.mark.parametrize("who", ["guard", "ramp", "alarm"])
@pytest.mark.parametrize("harmful", [True, False])
@pytest.mark.parametrize("act", ["pause", "advance", "stop", "roll_back", "edit"])
def test_whatever_a_person_does_at_the_same_moment_is_not_undone(rolling: Rolling, who: str, harmful: bool, act: str) -> None:
    """The verdict is made anew on what the person has left: harm takes back what still runs, a step that was due is no other
    one's."""
    id = rolling.begin(guards=[ERRORS, ALARM])
    rolling.count(id, seen() | ({"met|errors|0|t|server": 9} if harmful else {}))
    rolling.later(minutes=10)
    edit: Callable[[], Any] = lambda: configured(rolling.control, **EDIT)  # type: ignore[arg-type]  # noqa: E731
    store(rolling).before = [edit if act == "edit" else lambda: rolling.move(id, act)]  # type: ignore[arg-type]
    if who == "guard":
        assert rolling.deliver() == []
    elif who == "ramp":
        rolling.step({"schedule": f"{id}-0"})
    else:
        rolling.ring(notification(at=rolling.now))
    after, back = rolling.find(id).data, harmful or who == "alarm"
    taken = {"pause": "paused", "advance": "running", "stop": "stopped", "roll_back": "rolled_back", "edit": "stopped"}
    # A one-shot is of its stage: of the next one the guard knows.
    heard = back and act in ("pause", "advance") and (who, act) != ("ramp", "advance")
    assert after["state"] == ("rolled_back" if heard else taken[act])
    assert after["why"]["code"] in (("harm", "alarm") if heard else ("edited",) if act == "edit" else (act,))
    assert rolling.find(id).version == (3 if heard else 2)
    assert len(after["stages"]) == (2 if act == "advance" else 1)


@pytest.mark.parametrize("act", ["pause", "advance", "stop", "roll_back"])
def test_nor_does_a_person_undo_a_verdict_that_they_did_not_see(rolling: Rolling, act: Event) -> None:
    id = rolling.begin()
    rolling.harm(id)
    store(rolling).before = [rolling.deliver]
    with pytest.raises(PreconditionFailed):
        rolling.move(id, act)
    assert (rolling.state(id), rolling.why(id)) == ("rolled_back", "harm")


def test_a_pause_at_the_same_moment_is_not_undone_by_a_step_forward(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.count(id, seen())
    rolling.later(minutes=10)
    store(rolling).before = [lambda: rolling.move(id, "pause")]
    assert rolling.deliver() == []
    assert (rolling.state(id), rolling.find(id).data["stage"]) == ("paused", 0)


def test_what_was_known_when_a_person_went_on_is_not_held_against_it(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.harm(id)
    rolling.deliver()
    rolling.move(id, "resume")
    rolling.count(id, seen() | seen(1) | {"met|errors|0|t|server": 10})
    rolling.deliver()
    assert rolling.state(id) == "running"
    rolling.harm(id, stage=1)
    rolling.deliver()
    assert rolling.state(id) == "rolled_back"


def test_others_who_never_stop_are_told_of_and_it_comes_again(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    id = rolling.begin()
    rolling.harm(id)
    store(rolling).before = [step for _ in range(5) for step in (lambda: rolling.touch(id), lambda: None)]
    assert len(rolling.deliver()) == 1
    assert (log_lines[-1]["error_code"], log_lines[-1]["error_type"]) == ("unjudged", "StoreUnavailable")
    assert rolling.deliver() == []
    assert rolling.state(id) == "rolled_back"


def test_it_is_not_resumed_more_often_than_its_counters_hold(rolling: Rolling) -> None:
    id = rolling.begin()
    for _ in range(21):
        rolling.move(id, "pause")
        rolling.move(id, "resume")
    rolling.move(id, "pause")
    with pytest.raises(Conflict, match="too often"):
        rolling.move(id, "resume")
    assert len(rolling.find(id).data["stages"]) == 22  # and two steps to come


# --- what goes wrong ------------------------------------------------------------------------------------


def test_throttled_it_comes_again_and_keeps_nobody_else(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    rolling.flag("search")
    first, second = rolling.begin(), rolling.begin("search")
    rolling.harm(first)
    rolling.harm(second)
    store(rolling).refuse.add(first)
    missed = rolling.deliver()
    assert missed == [rolling.records[0]["dynamodb"]["SequenceNumber"]]
    assert (rolling.state(first), rolling.state(second)) == ("running", "rolled_back")
    assert (log_lines[-1]["error_code"], log_lines[-1]["failed"]) == ("unjudged", 1)
    store(rolling).refuse.clear()
    assert rolling.deliver() == []
    assert rolling.state(first) == "rolled_back"


def test_an_answer_that_is_lost_is_no_second_step(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.harm(id)
    store(rolling).lost = 1
    assert len(rolling.deliver()) == 1
    assert rolling.deliver() == []
    assert told(rolling, id)[1:] == ["rollout.rolled_back.v1"]


def test_where_the_platform_ignores_what_failed_the_batch_fails(rolling: Rolling) -> None:
    id = rolling.begin()
    rolling.harm(id)
    store(rolling).refuse.add(id)
    with pytest.raises(BatchFailed):
        rolling.deliver(raising=True)


def spoilt(rolling: Rolling, id: str, **fields: Any) -> None:
    head = rolling.store.get(FLAGS, id, "head")
    assert head is not None
    rolling.store.put(FLAGS, head | {"data": head["data"] | fields})


@pytest.mark.parametrize("field", [{"policy": "{}"}, {"policy": "no JSON"}, {"stages": []}, {"step": 99}])
def test_a_row_that_nobody_can_read_keeps_no_other_rollout(field: dict[str, Any], log_lines: list[dict[str, Any]]) -> None:
    rolling = Rolling()
    rolling.flag("search")
    broken, sound = rolling.begin(guards=[ERRORS, ALARM]), rolling.begin("search", guards=[ERRORS, ALARM])
    spoilt(rolling, broken, **field)
    rolling.harm(broken)
    rolling.harm(sound)
    assert rolling.deliver() == []
    assert rolling.state(sound) == "rolled_back"
    (key,) = rolling.quarantine.objects
    assert key.startswith("records/guard/")
    assert (log_lines[-1]["quarantined"], log_lines[-1]["Quarantined"], log_lines[-1]["level"]) == (1, 1, "ERROR")


def test_nor_does_it_keep_an_alarm_or_the_day_from_the_others(log_lines: list[dict[str, Any]]) -> None:
    rolling = Rolling()
    rolling.flag("search")
    broken, sound = rolling.begin(guards=[ERRORS, ALARM]), rolling.begin("search", guards=[ERRORS, ALARM])
    spoilt(rolling, broken, policy="no JSON")
    with pytest.raises(ValueError):
        rolling.ring()
    assert rolling.state(sound) == "rolled_back"
    assert log_lines[-1]["decisions"] == {"rolled_back": 1}


def test_a_rollout_of_which_the_configuration_knows_nothing_is_put_aside() -> None:
    """No waiting mends it: it must not come again for hours."""
    rolling = Rolling()
    id = rolling.begin()
    head = rolling.store.get(FLAGS, "flag#checkout#production", "head")
    assert head is not None
    rolling.store.put(FLAGS, head | {"data": {name: value for name, value in head["data"].items() if name != "rollout"}})
    rolling.harm(id)
    assert rolling.deliver() == []
    (blob,) = rolling.quarantine.objects.values()
    assert Astray.__name__ in json.loads(blob.body)["reason"]


def test_a_record_without_an_image_is_put_aside() -> None:
    rolling = Rolling()
    rolling.harm(rolling.begin())
    del rolling.records[0]["dynamodb"]["NewImage"]
    assert rolling.deliver() == []
    assert len(rolling.quarantine.objects) == 1


# --- alarms ---------------------------------------------------------------------------------------------


def test_an_alarm_takes_back_the_rollouts_that_listen_to_it(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    rolling.flag("search")
    rolling.flag("cart")
    first, second = (rolling.begin(flag, guards=[ERRORS, ALARM]) for flag in ("checkout", "search"))
    other = rolling.begin("cart", guards=[ERRORS, {"metric": "cart-5xx", "kind": "alarm"}])
    rolling.ring()
    assert [rolling.state(id) for id in (first, second, other)] == ["rolled_back", "rolled_back", "running"]
    assert rolling.why(first) == "alarm"
    line = log_lines[-1]
    assert (line["source"], line["event_type"], line["alarm"]) == ("aws.sns", "alarm", "checkout-5xx")
    assert line["decisions"] == {"rolled_back": 2}
    rolling.ring()
    assert rolling.find(first).version == 2


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_rings_no_more_moves_nothing(rolling: Rolling, state: str, log_lines: list[dict[str, Any]]) -> None:
    id = rolling.begin(guards=[ALARM])
    rolling.ring(notification(state=state))
    assert rolling.find(id).version == 1
    assert log_lines[-1]["alarm"] == "checkout-5xx"


@pytest.mark.parametrize(
    "message",
    [
        *("hello", "", "null", "[]", "7", "{}", "[" * 100_000),
        '{"AlarmName": 7, "NewStateValue": "ALARM", "StateChangeTime": "2026-11-01T09:01:10.123+0000"}',
        '{"AlarmName": "x"}',
        *(f'{{"AlarmName": "x", "NewStateValue": "ALARM", "StateChangeTime": {at}}}' for at in ("7", '"now"', '"2026-11-01"')),
    ],
)
def test_a_message_that_is_of_no_alarm_is_told_and_keeps_no_other(
    rolling: Rolling, message: str, log_lines: list[dict[str, Any]]
) -> None:
    id = rolling.begin(guards=[ALARM])
    rolling.ring(notification(Message=message), notification())
    assert rolling.state(id) == "rolled_back"
    assert (log_lines[-1]["level"], log_lines[-1]["error_code"]) == ("WARN", "no_alarm")


def test_an_alarm_whose_name_may_be_anything_is_not_logged(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    name = "Mail of ada@example.com bounces"
    id = rolling.begin(guards=[ALARM | {"metric": name}])
    rolling.ring(notification(name))
    assert rolling.state(id) == "rolled_back"
    assert "alarm" not in log_lines[-1]


def test_an_alarm_comes_again_where_somebody_could_not_be_judged(rolling: Rolling, log_lines: list[dict[str, Any]]) -> None:
    rolling.flag("search")
    first, second = rolling.begin(guards=[ERRORS, ALARM]), rolling.begin("search", guards=[ERRORS, ALARM])
    store(rolling).refuse.add(first)
    with pytest.raises(StoreUnavailable):
        rolling.ring(notification("other"), notification())
    assert (rolling.state(first), rolling.state(second)) == ("running", "rolled_back")
    assert log_lines[-1]["Failures"] == 1


def test_an_alarm_may_only_pause_or_tell(rolling: Rolling) -> None:
    rolling.flag("search")
    paused = rolling.begin(guards=[ALARM | {"action": "pause"}])
    warned = rolling.begin("search", guards=[ALARM | {"action": "notify"}])
    for _ in range(3):
        rolling.ring()
    assert (rolling.state(paused), rolling.state(warned)) == ("paused", "running")
    assert told(rolling, warned) == ["rollout.started.v1", "rollout.warned.v1"]


def test_a_message_that_is_late_or_comes_again_holds_nothing_against_who_went_on(rolling: Rolling) -> None:
    """A person has mended it and resumed: what went off before then is no news."""
    id = rolling.begin(guards=[ERRORS, ALARM])
    rolling.later(minutes=2)
    message = notification(at=rolling.now)
    rolling.later(seconds=3)
    rolling.ring(message)
    assert rolling.state(id) == "rolled_back"
    rolling.later(minutes=5)
    rolling.move(id, "resume")
    for again in (message, notification(at=rolling.now - timedelta(seconds=1))):
        rolling.ring(again)
    assert rolling.state(id) == "running"
    rolling.ring(notification(at=rolling.now))
    assert rolling.state(id) == "rolled_back"


def test_nor_does_one_from_before_it_began(rolling: Rolling) -> None:
    id = rolling.begin(guards=[ALARM])
    rolling.ring(notification(at=rolling.now - timedelta(minutes=1)))
    assert rolling.find(id).version == 1


def test_an_alarm_of_the_stage_before_is_heard(rolling: Rolling) -> None:
    """Its message came while the clock took the next step."""
    id = rolling.begin(guards=[ERRORS, ALARM])
    rang = notification(at=rolling.later(minutes=1))
    rolling.later(seconds=2)
    rolling.move(id, "advance")
    rolling.ring(rang)
    assert (rolling.state(id), rolling.why(id)) == ("rolled_back", "alarm")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_in_whatever_order_messages_come_the_end_is_the_same(rolling: Rolling, order: tuple[int, int]) -> None:
    """That it is well again takes nothing back: a person decides."""
    id = rolling.begin(guards=[ALARM])
    messages = [
        notification(at=rolling.now + timedelta(minutes=1)),
        notification(state="OK", at=rolling.now + timedelta(minutes=2)),
    ]
    for place in order:
        rolling.ring(messages[place])
    assert (rolling.state(id), rolling.find(id).version) == ("rolled_back", 2)


# --- size -----------------------------------------------------------------------------------------------


def test_the_largest_rollout_fits_its_row() -> None:
    """Ten guards of the longest names, twelve steps, every count there: the row costs no more than 20 units to write."""
    names = [f"{n}{'x' * 63}" for n in range(10)]
    ladder: list[dict[str, Any]] = [{"share": n + 1, "hold": {"minutes": 10, "units": 10**9}} for n in range(11)]
    rolling = Rolling()
    id = rolling.begin(ladder=[*ladder, {"share": 100}], guards=[ERRORS | {"metric": name, "margin": 0.123} for name in names])
    for _ in range(10):
        rolling.move(id, "advance")
    counts = dict[str, int]()
    for stage in range(11):
        counts |= seen(stage, 123_456_789 * (99 - stage), 123_456_789 * (stage + 1))
        for name in [*names, "*"]:
            counts |= {f"met|{name}|{stage}|{arm}|server": 1_234_567 * (stage + 1) for arm in "ct"}
    rolling.count(id, counts)
    rolling.deliver()
    assert rolling.state(id) == "rolled_back"
    size = row_bytes(rolling.find(id).row)
    print(f"the largest rollout: {size} bytes, of which {len(rolling.find(id).data['evidence'])} are evidence")
    assert size <= 20_000


def configuration(rolling: Rolling) -> dict[str, Any]:
    return dict(rolling.control.configurations.shelf.read("flag#checkout#production").data)
