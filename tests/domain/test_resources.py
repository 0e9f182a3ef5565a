"""Versioned resources over the in-memory store: versions without gaps, history by time, exactly-once creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call, derived_id, timestamp
from slipway.ports import ConditionFailed, Row, StoreUnavailable, Write
from slipway.problems import IdempotencyMismatch, KeyTaken, NotFound, PreconditionFailed
from slipway.resources import Claim, Shelf, Stored
from slipway.tables import BY_CREATED, PRODUCTS

START = datetime(2026, 1, 1, tzinfo=UTC)
ADA = Principal("member", "mbr_ada", "editor")


def shelf(store: MemoryStore) -> Shelf:
    return Shelf(store, PRODUCTS, kind="product", schema=1, upgrade=lambda row: row)


def call(minutes: float = 0, *, nonce: str = "", key: str | None = None, digest: str = "d") -> Call:
    now = START + timedelta(minutes=minutes)
    return Call(ADA, "products.create", now, nonce or str(minutes), idempotency_key=key, digest=digest)


def created(products: Shelf, id: str = "prd_1", **data: Any) -> Stored:
    return products.create(call(), id, data, [("product.created.v1", {"version": 1})]).stored


def test_a_new_resource_is_version_one_with_its_events_in_the_same_row() -> None:
    store = MemoryStore()
    created(shelf(store), name="Mug")
    assert list(store.tables["products"]) == [("prd_1", "head")]
    row = store.get(PRODUCTS, "prd_1", "head")
    assert row is not None
    assert row["version"] == 1
    assert row["schema"] == 1
    assert row["events"] == [{"type": "product.created.v1", "data": {"version": 1}}]
    assert row["cause"]["actor"] == "member:mbr_ada"


def test_an_update_keeps_the_old_head_as_a_version_row_that_no_index_lists() -> None:
    store = MemoryStore()
    products = shelf(store)
    first = created(products, name="Mug")
    second = products.update(call(1), first, {"name": "Cup"}, [("product.updated.v1", {"version": 2})])
    assert (second.version, second.created_at, second.updated_at) == (2, timestamp(START), timestamp(call(1).now))
    past = store.get(PRODUCTS, "prd_1", "v#0000000001")
    assert past is not None
    assert past["events"] == first.events
    listed = store.query(PRODUCTS, ("product",), index=BY_CREATED)
    assert [(row["pk"], row["sk"]) for row in listed.rows] == [("prd_1", "head")]


def test_a_stale_update_changes_nothing_and_says_the_present_version() -> None:
    store = MemoryStore()
    products = shelf(store)
    first = created(products)
    products.update(call(1), first, {"n": 1}, [])
    before = dict(store.tables["products"])
    with pytest.raises(PreconditionFailed) as refused:
        products.update(call(2), first, {"n": 2}, [])
    assert refused.value.headers == {"ETag": '"2"'}
    assert store.tables["products"] == before


def test_the_history_never_runs_backwards_when_a_clock_does() -> None:
    products = shelf(MemoryStore())
    first = products.create(call(10), "prd_1", {}, []).stored
    second = products.update(call(3), first, {"n": 1}, [])
    assert second.updated_at == first.updated_at


@given(steps=st.lists(st.integers(min_value=1, max_value=60), max_size=12), probe=st.integers(min_value=-5, max_value=800))
def test_as_of_is_the_last_version_at_or_before_the_moment(steps: Sequence[int], probe: int) -> None:
    products = shelf(MemoryStore())
    stored = products.create(call(), "prd_1", {"n": 0}, []).stored
    minutes, expected = 0, 0 if probe >= 0 else None
    for number, step in enumerate(steps, start=1):
        minutes += step
        stored = products.update(call(minutes), stored, {"n": number}, [])
        if minutes <= probe:
            expected = number
    moment = START + timedelta(minutes=probe)
    if expected is None:
        with pytest.raises(NotFound, match="did not exist"):
            products.at(products.read("prd_1"), moment)
    else:
        assert products.at(products.read("prd_1"), moment).data == {"n": expected}


class Reading(MemoryStore):
    """Counts what it is asked for."""

    reads = 0

    def get(self, *args: Any) -> Row | None:
        self.reads += 1
        return super().get(*args)

    def query(self, *args: Any, **named: Any) -> Any:
        raise AssertionError("a row whose key is known is not searched for")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(-1, 130))
def test_as_of_halves_the_history_and_finds_what_a_walk_through_it_finds(steps: list[int], probe: int) -> None:
    store = Reading()
    products = shelf(store)
    history = [products.create(call(steps[0]), "prd_1", {}, []).stored]
    minutes = steps[0]
    for number, step in enumerate(steps[1:], 2):
        minutes += step  # 0: several versions in one millisecond
        history.append(products.update(call(minutes, nonce=str(number)), history[-1], {"n": number}, []))
    wanted = START + timedelta(minutes=probe)
    walked = [stored.version for stored in history if stored.updated_at <= timestamp(wanted)]
    store.reads = 0
    if walked:
        assert products.at(products.read("prd_1"), wanted).version == walked[-1]
    else:
        with pytest.raises(NotFound, match="did not exist"):
            products.at(products.read("prd_1"), wanted)
    assert store.reads <= 1 + len(history).bit_length()


def test_versions_of_what_does_not_exist_are_not_found_wherever_a_page_begins() -> None:
    products = shelf(MemoryStore())
    created(products)
    for below in (None, 1, 2, 10**14):
        with pytest.raises(NotFound):
            products.versions("prd_2", below=below)
    assert products.versions("prd_1", below=1) == []


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
        (datetime(999, 12, 31, 23, 59, 59, 999_999, UTC), "0999-12-31T23:59:59.999Z"),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), "9999-12-31T23:59:59.999Z"),
        (datetime(2026, 11, 23, 1, 2, 3, 4_999, timezone(timedelta(hours=2))), "2026-11-22T23:02:03.004Z"),
    ],
)
def test_a_timestamp_has_four_digits_of_a_year_and_what_is_below_a_millisecond_is_cut_off(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


def test_versions_come_newest_first_in_pages_without_gap_or_repeat() -> None:
    products = shelf(MemoryStore())
    stored = created(products, n=1)
    for number in range(2, 8):
        stored = products.update(call(number), stored, {"n": number}, [])
    seen: list[int] = []
    below = None
    while page := products.versions("prd_1", below=below, limit=3):
        seen += [version.version for version in page]
        below = page[-1].version
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_a_claimed_key_is_held_by_one_resource_until_it_is_released() -> None:
    store = MemoryStore()
    products = shelf(store)
    mug = products.create(call(1), "prd_1", {}, [], [Claim("mug")]).stored
    with pytest.raises(KeyTaken, match="'mug'"):
        products.create(call(2), "prd_2", {}, [], [Claim("mug")])
    assert products.find("prd_2") is None
    assert products.holder(Claim("mug")) == "prd_1"
    other = products.create(call(3), "prd_3", {}, []).stored
    with pytest.raises(KeyTaken):
        products.update(call(4), other, {}, [], claim=[Claim("mug")])
    products.update(call(5), mug, {}, [], claim=[Claim("cup")], release=[Claim("mug")])
    assert products.holder(Claim("mug")) is None
    products.update(call(6), other, {}, [], claim=[Claim("mug")])
    assert products.holder(Claim("mug")) == "prd_3"


@pytest.mark.parametrize("claims", [(), (Claim("mug"),)], ids=["plain", "with a key"])
def test_a_repeated_creation_answers_version_one_however_the_resource_changed(claims: Sequence[Claim]) -> None:
    store = MemoryStore()
    products = shelf(store)
    first = call(1, key="once")
    id = first.new_id("prd_")
    made = products.create(first, id, {"name": "Mug"}, [], claims)
    products.update(call(2), made.stored, {"name": "Cup"}, [])
    again = call(3, nonce="other", key="once")
    assert again.new_id("prd_") == id
    replay = products.create(again, id, {"name": "Mug"}, [], claims)
    assert replay.replayed
    assert (replay.stored.version, replay.stored.data) == (1, {"name": "Mug"})
    with pytest.raises(IdempotencyMismatch):
        products.create(call(4, key="once", digest="another"), id, {"name": "Pot"}, [], claims)
    assert products.read(id).version == 2


class LosingStore(MemoryStore):
    """Applies a write, then loses the acknowledgement as often as it is told to."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.losses = losses

    def put(self, table: Any, row: Row, condition: Any = None) -> None:
        super().put(table, row, condition)
        self._lose()

    def transact(self, writes: Sequence[Write], token: str) -> None:
        super().transact(writes, token)
        self._lose()

    def _lose(self) -> None:
        if self.losses:
            self.losses -= 1
            raise StoreUnavailable


@pytest.mark.parametrize("claims", [(), (Claim("mug"),)], ids=["plain", "with a key"])
def test_a_lost_acknowledgement_and_a_second_try_make_one_resource(claims: Sequence[Claim]) -> None:
    store = LosingStore(losses=1)
    products = shelf(store)
    id = call(1, key="once").new_id("prd_")
    with pytest.raises(StoreUnavailable):
        products.create(call(1, key="once"), id, {}, [], claims)
    assert products.create(call(2, key="once"), id, {}, [], claims).replayed
    assert sum(sk == "head" for _, sk in store.tables["products"]) == 1


def test_a_row_of_another_kind_is_not_found() -> None:
    store = MemoryStore()
    store.put(PRODUCTS, {"pk": "prd_1", "sk": "head", "kind": "other", "version": 1})
    assert shelf(store).find("prd_1") is None
    with pytest.raises(NotFound, match="prd_1"):
        shelf(store).read("prd_1")


@given(st.lists(st.text(max_size=4), min_size=1, max_size=3), st.lists(st.text(max_size=4), min_size=1, max_size=3))
def test_a_derived_id_is_a_function_of_its_parts(one: list[str], other: list[str]) -> None:
    if any("\x1f" in part for part in one + other):
        return
    first, second = derived_id("prd_", *one), derived_id("prd_", *other)
    assert (first == second) == (one == other)
    assert len(first) == 30
    assert set(first[4:]) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_a_write_that_storage_cannot_keep_is_refused_whole() -> None:
    store = MemoryStore()
    data: Mapping[str, Any] = {"price": 0.1}
    with pytest.raises(TypeError, match="float"):
        shelf(store).create(call(), "prd_1", data, [])
    assert store.tables.get("products", {}) == {}


def test_the_first_failed_condition_is_told_with_the_row_that_stands_there() -> None:
    store = MemoryStore()
    created(shelf(store), n=1)
    writes = shelf(store).creating(call(1), "prd_2", {}, []) + shelf(store).creating(call(1), "prd_1", {}, [])
    with pytest.raises(ConditionFailed) as failed:
        store.transact(writes, "token")
    assert failed.value.index == 1
    assert failed.value.row is not None
    assert failed.value.row["data"] == {"n": 1}
