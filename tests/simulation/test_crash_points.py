"""Whatever goes wrong with any one call of any function: nothing wrong, nothing lost, nothing doubled.

Of a long story no more than a sample; with SLIPWAY_PROVE all of it, and nine times the sample in pairs of faults.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from infra.functions import NAMES
from slipway.events import CONTRACTS
from tests.simulation.enumeration import Point, played, points
from tests.simulation.figures import Figures
from tests.simulation.scenarios import SCENARIOS, Scenario

PROVE = bool(os.environ.get("SLIPWAY_PROVE"))
SAMPLE = 150  # of one story
# Every kind of call by function. Nothing that the product writes is poison, so that nobody puts anything into the quarantine:
# `tests/functions/test_relay.py` does.
CALLS = {
    "products": {"get", "get_many", "put", "query", "transact"},
    "access": {"get", "get_many", "query", "transact"},
    "audit": {"get_many", "query"},
    "authorize": {"get", "put", "keys.get", "pool.keys"},
    "relay": {"send"},
    "keyring": {"get_many", "query", "keys.get", "keys.put"},
    "record": {"put"},
    "invite": {"get", "directory.add", "directory.remove"},
    "abacus": {"transact"},
    "collect": {"get", "get_many", "put", "transact", "flags.get", "keys.get", "lake.add"},
    "signals": {"get", "query"},
    "tally": {"get", "get_many", "put", "query"},
    "guard": {"get", "put", "query", "transact"},
    "ramp": {"get", "query", "transact", "alarms.hear"},
    "calendar": {"get", "get_many", "query", "transact", "schedules.add", "schedules.remove"},
    "evaluate": {"flags.get", "keys.get"},
    "flags": {"get", "get_many", "put", "query", "transact"},
    "planner": {"get", "get_many", "put", "query", "transact"},
    "seed": {"get", "get_many", "put", "query", "transact"},
    "snapshot": {"get", "get_many", "query", "flags.get", "flags.put"},
    "usage": {"get", "get_many", "put", "query", "transact"},
    "hooks": {"get", "get_many", "put", "query", "transact", "schedules.add"},
    "courier": {"get", "get_many", "put", "query", "transact", "schedules.add", "post.send", "mailer.send"},
    "shipping": {"get", "put", "query", "transact"},
    "triage": {
        *("get", "get_many", "put", "query", "transact", "flags.get", "keys.get", "lake.add", "schedules.add"),
        *("attachments.get", "attachments.put", "attachments.delete"),
    },
    "unsubscribe": {"get", "put"},
    "feedback": {"get", "get_many", "put", "query", "transact", "attachments.delete"},
    "public": {"get", "get_many", "query"},
    "surveys": {"get", "get_many", "put", "query", "transact"},
    "ballots": {"get", "get_many", "put", "query"},
}
BY_NAME = pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])


@BY_NAME
def test_nothing_is_wrong_lost_or_doubled(scenario: Scenario, figures: Figures) -> None:
    single = points(scenario)
    random, sample = Random(scenario.name), min(len(single), SAMPLE)
    if not PROVE:
        single = random.sample(single, sample)
    plans: list[tuple[Point, ...]] = [(point,) for point in single]
    if PROVE:
        plans += [(random.choice(single), random.choice(single)) for _ in range(9 * sample)]
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


def test_every_call_of_aws_that_a_function_makes_is_met() -> None:
    """A new one is to be written down, so that it is met on purpose: by a story in which it can go wrong."""
    met = {call.name for scenario in SCENARIOS for call in played(scenario).calls}
    assert sorted(met) == sorted(f"{function}.{call}" for function, calls in CALLS.items() for call in calls)
    assert set(CALLS) - {"abacus"} == set(NAMES) - {"site"}


def test_every_event_contract_is_met() -> None:
    """What the functions really write is what the contracts say, or it would stand in quarantine."""
    met: set[str] = set()
    for scenario in SCENARIOS:
        met |= {one["type"] for one in played(scenario).told}
    assert met == set(CONTRACTS)
