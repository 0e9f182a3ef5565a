"""Rollouts by chance: harmless ones are rolled back no more often than alpha says, harmful ones soon, and the simulator sees
what breaks either. Harmless ones are 1,000 a setting, all others a tenth of that without SLIPWAY_PROVE; the figures are told at
the end."""

from __future__ import annotations

import heapq
import math
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

import pytest

from slipway.rollouts.arms import Arm, Tally
from slipway.rollouts.guard import Stage, confidence, log_sample_ratio
from slipway.rollouts.policy import ACTIVITY, FEWER_IS_WORSE, MISMATCH, Guard, Judgement, Kind, decide, guarded
from tests.simulation.rollouts import (
    ALPHA,
    Bad,
    Crowd,
    Phase,
    Rule,
    arrivals,
    at_most,
    bad_units,
    constant,
    each_event,
    each_stage,
    events,
    first_arm,
    once,
    ramp,
    stopped,
    z_stopped,
)

HARMLESS = 1_000
RUNS = HARMLESS if os.environ.get("SLIPWAY_PROVE") else 100
BAD = 400  # units a rollout, about
RAMPS = {
    4: (0.01, 0.05, 0.25, 0.5),
    6: (0.01, 0.05, 0.1, 0.2, 0.35, 0.5),
    10: (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5),
}
SLOW = (0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2)  # stages that are alike count their users ten times
DRIFT = (0.01, 0.02, 0.03, 0.015)
TIDE = (0.5, 1.0, 1.5, 0.75)
CROWDS = {
    "alike": Crowd(3_000, 0.01),
    "a few heavy": Crowd(1_000, 0.01, 5, 300),
    "a few frail": Crowd(1_000, 0.003, 20, 300),
    "hardly any but the frail": Crowd(510, 0.0005, 10, 6_000),
}


BASES = {"errors": 0.02, "ms": 0.05, "orders": 0.1, ACTIVITY: 0.3}
TOGETHER: dict[str, list[tuple[str, Kind]]] = {
    "conversion alone": [("orders", "conversion")],
    "errors and the activity that they bring": [("errors", "bad_units")],
    "four guards": [("errors", "bad_units"), ("ms", "slow_units"), ("orders", "conversion")],
}


def of_metric(metric: str, found: Iterable[Bad]) -> Iterator[tuple[int, str, Bad]]:
    return ((bad.at, metric, bad) for bad in found)


def acted(rng: Random, guards: Sequence[Guard], ratios: Mapping[str, float]) -> int | None:
    """At which unit all that the policy decides by has rolled back, looking at every 40th that is counted."""
    shares = RAMPS[4]
    told = {
        metric: bad_units(rng, [Phase(share, 500, BASES[metric]) for share in shares], ratios.get(metric, 1.0))
        for metric in (guard.metric for guard in guards)
    }
    counts = {metric: [Tally(share, Arm(), Arm()) for share in shares] for metric in told}
    merged = heapq.merge(*(of_metric(metric, found) for metric, found in told.items()))
    for number, (at, metric, bad) in enumerate(merged, 1):
        tally = counts[metric][bad.stage]
        if bad.treatment:
            tally = tally._replace(treatment=Arm(tally.treatment.server + 1))
        else:
            tally = tally._replace(control=Arm(tally.control.server + 1))
        counts[metric][bad.stage] = tally
        if number % 40 == 0 and decide(Judgement(ALPHA, guards, counts, []), explained=False).action == "roll_back":
            return at
    return None


class Tell(NamedTuple):
    """Runs a setting, and tells the figure at the end."""

    tell: Callable[[str, object], None]

    def __call__(self, what: str, run: Callable[[Random], object | None], runs: int = RUNS) -> int:
        """How many of the runs have a result; each has a seed of its own, by the setting."""
        found = sum(run(Random(f"{what} {seed}")) is not None for seed in range(runs))
        self.tell("figures", f"rollouts, {what}: {found} of {runs}")
        return found


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Tell:
    return Tell(record_property)


# --- harmless ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", [0.0, 0.1])
@pytest.mark.parametrize("base", [0.002, 0.01, 0.05, 0.2])
def test_half_and_half(base: float, margin: float, counted: Tell) -> None:
    """At the boundary, and looking after every single unit."""
    phases = constant(base, BAD)
    found = counted(
        f"half and half, base {base}, margin {margin}, rolled back",
        lambda rng: stopped(bad_units(rng, phases, 1.0 + margin), [0.5], margin),
        HARMLESS,
    )
    assert found <= at_most(HARMLESS)


@pytest.mark.parametrize("stages", RAMPS)
def test_a_ramp_with_a_base_rate_that_drifts(stages: int, counted: Tell) -> None:
    shares = RAMPS[stages]
    phases = ramp(DRIFT, shares, BAD)
    found = counted(
        f"ramp of {stages}, drifting base, rolled back", lambda rng: stopped(bad_units(rng, phases), shares), HARMLESS
    )
    assert found <= at_most(HARMLESS)


@pytest.mark.parametrize("stages", RAMPS)
@pytest.mark.parametrize("name", CROWDS)
def test_a_ramp_with_users_who_return(name: str, stages: int, counted: Tell) -> None:
    shares = RAMPS[stages]
    found = counted(
        f"ramp of {stages}, users {name}, rolled back",
        lambda rng: stopped(once(events(rng, CROWDS[name], shares, TIDE)), shares),
        HARMLESS,
    )
    assert found <= at_most(HARMLESS)


@pytest.mark.parametrize("name", TOGETHER)
@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_guards_together_and_what_is_worse_when_fewer_are(name: str, margin: float, counted: Tell) -> None:
    """At the boundary of every guard, of the activity that others bring with them, too: alpha is of all of them."""
    guards = guarded([Guard(metric, kind, margin) for metric, kind in TOGETHER[name]])
    ratios = {one.metric: 1.0 / (1.0 + margin) if one.kind in FEWER_IS_WORSE else 1.0 + margin for one in guards}
    found = counted(f"{name}, margin {margin}, rolled back", partial(acted, guards=guards, ratios=ratios), HARMLESS)
    assert found <= at_most(HARMLESS)


@pytest.mark.parametrize(
    ("name", "ratios"), [("conversion alone", {"orders": 0.1}), ("errors and the activity that they bring", {ACTIVITY: 0.1})]
)
def test_what_is_worse_when_fewer_are_is_found(name: str, ratios: dict[str, float], counted: Tell) -> None:
    guards = guarded([Guard(metric, kind) for metric, kind in TOGETHER[name]])
    found = counted(f"{name}, down to a tenth, found", partial(acted, guards=guards, ratios=ratios))
    assert found >= 0.9 * RUNS


def test_the_confidence_sequence_covers_the_true_ratio_at_all_times(counted: Tell) -> None:
    phases, shares = ramp(DRIFT, RAMPS[4], BAD), RAMPS[4]

    def missed(rng: Random, true: float) -> int | None:
        stages = [Stage(share, 0, 0) for share in shares]
        for number, bad in enumerate(bad_units(rng, phases, true)):
            stage = stages[bad.stage]
            stages[bad.stage] = Stage(stage.share, stage.control + (not bad.treatment), stage.treatment + bad.treatment)
            if number % 50 == 49:
                low, high = confidence(stages, ALPHA)
                if not low <= true <= high:
                    return number
        return None

    for true in (0.6, 1.0, 2.0):
        found = counted(f"confidence sequence, ratio {true}, missed", partial(missed, true=true))
        assert found <= at_most(RUNS)


def mismatched(rng: Random, lost: float) -> int | None:
    """The split is one half; of treatment's units that part is lost. Looked at every 100 units, up to 20,000."""
    control = treatment = 0
    for look in range(200):
        drawn = rng.getrandbits(100).bit_count()
        treatment += drawn if not lost else sum(rng.random() >= lost for _ in range(drawn))
        control += 100 - drawn
        if log_sample_ratio((control, treatment), (0.5, 0.5)) >= MISMATCH:
            return look
    return None


def test_a_split_that_is_right_seldom_looks_wrong_and_one_that_is_wrong_always_does(counted: Tell) -> None:
    assert counted("right split, paused", partial(mismatched, lost=0.0)) <= at_most(RUNS, 0.001)
    assert counted("a tenth of treatment lost, paused", partial(mismatched, lost=0.1), 20) == 20


# --- harmful ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("base", "ratio", "units"), [(0.01, 3.0, 1_400), (0.2, 1.5, 800)])
def test_harm_is_found_soon(base: float, ratio: float, units: int, record_property: Callable[[str, object], None]) -> None:
    """Half and half, looking each 100 units: the median is in the last hundred, or before."""
    phases = [Phase(0.5, 100_000, base)]
    ends = [stopped(bad_units(Random(seed), phases, ratio), [0.5], every=100) for seed in range(3 * RUNS)]
    found = [end for end in ends if end is not None]
    median = statistics.median(found)
    record_property("figures", f"rollouts, base {base}, ratio {ratio}, found after a median of {median:.0f} units")
    assert len(found) == len(ends)
    assert median <= units


@pytest.mark.parametrize("stages", RAMPS)
def test_a_tripled_rate_is_found_on_the_ramp(stages: int, counted: Tell) -> None:
    """Unless the arm were fixed at the first exposure, which would miss most."""
    shares, crowd = RAMPS[stages], CROWDS["alike"]

    def run(rng: Random, rule: Rule) -> int | None:
        return stopped(rule(events(rng, crowd, shares, TIDE, 3.0)), shares)

    assert counted(f"ramp of {stages}, tripled, found", partial(run, rule=once)) >= 0.99 * RUNS
    assert counted(f"ramp of {stages}, tripled, found by the first arm", partial(run, rule=first_arm)) < RUNS / 3


# --- what breaks alpha, so that the simulator is known to see it --------------------------------------------


def test_counting_events_breaks_it(counted: Tell) -> None:
    shares, crowd = RAMPS[10], CROWDS["a few heavy"]
    found = counted("counting events, rolled back", lambda rng: stopped(each_event(events(rng, crowd, shares, TIDE)), shares))
    assert found > at_most(RUNS)


def test_counting_a_unit_again_in_each_stage_breaks_it(counted: Tell) -> None:
    runs, crowd = 2 * RUNS, CROWDS["hardly any but the frail"]

    def run(rng: Random, rule: Rule) -> int | None:
        return stopped(rule(events(rng, crowd, SLOW)), SLOW)

    assert counted("ten stages, counting in each, rolled back", partial(run, rule=each_stage), runs) > at_most(runs)
    assert counted("ten stages, counting once, rolled back", partial(run, rule=once), runs) <= at_most(runs)


@pytest.mark.parametrize("pooled", [False, True])
def test_looking_again_and_again_at_a_z_test_breaks_it(pooled: bool, counted: Tell) -> None:
    """Two hundred looks; once it is looked at at the end only, it keeps its promise."""
    phases = ramp(DRIFT, RAMPS[4], BAD) if pooled else constant(0.01, BAD)
    units = sum(phase.units for phase in phases)
    name = "z-test pooled over a ramp" if pooled else "z-test half and half"

    def run(rng: Random, every: int) -> int | None:
        return z_stopped(bad_units(rng, phases), phases, every)

    assert counted(f"{name}, 200 looks, rolled back", partial(run, every=units // 200)) > 2 * at_most(RUNS)
    if not pooled:
        assert counted(f"{name}, one look, rolled back", partial(run, every=units)) <= at_most(RUNS)


def test_a_wrong_share_breaks_it(counted: Tell) -> None:
    """As if the shares that were meant, and not those in force, were written to the stages."""
    phases = [Phase(0.6, 40_000, 0.01)]
    found = counted("a share of .6 taken for .5, rolled back", lambda rng: stopped(bad_units(rng, phases), [0.5]))
    assert found > at_most(RUNS)


def test_drawing_the_bad_units_alone_is_drawing_all() -> None:
    """Per stage and arm the counts have one law: over 100 runs each their means differ by no more than 4 standard errors."""
    phases, runs = [Phase(0.05, 1_000, 0.1), Phase(0.5, 400, 0.2)], 100

    def means(draw: Callable[..., Iterable[Bad]], name: str) -> dict[tuple[int, bool], float]:
        found = [bad for seed in range(runs) for bad in draw(Random(f"{name} {seed}"), phases, 2.0)]
        counts = Counter((bad.stage, bad.treatment) for bad in found)
        assert all(0 < bad.at <= 1_400 and (bad.at > 1_000) == (bad.stage == 1) for bad in found)
        return {cell: count / runs for cell, count in counts.items()}

    quick, slow = means(bad_units, "quick"), means(arrivals, "slow")
    assert quick.keys() == slow.keys() == {(0, False), (0, True), (1, False), (1, True)}
    for cell, mean in slow.items():
        assert abs(quick[cell] - mean) < 4 * math.sqrt(2 * mean / runs), cell


def test_how_many_are_too_many() -> None:
    assert (at_most(100), at_most(1_000), at_most(1_000, 0.001)) == (13, 73, 5)
