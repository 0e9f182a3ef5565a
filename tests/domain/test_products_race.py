"""Many at once, and acknowledgements that never arrive: nothing is lost, nothing is doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.batch import create_all, create_each
from slipway.ports import Row, StoreUnavailable
from slipway.problems import Conflict, IdempotencyMismatch, Invalid, KeyTaken, NotFound, PreconditionFailed
from slipway.product import view
from slipway.products import Products
from slipway.tables import Table
from tests.catalogue import Faulty, a_call, heads, made, new, patch


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """What each of so many threads got, begun as one: an answer or an exception."""
    start, got = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        start.wait()
        try:
            got[number] = act(number)
        except Exception as error:
            got[number] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_one_idempotency_key_from_32_threads_makes_one_product_and_equal_answers() -> None:
    products = Products(MemoryStore())
    got = together(32, lambda _: products.create(a_call(key="once"), new(key="mug")))
    assert len(heads(products)) == 1
    assert [view(created.stored) for created in got] == [view(got[0].stored)] * 32
    assert sum(not created.replayed for created in got) == 1


def test_one_idempotency_key_with_another_request_is_refused() -> None:
    products = Products(MemoryStore())
    products.create(a_call(key="once", digest="a"), new())
    with pytest.raises(IdempotencyMismatch):
        products.create(a_call(key="once", digest="b"), new(name="Cup"))
    assert len(heads(products)) == 1


def rename(products: Products, id: str, version: int, names: list[str], number: int) -> None:
    products.update(a_call(1), id, version, patch(name=names[number]))


def test_of_two_writers_with_one_version_one_is_refused() -> None:
    products = Products(MemoryStore())
    stored = made(products)
    for version in range(1, 21):
        names = [f"{version} a", f"{version} b"]
        got = together(2, partial(rename, products, stored.id, version, names))
        refused = [one for one in got if isinstance(one, PreconditionFailed)]
        assert [one.headers for one in refused] == [{"ETag": f'"{version + 1}"'}]
        assert products.read(stored.id).version == version + 1


def test_16_writers_lose_no_edit_and_leave_no_gap() -> None:
    products = Products(MemoryStore())
    id = made(products).id

    def edit(writer: int) -> None:
        for number in range(10):
            while True:
                try:
                    version = products.read(id).version
                    products.update(a_call(1), id, version, patch(metadata={f"w{writer}": number}))
                    break
                except PreconditionFailed:
                    continue

    assert together(16, edit) == [None] * 16
    assert products.read(id).version == 161
    assert products.read(id).data["metadata"] == {f"w{writer}": 9 for writer in range(16)}
    found, _ = products.versions(id, limit=161)
    assert [one.stored.version for one in found] == list(range(161, 0, -1))
    edits = [(change["to"], one.changes) for one in found[:-1] for change in one.changes]
    assert len(edits) == 160


class Contested(MemoryStore):
    """After each of the next `rivals` reads of a product another writer is faster."""

    rivals = 0

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        row = super().get(table, pk, sk)
        if self.rivals and sk == "head":
            rivals, self.rivals = self.rivals, 0
            Products(self).update(a_call(1), pk, None, patch(metadata={"rival": rivals}))
            self.rivals = rivals - 1
        return row


def test_whoever_takes_any_version_wins_against_a_writer_in_between() -> None:
    store = Contested()
    products = Products(store)
    id = made(products).id
    store.rivals = 1
    assert products.update(a_call(2), id, None, patch(name="Cup")).version == 3
    store.rivals = 100
    with pytest.raises(Conflict):
        products.update(a_call(3), id, None, patch(name="Bowl"))


class Renaming(MemoryStore):
    """After the next read of a key's row that key passes from its product to another."""

    passing = False

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        row = super().get(table, pk, sk)
        if self.passing and sk == "key" and row is not None:
            self.passing = False
            Products(self).update(a_call(1), row["id"], None, patch(key=None))
            made(Products(self), key="mug")
        return row


def test_a_key_that_moves_while_it_is_read_leads_to_no_other_product() -> None:
    store = Renaming()
    products = Products(store)
    made(products, key="mug")
    store.passing = True
    with pytest.raises(NotFound):
        products.read("mug")
    assert products.read("mug").version == 1


def test_one_key_wanted_by_many_goes_to_one() -> None:
    products = Products(MemoryStore())
    got = together(8, lambda number: products.create(a_call(), new(key="mug", name=str(number))))
    assert sum(isinstance(one, KeyTaken) for one in got) == 7
    assert products.read("mug").data["name"] == heads(products)[0]["data"]["name"]
    assert len(heads(products)) == 1


@pytest.mark.parametrize("key", [None, "mug"])
def test_a_create_whose_acknowledgement_is_lost_is_replayed_by_its_next_try(key: str | None) -> None:
    products = Products(Faulty(after={0}))
    with pytest.raises(StoreUnavailable):
        products.create(a_call(key="once"), new(key=key))
    again = products.create(a_call(key="once"), new(key=key))
    assert again.replayed
    assert len(heads(products)) == 1


def test_a_change_whose_acknowledgement_is_lost_happens_once() -> None:
    store = Faulty(after={1})
    products = Products(store)
    stored = made(products)
    with pytest.raises(StoreUnavailable):
        products.update(a_call(1), stored.id, 1, patch(price=5))
    with pytest.raises(PreconditionFailed):
        products.update(a_call(2), stored.id, 1, patch(price=5))
    assert products.update(a_call(3), stored.id, None, patch(price=5)).version == 2
    assert len(products.read(stored.id).data["prices"]) == 2


# --- batches ------------------------------------------------------------------------------------------------


def test_a_batch_is_written_together_or_not_at_all() -> None:
    products = Products(MemoryStore())
    made(products, key="taken")
    items = [new(key="free"), new(key="taken"), new()]
    with pytest.raises(KeyTaken) as caught:
        create_all(products, a_call(), items)
    assert [fault.pointer for fault in caught.value.errors] == ["/items/1/key"]
    assert len(heads(products)) == 1


def test_a_batch_with_wrong_items_names_them_all_and_writes_none() -> None:
    products = Products(MemoryStore())
    items = [new(key="a"), new(price="1.999"), new(key="a"), new(metadata={f"m{n}": "x" * 500 for n in range(40)})]
    for write in (create_all, create_each):
        with pytest.raises(Invalid) as caught:
            write(products, a_call(), items)
        assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [
            ("/items/1/price", "too_many_decimals"),
            ("/items/2/key", "duplicate"),
            ("/items/3/metadata", "too_large"),
        ]
    assert not heads(products)


@pytest.mark.parametrize("after", [True, False])
def test_a_batch_that_was_broken_off_is_finished_by_its_next_try(after: bool) -> None:
    for broken in (1, 3, 4):  # the third write is refused: its key is taken
        store = Faulty(after={broken} if after else (), before=() if after else {broken})
        products = Products(store)
        made(products, key="taken")
        items = [new(name="a"), new(key="taken"), new(name="b", key="b"), new(name="c")]
        with pytest.raises(StoreUnavailable):
            create_each(products, a_call(key="batch"), items)
        done = create_each(products, a_call(key="batch"), items)
        assert [isinstance(one, KeyTaken) for one in done] == [False, True, False, False]
        assert len(heads(products)) == 4


def test_a_whole_batch_is_replayed_with_equal_answers() -> None:
    products = Products(Faulty(after={0}))
    items = [new(name=str(number), key=f"key-{number}") for number in range(25)]
    with pytest.raises(StoreUnavailable):
        create_all(products, a_call(key="batch"), items)
    products.archive(a_call(1), "key-3", 1)
    again = create_all(products, a_call(key="batch"), items)
    assert all(one.replayed and one.stored.version == 1 for one in again)
    assert [one.stored.data["name"] for one in again] == [str(number) for number in range(25)]
    assert len(heads(products)) == 25
    with pytest.raises(IdempotencyMismatch):
        create_all(products, a_call(key="batch", digest="other"), items)
    assert len(together(8, lambda _: create_all(products, a_call(key="batch"), items))) == 8
    assert len(heads(products)) == 25
