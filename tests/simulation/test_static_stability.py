"""Evaluation goes on while the database does not: through the authorizer, with nothing remembered in between."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from slipway.flags.control import Control
from tests.flagging import configured, made
from tests.simulation.clients import Client, Intents
from tests.simulation.faults import Call, Fault
from tests.simulation.world import World

EVALUATIONS = 10_000 if os.environ.get("SLIPWAY_PROVE") else 1_000
OURS = ("get", "get_many", "query", "put", "update", "transact")


def no_database(number: int, call: Call) -> Fault | None:
    return Fault.THROTTLED if call.name.partition(".")[2] in OURS else None


@pytest.mark.parametrize("bucket", [True, False], ids=["database down", "database and bucket down"])
def test_all_answers_are_those_of_the_last_snapshot(bucket: bool) -> None:
    with World() as world:
        control = Control(world.memory)
        half = {"fractional": [["on", 50], ["off", 50]]}
        for number in range(10):
            made(control, f"flag-{number}")
            configured(control, f"flag-{number}", targeting=half, enabled=True, default_variant="off")
        _, secret = Client(world, Intents()).key("app", kind="server", environment="development")
        world.settle()
        header = f"Bearer {secret}"
        before = {(n, unit): _answer(world, header, n, unit) for n in range(10) for unit in range(10)}
        assert {value for value, _ in before.values()} == {True, False}
        world.faults.plan = no_database if bucket else lambda number, call: Fault.THROTTLED
        for number in range(EVALUATIONS):
            world.now += timedelta(seconds=1)
            value, stale = _answer(world, header, number % 10, number // 10 % 10)
            assert value == before[number % 10, number // 10 % 10][0]
            assert stale is None or not bucket
        missed = {name for name, _ in world.faults.happened}
        assert missed == (set() if bucket else {"authorize.keys.get", "evaluate.flags.get"}), "the database is not even asked"


def _answer(world: World, header: str, flag: int, unit: int) -> tuple[object, object]:
    assert world.admitted(header) is not None
    reply = world.evaluated("development", f"flag-{flag}", targetingKey=f"unit-{unit}")
    assert reply is not None
    assert reply.status == 200, reply.body
    return reply.json["value"], reply.json["metadata"].get("stale")
