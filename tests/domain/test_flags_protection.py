"""Protected environments protect whatever changes what they serve, whoever changes it and by which way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.events import parse
from slipway.flags import flag, proposals, protection
from slipway.flags.change import NewChange
from slipway.flags.control import Control
from slipway.outbox import envelopes
from slipway.ports import Write
from slipway.problems import Conflict, Forbidden, Invalid, Problem
from slipway.resources import Stored
from tests.catalogue import a_call
from tests.flagging import BETA, configured, disagreements, edited, environment, made, resegmented, ruled, segment

ADA, BOB = Principal("member", "mbr_ada", "admin"), Principal("member", "mbr_bob", "admin")
ON: dict[str, Any] = {"enabled": True, "default_variant": "on", "reason": "Launch"}
OTHER_RULE = {"in": [{"var": "email"}, ["b@example.com"]]}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    """`checkout` is on in production, which is protected, and uses `staff` there; `idle` is on nowhere but in staging."""
    control = Control(store)
    segment(control)
    made(control, variants={"on": True, "off": False, "spare": True})
    made(control, "idle")
    configured(control, environment="production", targeting={"if": [{"$ref": "staff"}, "on", "off"]}, **ON)
    configured(control, "idle", "staging", enabled=True)
    return control


def refusal(change: Any) -> tuple[str, str]:
    """Where and why a change is refused; nothing where it is made."""
    try:
        change()
    except Problem as problem:
        return problem.errors[0].pointer, problem.errors[0].code
    return "", ""


CHANGES: dict[str, Any] = {
    "variant": lambda control, why: edited(control, variants={"on": False}, **why),
    "spare variant": lambda control, why: edited(control, variants={"spare": None}, **why),
    "metadata": lambda control, why: edited(control, metadata={"team": "web"}, **why),
    "client_side": lambda control, why: edited(control, client_side=True, **why),
    "hash": lambda control, why: control.flags.change(a_call(1), "checkout", None, {"hash": "v2"}, why.get("reason")),
    "archive": lambda control, why: control.flags.archive(a_call(1), "checkout", None, why.get("reason")),
    "segment": lambda control, why: resegmented(control, targeting=OTHER_RULE, **why),
    "less": lambda control, why: ruled(control, "production", protected=False, **why),
    "gone": lambda control, why: control.environments.delete(a_call(1), "production", None, why.get("reason")),
}
FREE: dict[str, Any] = {
    "texts": lambda control: edited(control, description="x", owner="ada", tags=["web"], product="mug"),
    "same": lambda control: edited(control, variants={"on": True}),
    "elsewhere": lambda control: edited(control, "idle", variants={"on": False}),
    "its archiving": lambda control: control.flags.archive(a_call(1), "idle", None),
    "new flag": lambda control: made(control, "another", client_side=True),
    "new segment": lambda control: segment(control, "crew"),
    "its rule": lambda control: (segment(control, "crew"), resegmented(control, "crew", targeting=OTHER_RULE)),
    "segment's text": lambda control: resegmented(control, description="Who works here"),
    "environment's text": lambda control: ruled(control, "production", description="Where it counts"),
    "more": lambda control: ruled(control, "production", approval=True),
}


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "gone"])
def test_what_touches_a_protected_environment_gives_its_reason(control: Control, name: str) -> None:
    pointer = "/query/reason" if name == "archive" else "/reason"
    assert refusal(lambda: CHANGES[name](control, {})) == (pointer, "required")
    after = CHANGES[name](control, {"reason": "It has to be"})
    assert after.data["reason"] == "It has to be"
    (envelope,) = envelopes(after.row)
    parse(envelope)
    assert {"field": "reason"} in envelope["data"]["changes"]
    assert "has to be" not in str(envelope)


@pytest.mark.parametrize("name", CHANGES)
def test_where_it_takes_a_second_person_it_is_refused_with_the_way_to_go(control: Control, name: str) -> None:
    control.configurations.switch_off(a_call(1), "checkout", "production", "x") if name == "gone" else None
    ruled(control, "production", approval=True)
    with pytest.raises(Conflict, match="change request"):
        CHANGES[name](control, {"reason": "It has to be"})
    assert refusal(lambda: CHANGES[name](control, {})) == ("", "approval_needed")


@pytest.mark.parametrize("name", FREE)
def test_what_cannot_change_an_answer_there_needs_nothing(control: Control, name: str) -> None:
    ruled(control, "production", approval=True)
    FREE[name](control)


def test_what_is_archived_and_taken_back_is_protected_as_what_is_on(control: Control) -> None:
    control.flags.archive(a_call(1), "checkout", None, "x")
    assert refusal(lambda: control.flags.restore(a_call(2), "checkout", None)) == ("/query/reason", "required")
    control.flags.restore(a_call(2), "checkout", None, "x")
    edited(control, variants={"on": False}, reason="x")
    assert refusal(lambda: control.flags.revert(a_call(3), "checkout", None, 1)) == ("/reason", "required")
    assert "reason" not in edited(control, description="x").data, "the reason is that of one version"


def test_every_field_of_a_flag_counts_or_is_said_not_to() -> None:
    """A field that is added has to be thought of here."""
    free = {"key", "description", "owner", "tags", "product", "reason"}
    assert set(flag.FIELDS) == free | set(protection.COUNTS["flag"])


def test_whoever_switches_it_on_meanwhile_is_seen(control: Control, store: MemoryStore, monkeypatch: Any) -> None:
    """A flag that was off in production when it was looked at, and an environment that was not protected."""
    transact, rival = store.transact, list[Any]()

    def late(writes: list[Write], token: str) -> None:
        if rival:
            rival.pop()()
        transact(writes, token)

    monkeypatch.setattr(store, "transact", late)
    rival.append(lambda: configured(control, "idle", "production", **ON))
    assert refusal(lambda: edited(control, "idle", variants={"on": False})) == ("/reason", "required")
    rival.append(lambda: ruled(control, "staging", approval=True))
    assert refusal(lambda: edited(control, "idle", variants={"on": False}, reason="x")) == ("", "approval_needed")


# --- by a change request ------------------------------------------------------------------------------------


def asked(control: Control, principal: Principal = ADA, **fields: Any) -> Stored:
    call = a_call(10, operation="proposals.open").but(principal=principal)
    return control.proposals.open(call, NewChange.model_validate({"reason": "It has to be", **fields})).stored


def by(principal: Principal, seconds: float = 20) -> Call:
    return a_call(seconds).but(principal=principal)


WANTED: dict[str, tuple[dict[str, Any], Any]] = {
    "variant": (
        {"flag": "checkout", "flag_change": {"variants": {"on": False}}},
        lambda c: flag.view(c.flags.read("checkout")),
    ),
    "hash": ({"flag": "checkout", "flag_change": {"hash": "v2"}}, lambda c: c.flags.read("checkout").data["hash"]),
    "archive": ({"flag": "checkout", "flag_change": {"status": "archived"}}, lambda c: c.flags.read("checkout").data["status"]),
    "revert": ({"flag": "checkout", "flag_change": {"revert_to": 1}}, lambda c: c.flags.read("checkout").data["variants"]),
    "segment": ({"segment": "staff", "segment_change": {"targeting": OTHER_RULE}}, lambda c: c.segments.read("staff").data),
    "environment": (
        {"environment": "production", "environment_change": {"approval": False}},
        lambda c: c.environments.read(a_call(), "production").data["approval"],
    ),
}


@pytest.mark.parametrize("name", WANTED)
def test_two_people_make_it(control: Control, store: MemoryStore, name: str) -> None:
    edited(control, variants={"spare": False}, reason="x")
    ruled(control, "production", approval=True)
    wanted, read = WANTED[name]
    before = read(control)
    opened = asked(control, **wanted)
    with pytest.raises(Forbidden):
        control.proposals.approve(by(ADA), opened.id, None)
    approved = control.proposals.approve(by(BOB), opened.id, 1)
    assert read(control) == before
    applied = control.proposals.apply(by(ADA), opened.id, 2)
    assert read(control) != before
    view = proposals.view(applied, "")
    assert (view["status"], view["reason"], view["kind"]) == ("applied", "It has to be", applied.data["kind"])
    assert [view[one] for one in ("flag", "environment", "segment")] == [wanted.get(one, "") for one in view_names()]
    for stored in (opened, approved, applied):
        (envelope,) = envelopes(stored.row)
        assert envelope["type"].endswith(".v2")
        assert parse(envelope).envelope() == envelope
        assert (envelope["data"]["kind"], envelope["data"]["key"]) == (view["kind"], wanted[view["kind"]])
    assert disagreements(store) == []


def view_names() -> tuple[str, ...]:
    return "flag", "environment", "segment"


def test_it_is_made_on_what_it_was_planned_on_or_not_at_all(control: Control) -> None:
    opened = asked(control, segment="staff", segment_change={"targeting": OTHER_RULE})
    control.proposals.approve(by(BOB), opened.id, None)
    resegmented(control, description="x")
    with pytest.raises(Conflict, match="Open another change request"):
        control.proposals.apply(by(ADA), opened.id, None)
    assert control.proposals.read(opened.id).data["status"] == "approved"


def test_protection_is_an_admins_affair_by_whatever_way(control: Control) -> None:
    editor = Principal("member", "mbr_eve", "editor")
    less: dict[str, Any] = {"environment": "production", "environment_change": {"protected": False}}
    with pytest.raises(Forbidden):
        asked(control, editor, **less)
    opened = asked(control, **less)
    with pytest.raises(Forbidden):
        control.proposals.approve(by(editor), opened.id, None)
    control.proposals.approve(by(BOB), opened.id, None)
    with pytest.raises(Forbidden):
        control.proposals.apply(by(editor), opened.id, None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("", "one_change")),
        ({"flag": "checkout", "flag_change": {}, "segment_change": {}}, ("", "one_change")),
        ({"flag_change": {"hash": "v2"}}, ("/flag", "required")),
        ({"flag": "checkout", "environment": "production", "flag_change": {"hash": "v2"}}, ("/environment", "one_change")),
        ({"flag": "checkout", "flag_change": {"hash": "v2", "owner": "ada"}}, ("/flag_change/hash", "one_change")),
        ({"flag": "checkout", "flag_change": {"revert_to": 7}}, ("/flag_change", "unknown_version")),
        ({"flag": "checkout", "flag_change": {"hash": "v3"}}, ("/flag_change", "no_change")),
        ({"flag": "nothing", "flag_change": {"hash": "v2"}}, ("/flag", "unknown_flag")),
        ({"segment": "nothing", "segment_change": {"targeting": BETA}}, ("/segment", "unknown_segment")),
        (
            {"segment": "staff", "segment_change": {"targeting": {"nonsense": 1}}},
            ("/segment_change/targeting/nonsense", "unknown_operator"),
        ),
        ({"environment": "nowhere", "environment_change": {"approval": True}}, ("/environment", "unknown_environment")),
    ],
    ids=str,
)
def test_what_is_asked_for_is_clear(control: Control, fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refusal(lambda: asked(control, **fields)) == expected


def test_the_last_second_person_is_not_the_only_one_who_can_ask(control: Control) -> None:
    """An environment that asks for a second person alone is protected, too."""
    environment(control, "preview", approval=True)
    with pytest.raises(Conflict):
        ruled(control, "preview", approval=False)
    with pytest.raises(Invalid):
        ruled(control, "production", protected=False)


def test_what_was_agreed_to_is_what_is_switched_on(control: Control) -> None:
    """A flag that is off, and a segment that nobody uses there, may be changed by one person, then not behind the other."""
    segment(control, "crew")
    ruled(control, "production", approval=True)
    change = {"enabled": True, "default_variant": "off", "targeting": {"if": [{"$ref": "crew"}, "on", "off"]}}
    changes: list[Callable[[], Stored]] = [
        lambda: edited(control, "idle", variants={"off": True}),
        lambda: edited(control, "idle", client_side=True),
        lambda: resegmented(control, "crew", targeting=OTHER_RULE),
    ]
    for behind in changes:
        opened = asked(control, flag="idle", environment="production", change=change)
        control.proposals.approve(by(BOB), opened.id, None)
        behind()
        with pytest.raises(Conflict, match="has changed since"):
            control.proposals.apply(by(ADA), opened.id, None)
        control.proposals.reject(by(ADA), opened.id, None)
    opened = asked(control, flag="idle", environment="production", change=change)
    control.proposals.approve(by(BOB), opened.id, None)
    edited(control, "idle", owner="ada")
    assert control.proposals.apply(by(ADA), opened.id, None).data["status"] == "applied"
