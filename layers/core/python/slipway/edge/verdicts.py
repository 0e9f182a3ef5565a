"""What a line tells of the rollouts that were judged: in `decisions`, how many were left in which state."""

from __future__ import annotations

from slipway.edge import observe


def told(line: observe.Line, state: str) -> None:
    """One more in that state."""
    decisions = line.fields.setdefault("decisions", {})
    decisions[state] = decisions.get(state, 0) + 1
