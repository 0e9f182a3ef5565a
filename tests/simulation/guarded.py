"""Stories of rollouts: people are shown a flag, things happen to them, and guards, clocks and people move it.

People move rollouts undisturbed here; what collects, counts, judges, steps and publishes is disturbed.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from slipway.access import Principal
from slipway.calls import Call
from slipway.flags.control import Control
from slipway.problems import MoveNotAllowed
from slipway.rollouts.judging import judged
from slipway.rollouts.plan import NewRollout
from slipway.rollouts.states import LIVE, Event
from slipway.signals.counters import WINDOW
from tests.collecting import people
from tests.flagging import configured, made
from tests.simulation.clients import TRIES, Client, Course
from tests.simulation.world import World

ENTROPY = b"e" * 32
SOMEBODY = Principal("member", "mbr_ada", "editor")
HEARD = timedelta(seconds=12)  # after which every instance has asked for the flags again, also one that was refused
ERRORS = {"metric": "errors", "kind": "bad_units"}
FIRST = 10_000  # of 100,000 parts
MINUTE = {"hold": {"minutes": 1}}


class Rollout:
    """One of `flag` in production, and the people whom it meets."""

    def __init__(self, world: World, client: Client, course: Course, flag: str = "checkout", **fields: Any) -> None:
        self.world, self.client, self.control, self.flag = world, client, Control(world.memory), flag
        self._told = 0
        made(self.control, flag)
        configured(self.control, flag, "production", enabled=True, default_variant="off", reason="R")
        ladder = [{"share": 10, **MINUTE}, {"share": 50, **MINUTE}, {"share": 100}]
        told = {"from": "off", "to": "on", "ladder": ladder, "guards": [ERRORS], "reason": "R", **fields}
        new = NewRollout.model_validate(told)
        self.id = self.control.rollouts.plan(self._call("rollouts.create"), flag, "production", new, ENTROPY).stored.id
        client.intents.rollouts[self.id] = course
        self.heard()

    def heard(self) -> None:
        """What has happened so far is known everywhere."""
        self.world.settle()
        self.world.now += HEARD

    def move(self, event: Event) -> None:
        """Unless it is over."""
        with suppress(MoveNotAllowed):
            self.control.rollouts.move(self._call(event), self.flag, "production", self.id, None, event, "R", ENTROPY)

    def shown(self, keys: list[str]) -> None:
        """To people whose server tells of it."""
        events = [{"type": "exposure", "flag": self.flag, "context": {"targetingKey": key}} for key in keys]
        self._tell(events, "server")

    def shown_to_clients(self, keys: list[str], address: str = "192.0.2.1") -> None:
        """With what evaluation gave them for a proof."""
        events = [{"type": "exposure", "flag": self.flag, "exposure": self.proof(key), "targetingKey": key} for key in keys]
        self._tell(events, "client", address)

    def proof(self, key: str) -> str:
        for _ in range(TRIES):
            answer = self.world.evaluated("production", self.flag, targetingKey=key)
            if answer is not None and answer.status == 200 and "exposure" in answer.json["metadata"]:
                return str(answer.json["metadata"]["exposure"])
            self.world.now += timedelta(seconds=1)
        raise AssertionError("no answer with a proof")

    def happened(self, keys: list[str], name: str = "errors", kind: str = "server", address: str = "192.0.2.1") -> None:
        self._tell([{"type": "outcome", "name": name, "targetingKey": key} for key in keys], kind, address)

    def _tell(self, events: list[dict[str, Any]], kind: str, address: str = "192.0.2.1") -> None:
        numbered = []
        for event in events:
            self._told += 1
            numbered.append({"id": f"{self.flag}-{self._told}", **event})
        self.client.tell_of(self.id, numbered, kind, address)

    def _call(self, operation: str) -> Call:
        self._told += 1
        return Call(SOMEBODY, operation, self.world.now, f"{operation} {self.flag} {self._told}")


def gets(world: World, key: str, variant: str, flag: str = "checkout") -> None:
    """What somebody is given, at the latest when an instance that was refused asks again."""
    for _ in range(TRIES):
        answer = world.evaluated("production", flag, targetingKey=key)
        if answer is not None and answer.status == 200 and answer.json["variant"] == variant:
            return
        world.now += timedelta(seconds=1)
    raise AssertionError(f"{key} is never given {variant!r}")


def due(world: World) -> datetime:
    """The minute of the next one-shot."""
    assert world.steps.waiting, "nothing is to wake the ramp"
    return min(world.steps.waiting.values())


def harmful(world: World, client: Client) -> None:
    """Nobody of control fails and all of treatment do; then it is as it was, for everybody.

    Whom only pages tell of counts for what a client's word is worth."""
    course = Course(("rolled_back",), ([0],), whole=False)
    rollout = Rollout(world, client, course)
    treated, others = people("t", 8, FIRST), people("c", 4, FIRST)
    rollout.shown_to_clients([*treated[4:], *others[2:]])
    rollout.shown([*treated[:6], *others[:2]])
    gets(world, treated[0], "on")
    rollout.happened(treated)
    rollout.heard()
    gets(world, treated[0], "off")


def by_the_clock(world: World, client: Client) -> None:
    """As many fail here as there, some of them in two stages: it climbs to the end."""
    course = Course(("completed",), ([0, 1],))
    rollout = Rollout(world, client, course)
    treated, others = people("t", 1, FIRST), people("c", 9, FIRST)
    for _stage in range(2):
        rollout.shown([*treated, *others])
        rollout.happened(others[:1])
        world.now += HEARD
        rollout.shown(others[:1])
        rollout.heard()
        world.now = due(world)
        rollout.heard()
    world.now += timedelta(milliseconds=WINDOW)
    world.daily()
    world.settle()
    gets(world, others[0], "on")


def and_a_person(world: World, client: Client) -> None:
    """A person stops one and goes on, which an alarm takes back; and goes on again while that still rings; begins another one,
    and ends it by an edit in the middle of harm; a third is only planned."""
    listening = [ERRORS, {"metric": "shop-5xx", "kind": "alarm"}]
    first = Rollout(world, client, Course(("rolled_back", "stopped"), ([0, 0, 0], [0, 0], [0])), guards=listening)
    first.move("pause")
    first.move("resume")
    world.pump()
    world.ring("shop-5xx")
    first.heard()
    world.alarms.ring.add("shop-5xx")
    first.move("resume")
    first.heard()
    second = Rollout(world, client, Course(("stopped", "rolled_back"), ([0],), whole=False), "search")
    treated = people("t", 6, FIRST)
    second.shown(treated)
    second.happened(treated)
    client.override("search", "production", "ada")
    second.heard()
    third = Rollout(world, client, Course(("stopped",), ([],)), "cart", start=False)
    third.move("stop")
    third.heard()


def telling(world: World, client: Client) -> None:
    """An alarm only tells; the step waits for units, and goes on with those that come."""
    guards = [ERRORS, {"metric": "shop-5xx", "kind": "alarm", "action": "notify"}]
    ladder = [{"share": 50, "hold": {"minutes": 1, "units": 4}}, {"share": 100}]
    rollout = Rollout(world, client, Course(("completed",), ([0],)), ladder=ladder, guards=guards)
    rollout.shown([*people("t", 1), *people("c", 1)])
    world.ring("shop-5xx")
    rollout.heard()
    world.now = due(world)
    rollout.heard()
    rollout.shown(people("t", 2)[1:])
    world.now += HEARD
    rollout.shown(people("c", 2)[1:])
    rollout.heard()


def a_look(world: World, client: Client) -> None:
    """Another instance of who judges looks at the same moment, and fires what is due once more."""
    rollouts = Control(world.memory).rollouts
    for id in client.intents.rollouts:
        judged(rollouts, Call(Principal("system", "guard"), "rollouts.judge", world.now, f"rival {id}"), id)


def an_edit(world: World, client: Client) -> None:
    """A person edits, at the same moment, the flags whose rollouts run."""
    control = Control(world.memory)
    for id in client.intents.rollouts:
        data = control.rollouts.shelf.read(id).data
        if data["state"] in LIVE:
            configured(control, data["flag"], "production", overrides={"off": ["eve"]}, reason="a test")
