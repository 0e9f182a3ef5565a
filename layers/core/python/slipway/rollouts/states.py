"""The life of a rollout, as one table.

    planned ──start──> running ──hold_over──> advancing ──advance──> running ... ──complete──> completed
                       │     ^ <───resume───┐ │
                       ├─pause──────────> paused
                       └─roll_back──────> rolled_back ──resume──> running        at any time: stop, human_edit ──> stopped

`advancing`: the hold's time is over, and the step to the next share (or the end) is due, or waits for units or an approval.
Rolled back is not the end: resuming shows the same units the treatment again. An edit of the flag's environment by hand is
never refused, and ends whatever it finds under way; what shows nobody anything (planned, rolled back, over) it leaves as it is.
"""

from __future__ import annotations

from typing import Literal, get_args

from slipway.problems import Fault, MoveNotAllowed

State = Literal["planned", "running", "advancing", "paused", "rolled_back", "completed", "stopped"]
Event = Literal["start", "hold_over", "advance", "complete", "pause", "resume", "roll_back", "stop", "human_edit"]

MOVES: dict[State, dict[Event, State]] = {
    "planned": {"start": "running", "stop": "stopped", "human_edit": "planned"},
    "running": {
        "hold_over": "advancing",
        "advance": "running",
        "complete": "completed",
        "pause": "paused",
        "roll_back": "rolled_back",
        "stop": "stopped",
        "human_edit": "stopped",
    },
    "advancing": {
        "advance": "running",
        "complete": "completed",
        "pause": "paused",
        "roll_back": "rolled_back",
        "stop": "stopped",
        "human_edit": "stopped",
    },
    "paused": {"resume": "running", "roll_back": "rolled_back", "stop": "stopped", "human_edit": "stopped"},
    "rolled_back": {"resume": "running", "stop": "stopped", "human_edit": "rolled_back"},
    "completed": {"human_edit": "completed"},
    "stopped": {"human_edit": "stopped"},
}
STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)

LIVE: tuple[State, ...] = ("running", "advancing", "paused")  # units may be in treatment, and guards judge
FINAL: tuple[State, ...] = ("completed", "stopped")
BY_HAND: tuple[Event, ...] = ("start", "advance", "pause", "resume", "roll_back", "stop")  # what a person may ask for


def move(present: State, event: Event) -> State:
    """The state after that event. Raises MoveNotAllowed, which names what may be asked for instead."""
    moves = MOVES[present]
    if event not in moves:
        ways = [asked for asked in BY_HAND if asked in moves]
        hint = f"possible are {', '.join(ways).replace('_', '-')}" if ways else "that is the end of it"
        detail = f"The rollout is {present.replace('_', ' ')}, and cannot {event.replace('_', ' ')}: {hint}."
        raise MoveNotAllowed(detail, errors=[Fault("/state", "move_not_allowed", detail)])
    return moves[event]
