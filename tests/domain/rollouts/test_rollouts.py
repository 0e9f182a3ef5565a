"""Rollouts: what they change, in one write each; what ends them; what is left of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.flags import jsontext
from slipway.flags.beside import Moved
from slipway.flags.compilation import compiled
from slipway.flags.control import Control
from slipway.flags.environments import NewEnvironment
from slipway.flags.publication import read
from slipway.flags.schedules import NewSchedule
from slipway.flags.segments import NewSegment
from slipway.flags.snapshot import Snapshot
from slipway.outbox import due
from slipway.people import person
from slipway.problems import Conflict, Forbidden, Invalid, MoveNotAllowed, PreconditionFailed, Problem
from slipway.resources import Stored
from slipway.rollouts import exposure, rollout, rollouts
from slipway.rollouts.judging import judged
from slipway.rollouts.plan import NewRollout
from slipway.rollouts.states import Event
from slipway.rowsize import row_bytes
from slipway.signals import counters, rows
from slipway.tables import FLAGS
from tests.catalogue import a_call
from tests.flagging import BETA, configured, disagreements, edited, made, revision, ruled

ENTROPY = b"e" * 32
LARGEST = 400 * 1024  # bytes of a row
WHERE = ("checkout", "production")
LADDER = [
    {"share": 1, "hold": {"minutes": 10}},
    {"share": 25, "hold": {"minutes": 60, "units": 500}},
    {"share": 100},
]
COURSE = {"from": "off", "to": "on", "ladder": LADDER, "guards": [{"metric": "errors", "kind": "bad_units"}], "reason": "R"}
GRACE = Principal("member", "mbr_grace", "editor")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    control = Control(store)
    made(control)
    configured(control, environment="production", enabled=True, default_variant="off", reason="R")
    return control


@pytest.fixture(autouse=True)
def consistent(store: MemoryStore) -> Iterator[None]:
    """After whatever a test did, the rows beside say what the resources do."""
    yield
    assert disagreements(store) == []


def call(seconds: float = 2, who: Principal | None = None) -> Call:
    made = a_call(seconds, operation="rollouts.create")
    return made if who is None else made.but(principal=who)


def planned(control: Control, seconds: float = 2, who: Principal | None = None, **fields: Any) -> Stored:
    new = NewRollout.model_validate({**COURSE, **fields})
    return control.rollouts.plan(call(seconds, who), *WHERE, new, ENTROPY).stored


def move(control: Control, stored: Stored, event: Event, seconds: float = 10, who: Principal | None = None) -> Stored:
    return control.rollouts.move(call(seconds, who), *WHERE, stored.id, stored.version, event, "R", ENTROPY)


def shown(control: Control, number: int = 2_000) -> set[str]:
    """Who is shown `on`."""
    snapshot = Snapshot.read(compiled(read(control.store, "production")).body)
    units = (f"user-{n}" for n in range(number))
    return {unit for unit in units if snapshot.flags.evaluate("checkout", {"targetingKey": unit}, now=0).variant == "on"}


def by_bucket(share: float, number: int = 2_000) -> set[str]:
    units = (f"user-{n}" for n in range(number))
    return {unit for unit in units if exposure.bucket("checkout", "v3", unit) < share * 1000}


def configuration(control: Control) -> Stored:
    return control.configurations.read(call(), *WHERE)[1]


def told(store: MemoryStore, stored: Stored) -> list[str]:
    """The types of the events of all its versions, in order."""
    rows = sorted((row for (pk, _), row in store.tables["flags"].items() if pk == stored.id), key=lambda row: row["version"])
    return [event["type"] for row in rows for event in due(None, {**row, "sk": "head"})]


def test_each_step_shows_it_to_its_share(control: Control, store: MemoryStore) -> None:
    running = planned(control)
    assert shown(control) == by_bucket(1)
    running = move(control, running, "advance")
    assert shown(control) == by_bucket(25)
    over = move(control, running, "advance")
    assert (over.data["state"], len(shown(control))) == ("completed", 2_000)
    plain = configuration(control).data
    assert (plain["default_variant"], plain["targeting"], "rollout" in plain) == ("on", None, False)
    assert told(store, over) == ["rollout.started.v1", "rollout.advanced.v1", "rollout.completed.v1"]


def test_each_move_is_one_more_revision_and_one_version_of_each(control: Control, store: MemoryStore) -> None:
    before, number = revision(store, "production"), configuration(control).version
    running = planned(control)
    running = move(control, running, "advance")
    running = move(control, running, "roll_back")
    assert revision(store, "production") == before + 3
    assert configuration(control).version == number + 3
    assert running.version == 3


def test_rolling_back_leaves_what_was_and_resuming_shows_the_same_units(control: Control) -> None:
    running = move(control, planned(control), "advance")
    first = shown(control)
    back = move(control, running, "roll_back")
    assert shown(control) == set()
    assert "rollout" not in configuration(control).data
    again = move(control, back, "resume")
    assert shown(control) == first
    data = again.data
    assert (data["state"], data["stage"], data["judged"]) == ("running", 2, 2)
    assert [int(one["share"]) for one in data["stages"]] == [1_000, 25_000, 25_000]


def test_what_was_rolled_back_is_not_resumed_over_an_edit(control: Control) -> None:
    back = move(control, planned(control), "roll_back")
    configured(control, environment="production", targeting=BETA, reason="R", seconds=11)
    with pytest.raises(Conflict, match="has changed since"):
        move(control, back, "resume")
    assert control.rollouts.shelf.read(back.id).version == back.version  # the edit ends what runs, and this does not


@pytest.mark.parametrize("edit", [{"hash": "v2"}, {"variants": {"third": True}}])
def test_what_was_rolled_back_is_not_resumed_where_units_are_drawn_anew(control: Control, edit: dict[str, Any]) -> None:
    back = move(control, planned(control), "roll_back")
    edited(control, description="Words", seconds=11)
    control.flags.change(a_call(12), "checkout", None, edit, "R")
    with pytest.raises(Conflict, match="hash or variants have changed"):
        move(control, back, "resume", seconds=13)
    assert "rollout" not in configuration(control).data


def test_words_alone_keep_nobody_from_resuming_it(control: Control) -> None:
    back = move(control, planned(control), "roll_back")
    edited(control, description="Words", seconds=11)
    assert move(control, back, "resume", seconds=13).data["state"] == "running"


def test_stopping_keeps_the_share_as_a_plain_rule(control: Control) -> None:
    running = move(control, planned(control), "advance")
    first = shown(control)
    stopped = move(control, running, "stop")
    assert (stopped.data["state"], shown(control)) == ("stopped", first)
    assert "rollout" not in configuration(control).data


def test_a_holdback_stays(control: Control) -> None:
    ladder = [{"share": 50, "hold": {"minutes": 1}}, {"share": 95}]
    running = planned(control, ladder=ladder, holdback=5)
    over = move(control, running, "advance")
    assert (over.data["state"], shown(control)) == ("completed", by_bucket(95))


# --- one after the other ----------------------------------------------------------------------------------

THEN = [{"share": 60, "hold": {"minutes": 10}}, {"share": 100}]
HELD_BACK = [{"share": 20, "hold": {"minutes": 1}}, {"share": 40}]


@pytest.mark.parametrize("own", [None, BETA])
@pytest.mark.parametrize("left", ["stopped", "held back"])
def test_the_next_rollout_goes_on_with_the_same_units_and_its_arms_are_as_large_as_it_says(
    control: Control, own: Any, left: str
) -> None:
    configured(control, environment="production", targeting=own, reason="R", seconds=1.5)
    if left == "stopped":
        move(control, move(control, planned(control), "advance"), "stop", seconds=20)
    else:
        move(control, planned(control, ladder=HELD_BACK, holdback=60), "advance")
    first, plain = shown(control), configuration(control).data
    again = planned(control, 30, ladder=THEN)
    assert shown(control) == by_bucket(60) > first
    assert arms(control) == {"t": len(by_bucket(60)), "c": 2_000 - len(by_bucket(60))}
    back = move(control, again, "roll_back", seconds=40)
    assert shown(control) == first
    assert (configuration(control).data["targeting"], plain["default_variant"]) == (plain["targeting"], "off")
    stopped = move(control, move(control, back, "resume", seconds=50), "stop", seconds=60)
    assert (stopped.data["state"], shown(control)) == ("stopped", by_bucket(60))
    last = planned(control, 70, ladder=[{"share": 99, "hold": {"minutes": 10}}, {"share": 100}])
    assert move(control, last, "advance", seconds=80).data["state"] == "completed"
    plain = configuration(control).data
    assert len(shown(control)) == 2_000
    assert ":rollout:" not in (plain["targeting"] or "")


def test_it_begins_above_what_is_left(control: Control) -> None:
    move(control, move(control, planned(control), "advance"), "stop", seconds=20)
    for share in (1, 25):
        with pytest.raises(Invalid, match="could not run") as refused:
            planned(control, 30, ladder=[{"share": share, "hold": {"minutes": 10}}, {"share": 100}])
        [fault] = refused.value.errors
        assert (fault.pointer, fault.code) == ("/ladder/0/share", "not_larger")
        assert "has left 25 % in the rule" in fault.detail
    planned(control, 40, ladder=[{"share": 25.001, "hold": {"minutes": 10}}, {"share": 100}])


@pytest.mark.parametrize("fields", [{"from": "on", "to": "off"}, {"bucket_by": "company"}])
def test_it_takes_nobody_who_was_drawn_for_something_else(control: Control, fields: dict[str, Any]) -> None:
    move(control, move(control, planned(control), "advance"), "stop", seconds=20)
    with pytest.raises(Invalid) as refused:
        planned(control, 30, **fields)
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/from", "drawn_already")]
    rule = jsontext.read(configuration(control).data["targeting"].replace("checkout:rollout:", "checkout:before:"))
    configured(control, environment="production", targeting=rule, reason="R", seconds=40)
    planned(control, 50, **fields)


def test_a_segment_that_draws_by_it_is_found(control: Control) -> None:
    rule = {"in": [{"fractional": [{"cat": ["checkout:rollout:", {"var": "targetingKey"}]}, ["yes", 1], ["no", 1]]}, ["yes"]]}
    control.segments.create(a_call(3), NewSegment.model_validate({"key": "half", "targeting": rule}))
    own = {"if": [{"$ref": "half"}, "on", None]}
    configured(control, environment="production", targeting=own, reason="R", seconds=4)
    with pytest.raises(Invalid) as refused:
        planned(control, 30)
    assert [fault.code for fault in refused.value.errors] == ["drawn_already"]


def arms(control: Control) -> dict[str, int]:
    """Of 2,000 units, as they are exposed."""
    snapshot = Snapshot.read(compiled(read(control.store, "production")).body)
    found = [snapshot.audience.exposure("checkout", {"targetingKey": f"user-{n}"}, {1: ENTROPY}, 0) for n in range(2_000)]
    return dict(Counter(one.arm for one in found if one is not None))


def test_a_rule_of_its_own_goes_on_deciding(control: Control) -> None:
    configured(control, environment="production", targeting=BETA, reason="R", seconds=1.5)
    running = planned(control)
    document = compiled(read(control.store, "production")).body
    flags = Snapshot.read(document).flags
    assert flags.evaluate("checkout", {"targetingKey": "user-1", "plan": "beta"}, now=0).variant == "on"
    assert shown(control) == by_bucket(1)
    move(control, move(control, running, "advance"), "advance")
    assert len(shown(control)) == 2_000


# --- who else may come ------------------------------------------------------------------------------------


def test_one_runs_at_a_time(control: Control) -> None:
    running = planned(control)
    with pytest.raises(Conflict, match=running.id):
        planned(control, seconds=3)
    waiting = planned(control, seconds=4, start=False)
    with pytest.raises(Conflict, match=running.id):
        move(control, waiting, "start")
    move(control, running, "roll_back")
    assert move(control, waiting, "start", seconds=20).data["state"] == "running"


@pytest.mark.parametrize(
    "edit",
    [
        {"targeting": BETA},
        {"enabled": False},
        {"default_variant": "on"},
        {"overrides": {"on": ["ada"]}},
    ],
)
def test_an_edit_by_hand_ends_it_in_the_same_write(control: Control, store: MemoryStore, edit: dict[str, Any]) -> None:
    running = planned(control)
    before = revision(store, "production")
    after = configured(control, environment="production", reason="R", seconds=20, **edit)
    assert revision(store, "production") == before + 1
    assert "rollout" not in after.data
    ended = control.rollouts.read(*WHERE, running.id)
    assert (ended.data["state"], ended.data["ended_by"], ended.data["why"]["code"]) == ("stopped", "member:mbr_ada", "edited")
    assert told(store, ended) == ["rollout.started.v1", "rollout.stopped.v1"]
    assert shown(control) == (by_bucket(100) if edit.get("default_variant") else set())


def test_a_reason_alone_ends_nothing(control: Control) -> None:
    running = planned(control)
    configured(control, environment="production", reason="Another word", seconds=20)
    assert control.rollouts.read(*WHERE, running.id).data["state"] == "running"


@pytest.mark.parametrize(
    ("edit", "state"),
    [
        (lambda control: edited(control, variants={"on": True, "off": False, "third": True}, reason="R"), "stopped"),
        (lambda control: control.flags.archive(a_call(5), "checkout", None, "R"), "stopped"),
        (lambda control: edited(control, description="Words"), "running"),
        (lambda control: edited(control, client_side=True, reason="R"), "running"),
        (lambda control: control.configurations.switch_off(a_call(5), *WHERE, "Fire"), "stopped"),
    ],
)
def test_an_edit_of_the_flag_ends_it_where_it_shows_something_else(control: Control, edit: Any, state: str) -> None:
    running = planned(control)
    edit(control)
    assert control.rollouts.read(*WHERE, running.id).data["state"] == state
    assert ("rollout" in configuration(control).data) == (state == "running")


def test_going_back_to_an_old_version_brings_no_rollout_back(control: Control) -> None:
    planned(control)
    during = configuration(control).version
    configured(control, environment="production", targeting=BETA, reason="R", seconds=20)
    control.configurations.revert(a_call(30), *WHERE, None, during, "R")
    assert "rollout" not in configuration(control).data


def test_another_environment_copies_none_of_it(control: Control) -> None:
    planned(control)
    control.configurations.copy(a_call(30), "checkout", "staging", None, "production", None)
    assert "rollout" not in control.configurations.read(call(), "checkout", "staging")[1].data


def test_a_move_is_made_on_the_version_that_was_read(control: Control) -> None:
    running = planned(control)
    move(control, running, "pause")
    with pytest.raises(PreconditionFailed):
        move(control, running, "advance")
    with pytest.raises(PreconditionFailed):
        control.rollouts.moved(call(30), running, "roll_back", "harm", "Harm")


def test_an_edit_between_reading_and_moving_wins(control: Control, store: MemoryStore) -> None:
    running = planned(control)
    standing = configuration(control)
    data = control.rollouts._beside(call(), running.id, running.data, {**running.data, "state": "rolled_back"}, "roll_back")
    configured(control, environment="production", default_variant="on", reason="R", seconds=20)
    with pytest.raises((PreconditionFailed, Moved)):
        control.rollouts.moved(call(30), running, "roll_back", "harm", "Harm")
    assert data
    assert standing.version + 1 == configuration(control).version
    assert configuration(control).data["default_variant"] == "on"


def test_the_same_request_again_is_the_same_rollout(control: Control) -> None:
    new = NewRollout.model_validate(COURSE)
    asked = call().but(idempotency_key="k")
    first = control.rollouts.plan(asked, *WHERE, new, ENTROPY)
    again = control.rollouts.plan(asked.but(nonce="another"), *WHERE, new, ENTROPY)
    assert (first.replayed, again.replayed, again.stored.id) == (False, True, first.stored.id)


# --- what is asked of people --------------------------------------------------------------------------------


def test_more_takes_a_reason_where_it_is_protected_and_less_does_not(control: Control) -> None:
    with pytest.raises(Invalid, match="give the reason"):
        planned(control, reason=None)
    running = planned(control)
    for event in ("advance", "stop"):
        with pytest.raises(Invalid, match="give the reason"):
            control.rollouts.move(call(), *WHERE, running.id, None, event, None, ENTROPY)
    control.rollouts.move(call(), *WHERE, running.id, None, "roll_back", None, ENTROPY)


def test_where_two_are_asked_for_another_person_starts_it(control: Control) -> None:
    waiting_for = planned(control, start=False)
    ruled(control, "production", approval=True)
    with pytest.raises(Forbidden, match="another person"):
        planned(control, seconds=3)
    with pytest.raises(Forbidden, match="another person"):
        move(control, waiting_for, "start")
    for key in (Principal("admin", "key_1"), Principal("server", "key_2")):
        with pytest.raises(Forbidden):
            move(control, waiting_for, "start", who=key)
    running = move(control, waiting_for, "start", who=GRACE)
    with pytest.raises(Forbidden):
        move(control, running, "advance", seconds=20)
    assert move(control, running, "roll_back", seconds=30).data["state"] == "rolled_back"


def test_nobody_starts_what_a_key_of_their_own_planned(control: Control, store: MemoryStore) -> None:
    ruled(control, "production", approval=True)
    hers = planned(control, start=False, who=Principal("admin", "key_1", "admin", maker=person(GRACE)))
    with pytest.raises(Forbidden, match="made the key"):
        move(control, hers, "start", who=GRACE)
    assert move(control, hers, "start").data["state"] == "running"
    nobodys = planned(control, seconds=3, start=False, who=Principal("admin", "key_2", "admin"))
    assert "person" not in nobodys.data
    for who in (None, GRACE):  # each of them may have made it
        with pytest.raises(Forbidden):
            move(control, nobodys, "start", who=who)


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"from": "third"}, "/from", "unknown_variant"),
        ({"to": "third"}, "/to", "unknown_variant"),
        ({"to": "off"}, "/to", "same_variant"),
        ({"from": "on", "to": "off"}, "/from", "nobody"),
    ],
)
def test_what_could_not_run_is_refused(control: Control, fields: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        planned(control, **fields)
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [(pointer, code)]


def test_where_the_flag_is_off_nothing_is_rolled_out(control: Control) -> None:
    new = NewRollout.model_validate(COURSE)
    with pytest.raises(Conflict, match="off"):
        control.rollouts.plan(call(), "checkout", "staging", new, ENTROPY)
    control.flags.archive(a_call(5), "checkout", None, "R")
    with pytest.raises(Conflict, match="archived"):
        planned(control, seconds=6)


@pytest.mark.parametrize("state", ["completed", "stopped"])
def test_what_is_over_is_over(control: Control, state: str) -> None:
    running = planned(control)
    over = move(control, running, "stop") if state == "stopped" else move(control, move(control, running, "advance"), "advance")
    for event in ("start", "advance", "pause", "resume", "roll_back", "stop"):
        with pytest.raises(MoveNotAllowed, match="end of it"):
            move(control, over, event)


def test_a_rollout_that_would_not_fit_when_it_ends_is_refused_before(control: Control) -> None:
    rule = {"if": [{"in": [{"var": "plan"}, ["p" * 17_000]]}, "on", "off"]}
    configured(control, environment="production", targeting=rule, reason="R", seconds=1.5)
    with pytest.raises(Problem) as refused:
        planned(control)
    assert [fault.code for fault in refused.value.errors] == ["too_large"]


# --- time -----------------------------------------------------------------------------------------------


def test_steps_that_are_a_matter_of_time_are_told_ahead(control: Control) -> None:
    ladder = [{"share": 1, "hold": {"minutes": 10}}, {"share": 25, "hold": {"minutes": 60}}, {"share": 100}]
    running = planned(control, ladder=ladder, guards=[])
    began = int(call(2).now.timestamp())
    first = -(-(began + 600) // 60) * 60
    steps = configuration(control).data["rollout"]["steps"]
    assert [[int(at), int(share)] for at, share in steps] == [[first, 25_000], [first + 3600, 100_000]]
    move(control, running, "pause")
    assert configuration(control).data["rollout"]["steps"] is None


@pytest.mark.parametrize("hold", [{"units": 10}, {"minutes": 5, "approval": True}])
def test_what_waits_for_more_than_time_is_not(control: Control, hold: dict[str, Any]) -> None:
    planned(control, ladder=[{"share": 1, "hold": hold}, {"share": 100}], guards=[])
    assert configuration(control).data["rollout"]["steps"] is None


@pytest.mark.parametrize(
    ("guard", "told"),
    [
        ({"metric": "errors", "kind": "bad_units"}, False),
        ({"metric": "errors", "kind": "bad_units", "action": "notify"}, False),  # where nobody is counted it pauses
        ({"metric": "Errors", "kind": "alarm"}, False),
        ({"metric": "Errors", "kind": "alarm", "action": "notify"}, True),
    ],
)
def test_where_a_guard_may_keep_it_from_going_on_no_step_is_told_ahead(
    control: Control, guard: dict[str, Any], told: bool
) -> None:
    planned(control, ladder=[{"share": 1, "hold": {"minutes": 10}}, {"share": 100}], guards=[guard])
    assert (configuration(control).data["rollout"]["steps"] is not None) == told


@pytest.mark.parametrize("late", [0, 3, 59, 3_600, 20_000])
def test_stages_that_are_told_ahead_begin_when_they_were_told_to(control: Control, late: float) -> None:
    holds, shares = (10, 60, 7), (1, 25, 50, 100)
    ladder = [{"share": share, "hold": {"minutes": hold}} for share, hold in zip(shares, holds, strict=False)]
    running = planned(control, 2.5, ladder=[*ladder, {"share": 100}], guards=[])
    first = steps(control)
    for at, share in first[:-1]:
        after = judged(control.rollouts, at_second(at + late), running.id)
        assert after is not None
        assert [since(after), int(after.data["share"])] == [at, share]
        assert steps(control) == [step for step in first if step[0] > at]
    over = judged(control.rollouts, at_second(first[-1][0] + late), running.id)
    assert over is not None
    assert over.data["state"] == "completed"


def test_a_stage_begins_no_sooner_than_it_does(control: Control) -> None:
    """A one-shot that is early, what waited for units, and what a person does begin now."""
    ladder = [
        {"share": 1, "hold": {"minutes": 10}},
        {"share": 25, "hold": {"minutes": 10}},
        {"share": 50, "hold": {"minutes": 10}},
    ]
    running = planned(control, ladder=[*ladder, {"share": 100}], guards=[])
    first = steps(control)
    early = judged(control.rollouts, at_second(first[0][0] - 20), running.id, shot=0)
    assert early is not None
    assert since(early) == first[0][0] - 20
    assert steps(control) == first[1:]
    assert since(move(control, early, "advance", seconds=900)) == since_second(900)
    waiting = planned_elsewhere(
        control, ladder=[{"share": 1, "hold": {"minutes": 10, "approval": True}}, *ladder[1:], {"share": 100}]
    )
    judged(control.rollouts, call(4_000), waiting.id)
    approved = control.rollouts.move(call(5_000), "checkout", "staging", waiting.id, None, "advance", "R", ENTROPY)
    assert since(approved) == since_second(5_000)


def steps(control: Control) -> list[list[int]]:
    told = configuration(control).data["rollout"]["steps"] or []
    return [[int(at), int(share)] for at, share in told]


def at_second(at: float) -> Call:
    return call(at - call(0).now.timestamp())


def since_second(seconds: float) -> float:
    return call(seconds).now.timestamp()


def since(stored: Stored) -> float:
    return datetime.fromisoformat(stored.data["stages"][-1]["since"]).timestamp()


def planned_elsewhere(control: Control, **fields: Any) -> Stored:
    configured(control, environment="staging", enabled=True, default_variant="off", reason="R", seconds=1_000)
    new = NewRollout.model_validate({**COURSE, "guards": [], **fields})
    return control.rollouts.plan(call(1_001), "checkout", "staging", new, ENTROPY).stored


def test_the_list_of_what_runs_holds_what_is_live(control: Control, store: MemoryStore) -> None:
    running = planned(control)
    assert control.rollouts.under_way() == [running.id]
    paused = move(control, running, "pause")
    assert control.rollouts.under_way() == [running.id]
    move(control, paused, "roll_back")
    assert control.rollouts.under_way() == []
    assert len(store.query(FLAGS, ("list#rollouts#checkout#production",)).rows) == 1


# --- who else changes something at that moment --------------------------------------------------------------


class Between(MemoryStore):
    """Something happens right before the next transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Any] = []

    def transact(self, writes: Any, token: str) -> None:
        if self.waiting:
            self.waiting.pop()()
        super().transact(writes, token)


@pytest.fixture
def between(control: Control, store: MemoryStore) -> Between:
    between = Between()
    between.tables = store.tables
    control.__init__(between)  # type: ignore[misc]
    return between


@pytest.mark.parametrize("event", ["start", "resume"])
def test_a_flag_that_is_put_away_at_that_moment_is_not_rolled_out(control: Control, between: Between, event: Event) -> None:
    waiting = planned(control, start=False)
    if event == "resume":
        waiting = move(control, move(control, waiting, "start"), "roll_back", seconds=11)
    between.waiting = [lambda: control.flags.archive(a_call(12), "checkout", None, "R")]
    with pytest.raises(Conflict, match="archived"):
        move(control, waiting, event, seconds=13)
    assert "rollout" not in configuration(control).data


@pytest.mark.parametrize("event", ["start", "advance", "resume", "stop"])
def test_a_second_person_that_is_asked_for_at_that_moment_is_waited_for(
    control: Control, between: Between, event: Event
) -> None:
    stored = planned(control, start=event != "start")
    if event == "resume":
        stored = move(control, stored, "pause", seconds=11)
    between.waiting = [lambda: ruled(control, "production", approval=True)]
    with pytest.raises(Forbidden):
        move(control, stored, event, seconds=13)


def test_what_was_rolled_back_is_not_resumed_without_its_variant(control: Control) -> None:
    edited(control, variants={"new": True}, reason="R", seconds=1.5)
    back = move(control, planned(control, to="new"), "roll_back")
    edited(control, variants={"new": None}, reason="R", seconds=12)
    with pytest.raises(Invalid) as refused:
        move(control, back, "resume", seconds=13)
    assert [fault.pointer for fault in refused.value.errors] == ["/to"]


def test_what_does_not_run_is_stopped_whatever_runs_there(control: Control) -> None:
    waiting = planned(control, start=False)
    back = move(control, planned(control, seconds=3), "roll_back")
    planned(control, seconds=4)
    for stored in (waiting, back):
        stopped = move(control, stored, "stop", seconds=20)
        assert (stopped.data["state"], int(stopped.data["share"])) == ("stopped", 0)
    assert "rollout" in configuration(control).data


def test_a_schedule_that_switches_the_flag_off_ends_it(control: Control) -> None:
    running = planned(control)
    change = NewSchedule.model_validate(
        {
            "flag": "checkout",
            "environment": "production",
            "change": {"enabled": False},
            "reason": "R",
            "at": "2026-11-01T00:05:00Z",
        }
    )
    later = control.schedules.plan(a_call(5), change).stored
    control.schedules.fire(a_call(300), later.id)
    assert control.rollouts.read(*WHERE, running.id).data["state"] == "stopped"


def test_a_flag_whose_rollouts_are_too_many_for_one_write_says_so(control: Control) -> None:
    names = [f"e{number}" for number in range(13)]
    for name in names:
        control.environments.create(a_call(3), NewEnvironment(name=name))
    new = NewRollout.model_validate(COURSE)
    for name in [*names, "staging", "production"]:
        configured(control, environment=name, enabled=True, default_variant="off", reason="R", seconds=4)
        control.rollouts.plan(call(5), "checkout", name, new, ENTROPY)
    with pytest.raises(Conflict, match="15 rollouts at once"):
        edited(control, variants={"third": True}, reason="R", seconds=6)
    for name in names[:6]:
        control.configurations.switch_off(a_call(7), "checkout", name, "R")
    edited(control, variants={"third": True}, reason="R", seconds=8)
    assert control.rollouts.under_way() == []


# --- how it is counted ----------------------------------------------------------------------------------------


def test_guards_are_judged_by_the_names_that_the_collector_counts(control: Control) -> None:
    guards = [
        {"metric": "ms", "kind": "slow_units", "threshold": 1_234_567},
        {"metric": "ms", "kind": "slow_units", "threshold": 0.25},
        {"kind": "activity"},
    ]
    data = planned(control, guards=guards).data
    watched = [rows.metric(one) for one in rollout.watch(data)]
    assert watched == [guard.metric for guard in rollout.guards(data)] == ["ms>1234567", "ms>0.25", "*"]


def test_without_guards_it_goes_on_by_time_alone(control: Control) -> None:
    running = planned(control, guards=[])
    after = judged(control.rollouts, call(3_600), running.id)
    assert after is not None
    assert (after.data["state"], int(after.data["share"])) == ("running", 25_000)


def test_nobody_resumes_it_for_ever(control: Control) -> None:
    data = planned(control).data
    data = {**data, "state": "paused", "stages": data["stages"] * rollout.MOST_STAGES}
    with pytest.raises(Conflict, match="begin another"):
        rollout.moved(data, "resume", call().now, "resume", "")


# --- how many may be under way ---


def test_an_environment_has_room_for_so_many(control: Control, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "MOST_UNDER_WAY", 1)
    made(control, "search")
    places = [("search", "production"), ("search", "development")]
    for key, environment in places:
        configured(control, key, environment, enabled=True, default_variant="off", reason="R")
    first, new = planned(control), NewRollout.model_validate(COURSE)
    with pytest.raises(Conflict, match="1 rollouts are under way in 'production'") as refused:
        control.rollouts.plan(call(3), *places[0], new, ENTROPY)
    assert [fault.code for fault in refused.value.errors] == ["too_many_rollouts"]
    assert control.rollouts.plan(call(3), *places[1], new, ENTROPY).stored.data["state"] == "running"
    waits = control.rollouts.plan(call(4), *places[0], NewRollout.model_validate({**COURSE, "start": False}), ENTROPY).stored

    def begin() -> Stored:
        return control.rollouts.move(call(6), *places[0], waits.id, None, "start", "R", ENTROPY)

    paused = move(control, first, "pause")
    with pytest.raises(Conflict, match="under way"):
        begin()
    assert move(control, paused, "resume").data["state"] == "running"  # one that is under way has its room
    back = control.rollouts.move(call(20), *WHERE, first.id, None, "roll_back", "R", ENTROPY)
    assert begin().data["state"] == "running"
    with pytest.raises(Conflict, match="under way"):
        move(control, back, "resume", 30)


def test_what_is_counted_by_all_of_them_fits_a_row() -> None:
    """The variants of each, under the longest names, in a day's counter of one metric; and in the row of one outcome."""
    flags = [f"{number:03d}{'f' * 125}" for number in range(rollouts.MOST_UNDER_WAY)]
    home, counts = ("metric#production#errors", "2026-11-23#00"), counters.Counts()
    for variant in ("a" * 64, "b" * 64):
        said = {"pk": "metric#production#errors#2026-11-23#00", "value": 10**15, "variants": dict.fromkeys(flags, variant)}
        assert row_bytes(said) < LARGEST / 10
        for kind in ("unit", "msg"):
            counters.add(counts, counters.counted({**said, "sk": f"{kind}#someone"}))
    assert len(counts) == 3 + 3 * 2 * rollouts.MOST_UNDER_WAY
    assert row_bytes(counters.row(home, None, counts, {}, 10**40, 0, 10**12)) < LARGEST / 2
