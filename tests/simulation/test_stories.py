"""Random stories with up to 15 faults each, deliveries that repeat, and events in any order. With SLIPWAY_PROVE, ten times as
many. A seed that finds something is told, and `told(seed)` plays it again."""

from __future__ import annotations

import os

import pytest

from tests.simulation.figures import Figures
from tests.simulation.stories import told

SEEDS = 8 * (10 if os.environ.get("SLIPWAY_PROVE") else 1)


@pytest.mark.parametrize("group", range(4))
def test_nothing_is_wrong_lost_or_doubled(group: int, figures: Figures) -> None:
    for seed in range(group * SEEDS, (group + 1) * SEEDS):
        outcome = told(seed)
        figures.add(outcome.happened, outcome.findings)
        assert not outcome.findings, f"seed {seed}: {figures.told()}"
    assert figures.faults > SEEDS


def test_a_seed_tells_one_story() -> None:
    first, second = told(3), told(3)
    assert [call.name for call in first.calls] == [call.name for call in second.calls]
    assert first.happened == second.happened
