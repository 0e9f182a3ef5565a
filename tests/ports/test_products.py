"""The catalogue on every backend: what the in-memory twin lets pass, the real ones must too."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from slipway import imports
from slipway.batch import create_all
from slipway.cursors import encode
from slipway.edge import json as strict
from slipway.edge import validation
from slipway.listing import Listing, page
from slipway.ports import Store
from slipway.problems import IdempotencyMismatch, KeyTaken, NotFound, PreconditionFailed
from slipway.product import view
from slipway.products import Products
from slipway.resources import Stored
from slipway.transfer import ImportedProduct, read_jsonl, written
from tests.catalogue import START, a_call, made, new, patch


@pytest.fixture
def products(store: Store) -> Products:
    return Products(store)


def listed(products: Products, **query: Any) -> list[Stored]:
    found, cursor = page(products, Listing(**query))
    while cursor is not None:
        more, cursor = page(products, Listing(**query, cursor=cursor))
        found += more
    return found


def test_a_product_lives_its_whole_life(products: Products, unique: str) -> None:
    links = [{"label": "Spec", "url": "https://example.com"}]
    given: dict[str, Any] = {"tags": ["a"], "metadata": {"size": Decimal("1.5"), "n": 3, "b": True}, "links": links}
    first = made(products, key=unique, description="Blue\nmug", **given)
    assert view(products.read(first.id)) == view(first) == view(products.read(unique))
    second = products.update(a_call(10), first.id, 1, patch(price=25, key=f"{unique}-b", metadata={"size": None}))
    assert view(products.read(first.id)) == view(second)
    with pytest.raises(NotFound):
        products.read(unique)
    with pytest.raises(PreconditionFailed):
        products.update(a_call(11), first.id, 1, patch(name="Late"))
    with pytest.raises(KeyTaken):
        made(products, key=f"{unique}-b")
    products.archive(a_call(20), first.id, 2)
    products.restore(a_call(30), first.id, None)
    found, more = products.versions(first.id, limit=3)
    assert ([one.stored.version for one in found], more) == ([4, 3, 2], 2)
    assert [one.stored.version for one in products.versions(first.id, below=more)[0]] == [1]
    assert view(products.at(a_call(40), first.id, START + timedelta(seconds=9))) == view(first)


def test_lists_are_in_order_on_every_page(products: Products, unique: str) -> None:
    names = ["b", "C", "a", "Ä", "aa", "c", "x" * 150]
    ids = {name: made(products, number // 2, name=f"{unique}/{name}", owner=unique).id for number, name in enumerate(names)}
    by_name = listed(products, name_prefix=f"{unique.upper()}/", limit=2)
    assert [stored.data["name"].casefold().partition("/")[2] for stored in by_name] == [
        "a",
        "aa",
        "b",
        "c",
        "c",
        "x" * 150,
        "ä",
    ]
    by_time = listed(products, owner=unique, limit=2)
    assert [stored.id for stored in by_time] == [
        id for _, id in sorted((number // 2, ids[name]) for number, name in enumerate(names))
    ]
    products.update(a_call(50), ids["b"], None, patch(name=f"{unique}/zz"))
    assert listed(products, name_prefix=f"{unique}/b") == []
    assert [stored.id for stored in listed(products, name_prefix=f"{unique}/z")] == [ids["b"]]


@pytest.mark.parametrize("at", ["0000-00-00T00:00:00.000Z", "9999-99-99T99:99:99.999Z", "2026-11-01T00:00:00.000Z"])
@pytest.mark.parametrize("id", ["0" * 26, "z" * 26])
def test_a_made_up_place_in_the_order_of_creation_gives_a_page(products: Products, at: str, id: str) -> None:
    page(products, Listing(cursor=encode(Listing().parts(), {"at": at, "id": f"prd_{id}"})))


@pytest.mark.parametrize("rest", ["", "a", "\U0010ffff" * 50])
def test_a_made_up_place_in_the_order_of_names_gives_a_page(products: Products, unique: str, rest: str) -> None:
    query = Listing(name_prefix=unique)
    cursor = encode(query.parts(), {"at": f"{unique}{rest}", "id": "prd_" + "0" * 26})
    page(products, Listing(name_prefix=unique, cursor=cursor))


def test_a_batch_is_one_transaction_and_is_replayed(products: Products, unique: str) -> None:
    items = [new(name=str(number), key=f"{unique}-{number}") for number in range(25)]
    first = create_all(products, a_call(key=unique), items)
    again = create_all(products, a_call(key=unique), items)
    assert [view(one.stored) for one in again] == [view(one.stored) for one in first]
    assert all(one.replayed for one in again)
    with pytest.raises(IdempotencyMismatch):
        create_all(products, a_call(key=unique, digest="other"), items)
    with pytest.raises(KeyTaken) as caught:
        create_all(products, a_call(), [new(), new(key=f"{unique}-3"), new()])
    assert [fault.pointer for fault in caught.value.errors] == ["/items/1/key"]


def test_an_import_is_written_once(products: Products, unique: str) -> None:
    file = "".join(f'{{"name": "{unique} {number}", "price": {number}, "key": "{unique}-{number}"}}\n' for number in range(30))

    def take() -> imports.Outcome:
        lines = read_jsonl(file.encode(), strict.read)
        return imports.take(products, a_call(), file.encode(), lines, lambda value: validation.body(ImportedProduct, value))

    assert take().created == 30
    assert take().existing == 30
    assert sorted(stored.data["name"] for stored in listed(products, name_prefix=unique)) == sorted(
        f"{unique} {number}" for number in range(30)
    )
    assert written(products, "csv", None)[0].count(f'"{unique} ') == 30
