"""The key files: equal to the table whatever the order of the telling, and read with bounded trust, time and memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway import keyring
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.copies import MOST_UNKNOWN
from slipway.keyring import FRESH, STALE, Entry, Keyring, path, publish, read
from slipway.ports import Blob, ConditionFailed, Page, Put, Row, StoreUnavailable
from slipway.tables import ACCESS

NOW = 1_795_435_200.0


def verifier(selector: str, environment: str = "prod", key: str = "key_1", **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "pk": f"verifiers#{environment}",
        "sk": selector,
        "key": key,
        "kind": "server",
        "verifier": "v" * 64,
        "role": None,
    }
    row["schema"] = 1
    return {**row, **more}


def table(store: MemoryStore, environment: str) -> dict[str, list[Any]]:
    """What the file has to say."""
    rows = store.tables.get("access", {}).values()
    days = {row["sk"]: row["day"] for row in rows if row["pk"] == f"used#{environment}"}
    return {
        row["sk"]: [row["key"], row["kind"], row["verifier"], row.get("expires"), days.get(row["key"], 0)]
        for row in rows
        if row["pk"] == f"verifiers#{environment}"
    }


def file(blobs: MemoryBlobs, environment: str) -> dict[str, list[Any]]:
    blob = blobs.get(path(environment))
    keys: dict[str, list[Any]] = {} if blob is None else json.loads(blob.body)["keys"]
    return keys


# --- writing --------------------------------------------------------------------------------------------


class World(MemoryStore):
    """Before each call of a publication something else may happen: a change of the table, or a whole other publication."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__()
        self.files = MemoryBlobs()
        self.steps = steps
        self.told = 0  # changes whose publication is still to come
        for name in ("get", "put"):
            setattr(self.files, name, self._after(getattr(self.files, name)))

    def _after(self, call: Any) -> Any:
        def first_something_else(*positional: Any, **named: Any) -> Any:
            self.step()
            return call(*positional, **named)

        return first_something_else

    def query(self, *positional: Any, **named: Any) -> Page:
        self.step()
        return super().query(*positional, **named)

    def get_many(self, *positional: Any, **named: Any) -> list[Row]:
        self.step()
        return super().get_many(*positional, **named)

    def step(self) -> None:
        """One step of the plan, if any is left."""
        if not self.steps:
            return
        what, selector = self.steps.pop(0)
        if what == "publish":
            self.publish()
            return
        if what == "add":
            self.put(ACCESS, verifier(selector, key=f"key_{selector}"))
        elif what == "remove":
            self.tables.setdefault("access", {}).pop(("verifiers#prod", selector), None)
        elif what == "use":
            self.put(ACCESS, {"pk": "used#prod", "sk": f"key_{selector}", "schema": 1, "day": 20_780 + len(self.steps)})
        self.told += 1

    def publish(self) -> None:
        self.told = 0  # what happened before a publication begins is in it
        publish(self, self.files, "prod")


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "use", "publish", "wait"]), st.sampled_from(["s0", "s1"])), max_size=40
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_the_file_equals_the_table_however_changes_and_publications_meet(steps: list[Any]) -> None:
    world = World([])
    world.publish()
    world.steps = steps
    while world.steps or world.told:
        world.step()
        if world.told:
            world.publish()
    assert file(world.files, "prod") == table(world, "prod")


def test_a_late_writer_with_an_old_view_loses_even_when_the_file_came_back_to_what_it_read() -> None:
    """A key made and revoked while a writer held the read in between: its file may not bring the key back."""
    steps = [
        ("wait", ""),  # get: has read the file without the key
        ("add", "s0"),  # first query: sees the key
        ("wait", ""),  # second query
        ("remove", "s0"),  # put, but first:
    ]

    class Overtaken(World):
        def step(self) -> None:
            removing = self.steps[:1] == [("remove", "s0")]
            super().step()
            if removing:
                self.publish()  # says what the file said before

    world = Overtaken([])
    world.publish()
    world.steps = steps
    world.publish()
    assert world.tables["access"] == {}
    assert file(world.files, "prod") == {}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["prod", "dev"]), st.sampled_from(["s0", "s1"]), st.booleans()), max_size=12))
def test_publish_writes_each_environment_apart(changes: list[tuple[str, str, bool]]) -> None:
    store, blobs = MemoryStore(), MemoryBlobs()
    for environment, selector, live in changes:
        if live:
            store.put(ACCESS, verifier(selector, environment))
        else:
            store.tables.setdefault("access", {}).pop((f"verifiers#{environment}", selector), None)
        publish(store, blobs, environment)
        publish(store, blobs, environment)
        assert file(blobs, environment) == table(store, environment)


def test_publish_reads_every_page() -> None:
    store, blobs = MemoryStore(), MemoryBlobs()
    for number in range(250):
        store.put(ACCESS, verifier(f"s{number:03d}"))
    publish(store, blobs, "prod")
    assert len(file(blobs, "prod")) == 250


def test_a_damaged_file_heals() -> None:
    store, blobs = MemoryStore(), MemoryBlobs()
    blobs.put(path("prod"), b"{", content_type="application/json")
    store.put(ACCESS, verifier("s0"))
    publish(store, blobs, "prod")
    assert file(blobs, "prod") == table(store, "prod")


def test_a_file_that_others_keep_changing_is_given_up_after_a_while() -> None:
    class Busy(MemoryBlobs):
        def put(self, key: str, body: bytes, **_: Any) -> str:
            raise ConditionFailed

    with pytest.raises(StoreUnavailable):
        publish(MemoryStore(), Busy(), "prod")


def test_what_touches_a_file() -> None:
    assert keyring.touched({"pk": "verifiers#prod", "sk": "s"}) == "prod"
    assert keyring.touched({"pk": "used#prod", "sk": "key_1"}) == "prod"
    for other in ("verifiers#all", "used#all", "key_1", "mbr_1", "key#email#abc", "members"):
        assert keyring.touched({"pk": other, "sk": "head"}) is None


# --- reading --------------------------------------------------------------------------------------------


class Bucket(MemoryBlobs):
    """Counts what it is asked; `down` makes it silent."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.down = False

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        self.asked.append(key)
        if self.down:
            raise StoreUnavailable("down")
        return super().get(key, etag=etag)


def published(*rows: dict[str, Any]) -> tuple[MemoryStore, Bucket]:
    store, bucket = MemoryStore(), Bucket()
    for row in rows:
        store.put(ACCESS, row)
    publish(store, bucket, "prod")
    bucket.asked.clear()
    return store, bucket


def test_a_file_is_asked_for_once_in_fifteen_seconds() -> None:
    _, bucket = published(verifier("s0"))
    ring = Keyring(bucket)
    for second in range(FRESH):
        assert ring.find("prod", "s0", NOW + second) == Entry("key_1", "server", "v" * 64)
    assert len(bucket.asked) == 1
    ring.find("prod", "s0", NOW + FRESH)
    assert len(bucket.asked) == 2


def test_a_change_is_seen_after_fifteen_seconds() -> None:
    store, bucket = published(verifier("s0"))
    ring = Keyring(bucket)
    assert ring.find("prod", "s0", NOW)
    del store.tables["access"][("verifiers#prod", "s0")]
    publish(store, bucket, "prod")
    assert ring.find("prod", "s0", NOW + FRESH) is None


def test_an_expired_entry_is_none_to_the_second() -> None:
    _, bucket = published(verifier("s0", expires=int(NOW) + 5))
    ring = Keyring(bucket)
    assert ring.find("prod", "s0", NOW + 4.9)
    assert ring.find("prod", "s0", NOW + 5) is None


def test_the_last_good_copy_serves_for_a_day() -> None:
    _, bucket = published(verifier("s0"))
    ring = Keyring(bucket)
    ring.find("prod", "s0", NOW)
    bucket.down = True
    for hour in range(24):
        assert ring.find("prod", "s0", NOW + 3600 * hour)
    with pytest.raises(StoreUnavailable):
        ring.find("prod", "s0", NOW + STALE + FRESH + 1)
    bucket.down = False
    assert ring.find("prod", "s0", NOW + STALE + 2 * FRESH)


def test_a_silent_bucket_is_not_asked_for_every_request() -> None:
    _, bucket = published(verifier("s0"))
    ring = Keyring(bucket)
    ring.find("prod", "s0", NOW)
    bucket.down = True
    for tenth in range(100):
        assert ring.find("prod", "s0", NOW + FRESH + tenth / 10)
    assert len(bucket.asked) <= 1 + 10 / keyring.PAUSE + 1
    cold, before = Keyring(bucket), len(bucket.asked)
    for tenth in range(100):
        with pytest.raises(StoreUnavailable):
            cold.find("prod", "s0", NOW + tenth / 10)
    assert len(bucket.asked) - before <= 10 / keyring.PAUSE + 1


DAMAGED = [b"", b"{", b"[]", b"null", b"7", b"\xff", b"[" * 100_000, b'{"schema":2,"keys":{}}', b'{"schema":1,"keys":[]}']
DAMAGED += [b'{"schema":1,"keys":{"s0":7}}', b'{"schema":1,"keys":{"s0":[1,2,3,4,5,6,7]}}']


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_damaged_file_is_no_file_and_the_copy_before_serves_on(damaged: bytes) -> None:
    with pytest.raises(ValueError):
        read(damaged)
    _, bucket = published(verifier("s0"))
    ring = Keyring(bucket)
    assert ring.find("prod", "s0", NOW)
    bucket.put(path("prod"), damaged, content_type="application/json")
    assert ring.find("prod", "s0", NOW + FRESH)
    with pytest.raises(StoreUnavailable):
        Keyring(bucket).find("prod", "s0", NOW)


def test_made_up_environments_turn_nobody_away_and_fill_no_memory() -> None:
    store, bucket = published(verifier("s0"))
    store.put(ACCESS, verifier("s0", "dev"))
    publish(store, bucket, "dev")
    ring = Keyring(bucket)
    assert ring.find("prod", "s0", NOW)
    for number in range(10_000):
        assert ring.find(f"e{number}", "s0", NOW + number / 1000) is None
        if number % 100 == 0:
            assert ring.find("prod", "s0", NOW + number / 1000)
    assert ring.find("dev", "s0", NOW + 9.999), "one whose file was not asked for before"
    assert len(ring._files._unknown) <= MOST_UNKNOWN


def test_a_name_without_a_file_is_remembered_for_a_while_only() -> None:
    store, bucket = published()
    ring = Keyring(bucket)
    for _ in range(5):
        assert ring.find("dev", "s0", NOW) is None
    assert bucket.asked == [path("dev")]
    store.put(ACCESS, verifier("s0", "dev"))
    publish(store, bucket, "dev")
    assert ring.find("dev", "s0", NOW + FRESH)


def test_many_files_are_bounded_in_memory() -> None:
    store, bucket = MemoryStore(), Bucket()
    ring = Keyring(bucket)
    for number in range(100):
        store.transact([Put(ACCESS, verifier("s0", f"e{number}"))], f"t{number}")
        publish(store, bucket, f"e{number}")
        assert ring.find(f"e{number}", "s0", NOW + 10 * number)
    assert len(ring._files._copies) == keyring.MOST_ENVIRONMENTS


def test_a_publication_reads_the_live_secrets_and_the_days_of_their_keys_only() -> None:
    asked: list[Any] = []

    class Watched(MemoryStore):
        def query(self, table: Any, partition: Any, *rest: Any, **named: Any) -> Page:
            asked.append((table.name, partition, named.get("index")))
            return super().query(table, partition, *rest, **named)

        def get_many(self, table: Any, keys: Any) -> list[Row]:
            asked.append((table.name, list(keys)))
            return super().get_many(table, keys)

    store, blobs = Watched(), MemoryBlobs()
    publish(store, blobs, "prod")
    assert asked == [("access", ("verifiers#prod",), None)]
    for number in range(150):
        store.put(ACCESS, verifier(f"s{number:03d}", key=f"key_{number:03d}"))
    for number in range(1000):
        store.put(ACCESS, {"pk": "used#prod", "sk": f"key_{number:03d}", "schema": 1, "day": 20_780})
    asked.clear()
    publish(store, blobs, "prod")
    days = [("used#prod", f"key_{number:03d}") for number in range(150)]
    assert asked[-2:] == [("access", days[:100]), ("access", days[100:])]
    assert {call[1] for call in asked[:-2]} == {("verifiers#prod",)}
    assert file(blobs, "prod") == table(store, "prod")
