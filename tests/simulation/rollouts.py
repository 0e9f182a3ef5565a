"""Rollouts by chance: who has a bad event, when, and in which arm.

`bad_units` draws what the statistic sees and nothing else: the next distinct unit with a bad event, exactly as if each unit had
arrived by itself, at the cost of the bad ones only. `events` draws the bad events of a crowd that stays through all stages
(users have a bucket; some come often, some fail often), which a counting rule makes units of.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from slipway.rollouts.guard import Stage, log_evidence, threshold

ALPHA = 0.05


class Phase(NamedTuple):
    """`units` that arrive while `share` of them get the treatment; `base`: control's probability of a bad event."""

    share: float
    units: int
    base: float


class Bad(NamedTuple):
    """A unit's bad event: after how many units (or events), in which stage and arm."""

    at: int
    stage: int
    treatment: bool


def constant(base: float, bad: int) -> list[Phase]:
    """Half and half, until about so many units were bad."""
    return [Phase(0.5, int(bad / base), base)]


def ramp(bases: Sequence[float], shares: Sequence[float], bad: int) -> list[Phase]:
    """About so many bad units in all; the base rates go round."""
    each = bad / len(shares)
    return [Phase(share, int(each / base), base) for share, base in zip(shares, itertools.cycle(bases), strict=False)]


def bad_units(rng: Random, phases: Sequence[Phase], ratio: float = 1.0) -> Iterator[Bad]:
    """`ratio`: of the rates, treatment to control."""
    begun = 0
    for stage, (share, units, base) in enumerate(phases):
        weight = share * ratio
        rate, chance = base * (1.0 - share + weight), weight / (1.0 - share + weight)
        at, scale = begun, math.log1p(-rate)
        while (at := at + 1 + int(math.log(1.0 - rng.random()) / scale)) <= begun + units:
            yield Bad(at, stage, rng.random() < chance)
        begun += units


def arrivals(rng: Random, phases: Sequence[Phase], ratio: float = 1.0) -> Iterator[Bad]:
    """The same with every unit drawn: its arm, then whether it is bad."""
    at = 0
    for stage, (share, units, base) in enumerate(phases):
        for _ in range(units):
            at, treatment = at + 1, rng.random() < share
            if rng.random() < base * (ratio if treatment else 1.0):
                yield Bad(at, stage, treatment)


class Crowd(NamedTuple):
    """`users` of which the first few differ: `odd` of them have `times` the bad events of another, who has `rate` a stage."""

    users: int
    rate: float
    odd: int = 0
    times: float = 1.0


class Event(NamedTuple):
    stage: int
    user: int
    treatment: bool
    first: bool  # the arm that the user was in at first


def events(
    rng: Random, crowd: Crowd, shares: Sequence[float], bases: Sequence[float] = (1.0,), ratio: float = 1.0
) -> Iterator[Event]:
    """The bad events of a ramp in their order. A user is in treatment when its bucket is below the stage's share; `bases`, in
    turn, are what all rates are multiplied by in a stage."""
    buckets = [rng.random() for _ in range(crowd.users)]
    oddly = crowd.odd * crowd.times
    weight, most = oddly + crowd.users - crowd.odd, max(ratio, 1.0)
    for stage, (share, base) in enumerate(zip(shares, itertools.cycle(bases), strict=False)):
        at, rate = 0.0, crowd.rate * base * weight * most
        while (at := at + rng.expovariate(rate)) < 1.0:
            drawn = rng.random() * weight
            user = int(drawn / crowd.times) if drawn < oddly else crowd.odd + int(drawn - oddly)
            treatment = buckets[user] < share
            if rng.random() * most < (ratio if treatment else 1.0):
                yield Event(stage, user, treatment, buckets[user] < shares[0])


# --- rules of counting: the first is the one that holds ------------------------------------------------


def once(found: Iterable[Event]) -> Iterator[Bad]:
    """A unit once per rollout: its first bad event, in the stage and arm of that event."""
    return _counted(found, lambda event: event.user)


def each_stage(found: Iterable[Event]) -> Iterator[Bad]:
    """A unit again in every stage."""
    return _counted(found, lambda event: (event.user, event.stage))


def each_event(found: Iterable[Event]) -> Iterator[Bad]:
    return (Bad(at, event.stage, event.treatment) for at, event in enumerate(found, 1))


def first_arm(found: Iterable[Event]) -> Iterator[Bad]:
    """A unit once, in the arm in which it was at first."""
    return once(event._replace(treatment=event.first) for event in found)


def _counted(found: Iterable[Event], by: Callable[[Event], Hashable]) -> Iterator[Bad]:
    known: set[Hashable] = set()
    for at, event in enumerate(found, 1):
        if by(event) not in known:
            known.add(by(event))
            yield Bad(at, event.stage, event.treatment)


Rule = Callable[[Iterable[Event]], Iterator[Bad]]


# --- who looks ---------------------------------------------------------------------------------------------


def stopped(found: Iterable[Bad], shares: Sequence[float], margin: float = 0.0, every: int = 1) -> int | None:
    """At how many units E of `slipway` has rolled back, looking every so many units; None where it never has.

    E changes with a bad unit only, so that looking at each of these is looking at any time."""
    level, last = threshold(ALPHA), 0
    stages = [Stage(share, 0, 0) for share in shares]
    for bad in itertools.chain(found, (None,)):
        look = -(-last // every) * every  # the first one since the last bad unit
        if (bad is None or look < bad.at) and log_evidence(stages, margin) >= level:
            return look
        if bad is not None:
            stage, last = stages[bad.stage], bad.at
            more = stage._replace(treatment=stage.treatment + 1) if bad.treatment else stage._replace(control=stage.control + 1)
            stages[bad.stage] = more
    return None


def z_stopped(found: Iterable[Bad], phases: Sequence[Phase], every: int) -> int | None:
    """The same for a z-test of two proportions at 5 % (is treatment worse?), all stages pooled."""
    ends = list(itertools.accumulate(phase.units for phase in phases))
    counts, looked = [0, 0], 0
    for at, _, treatment in itertools.chain(found, [Bad(ends[-1] + every, 0, False)]):
        while looked + every < at and looked + every <= ends[-1]:
            looked += every
            treated = math.fsum(
                phase.share * max(0, min(phase.units, looked - end + phase.units))
                for phase, end in zip(phases, ends, strict=True)
            )
            if z(counts[0], looked - treated, counts[1], treated) > 1.644854:
                return looked
        counts[treatment] += 1
    return None


def z(bad0: int, units0: float, bad1: int, units1: float) -> float:
    """Of the difference of two proportions, pooled; 0 where nothing can be said."""
    if not units0 or not units1 or not 0 < bad0 + bad1 < units0 + units1:
        return 0.0
    mean = (bad0 + bad1) / (units0 + units1)
    return (bad1 / units1 - bad0 / units0) / math.sqrt(mean * (1.0 - mean) * (1.0 / units0 + 1.0 / units1))


# --- how many are too many -------------------------------------------------------------------------------


def at_most(runs: int, alpha: float = ALPHA, doubt: float = 1e-3) -> int:
    """So many of the runs may fail when each does with probability alpha: more do with probability `doubt` at most."""
    left, count = 1.0, -1
    while left > doubt:
        count += 1
        left -= math.comb(runs, count) * alpha**count * (1.0 - alpha) ** (runs - count)
    return count
