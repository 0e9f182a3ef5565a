"""The flags table's stream -> documents: whatever comes, in whatever order and however often, the document equals the table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.snapshot.handler import handler, publish
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.calls import timestamp
from slipway.edge.stream import BatchFailed, Wired
from slipway.flags.compilation import compiled
from slipway.flags.control import Control as Plane
from slipway.flags.publication import Behind, Publisher, path_of
from slipway.flags.schedules import NewSchedule
from slipway.flags.snapshot import path
from slipway.ports import Put, Row, StoreUnavailable
from slipway.problems import Problem
from slipway.tables import FLAGS
from tests.catalogue import START, a_call
from tests.flag_rows import Control, needs
from tests.flagging import configured, edited, made, resegmented, segment
from tests.functions.events import Context
from tests.records import record

ENVIRONMENTS = ("development", "production", "staging")
DAILY = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


class Bucket(MemoryBlobs):
    """`down`: keys that cannot be written; `before`: what happens just before the next put of a pointer."""

    down: frozenset[str] = frozenset()
    before: Callable[[], None] | None = None

    def put(self, key: str, body: bytes, **named: Any) -> str:
        if key in self.down:
            raise StoreUnavailable("down")
        if self.before is not None and key.endswith("current.json"):
            happens, self.before = self.before, None
            happens()
        return super().put(key, body, **named)


class World:
    """A table whose stream is kept as records, and the bucket."""

    def __init__(self) -> None:
        self.store, self.blobs, self.quarantine = MemoryStore(), Bucket(), MemoryBlobs()
        self.records: list[dict[str, Any]] = []
        self.store.listen(self._note)
        self.publisher = Publisher(self.store, self.blobs)
        self.control = Control(self.store)

    def _note(self, table: str, old: Row | None, new: Row | None) -> None:
        self.records.append(record(table, old, new, len(self.records) + 1))

    def run(self, event: dict[str, Any], raise_failures: bool = False) -> Any:
        with handler.testing(Wired(self.publisher, self.quarantine, raise_failures)):
            return handler(event, Context())

    def deliver(self, records: list[dict[str, Any]] | None = None) -> Any:
        return self.run({"Records": self.records if records is None else records})

    def document(self, environment: str = "production") -> Any:
        return json.loads(self.blobs.objects[path(environment)].body)

    def agrees(self, environment: str = "production") -> bool:
        """Whether the document is what the rows of now make of nothing else."""
        return self.blobs.objects[path(environment)].body == compiled(self.control.rows(environment)).body


@pytest.fixture
def world() -> World:
    return World()


def test_a_new_flag_is_published_everywhere_and_a_switch_where_it_was_made(world: World) -> None:
    world.control.flag("checkout", client_side=True)
    world.control.configure("checkout")
    assert world.deliver() == {"batchItemFailures": []}
    assert world.document()["flags"]["checkout"]["state"] == "ENABLED"
    assert world.document("development")["flags"]["checkout"]["state"] == "DISABLED"
    assert (world.document()["slipway"]["revision"], world.document("development")["slipway"]["revision"]) == (2, 1)
    assert world.blobs.objects[path_of("production", 2)].body == world.blobs.objects[path("production")].body


def test_a_batch_publishes_once(world: World) -> None:
    for number in range(5):
        world.control.flag(f"flag-{number}")
    world.deliver()
    assert set(world.blobs.objects) == {
        f(name) for name in ("production", "development") for f in (path, lambda n: path_of(n, 5))
    }


@pytest.mark.parametrize("another", [False, True])
def test_what_was_published_already_costs_one_reading_at_most(world: World, another: bool) -> None:
    world.control.flag("checkout")
    world.deliver()
    if another:
        world.publisher = Publisher(world.store, world.blobs)
    world.store.query = lambda *_, **__: pytest.fail("the table is read")  # type: ignore[method-assign]
    assert world.deliver() == {"batchItemFailures": []}


def test_what_changes_no_answer_publishes_nothing(world: World) -> None:
    world.store.put(FLAGS, {"pk": "usage#production#checkout", "sk": "2026-11-23", "count": 3})
    world.deliver()
    assert world.blobs.objects == {}


STEPS = st.lists(
    st.tuples(st.sampled_from(["flag", "archive", "on", "rule", "needs", "segment"]), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


def step(world: World, what: str, number: int) -> None:
    key, control = f"flag-{number}", world.control
    match what:
        case "flag":
            control.flag(key, client_side=number % 2 == 0, hash=("v2", "v3")[number % 2])
        case "archive":
            control.archive(key)
        case "on":
            control.configure(key, ("production", "development")[number % 2], default_variant="on")
        case "rule":
            control.configure(
                key, targeting={"if": [{"==": [{"var": "n"}, number]}, "on", {"fractional": [["on", 1], ["off", 1]]}]}
            )
        case "needs":
            control.configure(key, prerequisites=needs("flag-0", "on") if number else [])
        case "segment":
            control.segment("beta", {"==": [{"var": "beta"}, number]})


@settings(deadline=None, max_examples=100)
@given(STEPS, st.randoms(use_true_random=False))
def test_the_snapshot_equals_the_table_whatever_becomes_of_the_events(steps: list[tuple[str, int]], random: Any) -> None:
    """Out of order and twice: at once. Some lost: after the next sweep."""
    _equal(World(), [partial(step, what=what, number=number) for what, number in steps], random, ("production", "development"))


DONE = st.lists(
    st.tuples(
        st.sampled_from(
            ["flag", "edit", "on", "rule", "needs", "revert", "copy", "off", "segment", "archive", "restore", "schedule"]
        ),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=14,
)


def done(world: World, what: str, number: int) -> None:
    """Through the control plane, which may refuse it."""
    key, control, call = f"flag-{number}", Plane(world.store), a_call(1)
    places = ("staging", "development")
    match what:
        case "flag":
            made(control, key, client_side=number == 0, hash=("v2", "v3")[number % 2])
        case "edit":
            edited(control, key, variants={"more": True}, metadata={"n": number})
        case "on":
            configured(control, key, places[number % 2], enabled=True, default_variant="on", overrides={"off": ["ada"]})
        case "rule":
            share = {"fractional": [["on", number + 1], ["off", 1]]}
            configured(control, key, enabled=True, targeting={"if": [{"$ref": "staff"}, "on", share]})
        case "needs":
            configured(control, key, prerequisites=needs("flag-0", "on") if number else [])
        case "revert":
            control.configurations.revert(call, key, "development", None, number + 1, None)
        case "copy":
            control.configurations.copy(call, key, "staging", None, "development", None)
        case "off":
            control.configurations.switch_off(call, key, "development", "An emergency")
        case "segment":
            resegmented(control, targeting={"==": [{"var": "beta"}, number]})
        case "archive":
            control.flags.archive(call, key, None)
        case "restore":
            control.flags.restore(call, key, None)
        case "schedule":
            minute = timestamp(START + timedelta(minutes=2))
            fields = {"flag": key, "environment": "development", "change": {"default_variant": "off"}, "reason": "Later"}
            new = NewSchedule.model_validate({**fields, "at": minute})
            plan = control.schedules.plan(a_call(1, operation="schedules.plan"), new).stored
            control.schedules.fire(a_call(120), plan.id)


def _done(world: World, what: str, number: int) -> None:
    with suppress(Problem):
        done(world, what, number)


@settings(deadline=None, max_examples=100)
@given(DONE, st.randoms(use_true_random=False))
def test_the_snapshot_equals_the_table_that_the_control_plane_writes(steps: list[tuple[str, int]], random: Any) -> None:
    world = World()
    segment(Plane(world.store))
    each = [partial(_done, what=what, number=number) for what, number in [("flag", 0), ("flag", 1), *steps]]
    _equal(world, each, random, ("staging", "development", "production"))


def test_all_that_the_control_plane_does_is_done_somewhere_in_that() -> None:
    """So that no step is refused whatever came before."""
    world = World()
    segment(Plane(world.store))
    for what, number in [
        ("flag", 0), ("flag", 1), ("edit", 1), ("on", 0), ("rule", 1), ("needs", 1), ("revert", 1), ("copy", 1), ("off", 1),
        ("segment", 1), ("schedule", 1), ("archive", 1), ("restore", 1),
    ]:  # fmt: skip
        before = len(world.records)
        done(world, what, number)
        assert len(world.records) > before, what
    world.deliver()
    assert all(world.agrees(environment) for environment in ("staging", "development", "production"))


def _equal(world: World, steps: Sequence[Callable[[World], None]], random: Any, environments: tuple[str, ...]) -> None:
    waiting: list[dict[str, Any]] = []
    lost = 0
    for take in steps:
        before = len(world.records)
        take(world)
        waiting += world.records[before:]
        if random.random() < 0.5:
            random.shuffle(waiting)
            some = waiting[: random.randint(0, len(waiting))]
            assert world.deliver([*some, *some[:2]]) == {"batchItemFailures": []} if some else True
            waiting = waiting[len(some) :]
        if random.random() < 0.2 and waiting:
            lost += len(waiting)
            waiting = []
    while waiting:
        world.deliver([waiting.pop(random.randrange(len(waiting)))])
    for environment in environments:
        if not lost and path(environment) in world.blobs.objects:
            assert _same(world, environment)
    world.run(DAILY)
    for environment in environments:
        assert _same(world, environment)


def _same(world: World, environment: str) -> bool:
    """As `agrees`; a flag whose prerequisite was put away under it stands at its last good form, and is named."""
    fresh = compiled(world.control.rows(environment))
    stands = world.document(environment)
    if not fresh.faults:
        return world.agrees(environment)
    assert stands["slipway"]["faults"] == dict(fresh.faults)
    made = json.loads(fresh.body)
    return all(stands["flags"].get(key) == flag for key, flag in made["flags"].items())


def test_a_bad_flag_is_named_counted_and_left_as_it_was(world: World, log_lines: list[dict[str, Any]]) -> None:
    world.control.flag("good")
    world.control.flag("bad")
    world.control.configure("bad", targeting={"if": [True, "on"]})
    world.deliver()
    before = world.document()["flags"]["bad"]
    world.control.configure("bad", targeting='{"broken')
    world.control.configure("good")
    world.deliver()
    assert world.document()["flags"]["bad"] == before
    assert world.document()["flags"]["good"]["state"] == "ENABLED"
    assert (log_lines[-1]["faults"], log_lines[-1]["Quarantined"]) == (["production/bad"], 1)


def test_a_document_that_cannot_be_written_comes_again_and_holds_no_other_up(
    world: World, log_lines: list[dict[str, Any]]
) -> None:
    world.control.flag("checkout")
    world.blobs.down = frozenset({path("production")})
    failed = world.deliver()["batchItemFailures"]
    assert len(failed) == 1
    assert log_lines[-1]["PublishDelay"] > 0  # what does not get there is late, too
    assert set(world.blobs.objects) == {path("development"), path_of("development", 1), path_of("production", 1)}
    with pytest.raises(StoreUnavailable):
        world.run(DAILY)
    with pytest.raises(BatchFailed):
        world.run({"Records": world.records}, raise_failures=True)
    world.blobs.down = frozenset()
    assert world.deliver() == {"batchItemFailures": []}
    assert world.agrees()


def test_a_record_that_cannot_be_read_is_put_aside(world: World) -> None:
    world.control.flag("checkout")
    last = world.records[-1]
    broken = {**last, "dynamodb": {**last["dynamodb"], "NewImage": {"pk": {"X": "?"}}}}
    assert world.deliver([broken, *world.records]) == {"batchItemFailures": []}
    assert len(world.quarantine.objects) == 1
    assert world.agrees()


# --- two at once ----------------------------------------------------------------------------------------


def test_a_publisher_that_read_older_rows_loses_and_reads_again(world: World) -> None:
    world.control.flag("first")
    world.deliver()
    world.control.flag("second")

    def rival() -> None:
        world.control.flag("third")
        Publisher(world.store, world.blobs).publish("production")

    world.blobs.before = rival
    world.publisher.publish("production")
    assert list(world.document()["flags"]) == ["first", "second", "third"]
    assert world.agrees()


def test_rows_of_two_revisions_are_never_mixed(world: World) -> None:
    world.control.flag("first")
    get_many, changed = world.store.get_many, iter([True, True])

    def meanwhile(*args: Any) -> list[Row]:
        found = get_many(*args)
        if next(changed, False):
            world.control.flag(f"flag-{len(world.records)}")
        return found

    world.store.get_many = meanwhile  # type: ignore[method-assign, assignment]
    world.publisher.publish("production")
    assert world.agrees()
    assert world.document()["slipway"]["revision"] == 3


def test_the_pointer_only_moves_forward(world: World) -> None:
    """A table that was set back must not take what is served back with it unseen."""
    world.control.flag("checkout")
    world.control.flag("search")
    world.deliver()
    world.store.put(FLAGS, {"pk": "revision#production", "sk": "revision", "revision": 1})
    with pytest.raises(Behind):
        world.publisher.publish("production")
    assert world.document()["slipway"]["revision"] == 2


SLIPWAY: dict[str, Any] = {"revision": 1, "client_side": [], "flags": {}, "evaluators": {}}
NAMED = {"flagSetId": "production", "version": "1"}
FORM: dict[str, Any] = {"flags": {}, "$evaluators": {}, "metadata": NAMED, "slipway": SLIPWAY}
FORMS = [
    {},
    {"slipway": 1},
    {"slipway": SLIPWAY},
    {**FORM, "flags": []},
    {**FORM, "flags": {"checkout": []}, "$evaluators": 5},
    {**FORM, "metadata": {}},
    {**FORM, "slipway": {**SLIPWAY, "flags": 5}},
    {**FORM, "slipway": {**SLIPWAY, "needs": {"nobody": []}}},
    {**FORM, "slipway": {**SLIPWAY, "revision": "1"}},
]


@pytest.mark.parametrize("damage", [b"", b"[]", b"\xff", b"[" * 100_000, *(json.dumps(form).encode() for form in FORMS)])
@pytest.mark.parametrize("by", ["the sweep", "the same events again", "the next change"])
def test_a_damaged_document_heals(world: World, damage: bytes, by: str) -> None:
    world.control.flag("checkout")
    world.control.configure("checkout", targeting='{"broken')  # so that the last document is looked at
    world.deliver()
    world.blobs.put(path("production"), damage, content_type="application/json")
    world.publisher = Publisher(world.store, world.blobs)
    if by == "the sweep":
        world.run(DAILY)
    elif by == "the next change":
        world.control.flag("search")
        world.deliver(world.records[-2:])
    else:
        world.deliver()
    assert world.agrees()


def test_a_sweep_finds_what_no_event_told(world: World) -> None:
    world.control.flag("checkout")
    world.deliver()
    world.store.put(FLAGS, Put(FLAGS, {"pk": "list#flags", "sk": "ghost"}).row)  # a list's row without its flag
    world.control.flag("search")
    assert not world.agrees()
    world.run(DAILY)
    assert world.agrees()


def test_what_environments_share_is_read_once_for_all_of_them() -> None:
    """Of 5,000 flags and three environments, whose documents a change of a flag itself outdates together."""
    calls: Counter[str] = Counter()

    class Counted(MemoryStore):
        def get(self, *given: Any, **named: Any) -> Any:
            calls["get"] += 1
            return super().get(*given, **named)

        def query(self, *given: Any, **named: Any) -> Any:
            calls["query"] += 1
            return super().query(*given, **named)

        def get_many(self, *given: Any, **named: Any) -> Any:
            calls["get_many"] += 1
            return super().get_many(*given, **named)

    store, blobs = Counted(), MemoryBlobs()
    for number in range(5_000):
        key = f"flag-{number:04}"
        data = {"key": key, "type": "boolean", "variants": '{"off":false,"on":true}', "hash": "v3", "status": "active"}
        store.put(FLAGS, {"pk": "list#flags", "sk": key})
        store.put(FLAGS, {"pk": f"flag#{key}", "sk": "HEAD", "version": 1, "schema": 1, "kind": "flag", "data": data})
    for environment in ENVIRONMENTS:
        store.put(FLAGS, {"pk": f"revision#{environment}", "sk": "revision", "schema": 1, "revision": 3})
    assert publish(Publisher(store, blobs), [(environment, 3) for environment in ENVIRONMENTS]) == set()
    for environment in ENVIRONMENTS:
        published = blobs.get(path(environment))
        assert published is not None
        assert json.loads(published.body)["slipway"]["revision"] == 3
    assert calls == {"get": 2 * 3, "query": 5 + 1 + 1, "get_many": 50 + 3 * 50}
