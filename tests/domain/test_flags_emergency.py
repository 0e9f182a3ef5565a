"""A flag is switched off whatever is wrong with it, or with what it needs; and then it is off for everybody."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.flags import graph
from slipway.flags.compilation import compiled
from slipway.flags.control import Control
from slipway.flags.publication import read
from slipway.flags.snapshot import Snapshot
from slipway.ports import Delete
from slipway.problems import Conflict, Invalid
from slipway.rollouts.plan import NewRollout
from slipway.tables import FLAGS
from tests.catalogue import a_call
from tests.flagging import BETA, configured, disagreements, listed, made, revision, row, ruled, segment


def rewritten(store: MemoryStore, id: str, **fields: Any) -> None:
    """As no control plane would write it now: an older one, or a hand in the table."""
    head = row(store, id, "head")
    store.put(FLAGS, {**head, "data": {**head["data"], **fields}})


def an_unknown_variant(control: Control, store: MemoryStore) -> None:
    segment(control, "beta", BETA)
    configured(control, enabled=True, default_variant="on", targeting={"$ref": "beta"})
    rewritten(store, "segment#beta", targeting='{"if":[{"var":"x"},"purple","off"]}')


def a_segment_that_is_gone(control: Control, store: MemoryStore) -> None:
    segment(control, "beta", BETA)
    configured(control, enabled=True, default_variant="on", targeting={"$ref": "beta"})
    rewritten(store, "segment#beta", status="deleted")


def a_chain_that_has_grown(control: Control, store: MemoryStore) -> None:
    names = ["checkout", *(f"f{number}" for number in range(graph.MOST_REACHED + 1))]
    for name in names[1:]:
        made(control, name)
    for upper, lower in itertools.pairwise(names):  # from the top: no walk meets what comes below later
        configured(control, upper, enabled=True, default_variant="on", prerequisites=[{"flag": lower, "variants": ["on"]}])


def a_default_that_is_none(control: Control, store: MemoryStore) -> None:
    configured(control, enabled=True, default_variant="on")
    rewritten(store, "flag#checkout#development", default_variant="purple")


BROKEN: list[Callable[[Control, MemoryStore], None]] = [
    an_unknown_variant,
    a_segment_that_is_gone,
    a_chain_that_has_grown,
    a_default_that_is_none,
]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    return Control(store)


@pytest.mark.parametrize("how", ["off", "patch"])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_flag_is_switched_off_and_served_so(
    control: Control, store: MemoryStore, broken: Callable[[Control, MemoryStore], None], how: str
) -> None:
    made(control)
    configured(control, enabled=True, default_variant="on")
    last = json.loads(compiled(read(store, "development")).body)
    broken(control, store)
    with pytest.raises(Invalid):
        configured(control, overrides={"off": ["u1"]})
    before = revision(store, "development")
    if how == "off":
        stored = control.configurations.switch_off(a_call(5), "checkout", "development", "fire")
    else:
        stored = configured(control, enabled=False, reason="fire")
    assert (stored.data["enabled"], stored.data["reason"]) == (False, "fire")
    assert revision(store, "development") == before + 1
    assert "checkout" not in listed(store, "list#state#development#on")
    again = control.configurations.switch_off(a_call(6), "checkout", "development", "again")
    assert (again.version, configured(control, enabled=False).version) == (stored.version, stored.version)
    flags = Snapshot.read(compiled(read(store, "development"), last).body).flags
    assert flags.evaluate("checkout", {"x": 1}, now=0).reason == "DISABLED"


def test_what_else_a_change_says_is_looked_at(control: Control, store: MemoryStore) -> None:
    made(control)
    an_unknown_variant(control, store)
    with pytest.raises(Invalid):
        configured(control, enabled=False, default_variant="off")


def test_the_rows_beside_agree_with_what_was_switched_off(control: Control, store: MemoryStore) -> None:
    made(control)
    segment(control, "beta", BETA)
    configured(control, enabled=True, default_variant="on", targeting={"$ref": "beta"})
    control.configurations.switch_off(a_call(5), "checkout", "development", "fire")
    assert disagreements(store) == []


def test_a_patch_asks_who_has_to_agree_and_the_emergency_does_not(control: Control, store: MemoryStore) -> None:
    made(control)
    an_unknown_variant(control, store)
    ruled(control, "development", approval=True)
    with pytest.raises(Conflict):
        configured(control, enabled=False)
    assert not control.configurations.switch_off(a_call(5), "checkout", "development", None).data["enabled"]


@pytest.mark.parametrize("state", ["running", "completed", None])
def test_the_rollout_that_runs_is_ended_whatever_has_become_of_its_row(
    control: Control, store: MemoryStore, state: str | None
) -> None:
    made(control)
    configured(control, enabled=True, default_variant="off")
    course: dict[str, Any] = {"from": "off", "to": "on", "ladder": [{"share": 5, "hold": {"minutes": 10}}, {"share": 100}]}
    new = NewRollout.model_validate(course)
    id = control.rollouts.plan(a_call(4), "checkout", "development", new, b"e" * 32).stored.id
    if state is None:
        store.transact([Delete(FLAGS, id, "head")], "lost")
    else:
        rewritten(store, id, state=state)
    off = control.configurations.switch_off(a_call(5), "checkout", "development", "fire")
    assert (off.data["enabled"], off.data["ended"]) == (False, id)
    assert "rollout" not in off.data
    assert control.rollouts.under_way() == []
    if state is not None:
        assert row(store, id, "head")["data"]["state"] == ("stopped" if state == "running" else state)


def test_what_cannot_be_compiled_any_more_keeps_no_rollout_when_it_is_off(control: Control, store: MemoryStore) -> None:
    made(control)
    configured(control, enabled=True, default_variant="off")
    course: dict[str, Any] = {"from": "off", "to": "on", "ladder": [{"share": 5, "hold": {"minutes": 10}}, {"share": 100}]}
    control.rollouts.plan(a_call(4), "checkout", "development", NewRollout.model_validate(course), b"e" * 32)
    last = json.loads(compiled(read(store, "development")).body)
    rewritten(store, "flag#checkout#development", default_variant="purple")
    assert Snapshot.read(compiled(read(store, "development"), last).body).rollouts.keys() == {"checkout"}
    rewritten(store, "flag#checkout#development", enabled=False)
    assert Snapshot.read(compiled(read(store, "development"), last).body).rollouts.keys() == set()
