"""What a flag answers in an environment: its configuration, what guards it, and who needs whom."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.adapters.memory import MemoryStore
from slipway.events import parse
from slipway.flags import configuration, graph, jsontext
from slipway.flags.control import Control
from slipway.outbox import envelopes
from slipway.ports import Write
from slipway.problems import Conflict, Invalid, NotFound, PreconditionFailed
from tests.catalogue import START, a_call
from tests.flagging import (
    BETA,
    configured,
    disagreements,
    edited,
    environment,
    listed,
    made,
    resegmented,
    revision,
    row,
    ruled,
    segment,
)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    return Control(store)


def faults(caught: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in caught.value.errors]


# --- one configuration --------------------------------------------------------------------------------------


def test_an_untouched_one_is_off_at_version_1_and_has_no_row(control: Control, store: MemoryStore) -> None:
    made(control)
    environment(control, "preview")
    _, stored = control.configurations.read(a_call(), "checkout", "preview")
    view = configuration.view(stored)
    assert (view["enabled"], view["default_variant"], view["targeting"], view["version"]) == (False, None, None, 1)
    assert stored.actor == "system:slipway"
    assert store.get(control.flags.shelf.table, "flag#checkout#preview", "head") is None
    assert [one.stored for one in control.configurations.versions(a_call(), "checkout", "preview", below=None, limit=9)[0]] == [
        stored
    ]


def test_a_change_makes_version_2_and_keeps_version_1_as_it_read(control: Control, store: MemoryStore) -> None:
    made(control)
    _, untouched = control.configurations.read(a_call(), "checkout", "development")
    before = revision(store, "development"), revision(store, "staging")
    stored = configured(control, version=1, enabled=True, default_variant="on", targeting=BETA, overrides={"off": ["u2", "u1"]})
    assert stored.version == 2
    assert stored.data["targeting"] == jsontext.written(BETA)
    assert stored.data["overrides"] == {"off": ["u1", "u2"]}
    assert (revision(store, "development"), revision(store, "staging")) == (before[0] + 1, before[1])
    assert listed(store, "list#state#development#on") == ["checkout"]
    past = control.configurations.shelf.past("flag#checkout#development", 1)
    assert past.data == untouched.data
    assert (past.created_at, past.actor, past.events) == (untouched.created_at, untouched.actor, [])
    found, _ = control.configurations.versions(a_call(), "checkout", "development", below=None, limit=9)
    assert [one.stored.version for one in found] == [2, 1]


def test_its_event_names_what_changed_and_gives_no_rule_key_or_reason(control: Control) -> None:
    made(control)
    stored = configured(control, enabled=True, targeting=BETA, overrides={"off": ["u-secret"]}, reason="hush")
    (envelope,) = envelopes(stored.row)
    parse(envelope)
    assert envelope["subject"] == "flag#checkout#development"
    assert envelope["data"] == {
        "flag": "checkout",
        "environment": "development",
        "enabled": True,
        "reason": True,
        "version": 2,
        "changes": [{"field": "enabled", "from": False, "to": True}, {"field": "targeting"}, {"field": "overrides"}],
    }


def test_a_patch_merges_overrides_and_replaces_rules(control: Control) -> None:
    made(control)
    configured(control, targeting=BETA, overrides={"on": ["a"], "off": ["b"]}, reason="first")
    stored = configured(control, targeting={"if": [{"==": [1, 1.0]}, "on"]}, overrides={"on": None, "off": ["c"]})
    assert stored.data["targeting"] == '{"if":[{"==":[1,1.0]},"on"]}'
    assert stored.data["overrides"] == {"off": ["c"]}
    assert "reason" not in stored.data
    assert configured(control, overrides={"off": []}, targeting=None).data["overrides"] == {}
    assert configured(control, targeting={}, reason="nothing changes").version == 4


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"default_variant": "maybe"}, [("/default_variant", "unknown_variant")]),
        ({"overrides": {"maybe": ["a"]}}, [("/overrides/maybe", "unknown_variant")]),
        ({"overrides": {"on": ["a"], "off": ["a"]}}, [("/overrides/off", "duplicate")]),
        ({"targeting": {"$ref": "nobody"}}, [("/targeting/$ref", "unknown_reference")]),
        ({"prerequisites": [{"flag": "nobody", "variants": ["on"]}]}, [("/prerequisites/0/flag", "unknown_flag")]),
        ({"prerequisites": [{"flag": "other", "variants": ["on", "x"]}]}, [("/prerequisites/0/variants", "unknown_variant")]),
        ({"prerequisites": [{"flag": "checkout", "variants": ["on"]}]}, [("/prerequisites", "cycle")]),
        ({"targeting": {"if": [{"==": [{"var": "plan"}, "x" * 33_000]}, "on"]}}, [("", "too_large")]),
        ({"targeting": {"fractional": [["on", 1], ["of", 1]]}}, [("/targeting/fractional/1/0", "unknown_variant")]),
        ({"targeting": {"iff": [1, "on"]}}, [("/targeting/iff", "unknown_operator")]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    control: Control, store: MemoryStore, fields: dict[str, Any], expected: Any
) -> None:
    made(control)
    made(control, "other")
    before = dict(store.tables["flags"])
    with pytest.raises(Invalid) as caught:
        configured(control, **fields)
    assert faults(caught) == expected
    assert store.tables["flags"] == before


def test_a_protected_environment_asks_for_a_reason(control: Control) -> None:
    made(control)
    with pytest.raises(Invalid) as caught:
        configured(control, environment="production", enabled=True)
    assert faults(caught) == [("/reason", "required")]
    assert configured(control, environment="production", enabled=True, reason="Launch").data["reason"] == "Launch"
    ruled(control, "production", protected=False, reason="No need")
    assert "reason" not in configured(control, environment="production", enabled=False).data


def test_unknown_flags_and_environments(control: Control) -> None:
    made(control)
    with pytest.raises(NotFound):
        configured(control, "nobody")
    with pytest.raises(NotFound):
        configured(control, environment="nowhere")


def test_another_version_is_refused(control: Control) -> None:
    made(control)
    with pytest.raises(PreconditionFailed):
        configured(control, version=2, enabled=True)
    configured(control, version=1, enabled=True)
    with pytest.raises(PreconditionFailed):
        configured(control, version=1, enabled=False)


def test_copy_and_revert_bring_all_of_it(control: Control) -> None:
    made(control)
    made(control, "other")
    given: dict[str, Any] = {"enabled": True, "default_variant": "off", "targeting": BETA, "overrides": {"on": ["me"]}}
    needed = [{"flag": "other", "variants": ["on"]}]
    configured(control, environment="staging", prerequisites=needed, **given)
    with pytest.raises(Invalid):
        control.configurations.copy(a_call(), "checkout", "production", 1, "staging", None)
    copied = control.configurations.copy(a_call(), "checkout", "production", 1, "staging", "as in staging")
    same = {"enabled", "default_variant", "targeting", "overrides", "prerequisites"}
    _, source = control.configurations.read(a_call(), "checkout", "staging")
    assert {name: copied.data[name] for name in same} == {name: source.data[name] for name in same}
    assert copied.data["environment"] == "production"
    back = control.configurations.revert(a_call(), "checkout", "production", 2, 1, "back")
    assert (back.version, back.data["enabled"], back.data["prerequisites"], back.data["reason"]) == (3, False, [], "back")
    assert control.configurations.copy(a_call(), "checkout", "staging", None, "staging", None).version == 2


def test_what_was_in_force_then(control: Control) -> None:
    made(control)
    configured(control, seconds=10, enabled=True)
    configured(control, seconds=20, default_variant="on")
    found = [
        control.configurations.at(a_call(99), "checkout", "development", START + timedelta(seconds=at))[1].version
        for at in (0, 5, 10, 19, 20, 50)
    ]
    assert found == [1, 1, 2, 2, 3, 3]
    environment(control, "preview")
    with pytest.raises(NotFound):
        control.configurations.at(a_call(99), "checkout", "preview", START - timedelta(seconds=1))


def test_all_environments_at_once(control: Control) -> None:
    made(control)
    configured(control, environment="staging", enabled=True)
    each = control.configurations.each(a_call(), "checkout")
    assert [(one.data["environment"], one.data["enabled"], one.version) for one in each] == [
        ("development", False, 1),
        ("production", False, 1),
        ("staging", True, 2),
    ]


# --- who needs whom -----------------------------------------------------------------------------------------


def test_a_circle_is_refused_and_named(control: Control) -> None:
    for key in "abcd":
        made(control, key)
    for one, other in itertools.pairwise("abcd"):
        configured(control, one, prerequisites=[{"flag": other, "variants": ["on"]}])
    with pytest.raises(Invalid, match="d -> a -> b -> c -> d"):
        configured(control, "d", prerequisites=[{"flag": "a", "variants": ["on"]}])
    assert configured(control, "d", "staging", prerequisites=[{"flag": "a", "variants": ["on"]}]).version == 2


def test_two_changes_cannot_close_a_circle_together(control: Control, store: MemoryStore, monkeypatch: Any) -> None:
    made(control, "a")
    made(control, "b")
    transact, rival = store.transact, [True]

    def late(writes: list[Write], token: str) -> None:
        if rival:
            rival.clear()
            configured(control, "b", prerequisites=[{"flag": "a", "variants": ["on"]}])
        transact(writes, token)

    monkeypatch.setattr(store, "transact", late)
    with pytest.raises(Invalid, match="a -> b -> a"):
        configured(control, "a", prerequisites=[{"flag": "b", "variants": ["on"]}])


def test_a_chain_has_an_end(control: Control, monkeypatch: Any) -> None:
    monkeypatch.setattr(graph, "MOST_REACHED", 2)
    for key in "abcd":
        made(control, key)
    configured(control, "c", prerequisites=[{"flag": "d", "variants": ["on"]}])
    configured(control, "b", prerequisites=[{"flag": "c", "variants": ["on"]}])
    with pytest.raises(Invalid, match="more than 2 flags"):
        configured(control, "a", prerequisites=[{"flag": "b", "variants": ["on"]}])


def test_what_would_be_too_large_with_what_it_needs_is_refused_with_its_size(control: Control) -> None:
    rule = {"if": [{"in": [{"var": "email"}, [f"user-{number}@example.com" for number in range(500)]]}, "on", "off"]}
    needed: list[dict[str, Any]] = []
    for level in range(2):
        for side in "ab":
            made(control, f"{side}{level}")
            configured(control, f"{side}{level}", enabled=True, targeting=rule, prerequisites=needed)
        needed = [{"flag": f"{side}{level}", "variants": ["on"]} for side in "ab"]
    made(control)
    with pytest.raises(Invalid) as caught:
        configured(control, enabled=True, targeting=rule, prerequisites=needed)
    [fault] = caught.value.errors
    assert (fault.code, fault.detail.endswith("characters of 65,536 at most.")) == ("not_evaluable", True)


def test_the_variants_that_are_waited_for_may_change(control: Control, store: MemoryStore) -> None:
    made(control)
    made(control, "other")
    configured(control, prerequisites=[{"flag": "other", "variants": ["on"]}])
    configured(control, prerequisites=[{"flag": "other", "variants": ["off", "on"]}])
    assert listed(store, "uses#flag#other") == ["checkout#development", "count"]
    assert row(store, "uses#flag#other", "count")["changes"] == 2
    configured(control, prerequisites=[])
    assert listed(store, "uses#flag#other") == ["count"]


def test_a_flag_that_is_archived_at_the_same_moment_is_not_needed(
    control: Control, store: MemoryStore, monkeypatch: Any
) -> None:
    made(control)
    made(control, "other")
    transact, rival = store.transact, [True]

    def late(writes: list[Write], token: str) -> None:
        if rival:
            rival.clear()
            control.flags.archive(a_call(), "other", None)
        transact(writes, token)

    monkeypatch.setattr(store, "transact", late)
    with pytest.raises(Invalid, match="would not be valid") as caught:
        configured(control, prerequisites=[{"flag": "other", "variants": ["on"]}])
    assert faults(caught) == [("/prerequisites/0/flag", "unknown_flag")]


# --- segments -----------------------------------------------------------------------------------------------


def test_a_segment_in_use_stays_until_nobody_uses_it(control: Control, store: MemoryStore) -> None:
    made(control)
    segment(control)
    before = revision(store, "staging")
    configured(control, targeting={"if": [{"$ref": "staff"}, "on", "off"]})
    assert control.segments.uses(a_call(), "staff") == [("checkout", "development")]
    with pytest.raises(Conflict, match="needed by checkout in development"):
        control.segments.delete(a_call(), "staff", None)
    configured(control, targeting=None)
    assert control.segments.delete(a_call(), "staff", 1).version == 2
    assert revision(store, "staging") == before + 1
    assert listed(store, "list#segments") == []
    with pytest.raises(NotFound):
        control.segments.read("staff")
    with pytest.raises(Invalid):
        configured(control, targeting={"if": [{"$ref": "staff"}, "on", "off"]})


def test_a_segment_changes_for_every_environment(control: Control, store: MemoryStore) -> None:
    segment(control)
    before = revision(store, "staging")
    assert resegmented(control, description="who works here").version == 2
    assert revision(store, "staging") == before
    assert resegmented(control, targeting={"==": [{"var": "role"}, "staff"]}).version == 3
    assert revision(store, "staging") == before + 1


def test_a_segment_uses_no_other(control: Control) -> None:
    with pytest.raises(Invalid) as caught:
        segment(control, rule={"and": [{"$ref": "other"}, True]})
    assert faults(caught) == [("/targeting/and/0/$ref", "nested_reference")]


# --- environments -------------------------------------------------------------------------------------------


def test_the_first_three_are_there_for_whoever_asks(control: Control, store: MemoryStore) -> None:
    assert control.environments.all(a_call()).names == ["development", "production", "staging"]
    again = Control(store)
    assert again.environments.read(a_call(), "production").data["protected"] is True
    assert again.environments.all(a_call()).number == 1


def test_a_deleted_environment_is_gone_and_so_is_its_name(control: Control, store: MemoryStore) -> None:
    made(control)
    made(control, "other")
    environment(control, "preview")
    configured(control, environment="preview", enabled=True, prerequisites=[{"flag": "other", "variants": ["on"]}])
    with pytest.raises(Conflict, match="switch off checkout first"):
        control.environments.delete(a_call(), "preview", None)
    configured(control, environment="preview", enabled=False)
    assert control.environments.delete(a_call(), "preview", 1).version == 2
    with pytest.raises(NotFound):
        control.configurations.read(a_call(), "checkout", "preview")
    with pytest.raises(Conflict):
        environment(control, "preview")
    assert control.flags.archive(a_call(), "other", None).version == 2, "nobody needs it any more"
    assert edited(control, variants={"x": True}).version == 2


def test_the_last_environment_stays_and_there_are_not_too_many(control: Control, monkeypatch: Any) -> None:
    monkeypatch.setattr("slipway.flags.ledger.MOST_ENVIRONMENTS", 4)
    environment(control, "one-more")
    with pytest.raises(Conflict, match="There are 4 environments"):
        environment(control, "two-more")
    for name in ("development", "production", "staging"):
        control.environments.delete(a_call(), name, None, "No need")
    with pytest.raises(Conflict, match="last"):
        control.environments.delete(a_call(), "one-more", None)


# --- whatever happens ---------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["enabled", "needs", "frees", "segment", "archive", "restore", "patch", "environment"]),
        st.sampled_from("abc"),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_the_rows_beside_agree_with_the_resources(story: list[tuple[str, str, str]]) -> None:
    store = MemoryStore()
    control = Control(store)
    for key in "abc":
        made(control, key)
        segment(control, f"s{key}", {"==": [{"var": "plan"}, key]})
    for number, (key, what, other) in enumerate(story):
        try:
            if what == "enabled":
                configured(control, key, enabled=other != "a")
            elif what == "needs":
                configured(control, key, prerequisites=[{"flag": other, "variants": ["on"]}])
            elif what == "frees":
                configured(control, key, prerequisites=[], targeting=None)
            elif what == "segment":
                configured(control, key, targeting={"if": [{"$ref": f"s{other}"}, "on", "off"]})
            elif what == "archive":
                control.flags.archive(a_call(), key, None)
            elif what == "restore":
                control.flags.restore(a_call(), key, None)
            elif what == "patch":
                edited(control, key, tags=[other], variants={"on": True, f"v{number}": True})
            else:
                environment(control, f"e{other}")
        except (Conflict, Invalid):
            pass
    assert disagreements(store) == []
    heads = {row["pk"]: row["data"] for (_, sk), row in store.tables["flags"].items() if sk == "head"}
    for data in heads.values():
        if heads.get(f"flag#{data.get('flag')}", {}).get("status") == "active":
            needed = [heads[f"flag#{one['flag']}"] for one in data["prerequisites"]]
            assert all(one["status"] == "active" and "on" in one["variants"] for one in needed)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), {"deep": [float("inf")]}])
def test_what_is_no_json_is_not_kept(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        jsontext.written(value)
