"""Random stories: several clients, everything in any order, many faults. One seed, one story."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.collecting import exposed, outcome, rolled_out
from tests.simulation.clients import Client, Intents
from tests.simulation.enumeration import Outcome
from tests.simulation.faults import Call, Fault
from tests.simulation.oracle import judged
from tests.simulation.platform import Chance
from tests.simulation.scenarios import small_chunks
from tests.simulation.world import World

STEPS = 40
MOST_FAULTS = 15
RATE = 0.06  # of calls with which something goes wrong


class Story:
    """What has been made so far, and what a client could do next with it."""

    def __init__(self, random: Random, world: World, client: Client) -> None:
        self.random, self.world, self.client = random, world, client
        self.edited: list[str] = []  # products that everybody edits; the others are put away and brought back by one
        self.put_away: dict[str, bool] = {}
        self.keys: list[str] = []
        self.members: dict[str, str] = {}
        self.removed: dict[str, datetime] = {}
        self.shown: list[str] = []  # people who were shown a flag that has a rollout
        self.busy: set[str] = set()  # what somebody is in the middle of changing, and nobody else may
        self._numbers = 0

    def step(self) -> None:
        products = (self.create, self.create_another, self.edit, self.edit, self.edit, self.move, self.several)
        others = (self.key, self.change_key, self.invite, self.change_member, self.come_in, self.show, self.tell)
        self.random.choice((*products, *others))()

    def create(self) -> None:
        self.edited.append(self.client.create(self._name(), key=self._name() if self.random.random() < 0.5 else None))

    def create_another(self) -> None:
        self.put_away[self.client.create(self._name())] = False

    def edit(self) -> None:
        if self.edited:
            fields = {"key": self._name()} if self.random.random() < 0.2 else {}
            self.client.edit(self.random.choice(self.edited), self._name(), **fields)

    def move(self) -> None:
        if (id := self._one(list(self.put_away))) is not None:
            (self.client.restore if self.put_away[id] else self.client.archive)(id)
            self.put_away[id] = not self.put_away[id]
            self.busy.discard(id)

    def several(self) -> None:
        names = [self._name() for _ in range(self.random.randint(1, 4))]
        if self.random.random() < 0.5:
            self.client.import_(names)
        else:
            self.client.batch(names, 201 if len(names) <= 2 else 207)

    def key(self) -> None:
        self.keys.append(self.client.key(self._name())[0])

    def change_key(self) -> None:
        if (id := self._one(self.keys)) is not None:
            if self.random.random() < 0.5:
                self.client.rotate(id)
            else:
                self.keys.remove(id)
                self.client.revoke(id)
            self.busy.discard(id)

    def invite(self) -> None:
        email = f"{self._name()}@example.com"
        self.members[self.client.invite(email, self.random.choice(("admin", "editor", "viewer")))] = email

    def change_member(self) -> None:
        if (id := self._one(list(self.members))) is not None:
            email = self.members[id]
            admins = [one for one, role in self.client.intents.members.items() if role == "admin"]
            if admins != [email] and len(admins) > 2:  # the last admins stay, or the answer is 409
                if self.random.random() < 0.5:
                    self.client.give(id, email, self.random.choice(("admin", "editor", "viewer")))
                else:
                    del self.members[id]
                    self.client.remove(id, email)
                    self.removed[id] = self.world.now
            self.busy.discard(id)

    def come_in(self) -> None:
        """Everybody who ever signed in tries the door: who was removed more than a minute ago finds it closed."""
        for id in {**self.members, **self.removed}:
            if id in self.world.people.users or id in self.removed:
                entered = self.world.entered(self.world.header(id))
                gone = id in self.removed and self.world.now - self.removed[id] >= timedelta(minutes=1)
                assert entered is None or not gone, f"{id} is let in"
        self.world.later(seconds=self.random.randint(0, 40))

    def show(self) -> None:
        """New people, and one again; by a server, or by browsers of a network of their own."""
        new = [self._name() for _ in range(self.random.randint(1, 3))]
        again = [exposed(self.random.choice(self.shown), self._name(), environment="beta")] if self.shown else []
        self._tells([*(exposed(who, environment="beta") for who in new), *again])
        self.shown += new

    def tell(self) -> None:
        some = self.random.choices(self.shown, k=3) if self.shown else []
        names = ("errors", "latency")
        told = [outcome(who, self.random.choice(names), self._name(), value=self.random.randint(251, 400)) for who in some]
        if told:
            self._tells(told)

    def _tells(self, events: list[dict[str, Any]]) -> None:
        network = f"198.51.{len(self.client.intents.told) % 250}.1"
        self.client.tell(events, self.random.choice(("client", "server")), network)

    def _one(self, some: list[str]) -> str | None:
        free = [one for one in some if one not in self.busy]
        if not free:
            return None
        one = self.random.choice(free)
        self.busy.add(one)
        return one

    def _name(self) -> str:
        self._numbers += 1
        return f"n{self._numbers}"


def told(seed: int) -> Outcome:
    """The story of this seed, until everything has come to rest, and what is found then."""
    random, intents = Random(seed), Intents()
    chance = Chance(random, again=0.15, shuffle=True)

    def plan(number: int, call: Call) -> Fault | None:
        if len(world.faults.happened) >= MOST_FAULTS or random.random() >= RATE:
            return None
        return random.choice(call.possible)

    with small_chunks(), World(plan, chance=chance, batch=random.randint(1, 12)) as world:
        rolled_out(world)
        story, stopped = Story(random, world, Client(world, intents)), None

        def rival() -> None:
            world.faults.rival = lambda: None  # nobody comes between the rival's own calls
            story.step()
            world.faults.rival = rival

        world.faults.rival = rival
        try:
            for _ in range(STEPS):
                story.step()
                for _ in range(random.randint(0, 3)):
                    world.pump()
            world.settle()
        except AssertionError as error:
            stopped = repr(error)
        findings = judged(world, intents)
        if stopped is not None:
            findings.wrong.append(stopped)
        return Outcome(world.faults.happened, findings, world.faults.calls, world.bus.log)
