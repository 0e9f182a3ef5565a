"""Play a scenario once for every call in it and everything that can go wrong with that call."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.clients import Client, Intents
from tests.simulation.faults import Call, Fault, Plan
from tests.simulation.oracle import Findings, judged
from tests.simulation.scenarios import Scenario, small_chunks
from tests.simulation.world import World

Point = tuple[int, Fault]  # the number of the call, and what goes wrong with it


@dataclass(frozen=True)
class Bug:
    """A part of the product done wrong: patched in, or plugged into the world instead."""

    patch: AbstractContextManager[Any] = field(default_factory=nullcontext)
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    happened: list[tuple[str, Fault]]
    findings: Findings
    calls: list[Call]
    told: list[dict[str, Any]]  # events that reached the bus


def planned(*points: Point) -> Plan:
    faults = dict(points)
    return lambda number, call: faults.get(number)


def played(scenario: Scenario, *points: Point, bug: Bug = Bug()) -> Outcome:
    """The scenario with these faults, until everything has come to rest, and what is found then."""
    intents, stopped = Intents(), None
    with small_chunks(), bug.patch, World(planned(*points), **bug.parts) as world:
        client = Client(world, intents)

        def rival() -> None:
            world.faults.rival = lambda: None  # comes once
            scenario.rival(world, client)

        world.faults.rival = rival
        try:
            scenario.play(world, client)
            world.settle()
        except AssertionError as error:  # a client was answered what it cannot believe
            stopped = repr(error)
        findings = judged(world, intents)
        if stopped is not None:
            findings.wrong.append(stopped)
        return Outcome(world.faults.happened, findings, world.faults.calls, world.bus.log)


def points(scenario: Scenario) -> list[Point]:
    """Every call of the scenario when nothing goes wrong, with everything that may go wrong with it."""
    calm = played(scenario)
    assert not calm.findings, calm.findings
    return [(number, fault) for number, call in enumerate(calm.calls) for fault in call.possible]
