"""The inbox: the pages together are the model's answer, whatever happens between them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.feedback.door import Feedback
from slipway.cursors import encode
from slipway.feedback.inbox import FeedbackListing, page
from slipway.feedback.statuses import MERGED, STATUSES
from slipway.problems import BadCursor, Invalid, MoveNotAllowed
from slipway.resources import Stored
from slipway.roster import READS
from tests.catalogue import Counting, afresh
from tests.inboxes import changed, furnished, heads, indexed, served, told

PRODUCTS = ("grinder", "kettle")
TITLES = ("Quieter", "quieter please", "Ärger", "Louder", "x" * 200)
HAND = [status for status in STATUSES if status != MERGED]
STATES = ("visible", "held", "spam")

items_told = st.lists(
    st.fixed_dictionaries(
        {
            "product": st.sampled_from(PRODUCTS),
            "title": st.sampled_from(TITLES),
            "status": st.sampled_from(("new", "planned", "declined")),
            "state": st.sampled_from(("visible", "visible", "held", "spam")),
            "variant": st.sampled_from(("on", "off", None)),
            "rating": st.sampled_from((None, None, 1, 5)),
            "tags": st.lists(st.sampled_from("ab"), max_size=2),
            "sentiment": st.sampled_from(("negative", "positive", None)),
        }
    ),
    max_size=10,
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "product": st.sampled_from(PRODUCTS),
        "status": st.sampled_from(("new", "planned")),
        "state": st.sampled_from(STATES),
        "type": st.sampled_from(("idea", "rating")),
        "tag": st.sampled_from("ab"),
        "sentiment": st.sampled_from(("negative", "unknown")),
        "variant": st.sampled_from(("on", "off")),
        "min_rating": st.sampled_from((0, 2)),
        "max_rating": st.sampled_from((2, 10)),
    },
)
searches = st.fixed_dictionaries(
    {"product": st.sampled_from(PRODUCTS)},
    optional={
        "title_prefix": st.sampled_from(("QUI", "är", "x" * 100, "z")),
        "words": st.sampled_from(("quieter", "please Quieter")),
    },
)


def inbox(fields: list[dict[str, Any]]) -> Feedback:
    afresh()
    use = furnished(None, *PRODUCTS)
    for number, one in enumerate(fields):
        rated = {} if one["rating"] is None else {"type": "rating", "rating": one["rating"]}
        stored = told(use, number // 2, product=one["product"], title=one["title"], **rated)  # some share their millisecond
        given = {name: one[name] for name in ("status", "state", "tags", "sentiment") if one[name]}
        changed(use, stored.id, 50 + number, **given)
        indexed(use, stored)
        if one["variant"] is not None:
            served(use, stored, "burrs", one["variant"])
    return use


def pages(use: Feedback, query: dict[str, Any], between: Callable[[], None] = lambda: None) -> list[Stored]:
    found, cursor = list[Stored](), None
    for _ in range(100):
        some, cursor = page(use.items, FeedbackListing.model_validate({**query, "cursor": cursor}))
        assert len(some) <= query["limit"]
        found += some
        if cursor is None:
            return found
        between()
    raise AssertionError("the list has no end")


def wanted(use: Feedback, stored: Stored, query: dict[str, Any]) -> bool:
    data = stored.data
    title = (use.items.open(stored) or {}).get("title", "").casefold()
    rating = data.get("rating")
    return (
        query.get("state", "visible") == data["state"]
        and query.get("product", data["product"]) == data["product"]
        and query.get("status", data["status"]) == data["status"]
        and query.get("type", data["type"]) == data["type"]
        and ("tag" not in query or query["tag"] in data.get("tags", []))
        and query.get("sentiment") in (None, data.get("sentiment", {"label": "unknown"})["label"])
        and ("variant" not in query or data.get("flags") == {"burrs": {"variant": query["variant"], "version": 1}})
        and ("min_rating" not in query or (rating is not None and rating >= query["min_rating"]))
        and ("max_rating" not in query or (rating is not None and rating <= query["max_rating"]))
        and title.startswith(query.get("title_prefix", "").casefold())
        and all(word in title.split() for word in query.get("words", "").casefold().split())
    )


def test_an_example_that_is_tried_again_is_the_same() -> None:
    fields = dict.fromkeys(("variant", "rating", "status", "state", "tags", "sentiment"))
    told = [{**fields, "product": "grinder", "title": f"{number}"} for number in range(5)]
    first, again = ([one.id for one in heads(inbox(told))] for _ in range(2))
    assert first == again


@settings(deadline=None, max_examples=60)
@given(items_told, filters, st.integers(1, 5))
def test_the_pages_of_a_list_are_the_models_answer(fields: list[dict[str, Any]], query: dict[str, Any], limit: int) -> None:
    use = inbox(fields)
    asked = {**query, "limit": limit} | ({"flag": "burrs"} if "variant" in query else {})
    expected = sorted((one for one in heads(use) if wanted(use, one, query)), key=lambda one: (one.created_at, one.id))
    assert [one.row for one in pages(use, asked)] == [one.row for one in expected]


@settings(deadline=None, max_examples=60)
@given(items_told, searches, filters, st.integers(1, 5))
def test_the_pages_of_a_search_are_the_models_answer(
    fields: list[dict[str, Any]], search: dict[str, Any], others: dict[str, Any], limit: int
) -> None:
    use, query = inbox(fields), {**others, **search}
    asked = {**query, "limit": limit} | ({"flag": "burrs"} if "variant" in query else {})
    expected = [one for one in heads(use) if wanted(use, one, query)]
    if len(search) > 1:
        expected.sort(key=lambda one: one.id)
    else:
        expected.sort(key=lambda one: (one.created_at, one.id))
    assert [one.id for one in pages(use, asked)] == [one.id for one in expected]


@settings(deadline=None, max_examples=60)
@given(
    items_told,
    st.sampled_from(({}, {"product": "grinder"}, {"status": "new"}, {"words": "quieter"}, {"flag": "burrs"})),
    st.data(),
)
def test_what_is_in_the_list_throughout_appears_exactly_once(
    fields: list[dict[str, Any]], query: dict[str, Any], data: st.DataObject
) -> None:
    use = inbox(fields)
    query = query | ({"product": "grinder"} if "words" in query else {"variant": "on"} if "flag" in query else {})
    throughout = {one.id for one in heads(use) if wanted(use, one, query)}
    clock = iter(range(1000, 2000))

    def disturb() -> None:
        for _ in range(data.draw(st.integers(0, 3))):
            seconds = next(clock)
            act = data.draw(st.sampled_from(("tell", "move", "tag", "put away")))
            if act == "tell":
                indexed(use, told(use, seconds))
                continue
            one = data.draw(st.sampled_from(heads(use)))
            how: dict[str, dict[str, Any]] = {
                "move": {"status": data.draw(st.sampled_from(HAND))},
                "tag": {"tags": ["x"]},
                "put away": {"state": "spam"},
            }
            try:
                changed(use, one.id, seconds, **how[act])
            except MoveNotAllowed:
                continue
            if not wanted(use, use.items.read(one.id), query):
                throughout.discard(one.id)

    seen = [stored.id for stored in pages(use, {**query, "limit": data.draw(st.integers(1, 4))}, disturb)]
    assert len(seen) == len(set(seen))
    assert throughout <= set(seen)


def test_a_flood_of_what_is_held_lengthens_no_list_of_others() -> None:
    store = Counting()
    use = furnished(store)
    mine = told(use, 0)
    for number in range(120):
        changed(use, told(use, 1 + number).id, 1, state="held")
    last = told(use, 200)
    for query in ({"product": "grinder"}, {"status": "new"}):
        cost = store.counted(partial(page, use.items, FeedbackListing.model_validate(query)))
        assert [one.id for one in pages(use, {**query, "limit": 50})] == [mine.id, last.id]
        assert cost == ["query", "get_many"]
    assert len(pages(use, {"state": "held", "limit": 100})) == 120


def test_a_page_costs_one_query_and_one_read_of_what_it_found() -> None:
    store = Counting()
    use = furnished(store)
    for number in range(5):
        stored = told(use, number)
        indexed(use, stored)
        served(use, stored, "burrs", "on")
    for query in (
        {},
        {"product": "grinder"},
        {"status": "new"},
        {"product": "grinder", "words": "quieter"},
        {"flag": "burrs", "variant": "on"},
    ):
        cost = store.counted(partial(page, use.items, FeedbackListing.model_validate(query)))
        assert cost == ["query", "get_many"]


def test_a_filter_that_finds_little_costs_a_bounded_number_of_requests_a_page() -> None:
    store = Counting()
    use = furnished(store)
    for number in range(READS * 100 + 1):
        last = told(use, number)
    changed(use, last.id, tags=["rare"])
    first, cursor = page(use.items, FeedbackListing(tag="rare"))
    assert first == []
    assert cursor is not None
    found = list[Stored]()
    cost = store.counted(lambda: found.extend(page(use.items, FeedbackListing(tag="rare", cursor=cursor))[0]))
    assert [one.id for one in found] == [last.id]
    assert cost == ["query", "get_many"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"flag": "burrs"}, "/query/variant"),
        ({"variant": "on"}, "/query/flag"),
        ({"words": "quieter"}, "/query/product"),
        ({"title_prefix": "q"}, "/query/product"),
    ],
)
def test_what_has_to_be_said_together(query: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        page(furnished().items, FeedbackListing.model_validate(query))
    assert [fault.pointer for fault in refused.value.errors] == [pointer]


@pytest.mark.parametrize("search", [{}, {"words": "quieter"}])
def test_a_made_up_cursor_is_refused_or_names_a_place(search: dict[str, str]) -> None:
    use = furnished()
    query = {"product": "grinder", **search}
    parts = FeedbackListing.model_validate(query).parts()
    for place in (
        {"id": "x"},
        {"created_at": "x", "pk": "fbk_" + "0" * 26},
        {"created_at": "2026-11-01T00:00:00.000Z", "pk": "x"},
    ):
        with pytest.raises(BadCursor):
            page(use.items, FeedbackListing.model_validate({**query, "cursor": encode(parts, place)}))
    mine = told(use)
    indexed(use, mine)
    place = {"id": "fbk_" + "0" * 26} if search else {"created_at": "2000-01-01T00:00:00.000Z", "pk": "fbk_" + "0" * 26}
    found, _ = page(use.items, FeedbackListing.model_validate({**query, "cursor": encode(parts, place)}))
    assert [one.id for one in found] == [mine.id]
    with pytest.raises(BadCursor):
        page(use.items, FeedbackListing.model_validate({"cursor": encode(parts, place)}))
