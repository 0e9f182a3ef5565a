"""What a look at a guard costs against its peers, how soon a flag is back, and what looking is worth: false alarms, minutes and
bad units.

savvi implements the paper that the statistic is from (Lindon and Malek), with its multinomial test; event by event is the same
E written naively: over the bad units one after another, without a sum. Each is first checked for right answers. Rollouts are
drawn by the simulator of the tests.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, NamedTuple

from bench import environment
from bench.flags import micros
from bench.runtime import Failed
from slipway.rollouts.arms import Arm, Exposed, Tally
from slipway.rollouts.guard import HARMS, Stage, confidence, evidence, log_sample_ratio
from slipway.rollouts.policy import Guard, Judgement, decide
from tests.simulation.platform import Chance
from tests.simulation.rollouts import Phase, bad_units, stopped, z_stopped
from tests.simulation.test_guarded import PROMISE, played

MINUTE, DAY = 100, 1_440  # units in a minute, minutes in a day
ROLLOUTS = 300
STAGES = {
    1: [Stage(0.5, 180, 220)],
    4: [Stage(0.01, 99, 1), Stage(0.05, 94, 6), Stage(0.25, 73, 27), Stage(0.5, 48, 52)],
    10: [Stage(share / 20, 40 - 2 * share, 2 * share) for share in range(1, 11)],
}


def guard() -> None:
    _costs()
    _decisions()
    _back()
    _worth()


# --- a look ---------------------------------------------------------------------------------------------


def event_by_event(stages: Sequence[Stage]) -> float:
    """E, by the arm of each bad unit in turn."""
    bets = []
    for harm in HARMS:
        product = 1.0
        for share, control, treatment in stages:
            chance, worse = share, share * (1.0 + harm) / (1.0 - share + share * (1.0 + harm))
            for arm in [0] * control + [1] * treatment:
                product *= worse / chance if arm else (1.0 - worse) / (1.0 - chance)
        bets.append(product)
    return sum(bets) / len(bets)


def _costs() -> None:
    sys.path.append(str(environment.site("looks")))
    import numpy
    from savvi.multinomial import Multinomial

    class Look(NamedTuple):
        test: Any
        counts: Any

    def opened(stages: Sequence[Stage]) -> list[Look]:
        """savvi has no stages: a test for each, whose odds are multiplied."""
        shares = [numpy.array([1.0 - stage.share, stage.share]) for stage in stages]
        counts = [numpy.array([stage.control, stage.treatment]) for stage in stages]
        return [Look(Multinomial(0.05, share), count) for share, count in zip(shares, counts, strict=True)]

    def look(looks: Sequence[Look]) -> float:
        odds = 1.0
        for test, counts in looks:
            test.n, test.odds = 0, 1.0
            test.counts[:] = 0
            test.update(counts)
            odds *= float(test.odds)
        return odds

    def ends(looks: Sequence[Look]) -> None:
        for test, _ in looks:
            test.calculate_conf_int()

    print("\nOne look at about 400 bad units, in microseconds\n")
    columns = f"{'':<30}{'1 stage':>10}{'4 stages':>10}{'10 stages':>11}"
    print(f"{columns}\n{'-' * len(columns)}")
    asked = {count: opened(stages) for count, stages in STAGES.items()}
    for count, stages in STAGES.items():
        if not math.isclose(event_by_event(stages), evidence(stages), rel_tol=1e-9):
            raise Failed(f"event by event: {event_by_event(stages)}, not {evidence(stages)}, for {stages}")
        own = math.fsum(log_sample_ratio(stage[1:], (1.0 - stage.share, stage.share)) for stage in stages)
        if not math.isclose(math.log(look(asked[count])), own, abs_tol=1e-6):
            raise Failed(f"savvi: {math.log(look(asked[count]))}, not {own}, for {stages}")
    table: dict[str, Callable[[int], Any]] = {
        "slipway, E": lambda count: evidence(STAGES[count]),
        "savvi, odds": lambda count: look(asked[count]),
        "E event by event": lambda count: event_by_event(STAGES[count]),
        "slipway, confidence sequence": lambda count: confidence(STAGES[count], 0.05),
        "savvi, confidence sequence": lambda count: ends(asked[count]),
    }
    times = {name: [micros(partial(call, count)) for count in STAGES] for name, call in table.items()}
    for name, spent in times.items():
        print(f"{name:<30}{spent[0]:>10.1f}{spent[1]:>10.1f}{spent[2]:>11.1f}", flush=True)
    names = list(times)
    for peer, own_name in ((names[1], names[0]), (names[2], names[0]), (names[4], names[3])):
        ratios = [one / other for one, other in zip(times[peer], times[own_name], strict=True)]
        print(f"{peer + ' : ours':<30}{ratios[0]:>8.1f} x{ratios[1]:>8.1f} x{ratios[2]:>9.1f} x")
    per_second = [1e6 / spent for spent in times["slipway, E"]]
    print(f"{'slipway, looks a second':<30}{per_second[0]:>10,.0f}{per_second[1]:>10,.0f}{per_second[2]:>11,.0f}")
    print("\nTargets: a look under 1 ms; E at least 1.5 x savvi, 10 x event by event.")


def _decisions() -> None:
    """All that is decided of the largest rollout; and with what is kept and shown of a decision."""
    guards = [Guard(f"metric-{number}", "bad_units", 0.1) for number in range(10)]
    shares = [step / 20 for step in range(1, 13)]
    tallies = [Tally(share, Arm(round(200 * (1 - share))), Arm(round(200 * share))) for share in shares]
    exposed = [Exposed(share, round(20_000 * (1 - share)), round(20_000 * share)) for share in shares]
    asked = Judgement(0.05, guards, {one.metric: tallies for one in guards}, exposed)
    plain, explained = (micros(partial(decide, asked, explained=more)) for more in (False, True))
    print(f"\n10 guards, 12 stages: decided in {plain:,.0f} us; explained, when something happens, in {explained:,.0f} us")


def _back() -> None:
    """From the event that decides, in the simulation: every function, over streams and a bus in memory."""
    runs = {
        "nothing goes wrong": [played()],
        "deliveries repeated and mixed": [
            played(chance=Chance(Random(f"bench {seed}"), again=0.3, shuffle=True)) for seed in range(20)
        ],
    }
    columns = f"{'Simulated seconds from the deciding event':<52}{'to the rollback':>16}{'to the answers':>16}{'slowest':>9}"
    print(f"\n{columns}\n{'-' * len(columns)}")
    for name, found in runs.items():
        decided, back = (statistics.median(getattr(one, field) for one in found) for field in ("decided", "back"))
        print(f"{name:<52}{decided:>16.0f}{back:>16.0f}{max(one.back for one in found):>9.0f}", flush=True)
    print(f"Target: answered as before within {PROMISE}.")


# --- what it is worth -----------------------------------------------------------------------------------


class Watch(NamedTuple):
    """Who looks, and how often: E whenever a unit is bad, the others every so many minutes."""

    name: str
    look: Callable[[Random, Sequence[Phase], float], int | None]


def _always(rng: Random, phases: Sequence[Phase], ratio: float) -> int | None:
    return stopped(bad_units(rng, phases, ratio), [phase.share for phase in phases])


def _z(rng: Random, phases: Sequence[Phase], ratio: float, *, minutes: int) -> int | None:
    return z_stopped(bad_units(rng, phases, ratio), phases, minutes * MINUTE)


WATCHES = (
    Watch("slipway, E", _always),
    Watch("z-test each minute", partial(_z, minutes=1)),
    Watch("z-test each 60 minutes", partial(_z, minutes=60)),
)
_RAMP = [(0.01, 0.01), (0.05, 0.02), (0.25, 0.03), (0.5, 0.015)]
WORLDS = {
    "half and half, base 1 %, tripled": ([Phase(0.5, DAY * MINUTE, 0.01)], 3.0),
    "half and half, base 20 %, half as much more": ([Phase(0.5, DAY * MINUTE // 10, 0.2)], 1.5),
    "1 / 5 / 25 / 50 %, base drifting 1 to 3 %, tripled": ([Phase(share, 180 * MINUTE, base) for share, base in _RAMP], 3.0),
}


def _extra(phases: Sequence[Phase], ratio: float, until: int) -> float:
    """Units that were bad for being treated, until so many had come."""
    extra, left = 0.0, until
    for share, units, base in phases:
        extra += min(units, max(0, left)) * share * base * (ratio - 1.0)
        left -= units
    return extra


def _worth() -> None:
    print(f"\n{ROLLOUTS} rollouts without harm, and as many with it; {MINUTE} units a minute; each test at 5 %, one-sided")
    for world, (phases, ratio) in WORLDS.items():
        columns = f"{world:<52}{'false':>8}{'found':>8}{'minutes':>9}{'slowest':>9}{'extra bad':>11}"
        print(f"\n{columns}\n{'-' * len(columns)}")
        whole = sum(phase.units for phase in phases)
        for name, look in WATCHES:
            false = sum(look(Random(f"harmless {seed}"), phases, 1.0) is not None for seed in range(ROLLOUTS))
            ends = [look(Random(f"harmful {seed}"), phases, ratio) for seed in range(ROLLOUTS)]
            found = [end for end in ends if end is not None]
            extra = statistics.mean(_extra(phases, ratio, whole if end is None else end) for end in ends)
            minutes = statistics.median(found) / MINUTE if found else math.nan
            slowest = sorted(found)[int(0.95 * len(found))] / MINUTE if found else math.nan
            shares = f"{false / ROLLOUTS:>8.1%}{len(found) / ROLLOUTS:>8.0%}"
            print(f"{name:<52}{shares}{minutes:>9.1f}{slowest:>9.1f}{extra:>11.1f}", flush=True)
    print("\nMinutes until the rollback: the median, and of the slowest twentieth; a test that errs is early, too.")
    print("Targets: false at most 5 %; half and half, found in half the minutes of a check each 60.")
