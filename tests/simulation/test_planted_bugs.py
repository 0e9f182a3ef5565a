"""A proof that finds nothing proves nothing: each of these mistakes, put into the product, is found."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any
from unittest.mock import patch

import pytest

from functions.guard import handler as guard
from functions.relay import handler as relay
from functions.tally import handler as tally
from slipway import authentication, keyring
from slipway.access import SYSTEM
from slipway.calls import Call, derived_id
from slipway.edge import stream
from slipway.edge.observe import Line
from slipway.edge.stream import Change, Stream
from slipway.events import AnyEvent
from slipway.feedback import submission
from slipway.feedback.erasure import Erasure
from slipway.feedback.items import Items, triaged
from slipway.feedback.people import WHO, People, Person
from slipway.feedback.triage import Triage
from slipway.flags.counting import Counting, Told, share_of
from slipway.outbox import Envelope, envelopes
from slipway.ports import Absent, Blobs, Check, ConditionFailed, Delete, Heard, Put, Row, Store, StoreUnavailable, Update
from slipway.resources import Created, Shelf, Stored
from slipway.rollouts import clock, judging, rollout
from slipway.rollouts.rollouts import Rollouts
from slipway.signals import rows, tallying
from slipway.signals.collection import Collector
from slipway.signals.effects import Effects
from slipway.signals.known import Known
from slipway.tables import ACCESS, FEEDBACK, SIGNALS, USAGE
from tests.simulation.enumeration import Bug, played
from tests.simulation.oracle import Findings
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.world import ABACUS

# By name, whatever comes between them.
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
PRODUCT, EDITS, KEYS = BY_NAME["one product"], BY_NAME["many edits"], BY_NAME["keys"]
SIGNING_IN, COUNTING, SIGNALLED = BY_NAME["signing in"], BY_NAME["counting"], BY_NAME["signals"]
HARM, CLOCK, PERSON = (BY_NAME[f"a {name}"] for name in ("harmful rollout", "rollout by the clock", "rollout and a person"))
COMPLAINTS = BY_NAME["complaints"]
TOLD = BY_NAME["feedback"]
_numbers = itertools.count()


def dual_write() -> Bug:
    """The row first, then the event, each in its own call."""
    create = Shelf.create

    def written_twice(shelf: Shelf, call: Call, id: str, data: Any, events: Any, claims: Any = (), also: Any = ()) -> Created:
        made = create(shelf, call, id, data, (), claims, also)
        if not made.replayed:
            told = [{"type": type, "data": dict(payload)} for type, payload in events]
            relay.handler._wired.use.send(envelopes({**made.stored.row, "events": told}))  # type: ignore[union-attr]
        return made

    return Bug(patch.object(Shelf, "create", written_twice))


def bare_add() -> Bug:
    def counted(store: Store, event: AnyEvent) -> None:
        store.transact([_one_more(event)], f"{next(_numbers)}")

    return Bug(parts={"counter": counted})


def dedupe_after_effect() -> Bug:
    def counted(store: Store, event: AnyEvent) -> None:
        if store.get(ABACUS, "seen", event.id) is None:
            store.transact([_one_more(event)], f"{next(_numbers)}")
            store.put(ABACUS, {"pk": "seen", "sk": event.id})

    return Bug(parts={"counter": counted})


def dedupe_before_effect() -> Bug:
    def counted(store: Store, event: AnyEvent) -> None:
        if store.get(ABACUS, "seen", event.id) is None:
            store.put(ABACUS, {"pk": "seen", "sk": event.id})
            store.transact([_one_more(event)], f"{next(_numbers)}")

    return Bug(parts={"counter": counted})


def missing_condition() -> Bug:
    """A create that writes whether something stands there or not."""
    creating = Shelf.creating

    def careless(shelf: Shelf, *arguments: Any) -> list[Put]:
        return [Put(put.table, put.row) for put in creating(shelf, *arguments)]

    return Bug(patch.object(Shelf, "creating", careless))


def stale_overwrite() -> Bug:
    """An update that does not ask whether what it read still stands."""
    updating = Shelf.updating

    def careless(shelf: Shelf, *arguments: Any, **named: Any) -> Any:
        writes, token = updating(shelf, *arguments, **named)
        return [Put(write.table, write.row) if isinstance(write, Put) else write for write in writes], token

    return Bug(patch.object(Shelf, "updating", careless))


def forgotten_idempotency_key() -> Bug:
    def new_id(call: Call, prefix: str, *salt: str) -> str:
        return derived_id(prefix, call.principal.id, call.operation, call.nonce, *salt)

    return Bug(patch.object(Call, "new_id", new_id))


def re_emitting_relay() -> Bug:
    """Sends what version rows carry as well, under ids of its own."""

    def decode(change: Change) -> list[Envelope] | None:
        row = change.new
        if row is None or "events" not in row:
            return None
        return [{**envelope, "id": derived_id("evt_", row["sk"], envelope["id"])} for envelope in envelopes(row)]

    def relayed(event: dict[str, Any], context: object) -> Any:
        return Stream("relay", lambda: _wired(), decode, relay.publish, wave=10)(event, context)

    return Bug(parts={"relay": relayed})


def partial_batch_loss() -> Bug:
    """Says that everything went well."""

    def relayed(event: dict[str, Any], context: object) -> Any:
        relay.handler(event, context)
        return {"batchItemFailures": []}

    return Bug(parts={"relay": relayed})


def off_by_one() -> Bug:
    """Takes the record after the one that failed for the first that failed."""

    def relayed(event: dict[str, Any], context: object) -> Any:
        return {"batchItemFailures": relay.handler(event, context)["batchItemFailures"][1:]}

    return Bug(parts={"relay": relayed})


def overtaking_relay() -> Bug:
    """Takes every record for one of another item, so that a later change goes out before an earlier one that failed."""
    return Bug(patch.object(stream, "_row", lambda record: record["dynamodb"]["SequenceNumber"]))


def version_before_the_last() -> Bug:
    """Keeps the head that it writes, not the one that it replaces, as the past version."""
    updating = Shelf.updating

    def careless(shelf: Shelf, call: Call, before: Stored, *arguments: Any, **named: Any) -> Any:
        (head, past, *others), token = updating(shelf, call, before, *arguments, **named)
        assert isinstance(head, Put)
        assert isinstance(past, Put)
        return [head, Put(past.table, {**past.row, "data": head.row["data"]}, past.condition), *others], token

    return Bug(patch.object(Shelf, "updating", careless))


def last_writer_wins() -> Bug:
    """Writes a key file over whatever somebody else published meanwhile."""

    def publish(store: Store, blobs: Blobs, environment: str) -> None:
        rows = [store.query(ACCESS, (f"{family}#{environment}",)).rows for family in ("verifiers", "used")]
        body = keyring.written(environment, next(_numbers), *rows)
        blobs.put(keyring.path(environment), body, content_type="application/json")

    return Bug(patch.dict("functions.keyring.handler.PUBLISH", keys=publish))


def long_memory() -> Bug:
    """Remembers a role for a minute, to which the gateway adds its half."""
    return Bug(patch.object(authentication, "ROLE_KEPT", 60))


def talkative() -> Bug:
    """Says in the log what no line of the log may say."""
    principal = Line.principal

    def careless(line: Line, kind: str, id: str) -> None:
        principal(line, kind, id)
        line["name"] = id

    return Bug(patch.object(Line, "principal", careless))


def indiscreet() -> Bug:
    """Says whose request it is, from the second one on."""
    principal, before = Line.principal, list[str]()

    def careless(line: Line, kind: str, id: str) -> None:
        principal(line, kind, id)
        if before:
            line["principal"] = id
        before.append(id)

    return Bug(patch.object(Line, "principal", careless))


def added_up() -> Bug:
    """Adds each line to the day's sum, instead of keeping it as a row of its own."""

    def note(counting: Counting, lines: Sequence[Told]) -> None:
        for line in lines:
            for environment, counts in line.counts.items():
                for key, number in counts.items():
                    pk, sk = f"usage#{environment}#{share_of(key)}", line.day.isoformat()
                    sums = json.loads((counting.store.get(USAGE, pk, sk) or {}).get("counts", "{}"))
                    sums[key] = sums.get(key, 0) + number
                    row = {"pk": pk, "sk": sk, "schema": 1, "counts": json.dumps(sums)}
                    counting.store.transact([Put(USAGE, row)], f"{next(_numbers)}")
                    counting._mark(environment, key, line.day.isoformat())

    return Bug(patch.object(Counting, "note", note))


def added_to_counters() -> Bug:
    """Adds what a delivery holds to what stands there, whatever was counted before."""
    return Bug(patch.object(tallying, "_passed", lambda before: (0, 0 if before is None else before["floor"])))


def partition_out_of_order() -> Bug:
    """Takes each record by itself, and goes on in a partition after one that failed."""

    def tallied(event: dict[str, Any], context: object) -> Any:
        wired = tally.handler._wired
        assert wired is not None
        if "Records" not in event:
            return tally.handler(event, context)
        return Stream("tally", lambda: wired, tally.decode, tally.count)(event, context)

    return Bug(parts={"tally": tallied})


def taken_without_the_lake() -> Bug:
    """Says that a batch is taken while the lake has not taken it."""
    collect = Collector.collect

    def careless(collector: Collector, *arguments: Any) -> Any:
        with suppress(StoreUnavailable):
            return collect(collector, *arguments)
        return []

    return Bug(patch.object(Collector, "collect", careless))


def rows_over_rows() -> Bug:
    """Forgets that a row stands once it is seen a second time, and puts it as another one."""

    def put(known: Known, row: Row) -> bool:
        try:
            known._store.put(SIGNALS, row, Absent())
        except ConditionFailed:
            known._store.put(SIGNALS, {**row, "sk": f"{row['sk']}-{next(_numbers)}"})
        return True

    return Bug(patch.object(Known, "_put", put))


def recount_without_a_margin() -> Bug:
    """Takes this moment for a cut: what is counted already counts once more when it arrives."""
    return Bug(patch.object(tallying, "_cut", lambda recent, floor, now: (now, recent)))


def verdict_over_a_verdict() -> Bug:
    """Moves a rollout whatever has become of what was judged."""
    updating = Shelf.updating

    def careless(shelf: Shelf, call: Call, *arguments: Any, **named: Any) -> Any:
        writes, token = updating(shelf, call, *arguments, **named)
        if call.principal.id in ("guard", "ramp"):
            writes = [Put(write.table, write.row) if isinstance(write, Put) else write for write in writes]
        return writes, token

    return Bug(patch.object(Shelf, "updating", careless))


def verdict_by_a_record() -> Bug:
    """Takes the shard that it was told of for all that was counted."""
    seen = dict[str, Row]()
    decode = guard.handler.stream.decode

    def noticed(change: Change) -> str | None:
        id = decode(change)
        if id is not None and change.new is not None:
            seen[id] = change.new
        return id

    patches = ExitStack()
    patches.enter_context(patch.object(guard.handler.stream, "decode", noticed))
    patches.enter_context(patch.object(judging, "counters", lambda _, rollout: [seen[rollout]] if rollout in seen else []))
    return Bug(patches)


def step_for_each_shot() -> Bug:
    """Takes a step whenever a one-shot fires, whatever stage it was made for."""

    def stepped(rollouts: Rollouts, call: Call, id: str, alarms: Heard, shot: int) -> Stored | None:
        return judging.judged(rollouts, call.but(now=call.now + judging.EARLY), id, alarms)

    return Bug(patch.object(clock, "judged", stepped))


def deaf_when_it_begins() -> Bug:
    """Hears of an alarm only when it goes off, and never asks whether it rings."""
    return Bug(patch.object(clock, "_heard", lambda *_: Heard()))


def edit_beside_a_rollout() -> Bug:
    """Leaves a rollout running over what a person has written."""
    return Bug(patch.object(rollout, "ended", lambda *_: []))


def rollback_without_a_revision() -> Bug:
    """Moves a rollout and says nothing to who publishes."""
    beside = Rollouts._beside

    def careless(rollouts: Rollouts, *arguments: Any) -> Any:
        return [one for one in beside(rollouts, *arguments) if not isinstance(one.write, Update)]

    return Bug(patch.object(Rollouts, "_beside", careless))


def lists_after_the_item() -> Bug:
    """Writes what stands beside an item once the item is written."""

    def careless(triage: Triage, call: Call, item: Stored, data: Any, _words: Any) -> Stored:
        made = triage._items.update(call, item.id, item.version, lambda _: data, triaged)
        for flag, one in data["flags"].items():
            place = {"pk": f"list#flag#{flag}#{one['variant']}", "sk": f"{item.created_at}#{item.id}", "schema": 1}
            triage._items.shelf.store.put(FEEDBACK, place)
        return made

    return Bug(patch.object(Triage, "_next", careless))


def triage_over_an_edit() -> Bug:
    """Writes what it made of the item that it read first, whatever stands there by then."""
    update = Items.update

    def careless(items: Items, call: Call, id: str, version: int | None, make: Any, *more: Any, **named: Any) -> Stored:
        return update(items, call, id, version if call.principal != SYSTEM else None, make, *more, **named)

    return Bug(patch.object(Items, "update", careless))


def followed_before_it_is_sorted() -> Bug:
    """Takes what was sorted for what was followed up, too."""
    told = Triage.told

    def once(triage: Triage, id: str, correlation_id: str) -> None:
        item = triage._items.shelf.find(id)
        if item is not None and "proof" not in item.data:
            told(triage, id, correlation_id)

    return Bug(patch.object(Triage, "told", once))


def unit_of_each_stage() -> Bug:
    """Counts a unit anew in every stage in which it fails."""
    watching, of_rollout, stage = Effects._watching, rows.of_rollout, ["0"]

    def noticed(effects: Effects, signal: Any) -> Any:
        for flag, told, names in watching(effects, signal):
            stage[0] = str(told["stage"])
            yield flag, told, names

    def careless(id: str, kind: str, who: str, name: str = "") -> Any:
        pk, sk = of_rollout(id, kind, who, name)
        return pk, sk + ("" if kind != "met" or stage[0] == "0" else f"~{stage[0]}")

    patches = ExitStack()
    patches.enter_context(patch.object(Effects, "_watching", noticed))
    patches.enter_context(patch.object(rows, "of_rollout", careless))
    return Bug(patches)


def submission_without_its_id() -> Bug:
    """Takes a submission that is sent again for another one."""
    return Bug(patch.object(submission, "_repeatable", lambda call, *_: call))


def person_without_a_check() -> Bug:
    """Seals with a key that somebody destroys at this moment, and makes a person anew without looking whether there is one."""
    person = People.person

    def careless(people: People, *arguments: Any, **named: Any) -> Person:
        found = person(people, *arguments, **named)
        writes = (write.but(condition=None) if isinstance(write, Put) else write for write in found.writes)
        return found.but(writes=tuple(write for write in writes if not isinstance(write, Check)))

    return Bug(patch.object(People, "person", careless))


def words_before_the_key() -> Bug:
    """Forgets what leads to a person before the person."""

    def careless(erasure: Erasure, call: Call, who: Any) -> list[Any]:
        found = erasure._people.found(who)
        erasure._delete(call, [Delete(FEEDBACK, erasure._people.lookup(who), WHO)])
        return [erasure._erased(call, pid) for pid in found]

    return Bug(patch.object(Erasure, "erase", careless))


def _one_more(event: AnyEvent) -> Update:
    return Update(ABACUS, "total", event.type, add={"events": 1})


def _wired() -> Any:
    return relay.handler._wired


def caught(make: Callable[[], Bug], scenario: Scenario, suspect: str) -> Findings:
    """The first findings: without a fault, or with any one of any call, those of the suspected function first."""
    calm = played(scenario, bug=make())
    if calm.findings:
        return calm.findings
    for number, call in sorted(enumerate(calm.calls), key=lambda numbered: not numbered[1].name.startswith(suspect)):
        for fault in call.possible:
            findings = played(scenario, (number, fault), bug=make()).findings
            if findings:
                return findings
    return Findings()


@pytest.mark.parametrize(
    ("make", "scenario", "suspect", "kind"),
    [
        (dual_write, PRODUCT, "products", "lost"),
        (bare_add, PRODUCT, "abacus", "doubled"),
        (dedupe_after_effect, PRODUCT, "abacus", "doubled"),
        (dedupe_before_effect, PRODUCT, "abacus", "lost"),
        (missing_condition, PRODUCT, "products", "doubled"),
        (stale_overwrite, PRODUCT, "products", "lost"),
        (forgotten_idempotency_key, EDITS, "products", "doubled"),
        (re_emitting_relay, PRODUCT, "relay", "doubled"),
        (partial_batch_loss, EDITS, "relay", "lost"),
        (off_by_one, EDITS, "relay", "lost"),
        (overtaking_relay, EDITS, "relay", "wrong"),
        (version_before_the_last, PRODUCT, "products", "wrong"),
        (last_writer_wins, KEYS, "keyring", "wrong"),
        (long_memory, SIGNING_IN, "authorize", "wrong"),
        (talkative, PRODUCT, "products", "wrong"),
        (indiscreet, PRODUCT, "products", "wrong"),
        (added_up, COUNTING, "usage", "doubled"),
        (added_to_counters, SIGNALLED, "tally", "doubled"),
        (partition_out_of_order, SIGNALLED, "tally", "lost"),
        (taken_without_the_lake, SIGNALLED, "collect", "lost"),
        (rows_over_rows, SIGNALLED, "collect", "wrong"),
        (recount_without_a_margin, SIGNALLED, "tally", "doubled"),
        (added_to_counters, HARM, "tally", "doubled"),
        (verdict_over_a_verdict, PERSON, "guard", "doubled"),
        (verdict_by_a_record, HARM, "guard", "wrong"),
        (step_for_each_shot, CLOCK, "ramp", "wrong"),
        (deaf_when_it_begins, PERSON, "ramp", "wrong"),
        (edit_beside_a_rollout, PERSON, "flags", "wrong"),
        (rollback_without_a_revision, HARM, "guard", "wrong"),
        (unit_of_each_stage, CLOCK, "collect", "doubled"),
        (lists_after_the_item, COMPLAINTS, "triage", "wrong"),
        (triage_over_an_edit, COMPLAINTS, "triage", "lost"),
        (followed_before_it_is_sorted, COMPLAINTS, "triage", "lost"),
        (submission_without_its_id, TOLD, "feedback", "doubled"),
        (person_without_a_check, TOLD, "feedback", "wrong"),
        (words_before_the_key, TOLD, "feedback", "wrong"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_it_is_found(make: Callable[[], Bug], scenario: Scenario, suspect: str, kind: str) -> None:
    findings = caught(make, scenario, suspect)
    assert getattr(findings, kind), f"not found as {kind}: {findings}"


def test_the_mistake_alone_is_what_is_found() -> None:
    """Without it there is nothing, so that none of the above is a false alarm."""
    for scenario in (PRODUCT, EDITS, KEYS, SIGNING_IN, COUNTING, SIGNALLED, HARM, CLOCK, PERSON, COMPLAINTS):
        assert not played(scenario).findings
