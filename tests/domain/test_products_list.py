"""Lists: the pages together are the model's answer, whatever happens between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from slipway.adapters.memory import MemoryStore
from slipway.cursors import encode
from slipway.listing import Listing, page
from slipway.moments import Moment
from slipway.ports import Page
from slipway.problems import BadCursor, Conflict, MoveNotAllowed
from slipway.products import Products
from slipway.resources import Stored
from slipway.roster import READS
from slipway.stages import STAGES
from slipway.tables import BY_NAME
from slipway.text import BadText, folded, line
from slipway.transfer import written
from tests.catalogue import Counting, a_call, afresh, heads, made, patch

NAMES = ("Mug", "mug tree", "MUGGLE", "Bowl", "bowler", "Ärmel", "ärger", "ẞ", "Strasse", "x" * 200)
OWNERS = ("ada", "bob")
TAGS = ("a", "b", "c")

products_made = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(NAMES), "stage": st.sampled_from(STAGES)},
        optional={"owner": st.sampled_from(OWNERS), "tags": st.lists(st.sampled_from(TAGS), max_size=3)},
    ),
    max_size=12,
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(("active", "archived")),
        "stage": st.sampled_from(STAGES),
        "tag": st.sampled_from(TAGS),
        "owner": st.sampled_from(OWNERS),
        "updated_after": st.sampled_from(("2026-11-01T00:00:03Z", "2026-11-01T00:01:40Z")),
        "name_prefix": st.sampled_from(("m", "Mug", "BOWL", "är", "ss", "x" * 100, "zzz")),
    },
)


def pages(products: Products, query: dict[str, Any], between: Callable[[], None] = lambda: None) -> list[Stored]:
    found: list[Stored] = []
    cursor = None
    for _ in range(100):
        some, cursor = page(products, Listing.model_validate({**query, "cursor": cursor}))
        assert len(some) <= query["limit"]
        found += some
        if cursor is None:
            return found
        between()
    raise AssertionError("the list has no end")


def is_a_name(text: str) -> bool:
    try:
        return bool(line(text, 200))
    except BadText:
        return False


def wanted(stored: Stored, query: dict[str, Any]) -> bool:
    data = stored.data
    return (
        query.get("status", data["status"]) == data["status"]
        and query.get("stage", data["stage"]) == data["stage"]
        and query.get("owner", data.get("owner")) == data.get("owner")
        and ("tag" not in query or query["tag"] in data.get("tags", []))
        and ("updated_after" not in query or stored.updated_at > query["updated_after"].replace("Z", ".000Z"))
        and ("name_prefix" not in query or data["name"].casefold().startswith(query["name_prefix"].casefold()))
    )


def catalogue(fields: list[dict[str, Any]], archived: set[int]) -> Products:
    afresh()
    products = Products(MemoryStore())
    for number, one in enumerate(fields):
        stored = made(products, number // 2, **one)  # some share their millisecond
        if number in archived:
            products.archive(a_call(100 + number), stored.id, 1)
    return products


@settings(deadline=None)
@given(products_made, st.sets(st.integers(0, 11)), filters, st.integers(1, 5))
def test_the_pages_of_a_list_are_the_models_answer(
    fields: list[dict[str, Any]], archived: set[int], query: dict[str, Any], limit: int
) -> None:
    products = catalogue(fields, archived)
    stored = [Stored(row) for row in heads(products)]
    by_name = "name_prefix" in query
    expected = sorted(
        (one for one in stored if wanted(one, query)),
        key=lambda one: (folded(one.data["name"]) if by_name else one.created_at, one.id),
    )
    assert [one.row for one in pages(products, {**query, "limit": limit})] == [one.row for one in expected]


@settings(deadline=None)
@given(products_made, st.integers(1, 4), st.data())
def test_what_exists_throughout_appears_exactly_once(fields: list[dict[str, Any]], limit: int, data: st.DataObject) -> None:
    products = catalogue(fields, set())
    throughout = {row["pk"] for row in heads(products)}
    clock = iter(range(1000, 2000))

    def disturb() -> None:
        for _ in range(data.draw(st.integers(0, 3))):
            rows, seconds = heads(products), next(clock)
            row = data.draw(st.sampled_from(rows)) if rows else None
            act = data.draw(st.sampled_from(("create", "rename", "archive", "restore", "move")))
            try:
                if act == "create" or row is None:
                    made(products, seconds, name="Late")
                elif act == "rename":
                    products.update(a_call(seconds), row["pk"], None, patch(name=data.draw(st.sampled_from(NAMES))))
                elif act == "move":
                    products.update(a_call(seconds), row["pk"], None, patch(stage="retired"))
                elif act == "archive":
                    products.archive(a_call(seconds), row["pk"], None)
                else:
                    products.restore(a_call(seconds), row["pk"], None)
            except (Conflict, MoveNotAllowed):
                pass

    seen = [stored.id for stored in pages(products, {"limit": limit}, disturb)]
    assert len(seen) == len(set(seen))
    assert throughout <= set(seen)


letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")) | st.sampled_from("ßΐŉǰẞİ\u0301\u0345\u1fb3")
some_names = st.tuples(st.text("aß", max_size=99), st.text(letters, min_size=1, max_size=20)).map("".join).filter(is_a_name)


@settings(deadline=None)
@given(st.lists(some_names, min_size=1, max_size=6), st.integers(1, 100))
@example(["a" * 98 + "ΐ", "a" * 98 + "ΐb", "a" * 99], 90)
@example(["ß\u0301b", "ß\u0301a"], 2)
@example(["\U00010400" * 150, "\U00010400" * 150], 100)
def test_a_list_by_name_goes_on_from_its_own_cursors_whatever_the_letters(names: list[str], length: int) -> None:
    products = Products(MemoryStore())
    for number, name in enumerate(names):
        made(products, number, name=name)
    prefix = line(names[0], 200)[:length]
    if not is_a_name(prefix):
        return
    expected = sorted(
        (row["name_key"], row["pk"]) for row in heads(products) if folded(row["data"]["name"]).startswith(folded(prefix))
    )
    found = pages(products, {"name_prefix": prefix, "limit": 1})
    assert [(stored.row["name_key"], stored.id) for stored in found] == expected


def test_a_page_costs_one_query_and_one_read_of_what_it_found() -> None:
    store = Counting()
    products = Products(store)
    for number in range(5):
        made(products, number, key=f"key-{number}")
    assert store.counted(lambda: page(products, Listing())) == ["query", "get_many"]
    assert store.counted(lambda: page(products, Listing(name_prefix="m"))) == ["query", "get_many"]
    assert store.counted(lambda: page(products, Listing(key="key-1"))) == ["get", "get"]


def test_a_filter_that_finds_little_costs_a_bounded_number_of_requests_a_page() -> None:
    store = Counting()
    products = Products(store)
    for number in range(READS * 100 + 1):
        made(products, number, owner="last" if number == READS * 100 else "other")
    found: list[Stored] = []
    first, cursor = page(products, Listing(owner="last"))
    assert first == []
    assert cursor is not None
    cost = store.counted(lambda: found.extend(page(products, Listing(owner="last", cursor=cursor))[0]))
    assert [stored.data["owner"] for stored in found] == ["last"]
    assert cost == ["query", "get_many"]


def test_updated_after_is_later_than_that_moment() -> None:
    products = Products(MemoryStore())
    ids = [made(products, seconds).id for seconds in (1, 2, 3)]
    found, _ = page(products, Listing.model_validate({"updated_after": "2026-11-01T00:00:02Z"}))
    assert [stored.id for stored in found] == ids[2:]


class Behind(MemoryStore):
    """An index of names that has not heard of any change yet."""

    def query(self, *args: Any, **named: Any) -> Page:
        if named.get("index") != BY_NAME:
            return super().query(*args, **named)
        current, self.tables["products"] = self.tables["products"], self.before
        try:
            return super().query(*args, **named)
        finally:
            self.tables["products"] = current

    def stop(self) -> None:
        self.before = dict(self.tables["products"])


def test_a_product_is_not_listed_under_a_name_that_it_no_longer_has() -> None:
    store = Behind()
    products = Products(store)
    stored, other = made(products, name="Mug"), made(products, name="Mint")
    store.stop()
    products.update(a_call(1), stored.id, 1, patch(name="Mat"))
    found, _ = page(products, Listing(name_prefix="m"))
    assert [one.id for one in found] == [other.id]


def test_a_key_finds_its_product_if_the_other_filters_hold() -> None:
    products = Products(MemoryStore())
    stored = made(products, key="mug")
    assert page(products, Listing(key="mug")) == ([stored], None)
    assert page(products, Listing(key="cup")) == ([], None)
    assert page(products, Listing(key="mug", stage="ga")) == ([], None)


@pytest.mark.parametrize(
    ("position", "query"),
    [
        ({"at": "yesterday", "id": "prd_" + "0" * 26}, {}),
        ({"at": "", "id": "prd_" + "0" * 26}, {}),
        ({"at": "2026-11-01T00:00:00.000Z", "id": "key#mug"}, {}),
        ({"at": "2026-11-01T00:00:00.000Z", "id": ""}, {}),
        ({"at": 5, "id": 5}, {}),
        ({"at": "cup", "id": "prd_" + "0" * 26}, {"name_prefix": "m"}),
        ({"at": "m" * 101, "id": "prd_" + "0" * 26}, {"name_prefix": "m"}),
        ({"at": "m\ud800", "id": "prd_" + "0" * 26}, {"name_prefix": "m"}),
        ({"at": "MUG", "id": "prd_" + "0" * 26}, {"name_prefix": "M"}),
    ],
)
def test_a_made_up_cursor_is_refused_before_it_reaches_the_store(position: dict[str, Any], query: dict[str, Any]) -> None:
    store = Counting()
    cursor = encode(Listing.model_validate(query).parts(), position)
    with pytest.raises(BadCursor):
        page(Products(store), Listing.model_validate({**query, "cursor": cursor}))
    assert store.requests == []


def test_a_cursor_serves_its_own_query_only() -> None:
    products = Products(MemoryStore())
    for number in range(3):
        made(products, number)
    _, cursor = page(products, Listing(limit=1))
    for other in (Listing(stage="ga", cursor=cursor), Listing(name_prefix="m", cursor=cursor)):
        with pytest.raises(BadCursor):
            page(products, other)
    with pytest.raises(BadCursor):
        written(products, "csv", cursor)
    assert len(page(products, Listing(limit=2, cursor=cursor))[0]) == 2


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "yesterday",
        "2026-11-01",
        "2026-11-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-11-01T00:00:60Z",
        "2026-11-01T00:00:00+25:00",
        "0001-01-01T00:00:00+23:59",
        "2026-11-01t00:00:00 z",
        "２026-11-01T00:00:00Z",
        "1795435200",
    ],
)
def test_a_moment_is_rfc_3339_or_refused(raw: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(raw)
