"""From the event that decides to the flag that is back: in simulated seconds, whatever goes wrong on the way.

Every reader of a stream comes once a second, the bus brings one event a second, and instances hold what they have read for as
long as they do on AWS. With SLIPWAY_PROVE every call is met by every fault; without it, a sample.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import NamedTuple

from functions.evaluate.handler import PAUSE
from tests.collecting import people
from tests.simulation.clients import Client, Course, Intents
from tests.simulation.enumeration import Point, planned
from tests.simulation.faults import Fault, Plan
from tests.simulation.guarded import FIRST, Rollout
from tests.simulation.oracle import judged
from tests.simulation.platform import Chance
from tests.simulation.world import World

PROMISE = 10  # seconds from the event that decides, where nothing goes wrong
SAMPLE = 120
A_MINUTE = 60


class Played(NamedTuple):
    """`decided`, `back`: seconds from when the event was taken until the rollout was rolled back, and until evaluation said so;
    `calls`: what was called from then on, by number."""

    decided: int
    back: int
    calls: list[tuple[int, tuple[Fault, ...]]]


def played(plan: Plan | None = None, chance: Chance | None = None, *, bus: bool = True) -> Played:
    intents = Intents()
    with World(plan or planned(), chance=chance) as world:
        client = Client(world, intents)
        rollout = Rollout(world, client, Course(("rolled_back",), ([0],), whole=False))
        treated = people("t", 6, FIRST)
        rollout.shown([*treated, *people("c", 4, FIRST)])
        rollout.heard()
        if not bus:
            world.bus.rules.clear()
            world.bus.take = _refuse  # type: ignore[method-assign]
        began = len(world.faults.calls)
        rollout.happened(treated)
        taken, decided, back = world.now, -1, -1
        while back < 0:
            assert world.now - taken < timedelta(minutes=5), "never back"
            for reader in world.readers:
                reader.deliver()
            world.bus.deliver()
            world.now += timedelta(seconds=1)
            seconds = int((world.now - taken).total_seconds())
            if decided < 0 and rollout.control.rollouts.shelf.read(rollout.id).data["state"] == "rolled_back":
                decided = seconds
            answer = world.evaluated("production", "checkout", targetingKey=treated[0])
            if answer is not None and answer.status == 200 and answer.json["variant"] == "off":
                back = seconds
        calls = [(number, tuple(call.possible)) for number, call in enumerate(world.faults.calls) if number >= began]
        if bus:
            world.calm()
            world.settle()
            findings = judged(world, intents)
            assert not findings, findings
    return Played(decided, back, calls)


def _refuse(envelope: object) -> None:
    raise ConnectionError("the bus is down")


def test_the_flag_is_back_within_the_promise(record_property: Callable[[str, object], None]) -> None:
    calm = played()
    assert calm.decided <= calm.back <= PROMISE
    told = f"guarded, from the deciding event: rolled back after {calm.decided} s, answered after {calm.back} s"
    record_property("figures", told)


def test_with_any_one_fault_it_is_back_within_a_minute(record_property: Callable[[str, object], None]) -> None:
    """An instance that was refused asks again after a pause; everything else comes again at once."""
    points: list[Point] = [(number, fault) for number, faults in played().calls for fault in faults if fault is not Fault.RACE]
    if not os.environ.get("SLIPWAY_PROVE"):
        points = Random("guarded").sample(points, min(SAMPLE, len(points)))
    seconds = [played(planned(point)).back for point in points]
    assert max(seconds) <= PROMISE + PAUSE
    middle, most = statistics.median(seconds), max(seconds)
    told = f"guarded, with one fault: median {middle:.0f} s, longest {most} s of {len(seconds)} runs"
    record_property("figures", told)


def test_however_it_is_delivered_it_is_back(record_property: Callable[[str, object], None]) -> None:
    """Deliveries come again and the bus mixes its events."""
    seconds = [played(chance=Chance(Random(f"guarded {seed}"), again=0.3, shuffle=True)).back for seed in range(20)]
    assert max(seconds) <= A_MINUTE
    record_property("figures", f"guarded, delivered again and mixed: longest {max(seconds)} s of {len(seconds)} runs")


def test_throttled_it_is_back(record_property: Callable[[str, object], None]) -> None:
    """One in five calls of those who count, judge and publish is refused, after all tries of the client."""
    disturbed = ("tally.", "guard.", "snapshot.")

    def seconds(seed: int) -> int:
        random = Random(f"throttled {seed}")

        def plan(number: int, call: object) -> Fault | None:
            refused = getattr(call, "name", "").startswith(disturbed) and random.random() < 0.2
            return Fault.THROTTLED if refused else None

        return played(plan).back

    found = [seconds(seed) for seed in range(10)]
    assert max(found) <= 2 * A_MINUTE
    record_property("figures", f"guarded, one in five calls refused: longest {max(found)} s of {len(found)} runs")


def test_with_the_bus_down_it_is_back() -> None:
    """Neither who judges nor who publishes waits for it."""
    assert played(bus=False).back <= PROMISE
