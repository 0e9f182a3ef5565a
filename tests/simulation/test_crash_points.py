"""Whatever goes wrong with any one call of any function: nothing wrong, nothing lost, nothing doubled.

With SLIPWAY_PROVE, ten times as many runs: pairs of faults as well. Without it, of a long story no more than a sample.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from infra.functions import NAMES
from slipway.edge import observe
from slipway.events import CONTRACTS
from tests.simulation.enumeration import Bug, Point, played, points
from tests.simulation.figures import Figures
from tests.simulation.scenarios import SCENARIOS, Scenario

PROVE = bool(os.environ.get("SLIPWAY_PROVE"))
PLAIN = 250  # runs of one story, without it
BY_NAME = pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])


@BY_NAME
def test_nothing_is_wrong_lost_or_doubled(scenario: Scenario, figures: Figures) -> None:
    single = points(scenario)
    if not PROVE and len(single) > PLAIN:
        single = Random(scenario.name).sample(single, PLAIN)
    plans: list[tuple[Point, ...]] = [(point,) for point in single]
    if PROVE:
        random = Random(scenario.name)
        plans += [(random.choice(single), random.choice(single)) for _ in range(9 * len(single))]
    for plan in plans:
        outcome = played(scenario, *plan)
        figures.add(outcome.happened, outcome.findings)
    assert figures.faults >= len(single)
    assert not figures.failed, figures.told()


@BY_NAME
def test_the_same_faults_give_the_same_story(scenario: Scenario) -> None:
    some = points(scenario)[7]
    first, second = played(scenario, some), played(scenario, some)
    assert [call.name for call in first.calls] == [call.name for call in second.calls]
    assert first.happened == second.happened


def test_every_function_that_calls_aws_is_met() -> None:
    met = {call.name.partition(".")[0] for scenario in SCENARIOS for call in played(scenario).calls}
    assert met - {"tally"} == set(NAMES) - {"site"}


def test_every_event_contract_is_met() -> None:
    """What the functions really write is what the contracts say, or it would stand in quarantine."""
    met: set[str] = set()
    for scenario in SCENARIOS:
        met |= {one["type"] for one in played(scenario).told}
    assert met == set(CONTRACTS)


def test_the_lines_that_the_functions_log_are_checked_too(log_lines: list[dict[str, object]]) -> None:
    """Once: the other runs are silent, for there are thousands of them."""
    played(SCENARIOS[0], bug=Bug(parts={"sink": observe.sink}))
    assert len(log_lines) > 20
