"""Changes for later: requests that a second person approves, and plans for a minute to come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from slipway.access import Principal
from slipway.adapters.memory import MemorySchedules, MemoryStore
from slipway.calls import Call, timestamp
from slipway.events import parse
from slipway.flags import proposals, schedules
from slipway.flags.change import NewChange
from slipway.flags.control import Control
from slipway.flags.schedules import NewSchedule, awaited, reconciled
from slipway.outbox import envelopes
from slipway.people import person
from slipway.ports import Write
from slipway.problems import Conflict, Forbidden, Invalid, MoveNotAllowed, PreconditionFailed
from slipway.resources import Stored
from slipway.tables import FLAGS
from tests.catalogue import EDITOR as ADA
from tests.catalogue import START, a_call
from tests.flagging import configured, disagreements, edited, listed, made, relieved, ruled, segment

BOB = Principal("member", "mbr_bob", "editor")
ON: dict[str, Any] = {"enabled": True, "default_variant": "on"}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    control = Control(store)
    made(control)
    ruled(control, "production", approval=True)
    return control


def wanted(environment: str = "production", change: Any = ON, **more: Any) -> dict[str, Any]:
    return {"flag": "checkout", "environment": environment, "change": change, "reason": "Launch", **more}


def opened(control: Control, seconds: float = 10, by: Principal = ADA, **fields: Any) -> Stored:
    call = a_call(seconds, operation="proposals.open").but(principal=by)
    return control.proposals.open(call, NewChange.model_validate(wanted(**fields))).stored


def bobs(seconds: float = 20) -> Call:
    return a_call(seconds).but(principal=BOB)


def planned(control: Control, minutes: int = 5, seconds: float = 10, **fields: Any) -> Stored:
    at = timestamp(START + timedelta(minutes=minutes))
    new = NewSchedule.model_validate(wanted("staging", **fields) | {"at": at})
    return control.schedules.plan(a_call(seconds, operation="schedules.plan"), new).stored


def standing(control: Control, environment: str) -> Stored:
    return control.configurations.read(a_call(), "checkout", environment)[1]


# --- change requests ----------------------------------------------------------------------------------------


def test_a_change_that_takes_a_second_person_is_not_made_by_the_first(control: Control) -> None:
    with pytest.raises(Conflict, match="change request"):
        configured(control, environment="production", reason="Launch", **ON)
    configured(control, environment="staging", **ON)
    with pytest.raises(Conflict):
        control.configurations.copy(a_call(), "checkout", "production", None, "staging", "x")


def test_it_is_asked_for_approved_and_made(control: Control, store: MemoryStore) -> None:
    asked = opened(control)
    assert asked.id.startswith("chg_")
    assert standing(control, "production").version == 1
    assert listed(store, "list#proposals") == [asked.id]
    approved = control.proposals.approve(bobs(), asked.id, 1)
    assert proposals.view(approved, bobs().stamp)["approved_by"] == "member:mbr_bob"
    applied = control.proposals.apply(a_call(30), asked.id, 2)
    assert (applied.version, applied.data["status"]) == (3, "applied")
    assert control.proposals.read(asked.id) == applied
    made = standing(control, "production")
    assert (made.version, made.data["enabled"], made.data["reason"]) == (2, True, "Launch")
    assert listed(store, "list#proposals") == []
    for stored in (asked, approved, applied):
        (envelope,) = envelopes(stored.row)
        parse(envelope)
        assert "Launch" not in str(envelope)


def test_only_another_person_approves(control: Control) -> None:
    asked = opened(control)
    with pytest.raises(Forbidden):
        control.proposals.approve(a_call(20), asked.id, None)
    with pytest.raises(Forbidden):
        control.proposals.approve(a_call(20).but(principal=Principal("admin", "key_1", "admin")), asked.id, None)
    with pytest.raises(MoveNotAllowed):
        control.proposals.apply(a_call(20), asked.id, None)


def test_nobody_agrees_to_what_a_key_of_their_own_asked_for(control: Control) -> None:
    bob = bobs().principal
    asked = opened(control, by=Principal("admin", "key_of_bob", "admin", maker=person(bob)))
    assert proposals.view(asked, bobs().stamp)["created_by"] == "admin:key_of_bob"
    with pytest.raises(Forbidden):
        control.proposals.approve(bobs(), asked.id, None)
    assert control.proposals.approve(a_call(20), asked.id, None).data["status"] == "approved"


def test_a_key_of_nobody_knows_whom_asks_for_nothing(control: Control, store: MemoryStore) -> None:
    with pytest.raises(Forbidden, match="rotate"):
        opened(control, by=Principal("admin", "key_1", "admin"))
    asked = opened(control)
    old = {**asked.data, "opened_by": "admin:key_1"}
    del old["person"]
    store.put(FLAGS, {**asked.row, "data": old})  # as it was kept before anybody asked
    with pytest.raises(Forbidden):
        control.proposals.approve(bobs(), asked.id, None)


@pytest.mark.parametrize("state", proposals.MOVES)
def test_it_moves_as_the_table_says(control: Control, state: str) -> None:
    asked = opened(control)
    if state in ("approved", "applied"):
        control.proposals.approve(bobs(), asked.id, None)
    if state == "applied":
        control.proposals.apply(bobs(), asked.id, None)
    elif state == "rejected":
        control.proposals.reject(bobs(), asked.id, None)
    late = 8 * 24 * 3600 if state == "expired" else 0
    for to, move in (
        ("approved", control.proposals.approve),
        ("applied", control.proposals.apply),
        ("rejected", control.proposals.reject),
    ):
        if to not in proposals.MOVES[state]:
            with pytest.raises(MoveNotAllowed, match=f"is {state}"):
                move(bobs(20 + late), asked.id, None)


def test_it_is_made_on_the_version_that_it_was_planned_on_or_not_at_all(control: Control, store: MemoryStore) -> None:
    asked = opened(control)
    control.proposals.approve(bobs(), asked.id, None)
    control.configurations.switch_off(a_call(25), "checkout", "production", "nothing is on")
    assert control.proposals.read(asked.id).version == 2
    relieved(control, "production", approval=False)
    configured(control, environment="production", overrides={"on": ["ada"]}, reason="mine")
    ruled(control, "production", approval=True)
    with pytest.raises(Conflict, match="Open another change request"):
        control.proposals.apply(a_call(30), asked.id, 2)
    assert control.proposals.read(asked.id).data["status"] == "approved"
    with pytest.raises(PreconditionFailed):
        control.proposals.reject(a_call(), asked.id, 1)


def test_a_change_that_comes_between_is_seen(control: Control, store: MemoryStore, monkeypatch: Any) -> None:
    asked = opened(control)
    control.proposals.approve(bobs(), asked.id, None)
    relieved(control, "production", approval=False)
    transact, rival = store.transact, [True]

    def late(writes: list[Write], token: str) -> None:
        if rival:
            rival.clear()
            configured(control, environment="production", overrides={"on": ["ada"]}, reason="mine")
        transact(writes, token)

    monkeypatch.setattr(store, "transact", late)
    with pytest.raises(Conflict, match="Open another change request"):
        control.proposals.apply(a_call(30), asked.id, 2)
    assert standing(control, "production").data["enabled"] is False


def test_what_nobody_decides_on_expires(control: Control, store: MemoryStore) -> None:
    asked = opened(control)
    week = 7 * 24 * 3600 + 10
    assert proposals.view(asked, a_call(week - 1).stamp)["status"] == "open"
    assert proposals.view(asked, a_call(week).stamp)["status"] == "expired"
    assert control.proposals.expire(a_call(week - 1)) == 0
    assert control.proposals.expire(a_call(week)) == 1
    assert control.proposals.expire(a_call(week)) == 0
    assert listed(store, "list#proposals") == []
    (envelope,) = envelopes(control.proposals.read(asked.id).row)
    assert envelope["type"] == "proposal.expired.v1"


def test_one_that_nobody_can_read_keeps_no_other_from_expiring(control: Control, store: MemoryStore) -> None:
    broken, sound = sorted([opened(control, 10).id, opened(control, 11).id])
    row = store.get(FLAGS, broken, "head")
    assert row is not None
    store.put(FLAGS, {**row, "data": {}})
    with pytest.raises(KeyError):
        control.proposals.expire(a_call(8 * 24 * 3600))
    assert control.proposals.read(sound).data["status"] == "expired"
    assert listed(store, "list#proposals") == [broken]
    store.put(FLAGS, row)
    assert control.proposals.expire(a_call(8 * 24 * 3600)) == 1


def test_a_request_is_looked_at_as_a_change_is(control: Control) -> None:
    with pytest.raises(Invalid) as caught:
        opened(control, change={"default_variant": "maybe"})
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/change/default_variant", "unknown_variant")]
    with pytest.raises(Conflict, match="nothing to change"):
        opened(control, change={"enabled": False})
    with pytest.raises(Invalid) as caught:
        opened(control, environment="nowhere")
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/environment", "unknown_environment")]


def test_an_emergency_waits_for_nobody(control: Control) -> None:
    asked = opened(control)
    control.proposals.approve(bobs(), asked.id, None)
    control.proposals.apply(bobs(), asked.id, None)
    off = control.configurations.switch_off(a_call(40), "checkout", "production", "It burns")
    assert (off.version, off.data["enabled"], off.data["default_variant"], off.data["reason"]) == (3, False, "on", "It burns")
    (envelope,) = envelopes(off.row)
    assert envelope["data"]["reason"] is True
    assert control.configurations.switch_off(a_call(41), "checkout", "production", "again").version == 3


# --- scheduled changes --------------------------------------------------------------------------------------


def test_a_planned_change_is_made_in_its_minute_and_once(control: Control, store: MemoryStore) -> None:
    plan = planned(control)
    assert plan.id.startswith("sch_")
    assert control.schedules.fire(a_call(200), plan.id).data["status"] == "planned", "it is not time yet"
    fired = control.schedules.fire(a_call(301), plan.id)
    assert (fired.version, fired.data["status"]) == (2, "fired")
    made = standing(control, "staging")
    assert (made.version, made.data["enabled"], made.actor) == (2, True, f"system:{plan.id}")
    assert control.schedules.fire(a_call(302), plan.id) == fired
    assert standing(control, "staging").version == 2
    assert listed(store, "list#schedules") == []
    for stored in (plan, fired):
        for envelope in envelopes(stored.row):
            parse(envelope)


def test_a_change_since_makes_it_fail_and_nothing_happens(control: Control) -> None:
    plan = planned(control)
    configured(control, environment="staging", overrides={"on": ["ada"]})
    failed = control.schedules.fire(a_call(301), plan.id)
    assert schedules.view(failed)["failure"] == "The configuration is at version 2; read it and repeat the change."
    assert standing(control, "staging").data["enabled"] is False
    assert control.schedules.fire(a_call(302), plan.id) == failed


def test_a_cancelled_change_is_never_made(control: Control) -> None:
    plan = planned(control)
    assert control.schedules.cancel(a_call(20), plan.id, 1).data["status"] == "cancelled"
    assert control.schedules.fire(a_call(301), plan.id).data["status"] == "cancelled"
    with pytest.raises(MoveNotAllowed):
        control.schedules.cancel(a_call(20), plan.id, None)


def test_an_environment_that_takes_a_second_person_takes_no_plans(control: Control) -> None:
    plan = planned(control)
    ruled(control, "staging", approval=True)
    with pytest.raises(Conflict):
        planned(control)
    assert control.schedules.fire(a_call(301), plan.id).data["status"] == "failed"


@pytest.mark.parametrize(
    ("at", "codes"),
    [
        ("2026-11-01T00:05:30Z", {"not_a_minute"}),
        ("2026-11-01T00:05:00.5Z", {"not_a_minute"}),
        ("2026-11-01T00:00:00Z", {"out_of_reach"}),
        ("2027-11-01T00:01:00Z", {"out_of_reach"}),
        ("2026-10-01T00:05:01Z", {"not_a_minute", "out_of_reach"}),
    ],
)
def test_a_moment_that_is_none(control: Control, at: str, codes: set[str]) -> None:
    new = NewSchedule.model_validate(wanted("staging") | {"at": at})
    with pytest.raises(Invalid) as caught:
        control.schedules.plan(a_call(10), new)
    assert {fault.code for fault in caught.value.errors} == codes


def test_one_shots_follow_the_rows_in_whatever_order_they_are_told(control: Control) -> None:
    shots = MemorySchedules()
    plan, other = planned(control), planned(control, minutes=7, change={"overrides": {"on": ["x"]}})
    now = START + timedelta(seconds=20)
    for _ in range(2):
        awaited(control.schedules, shots, plan.id, now)
    assert shots.waiting == {plan.id: START + timedelta(minutes=5)}
    control.schedules.cancel(a_call(30), plan.id, None)
    for _ in range(2):
        awaited(control.schedules, shots, plan.id, now)
    assert shots.waiting == {}
    reconciled(control.schedules, shots, now)
    assert shots.waiting == {other.id: START + timedelta(minutes=7)}
    shots.waiting.clear()
    late = START + timedelta(days=1, seconds=7)
    reconciled(control.schedules, shots, late)
    assert shots.waiting == {other.id: datetime.fromisoformat("2026-11-02T00:02:00+00:00")}
    awaited(control.schedules, shots, "sch_unknown", now)


# --- a change request at a minute to come -----------------------------------------------------------------


def agreed(control: Control, **fields: Any) -> Stored:
    return control.proposals.approve(bobs(), opened(control, **fields).id, None)


def later(control: Control, proposal: str, minutes: int = 5, **fields: Any) -> Stored:
    new = NewSchedule.model_validate({"proposal": proposal, "at": timestamp(START + timedelta(minutes=minutes)), **fields})
    return control.schedules.plan(a_call(30, operation="schedules.plan"), new).stored


def test_what_was_agreed_to_is_made_in_its_minute_and_once(control: Control, store: MemoryStore) -> None:
    asked = agreed(control)
    plan = later(control, asked.id)
    view = schedules.view(plan)
    assert (view["proposal"], view["flag"], view["environment"], view["base"]) == (asked.id, "checkout", "production", 1)
    assert (view["change"], view["reason"]) == (ON, "Launch")
    assert control.schedules.fire(a_call(200), plan.id).data["status"] == "planned"
    fired = control.schedules.fire(a_call(301), plan.id)
    assert fired.data["status"] == "fired"
    assert control.proposals.read(asked.id).data["status"] == "applied"
    made = standing(control, "production")
    assert (made.version, made.data["enabled"], made.actor) == (2, True, f"system:{plan.id}")
    assert control.schedules.fire(a_call(302), plan.id) == fired
    assert listed(store, "list#schedules") == listed(store, "list#proposals") == []


def test_a_segment_that_two_agreed_on_changes_in_its_minute(control: Control, store: MemoryStore) -> None:
    segment(control)
    call = a_call(10, operation="proposals.open")
    wish = {"segment": "staff", "segment_change": {"targeting": {"==": [{"var": "plan"}, "pro"]}}, "reason": "Launch"}
    asked = control.proposals.open(call, NewChange.model_validate(wish)).stored
    control.proposals.approve(bobs(), asked.id, None)
    plan = later(control, asked.id)
    assert control.schedules.fire(a_call(301), plan.id).data["status"] == "fired"
    assert control.segments.read("staff").version == 2
    for stored in (plan, control.schedules.read(plan.id)):
        (envelope,) = envelopes(stored.row)
        assert envelope["type"] in ("schedule.planned.v2", "schedule.fired.v2")
        assert parse(envelope).envelope() == envelope
    assert disagreements(store) == []


@pytest.mark.parametrize(
    ("meanwhile", "failure"),
    [
        (lambda control, asked: control.proposals.reject(bobs(), asked, None), "is rejected"),
        (lambda control, asked: control.proposals.apply(bobs(), asked, None), "is applied"),
        (lambda control, asked: edited(control, variants={"on": False}), "has changed since"),
    ],
)
def test_what_is_not_agreed_to_any_more_is_not_made(control: Control, meanwhile: Any, failure: str) -> None:
    asked = agreed(control)
    plan = later(control, asked.id)
    meanwhile(control, asked.id)
    before = standing(control, "production")
    failed = control.schedules.fire(a_call(301), plan.id)
    assert (failed.data["status"], failure in failed.data["failure"]) == ("failed", True)
    assert standing(control, "production") == before


def test_only_what_was_agreed_to_can_be_planned_and_while_it_stands(control: Control) -> None:
    asked = opened(control)
    with pytest.raises(MoveNotAllowed, match="is open"):
        later(control, asked.id)
    control.proposals.approve(bobs(), asked.id, None)
    cases: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"minutes": 7 * 24 * 60 + 1}, ("/at", "out_of_reach")),
        ({"flag": "checkout"}, ("/flag", "one_change")),
        ({"proposal": "chg_" + "0" * 26}, ("/proposal", "unknown_proposal")),
    ]
    for fields, fault in cases:
        with pytest.raises(Invalid) as caught:
            later(control, **{"proposal": asked.id, **fields})
        assert [(one.pointer, one.code) for one in caught.value.errors] == [fault]


def test_nobody_gets_around_the_second_person_by_waiting(control: Control) -> None:
    """Neither by planning a change of what is on there, nor by planning it before a second person is asked for."""
    configured(control, environment="staging", **ON)
    segment(control)
    at = timestamp(START + timedelta(minutes=5))
    wish = {"flag": "checkout", "flag_change": {"variants": {"on": False}}, "reason": "Launch", "at": at}
    new = NewSchedule.model_validate(wish)
    plan = control.schedules.plan(a_call(10, operation="schedules.plan"), new).stored
    ruled(control, "staging", approval=True)
    failed = control.schedules.fire(a_call(301), plan.id)
    assert (failed.data["status"], "second person" in failed.data["failure"]) == ("failed", True)
    with pytest.raises(Conflict, match="second person"):
        control.schedules.plan(a_call(11, operation="schedules.plan"), new)
    assert control.flags.read("checkout").version == 1
