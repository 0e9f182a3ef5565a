"""The catalogue's use cases over the in-memory store."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import timestamp
from slipway.events import parse
from slipway.outbox import due
from slipway.problems import Conflict, Invalid, KeyTaken, MoveNotAllowed, NotFound, PreconditionFailed
from slipway.product import view
from slipway.products import GIVEN_BYTES, ROW_BYTES, Products
from slipway.resources import Stored
from slipway.rowsize import row_bytes
from slipway.stages import MOVES, STAGES
from tests.catalogue import START, Counting, a_call, heads, made, new, patch


@pytest.fixture
def products() -> Products:
    return Products(MemoryStore())


def change(products: Products, stored: Stored, seconds: float = 1, **fields: Any) -> Stored:
    return products.update(a_call(seconds), stored.id, stored.version, patch(**fields))


def given(stored: Stored) -> dict[str, Any]:
    """What people gave of it."""
    return {name: value for name, value in stored.data.items() if name != "status"}


def faults(caught: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in caught.value.errors]


# --- create -------------------------------------------------------------------------------------------------


def test_a_new_product_has_its_name_trimmed_and_its_price_in_minor_units(products: Products) -> None:
    assert view(made(products, name=" Mug ", price="19.99")) | {"id": ""} == {
        "id": "",
        "key": None,
        "name": "Mug",
        "description": None,
        "stage": "idea",
        "status": "active",
        "price": {"amount": 1999, "currency": "EUR"},
        "price_history": [{"amount": 1999, "currency": "EUR", "valid_from": timestamp(START)}],
        "owner": None,
        "tags": [],
        "metadata": {},
        "links": [],
        "created_at": timestamp(START),
        "updated_at": timestamp(START),
        "version": 1,
    }


def test_a_price_without_a_currency_is_in_that_of_the_deployment() -> None:
    products = Products(MemoryStore(), currency="JPY")
    assert view(made(products, price=1999))["price"] == {"amount": 1999, "currency": "JPY"}
    assert view(made(products, price={"amount": 5}))["price"] == {"amount": 5, "currency": "JPY"}
    assert view(made(products, price={"amount": 5, "currency": "USD"}))["price"] == {"amount": 5, "currency": "USD"}
    with pytest.raises(Invalid) as caught:
        made(products, price="19.99")
    assert faults(caught) == [("/price", "too_many_decimals")]


def test_tags_are_a_set() -> None:
    assert view(made(Products(MemoryStore()), tags=["b", "a", "b"]))["tags"] == ["a", "b"]


def test_a_key_leads_to_its_product_and_to_no_second_one(products: Products) -> None:
    mug = made(products, key="mug")
    assert products.read("mug").id == mug.id
    with pytest.raises(KeyTaken) as caught:
        made(products, key="mug")
    assert caught.value.errors[0].pointer == "/key"
    assert len(heads(products)) == 1


@pytest.mark.parametrize("ref", ["nothing", "prd_" + "0" * 26, "", "a b", "key#mug", "x" * 3000])
def test_what_is_not_there_is_not_found(products: Products, ref: str) -> None:
    made(products, key="mug")
    with pytest.raises(NotFound):
        products.read(ref)


def test_a_row_above_16_kb_is_refused_before_it_is_written(products: Products) -> None:
    metadata = {f"name{number}": "ä" * 250 for number in range(35)}
    with pytest.raises(Invalid) as caught:
        made(products, metadata=metadata)
    assert faults(caught) == [("/metadata", "too_large")]
    assert not heads(products)

    fits = made(products, metadata=dict(list(metadata.items())[:22]))
    with pytest.raises(Invalid) as caught:
        change(products, fits, description="ß" * 4000)
    assert faults(caught) == [("/metadata", "too_large")]
    assert products.read(fits.id).version == 1


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f600"])
@pytest.mark.parametrize("quiet", [True, False])
def test_the_fullest_product_can_be_archived_and_restored_by_anyone_and_no_row_is_above_16_kb(letter: str, quiet: bool) -> None:
    """`quiet`: the last change puts least into the row beside the product; otherwise most of it."""
    store = MemoryStore()
    products = Products(store)
    anyone = Principal("member", "mbr_" + "0" * 26, "editor")
    longest = a_call(2, key="k" * 255, digest="d" * 64).but(principal=anyone, correlation_id="c" * 64, traceparent="t" * 55)
    full: dict[str, Any] = {
        "name": letter * (400 // len(letter.encode()) if len(letter.encode()) > 2 else 200),
        "key": "k" * 64,
        "tags": [f"{number:0>15}" for number in range(20)],
        "owner": "a",
        "links": [{"label": "a", "url": "https://example.com"}],
    }
    stored = products.create(longest, new(**full, metadata={f"name{number}": "x" * 500 for number in range(19)})).stored
    turned = {name: value for name, value in full.items() if name != "links"}
    turned |= {"name": full["name"][:-1] + "z", "key": "z" * 64, "tags": [f"{number:z>15}" for number in range(20)]}
    turned |= {"owner": "b", "links": [{"label": "b", "url": "https://example.com"}], "price": 10**12, "stage": "discovery"}
    turned |= {"metadata": {"name0": "y" * 500}}
    fullest, caller = ({}, a_call(2)) if quiet else (turned, longest)
    nearly = products.update(caller, stored.id, 1, patch(description="d", **fullest), validate_only=True)
    room = GIVEN_BYTES - row_bytes(given(nearly))
    with pytest.raises(Invalid):
        products.update(caller, stored.id, 1, patch(description="d" * (room + 2), **fullest))
    stored = products.update(caller, stored.id, 1, patch(description="d" * (room + 1), **fullest))
    assert row_bytes(given(stored)) == GIVEN_BYTES
    archived = products.archive(longest, stored.id, stored.version)
    products.restore(longest, stored.id, archived.version)
    assert max(map(row_bytes, store.tables["products"].values())) <= ROW_BYTES


def test_what_we_add_to_a_product_has_room_beside_it_at_its_very_most() -> None:
    products = Products(MemoryStore())
    anyone = Principal("member", "mbr_" + "0" * 26, "editor")
    longest = a_call(2).but(principal=anyone, correlation_id="c" * 64, traceparent="t" * 55)
    for before, after in (("\U0001f600" * 99, "\U0001f600" * 100), ("\U0001f600" * 199, "\U0001f600" * 200)):
        stored = made(products, name=before, key="a" * 64, tags=[f"{number:0>15}" for number in range(20)], price=1)
        turned = {"name": after, "key": "b" * 64, "tags": [f"{number:z>15}" for number in range(20)], "price": 10**12}
        more = {
            "owner": "b",
            "links": [{"label": "b", "url": "https://example.com"}],
            "metadata": {"a": 1},
            "stage": "discovery",
        }
        row = products.update(longest, stored.id, 1, patch(**turned, **more, description="d")).row
        room = ROW_BYTES - GIVEN_BYTES
        assert room // 2 < row_bytes({**row, "data": {"status": "archived"}, "digest": "d" * 64}) <= room - 32
        products.archive(a_call(3), stored.id, None)
        products.update(a_call(4), products.restore(a_call(3), stored.id, None).id, None, patch(key=None))


# --- change -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": " Cup "}, {"name": "Cup"}),
        ({"description": "Blue"}, {"description": "Blue"}),
        ({"description": None}, {"description": None}),
        ({"description": " "}, {"description": None}),
        ({"owner": None}, {"owner": None}),
        ({"tags": ["z", "a"]}, {"tags": ["a", "z"]}),
        ({"tags": None}, {"tags": []}),
        ({"tags": []}, {"tags": []}),
        ({"links": None}, {"links": []}),
        ({"metadata": None}, {"metadata": {}}),
        ({"metadata": {}}, {}),
        ({"metadata": {"size": None}}, {"metadata": {"glazed": True}}),
        ({"metadata": {"size": 2, "colour": "blue"}}, {"metadata": {"size": 2, "colour": "blue", "glazed": True}}),
        ({"metadata": {"unknown": None}}, {}),
        ({"price": 25}, {"price": {"amount": 2500, "currency": "EUR"}}),
        ({"price": {"amount": 5}}, {"price": {"amount": 5, "currency": "EUR"}}),
        ({"price": {"currency": "EUR"}}, {}),
        ({"price": {"amount": 5, "currency": "USD"}}, {"price": {"amount": 5, "currency": "USD"}}),
        ({"price": {"amount": 1999, "currency": "JPY"}}, {"price": {"amount": 1999, "currency": "JPY"}}),
        ({"key": "cup"}, {"key": "cup"}),
        ({"key": None}, {"key": None}),
        ({"stage": "discovery"}, {"stage": "discovery"}),
        ({}, {}),
    ],
)
def test_a_change_is_a_merge_patch(products: Products, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    link = {"label": "Spec", "url": "https://example.com/spec"}
    given: dict[str, Any] = {"description": "Big", "owner": "pottery", "tags": ["kitchen"], "links": [link], "key": "mug"}
    stored = made(products, **given, metadata={"size": Decimal("1.5"), "glazed": True})
    changed = view(change(products, stored, **fields))
    moved = ("version", "updated_at", "price_history")
    kept = {name: value for name, value in view(stored).items() if name not in moved}
    assert {name: value for name, value in changed.items() if name not in moved} == {**kept, **expected}
    assert changed["version"] == (2 if expected else 1)
    assert view(products.read(stored.id)) == changed


def test_a_change_that_changes_nothing_makes_no_version(products: Products) -> None:
    stored = made(products, tags=["a", "b"], key="mug")
    assert change(products, stored, name="Mug ", price="19.990", tags=["b", "a"], key="mug", stage="idea").version == 1


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"price": {"amount": 10**15}}, ("/price/amount", "out_of_range")),
        ({"price": {"currency": "XXX"}}, ("/price/currency", "unknown_currency")),
        ({"price": {"currency": "JPY"}}, ("/price/amount", "amount_needed")),
        ({"price": {"currency": "USD"}}, ("/price/amount", "amount_needed")),
        ({"price": "1.999"}, ("/price", "too_many_decimals")),
        ({"metadata": {f"more{number}": 1 for number in range(50)}}, ("/metadata", "too_long")),
    ],
)
def test_what_a_change_leads_to_is_checked(products: Products, fields: dict[str, Any], fault: tuple[str, str]) -> None:
    stored = made(products, metadata={"one": 1})
    with pytest.raises(Invalid) as caught:
        change(products, stored, **fields)
    assert faults(caught) == [fault]
    assert products.read(stored.id).version == 1


def test_a_bare_price_never_changes_the_currency_in_silence(products: Products) -> None:
    stored = made(products, price={"amount": 1999, "currency": "USD"})
    with pytest.raises(Invalid) as caught:
        change(products, stored, price="24.99")
    assert faults(caught) == [("/price", "currency_needed")]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("wanted", STAGES)
def test_a_stage_moves_only_as_the_table_has_it(products: Products, stage: str, wanted: str) -> None:
    stored = made(products, stage=stage)
    if wanted == stage or wanted in MOVES[stage]:  # type: ignore[index]
        assert change(products, stored, stage=wanted).data["stage"] == wanted
    else:
        with pytest.raises(MoveNotAllowed) as caught:
            change(products, stored, stage=wanted)
        assert all(allowed in caught.value.detail for allowed in MOVES[stage])  # type: ignore[index]


def test_every_stage_can_be_reached_and_only_the_last_one_not_left() -> None:
    reached, left = {"idea"}, 0
    while len(reached) > left:
        left = len(reached)
        reached |= {to for stage in reached for to in MOVES[stage]}  # type: ignore[index]
    assert reached == set(STAGES)
    assert [stage for stage in STAGES if not MOVES[stage]] == ["retired"]


def test_a_changed_key_frees_the_old_one(products: Products) -> None:
    stored = change(products, made(products, key="mug"), key="cup")
    assert products.read("cup").id == stored.id
    with pytest.raises(NotFound):
        products.read("mug")
    other = made(products, key="mug")
    with pytest.raises(KeyTaken):
        change(products, other, key="cup")
    assert change(products, other, key=None).data.get("key") is None
    assert made(products, key="mug").version == 1


def test_a_change_to_a_version_that_is_past_is_refused_with_the_present_one(products: Products) -> None:
    stored = made(products)
    change(products, stored, name="Cup")
    with pytest.raises(PreconditionFailed) as caught:
        change(products, stored, name="Bowl")
    assert caught.value.headers == {"ETag": '"2"'}
    assert products.update(a_call(), stored.id, None, patch(name="Bowl")).version == 3


# --- archive and restore ------------------------------------------------------------------------------------


def test_an_archived_product_takes_no_change_until_it_is_restored(products: Products) -> None:
    stored = made(products, key="mug")
    archived = products.archive(a_call(1), "mug", 1)
    assert (archived.data["status"], archived.version) == ("archived", 2)
    with pytest.raises(Conflict):
        change(products, archived, name="Cup")
    with pytest.raises(KeyTaken):
        made(products, key="mug")
    assert products.archive(a_call(2), "mug", 2).version == 2
    restored = products.restore(a_call(3), stored.id, 2)
    assert (restored.data, restored.version) == (stored.data, 3)
    assert products.restore(a_call(4), stored.id, 3).version == 3
    with pytest.raises(PreconditionFailed):
        products.archive(a_call(5), stored.id, 2)


# --- history ------------------------------------------------------------------------------------------------


def test_the_history_of_prices_is_appended_to_and_walked_with_as_of(products: Products) -> None:
    stored = made(products, price=1)
    for number in range(2, 31):
        stored = change(products, stored, number, price=number)
        stored = change(products, stored, number, description=f"no news {number}")
    history = view(stored)["price_history"]
    assert [price["amount"] for price in history] == [100 * number for number in range(21, 31)]
    whole = history
    while whole[0]["valid_from"] != stored.created_at:
        before = datetime.fromisoformat(whole[0]["valid_from"]) - timedelta(milliseconds=1)
        whole = view(products.at(a_call(100), stored.id, before))["price_history"] + whole
    assert [price["amount"] for price in whole] == [100 * number for number in range(1, 31)]


def test_history_goes_forward_though_the_clocks_of_two_functions_disagree(products: Products) -> None:
    stored = change(products, made(products, 10), 5, price=25)
    history = view(stored)["price_history"]
    assert [price["valid_from"] for price in history] == [timestamp(START + timedelta(seconds=10))] * 2
    assert stored.updated_at == stored.created_at


def test_as_of_answers_what_stood_at_that_moment(products: Products) -> None:
    stored = made(products, 10, name="one")
    stored = change(products, stored, 20, name="two")
    stored = change(products, stored, 30, name="three")

    def name(seconds: float) -> Any:
        return products.at(a_call(100), stored.id, START + timedelta(seconds=seconds)).data["name"]

    assert [name(seconds) for seconds in (10, 19.999, 20, 29.999, 30, 100)] == ["one", "one", "two", "two", "three", "three"]
    with pytest.raises(NotFound):
        name(9.999)
    with pytest.raises(Invalid) as caught:
        name(100.001)
    assert faults(caught) == [("/query/as_of", "in_the_future")]


def test_as_of_takes_every_moment_that_a_product_bears_though_our_clock_is_behind(products: Products) -> None:
    stored = change(products, made(products, 10, name="one"), 20, name="two")
    early = a_call(5)
    for moment, name in ((stored.created_at, "one"), (stored.updated_at, "two")):
        assert products.at(early, stored.id, datetime.fromisoformat(moment)).data["name"] == name
    with pytest.raises(NotFound):
        products.at(early, stored.id, START + timedelta(seconds=6))
    with pytest.raises(Invalid) as caught:
        products.at(early, stored.id, START + timedelta(seconds=20.001))
    assert faults(caught) == [("/query/as_of", "in_the_future")]


def test_versions_tell_who_changed_what_and_when_in_pages(products: Products) -> None:
    stored = made(products, name="1", description="old")
    for number in range(2, 8):
        stored = change(products, stored, number, name=str(number))
    stored = change(products, stored, 8, description="new", stage="discovery")
    pages, below = [], None
    while True:
        found, below = products.versions(stored.id, below=below, limit=3)
        pages.append([version.stored.version for version in found])
        if below is None:
            break
    assert pages == [[8, 7, 6], [5, 4, 3], [2, 1]]
    newest, *_, first = products.versions(stored.id)[0]
    assert newest.changes == [
        {"field": "description", "from": "old", "to": "new"},
        {"field": "stage", "from": "idea", "to": "discovery"},
    ]
    assert (newest.stored.actor, newest.stored.updated_at) == ("member:mbr_ada", timestamp(START + timedelta(seconds=8)))
    assert {"field": "name", "to": "1"} in first.changes
    assert all("from" not in change for change in first.changes)


# --- events -------------------------------------------------------------------------------------------------


def test_every_change_puts_one_event_of_its_contract_and_no_free_text_into_its_row() -> None:
    store, told = MemoryStore(), []
    store.listen(lambda table, old, new: told.extend(due(old, new)))
    products = Products(store)
    secret: dict[str, Any] = {"description": "secret", "owner": "secret", "metadata": {"m": "secret"}}
    links = [{"label": "secret", "url": "https://example.com/secret"}]
    stored = made(products, key="mug", tags=["a"], links=links, **secret)
    stored = change(products, stored, name="Cup", price=5, tags=[f"{n:040d}" for n in range(20)], description="secret2")
    stored = products.archive(a_call(2), stored.id, stored.version)
    products.restore(a_call(3), stored.id, stored.version)
    assert [envelope["type"] for envelope in told] == [
        "product.created.v1",
        "product.updated.v1",
        "product.archived.v1",
        "product.restored.v1",
    ]
    for envelope in told:
        parse(envelope)
    assert told[1]["data"] == {
        "version": 2,
        "key": "mug",
        "name": "Cup",
        "stage": "idea",
        "status": "active",
        "changes": [
            {"field": "name", "from": "Mug", "to": "Cup"},
            {"field": "description"},
            {"field": "price", "from": {"amount": 1999, "currency": "EUR"}, "to": {"amount": 500, "currency": "EUR"}},
            {"field": "tags"},
        ],
    }
    assert told[2]["data"]["changes"] == [{"field": "status", "from": "active", "to": "archived"}]
    assert "secret" not in str(told)


# --- what would be ------------------------------------------------------------------------------------------


def test_validate_only_answers_what_would_be_and_writes_nothing() -> None:
    store = Counting()
    products = Products(store)
    stored = made(products, key="mug")
    other = made(products)
    store.requests.clear()
    would = products.create(a_call(key="k"), new(key="cup"), validate_only=True).stored
    assert would.id == products.create(a_call(key="k"), new(key="cup"), validate_only=True).stored.id
    assert products.update(a_call(1), other.id, 1, patch(name="Cup", key="bowl"), validate_only=True).version == 2
    assert products.archive(a_call(1), stored.id, 1, validate_only=True).data["status"] == "archived"
    for write in (
        lambda: products.create(a_call(), new(key="mug"), validate_only=True),
        lambda: products.update(a_call(1), other.id, 1, patch(key="mug"), validate_only=True),
    ):
        with pytest.raises(KeyTaken):
            write()
    assert not {"put", "transact"} & set(store.requests)
    assert products.update(a_call(1), stored.id, 1, patch(key="mug", name="x"), validate_only=True).data["name"] == "x"


# --- costs --------------------------------------------------------------------------------------------------


def test_how_many_requests_each_use_case_makes() -> None:
    store = Counting()
    products = Products(store)
    stored = made(products, key="mug")
    assert store.counted(lambda: made(products)) == ["put"]
    assert store.counted(lambda: made(products, key="cup")) == ["transact"]
    assert store.counted(lambda: products.read(stored.id)) == ["get"]
    assert store.counted(lambda: products.read("mug")) == ["get", "get"]
    assert store.counted(lambda: change(products, stored, name="Cup")) == ["get", "transact"]
    assert store.counted(lambda: products.archive(a_call(2), stored.id, 2)) == ["get", "transact"]
    assert store.counted(lambda: products.restore(a_call(3), stored.id, 3)) == ["get", "transact"]
    assert store.counted(lambda: products.versions(stored.id)) == ["get", "query"]
    assert store.counted(lambda: products.at(a_call(4), stored.id, START)) == ["get"] * 3
    assert store.counted(lambda: products.at(a_call(4), "mug", START)) == ["get"] * 4
