"""The life of a product, as one table."""

from __future__ import annotations

from typing import Literal, get_args

from slipway.problems import Fault, MoveNotAllowed

Stage = Literal["idea", "discovery", "alpha", "beta", "ga", "sunset", "retired"]

# From each stage, where to. A product may be created at any stage: it may be older than its entry here.
MOVES: dict[Stage, tuple[Stage, ...]] = {
    "idea": ("discovery", "retired"),
    "discovery": ("idea", "alpha", "retired"),
    "alpha": ("discovery", "beta", "retired"),
    "beta": ("alpha", "ga", "retired"),
    "ga": ("sunset",),
    "sunset": ("ga", "retired"),
    "retired": (),
}
STAGES: tuple[Stage, ...] = get_args(Stage)


def move(present: Stage, wanted: Stage) -> Stage:
    """The wanted stage. Raises MoveNotAllowed, which names the moves that there are."""
    allowed = MOVES[present]
    if wanted != present and wanted not in allowed:
        ways = f"it can move to {' or '.join(allowed)}" if allowed else "that is the last one"
        detail = f"The product is at stage {present}: {ways}."
        raise MoveNotAllowed(detail, errors=[Fault("/stage", "move_not_allowed", detail)])
    return wanted
