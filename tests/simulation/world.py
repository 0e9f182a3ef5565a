"""One simulated deployment: every function wired to in-memory services through which faults come, on a platform that delivers
again. Nothing in it is random but what its seed says, and no time passes but its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from functions.access.handler import Access
from functions.access.handler import handler as access
from functions.audit.handler import handler as audit
from functions.authorize.handler import Authorizer
from functions.ballots.handler import handler as ballots
from functions.calendar.handler import Use as Calendar
from functions.calendar.handler import handler as calendar
from functions.collect.handler import Collecting
from functions.courier.handler import Use as Outgoing
from functions.courier.handler import handler as courier
from functions.courier.handler import use as courier_use
from functions.evaluate.handler import Evaluator, documents
from functions.feedback.door import feedback as room
from functions.feedback.handler import handler as feedback
from functions.flags.handler import handler as flags
from functions.guard.handler import Use as Guard
from functions.guard.handler import handler as guard
from functions.hooks.door import hooks as hooked
from functions.hooks.handler import handler as hooks
from functions.invite.handler import handler as invite
from functions.keyring.handler import handler as keyring
from functions.planner.handler import Use as Planner
from functions.planner.handler import handler as planner
from functions.products.handler import handler as products
from functions.public.handler import handler as public
from functions.ramp.handler import Use as Ramp
from functions.ramp.handler import handler as ramp
from functions.record.handler import handler as record
from functions.relay.handler import handler as relay
from functions.seed.handler import handler as seed
from functions.shipping.handler import handler as shipping
from functions.shipping.handler import use as shipping_use
from functions.signals.handler import handler as signals
from functions.snapshot.handler import handler as snapshot
from functions.surveys.handler import api as surveys
from functions.surveys.handler import room as survey_room
from functions.tally.handler import handler as tally
from functions.triage.handler import Outside
from functions.triage.handler import handler as triage
from functions.triage.handler import triage as triage_use
from functions.unsubscribe.handler import handler as unsubscribe
from functions.unsubscribe.handler import subscriptions
from functions.usage.handler import handler as usage
from infra.functions import FUNCTIONS
from slipway.access import Principal
from slipway.adapters.lexicon import Lexicon
from slipway.adapters.memory import MemoryBlobs, MemoryLake, MemoryStore, MemoryUploads
from slipway.authentication import Authentication
from slipway.edge import observe
from slipway.edge.consumer import Consumer, once
from slipway.edge.http import Api
from slipway.edge.stream import Wired
from slipway.events import AnyEvent, pattern
from slipway.feedback.attachments import Attachments
from slipway.feedback.public import Public
from slipway.feedback.recount import Recount
from slipway.feedback.triage import Triage
from slipway.flags.control import Control
from slipway.flags.counting import Counting
from slipway.flags.publication import Publisher
from slipway.keyring import Keyring
from slipway.keys import Keys
from slipway.members import Members
from slipway.ports import Row, Store, Update
from slipway.products import Products
from slipway.rollouts.signing import Secrets
from slipway.signals.collection import Collector
from slipway.signals.collection import documents as collected_from
from slipway.signals.tallying import Tallying
from slipway.tables import ACCESS, COUNTERS, FEEDBACK, FLAGS, PRODUCTS, SIGNALS, Table
from slipway.upgrades import upgrader
from tests.functions.events import ADMIN, Reply, call, daily, http_event, log_event, reply, resource_event
from tests.lines import SCHEMA, broken
from tests.rolling import notification
from tests.simulation.faults import (
    Alarms,
    Crash,
    Faults,
    FaultyBlobs,
    FaultyBus,
    FaultyLake,
    FaultyMailer,
    FaultyPost,
    FaultyStore,
    OneShots,
    People,
    Plan,
    PoolTokens,
    nothing,
)
from tests.simulation.platform import Bus, Chance, Function, Reader, Stream, running

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
RETRIED = timedelta(seconds=20)
GATEWAY = timedelta(seconds=30)  # for which it remembers an authorizer's answer
ABACUS = Table("abacus")  # of a consumer that changes existing state: how many events of each type there were

Counter = Callable[[Store, AnyEvent], None]


def count(store: Store, event: AnyEvent) -> None:
    """What a consumer does that changes existing state."""
    once(store, ABACUS, "abacus", event, START, [Update(ABACUS, "total", event.type, add={"events": 1})])


class World:
    """`with World(plan) as world`. `counter` and `relay` may be plugged in broken, and must then be found out."""

    def __init__(
        self,
        plan: Plan = nothing,
        *,
        chance: Chance | None = None,
        counter: Counter = count,
        relay: Callable[[dict[str, Any], Any], Any] = relay,
        tally: Callable[[dict[str, Any], Any], Any] = tally,
        batch: int = 10,
    ) -> None:
        self.faults, self.chance = Faults(plan), chance or Chance()
        self.now = START
        self.memory = MemoryStore()
        self.keys, self.flags, self.quarantine = MemoryBlobs(), MemoryBlobs(), MemoryBlobs()
        self.attachments = MemoryBlobs()
        self.people, self.shots, self.steps = People(self.faults), OneShots(self.faults), OneShots(self.faults)
        self.alarms = Alarms(self.faults)
        self.looks = OneShots(self.faults)
        self.rounds, self.post, self.mailer = OneShots(self.faults), FaultyPost(self.faults), FaultyMailer(self.faults)
        self.history: dict[str, dict[int, list[Row]]] = {}  # every head that ever was, by id and version
        self.rewritten: list[str] = []
        self.misspoken: list[str] = []  # what is wrong with lines of the log
        self.deployed: list[str] = []  # how each resource of another stack ended
        self.told: list[dict[str, dict[str, int]]] = []  # what evaluation told of its evaluations in its log
        self.store = FaultyStore(self.memory, self.faults)
        self.lake = MemoryLake()
        self._deliveries = FaultyLake(self.lake, self.faults)
        self._key_files = FaultyBlobs("keys", self.keys, self.faults)
        self._remembered: dict[str, tuple[dict[str, Any] | None, datetime]] = {}
        self._documents = FaultyBlobs("flags", self.flags, self.faults)
        self._nonces = 0
        self._counter, self._relay, self._tally, self._batch = counter, relay, tally, batch
        self._stack = ExitStack()
        self._plug_in()
        self.authorize: Function = self._authorizer()
        self.evaluate: Function = self._evaluator()
        self.collect: Function = self.another_collector()

    def __enter__(self) -> Self:
        self._stack.callback(setattr, observe, "sink", observe.sink)
        observe.sink = self._logged
        use = Access(Keys(self.store, self._entropy, upgrader("key")), Members(self.store, upgrader("member")))
        quarantine = FaultyBlobs("quarantine", self.quarantine, self.faults)
        files = Attachments(MemoryUploads(), FaultyBlobs("attachments", self.attachments, self.faults))
        for testing in (
            products.testing(use=Products(self.store), now=lambda: self.now, nonce=self._nonce),
            flags.testing(use=Control(self.store), now=lambda: self.now, nonce=self._nonce),
            access.testing(use=use, now=lambda: self.now, nonce=self._nonce),
            relay.testing(Wired(FaultyBus(self.bus.take, self.faults), quarantine)),
            keyring.testing(Wired((self.store, self._key_files), quarantine)),
            snapshot.testing(Wired(Publisher(self.store, self._documents), quarantine)),
            audit.testing(use=self.store, now=lambda: self.now, nonce=self._nonce),
            record.testing(self.store),
            invite.testing((self.store, self.people)),
            calendar.testing(Calendar(Control(self.store), self.shots, self.steps, lambda: self.now)),
            planner.testing(Planner(Control(self.store).schedules, lambda: self.now)),
            guard.testing(Wired(Guard(Control(self.store).rollouts, lambda: self.now), quarantine)),
            ramp.testing(Ramp(Control(self.store).rollouts, self.alarms, lambda: self.now)),
            usage.testing(Counting(self.store)),
            feedback.testing(use=room(self.store, self._entropy, lambda: files), now=lambda: self.now, nonce=self._nonce),
            surveys.testing(use=survey_room(self.store, self._entropy), now=lambda: self.now, nonce=self._nonce),
            hooks.testing(use=hooked(self.store, self.rounds), now=lambda: self.now, nonce=self._nonce),
            courier.testing(self._outgoing()),
            shipping.testing(shipping_use(self.store, lambda: self.now)),
            triage.testing(self._triage_use()),
            public.testing(Public(self.store), lambda: self.now),
            unsubscribe.testing(subscriptions(self.store, self._entropy), lambda: self.now),
            signals.testing(use=self.store, now=lambda: self.now, nonce=self._nonce),
            ballots.testing(Wired(Recount(self.store, lambda: self._entropy(16).hex()), quarantine)),
            tally.testing(Wired(Tallying(self.store, self._milliseconds), quarantine)),
            seed.testing(Control(self.store), self._answered, lambda: self.now),
        ):
            self._stack.enter_context(testing)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- what clients do ---

    def http(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        principal: Principal = ADMIN,
        **headers: str,
    ) -> Reply | None:
        """One request, by an admin unless told; None when the function died, or answered with a fault of its own."""
        self.now += timedelta(seconds=1)
        function: Any = signals if path.endswith("/adoption") else _ANSWERING.get(path.split("/")[2], access)
        function = {"unsubscribe": unsubscribe, "public": public}.get(path.split("/")[1], function)
        self.faults.functions.append(function.name)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            reply = call(function, method, path, body, query=query, headers=names, principal=principal)
        except Crash:
            return None
        finally:
            self.faults.functions.pop()
        return None if reply.status >= 500 else reply

    def admitted(self, header: str) -> dict[str, Any] | None:
        """What the authorizer says to this header, asked again until it can tell; None for a refusal."""
        for _ in range(20):
            event = {"routeKey": "GET /v1/me", "requestContext": {"requestId": "r"}, "identitySource": [header]}
            try:
                answer: Any = self.authorize(event)
            except (Crash, Exception):
                self.authorize = self._authorizer()  # a new instance: its memory is gone
                continue
            return dict(answer["context"]) if answer["isAuthorized"] else None
        raise AssertionError("the authorizer cannot tell for ever")

    def header(self, member: str, device: str = "phone") -> str:
        """The Authorization header of a member who signed in once. It holds for ever: only the table keeps one out."""
        return f"Bearer {PoolTokens.made(member, device)}"

    def entered(self, header: str) -> dict[str, Any] | None:
        """What the gateway lets in: it remembers what the authorizer said."""
        said, until = self._remembered.get(header, (None, self.now))
        if self.now >= until:
            said = self.admitted(header)
            self._remembered[header] = said, self.now + GATEWAY
        return said

    def later(self, **time: int) -> None:
        self.now += timedelta(**time)

    def ring(self, alarm: str) -> None:
        """An alarm of CloudWatch goes off; the topic delivers until it is taken."""
        message = {"Records": [notification(alarm, at=self.now)]}
        self.bus.waiting += [(self._guard, message)] * (2 if self.chance.repeats() else 1)

    def evaluated(self, environment: str, key: str | None = None, **context: Any) -> Reply | None:
        """What a server key of that environment is answered: one flag, or all; None when the instance died."""
        principal = Principal("server", "key_server", environment=environment)
        path = "/ofrep/v1/evaluate/flags" + (f"/{key}" if key else "")
        body = json.dumps({"context": context})
        try:
            return reply(self.evaluate(http_event("POST", path, body=body, principal=principal)))
        except Crash:
            self.evaluate = self._evaluator()
            return None

    def told_of(self, environment: str, events: list[dict[str, Any]], kind: Any = "client", address: str = "192.0.2.1") -> bool:
        """An application tells what happened, with a key of that kind; whether it was taken."""
        self.now += timedelta(seconds=1)
        principal = Principal(kind, f"key_{kind}", environment=environment)
        event = http_event("POST", "/v1/events", body=json.dumps({"events": events}), principal=principal)
        event["requestContext"]["http"]["sourceIp"] = address
        try:
            answer = reply(self.collect(event))
        except Crash:
            self.collect = self.another_collector()
            return False
        assert answer.status in (202, 503), answer.body
        assert answer.status == 503 or answer.json["rejected"] == [], answer.body
        return answer.status == 202

    # --- what the platform does ---

    def pump(self) -> None:
        """Each reader takes what stands in its streams, each rule one event."""
        for reader in self.readers:
            reader.deliver()
        self.bus.deliver()
        for shots, wakes, name in self._due[:1]:
            with suppress(Crash, Exception):  # the one-shot stays, and comes again
                wakes({"schedule": name})
                del shots.waiting[name]

    def daily(self) -> None:
        """What the clock starts once a day."""
        called = (
            self._calendar,
            self._run("usage", usage),
            self._run("tally", self._tally),
            self._run("ballots", ballots),
            self._ramp,
            self._courier,
        )
        self.bus.waiting += [(function, daily(self.now)) for function in called]

    def deploy(self, key: str, definition: str) -> None:
        """Another stack that brings a flag; it is tried again until it is answered."""
        event = resource_event(key, definition, id=f"{len(self.deployed)} {key}")
        self.bus.waiting.append((self._run("seed", seed), event))

    def settle(self, limit: int = 2000) -> None:
        """Until nothing is on its way."""
        for _ in range(limit):
            if not self.bus.waiting and not self._due and all(reader.idle for reader in self.readers):
                return
            self.pump()
        raise AssertionError("the platform never comes to rest")

    def calm(self) -> None:
        """From here on nothing goes wrong."""
        self.faults.plan = nothing
        self.chance.random = None

    # --- inside ---

    @property
    def _due(self) -> list[tuple[OneShots, Function, str]]:
        wakes = (
            (self.shots, self._planner),
            (self.steps, self._ramp),
            (self.rounds, self._courier),
            (self.looks, self._triage),
        )
        return [(shots, function, name) for shots, function in wakes for name, at in shots.waiting.items() if at <= self.now]

    def _logged(self, text: str) -> None:
        """There are hundreds of thousands of lines: of each shape the first is held against the schema, and of every one what
        no shape tells."""
        line = json.loads(text)
        if line.get("error_type") == Crash.__name__:
            return  # a process that is gone says nothing
        shape = (*(line.get(name) for name in _TELLING), *line)
        if shape not in _SHAPES:
            _SHAPES[shape] = broken(line)
        self.misspoken += _SHAPES[shape]
        self.misspoken += [f"{name}: {line[name]}" for name in _FREE if name in line and not _FREE[name].fullmatch(line[name])]
        if "evaluations" in line:  # goes to who counts them, at least once
            self.told.append(line["evaluations"])
            event = log_event(text, self.now, f"{len(self.told)}")
            self.bus.waiting += [(self._run("usage", usage), event)] * (2 if self.chance.repeats() else 1)

    def _plug_in(self) -> None:
        streams = {table.name: Stream(table.name) for table in (PRODUCTS, ACCESS, FLAGS, SIGNALS, COUNTERS, FEEDBACK)}

        def changed(table: str, old: Row | None, new: Row | None) -> None:
            streams[table].add(old, new)
            if new is not None and new["sk"] == "head":
                self.history.setdefault(new["pk"], {}).setdefault(new["version"], []).append(new)
            if old is not None and old["sk"].startswith("v#"):
                self.rewritten.append(f"{old['pk']} {old['sk']}")

        self.memory.listen(changed)
        self.bus = Bus(self.chance)
        abacus = Consumer("abacus", lambda: self.store, self._counter, AnyEvent)
        patterns = {function.name: function.pattern for function in FUNCTIONS if function.pattern is not None}
        named: tuple[Consumer[Any, Any], ...] = (record, invite, calendar, ramp, courier, shipping, triage)
        consumers = {consumer.name: consumer for consumer in named}
        assert patterns.keys() == consumers.keys(), "a rule without its function here"
        for name, function in consumers.items():
            self.bus.rules.append((name, dict(patterns[name] or {}), self._run(name, function)))
        self._calendar, self._planner = self._run("calendar", calendar), self._run("planner", planner)
        self._courier, self._triage = self._run("courier", courier), self._run("triage", triage)
        self._guard, self._ramp = self._run("guard", guard), self._run("ramp", ramp)
        self.bus.rules.append(("abacus", pattern(), self._run("abacus", abacus)))
        reading: dict[str, Callable[[Any, Any], Any]] = {
            "relay": self._relay,
            "keyring": keyring,
            "snapshot": snapshot,
            "tally": self._tally,
            "guard": guard,
            "ballots": ballots,
        }
        self.readers = [
            Reader(
                function.name, streams[table.name], self._run(function.name, reading[function.name]), self._batch, self.chance
            )
            for function in FUNCTIONS
            for table in function.streams
        ]

    def _outgoing(self) -> Outgoing:
        now, site = lambda: self.now, "https://api.example.com"
        return courier_use(self.store, self.post, self.mailer, self.rounds, now, site=site, entropy=self._entropy)

    def _triage_use(self) -> Triage:
        attachments = FaultyBlobs("attachments", self.attachments, self.faults)
        outside = Outside(self._deliveries, self._documents, self._key_files, attachments, self.looks, Lexicon())
        return triage_use(self.store, outside, lambda: self.now, self._entropy)

    def _answered(self, url: str, body: bytes) -> None:
        self.deployed.append(json.loads(body)["Status"])

    def _run(self, name: str, function: Callable[[Any, Any], Any]) -> Function:
        run = running(name, self.faults, function)
        return self._tried_later(run) if name == "triage" else run

    def _tried_later(self, run: Function) -> Function:
        """As the platform tries again what failed: when files that could not be read are asked for once more."""

        def tried(event: Any) -> Any:
            try:
                return run(event)
            except BaseException:
                self.now += RETRIED
                raise

        return tried

    def _authorizer(self) -> Function:
        def wire() -> Authentication:
            tokens: Any = PoolTokens(self.faults)
            return Authentication(Keyring(self._key_files), lambda: self.store, lambda: tokens)

        return self._run("authorize", Authorizer(wire, clock=lambda: self.now.timestamp()))

    def _evaluator(self) -> Function:
        return self._run(
            "evaluate",
            Evaluator(lambda: documents(self._documents), lambda: Secrets(self._key_files), clock=lambda: self.now.timestamp()),
        )

    def another_collector(self) -> Function:
        """With nothing in its memory."""

        def wire() -> Collector:
            secrets = Secrets(self._key_files)
            return Collector(self.store, self._deliveries, collected_from(self._documents), secrets, self._entropy)

        return self._run("collect", Collecting(wire, clock=lambda: self.now.timestamp()))

    def _milliseconds(self) -> int:
        return int(self.now.timestamp() * 1000)

    def _nonce(self) -> str:
        self._nonces += 1
        return f"nonce-{self._nonces}"

    def _entropy(self, size: int) -> bytes:
        self._nonces += 1
        return hashlib.shake_256(f"entropy {self._nonces}".encode()).digest(size)


_ANSWERING: dict[str, Api[Any]] = {
    "products": products,
    "audit": audit,
    "flags": flags,
    "segments": flags,
    "rollout-templates": flags,
    "environments": flags,
    "proposals": flags,
    "schedules": flags,
    "metrics": signals,
    "webhooks": hooks,
    "changelog": hooks,
    "feedback": feedback,
    "surveys": surveys,
    "people": feedback,
    "boards": feedback,
}
_TELLING = ("service", "level", "error_code", "route", "status", "principal_kind")
_SHAPES: dict[tuple[str | int | None, ...], list[str]] = {}  # of lines, and what is wrong with them
_FREE = {name: re.compile(SCHEMA["properties"][name]["pattern"]) for name in ("principal", "trace_id", "timestamp")}
