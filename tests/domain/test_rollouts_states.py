"""The life of a rollout: every state meets every event."""

from __future__ import annotations

import itertools

import pytest

from slipway.problems import MoveNotAllowed
from slipway.rollouts.states import BY_HAND, EVENTS, FINAL, LIVE, MOVES, STATES, Event, State, move

ALLOWED: dict[tuple[State, Event], State] = {
    ("planned", "start"): "running",
    ("planned", "stop"): "stopped",
    ("planned", "human_edit"): "planned",
    ("running", "hold_over"): "advancing",
    ("running", "advance"): "running",
    ("running", "complete"): "completed",
    ("running", "pause"): "paused",
    ("running", "roll_back"): "rolled_back",
    ("running", "stop"): "stopped",
    ("running", "human_edit"): "stopped",
    ("advancing", "advance"): "running",
    ("advancing", "complete"): "completed",
    ("advancing", "pause"): "paused",
    ("advancing", "roll_back"): "rolled_back",
    ("advancing", "stop"): "stopped",
    ("advancing", "human_edit"): "stopped",
    ("paused", "resume"): "running",
    ("paused", "roll_back"): "rolled_back",
    ("paused", "stop"): "stopped",
    ("paused", "human_edit"): "stopped",
    ("rolled_back", "resume"): "running",
    ("rolled_back", "stop"): "stopped",
    ("rolled_back", "human_edit"): "rolled_back",
    ("completed", "human_edit"): "completed",
    ("stopped", "human_edit"): "stopped",
}


@pytest.mark.parametrize(("state", "event"), [*itertools.product(STATES, EVENTS)])
def test_every_state_and_every_event(state: State, event: Event) -> None:
    if (state, event) in ALLOWED:
        assert move(state, event) == ALLOWED[state, event]
    else:
        with pytest.raises(MoveNotAllowed) as refused:
            move(state, event)
        assert state.replace("_", " ") in refused.value.detail
        assert event.replace("_", " ") in refused.value.detail
        assert [fault.pointer for fault in refused.value.errors] == ["/state"]


def test_a_refusal_names_what_a_person_may_ask_for() -> None:
    with pytest.raises(MoveNotAllowed, match=r"^The rollout is rolled back, and cannot pause: possible are resume, stop\.$"):
        move("rolled_back", "pause")
    with pytest.raises(MoveNotAllowed, match=r"possible are resume, roll-back, stop\.$"):  # as the paths have them
        move("paused", "advance")
    with pytest.raises(MoveNotAllowed, match=r"^The rollout is completed, and cannot resume: that is the end of it\.$"):
        move("completed", "resume")


def test_the_table_is_whole() -> None:
    assert tuple(MOVES) == STATES
    assert set(BY_HAND) < set(EVENTS)
    reached: set[State] = {"planned"}
    for _ in STATES:
        reached |= {after for state in reached for after in MOVES[state].values()}
    assert reached == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_a_person_always_wins(state: State) -> None:
    """An edit by hand is never refused, and nothing stays live after it; what is live can be stopped and rolled back."""
    assert move(state, "human_edit") not in LIVE
    if state in LIVE:
        assert (move(state, "roll_back"), move(state, "stop")) == ("rolled_back", "stopped")
    if state in FINAL:
        assert set(MOVES[state].values()) == {state}
    else:
        assert move(state, "stop") == "stopped"
