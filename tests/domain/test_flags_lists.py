"""Lists of flags: the pages together are the model's answer, strong, and as cheap among thousands as among few."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.cursors import encode
from slipway.flags import lists
from slipway.flags.control import Control
from slipway.flags.lists import FlagListing, Listing
from slipway.paging import Paging
from slipway.ports import Put
from slipway.problems import BadCursor, Invalid
from slipway.resources import Stored
from slipway.tables import FLAGS
from tests.catalogue import Counting, a_call
from tests.flagging import configured, edited, environment, made, segment

KEYS = ("a", "B", "checkout", "checkout-2", "checkout.3", "zz")


def pages(control: Control, between: Callable[[], None] = lambda: None, **query: Any) -> list[str]:
    found: list[Stored] = []
    cursor = None
    for _ in range(200):
        some, cursor = lists.flags(control.flags.shelf, FlagListing.model_validate({**query, "cursor": cursor}))
        assert len(some) <= FlagListing.model_validate(query).limit
        found += some
        if cursor is None:
            return [stored.data["key"] for stored in found]
        between()
    raise AssertionError("the list has no end")


flags_made = st.dictionaries(
    st.sampled_from(KEYS),
    st.fixed_dictionaries(
        {"on": st.booleans(), "stale": st.booleans(), "archived": st.booleans()},
        optional={
            "owner": st.sampled_from(("ada", "bob")),
            "product": st.sampled_from(("mug", "cup")),
            "tags": st.lists(st.sampled_from(("x", "y")), max_size=2),
        },
    ),
)
queries = st.fixed_dictionaries(
    {"limit": st.sampled_from((1, 2, 100)), "environment": st.just("staging")},
    optional={
        "prefix": st.sampled_from(("c", "checkout", "checkout-", "q")),
        "tag": st.sampled_from(("x", "y")),
        "owner": st.sampled_from(("ada", "bob")),
        "product": st.sampled_from(("mug", "cup")),
        "status": st.sampled_from(("active", "archived")),
        "state": st.sampled_from(("on", "off")),
        "stale": st.booleans(),
    },
)


@settings(max_examples=150, deadline=None)
@given(flags_made, queries, st.sampled_from((1, 2, lists.WIDTH)))
def test_the_pages_together_are_what_the_filters_say(
    flags: dict[str, dict[str, Any]], query: dict[str, Any], width: int
) -> None:
    """`width`: rows of each list that one reading sees."""
    store = Counting()
    control = Control(store)
    for key, of in flags.items():
        made(control, key, **{name: of[name] for name in ("owner", "product", "tags") if name in of})
        configured(control, key, "staging", enabled=of["on"])
        if of["stale"]:
            store.put(FLAGS, {"pk": "list#stale#staging", "sk": key, "schema": 1})
        if of["archived"]:
            control.flags.archive(a_call(), key, None)
    wanted = [
        key
        for key, of in sorted(flags.items())
        if key.startswith(query.get("prefix", ""))
        and ("tag" not in query or query["tag"] in of.get("tags", ()))
        and all(name not in query or query[name] == of.get(name) for name in ("owner", "product"))
        and (query.get("status", "active") == "archived") == of["archived"]
        and ("state" not in query or (query["state"] == "on") == of["on"])
        and ("stale" not in query or query["stale"] == of["stale"])
    ]
    with pytest.MonkeyPatch.context() as narrow:
        narrow.setattr(lists, "WIDTH", width)
        assert pages(control, **query) == wanted


def test_a_flag_that_is_there_throughout_appears_once() -> None:
    control = Control(Counting())
    for number in range(10):
        made(control, f"f{number}")
    late = iter(range(100))

    def busy() -> None:
        number = next(late)
        made(control, f"g{number:03}")
        edited(control, "f9", tags=[f"t{number}"])
        if number == 0:
            control.flags.archive(a_call(), "f5", None)

    found = pages(control, busy, limit=1, prefix="f")
    assert found == [f"f{number}" for number in range(10) if number != 5]


def test_a_list_is_strong_and_costs_the_same_among_thousands() -> None:
    costs = []
    for size in (50, 5_000):
        store = Counting()
        control = Control(store)
        made(control, "aa", tags=["rare"], owner="ada")
        configured(control, "aa", "staging", enabled=True)
        head = store.get(FLAGS, "flag#aa", "head")
        assert head is not None
        for number in range(size):
            key = f"f{number:04}"
            data = {**head["data"], "key": key, "tags": ["often"]}
            store.tables["flags"][f"flag#{key}", "head"] = {**head, "pk": f"flag#{key}", "data": data}
            for name in ("list#flags", "list#tag#often", "list#owner#ada"):
                store._apply([Put(FLAGS, {"pk": name, "sk": key, "schema": 1})])
        made(control, "zz", tags=["rare"], owner="bob")
        configured(control, "zz", "staging", enabled=True)
        for number in range(size):  # on and stale are all but one
            for name in ("list#state#production#on", "list#stale#production"):
                store._apply([Put(FLAGS, {"pk": name, "sk": f"f{number:04}", "schema": 1})])
        made(control, "gone", owner="ada")
        control.flags.archive(a_call(), "gone", None)
        for asked in (
            {},
            {"tag": "rare"},
            {"tag": "often"},
            {"owner": "ada", "tag": "rare"},
            {"environment": "staging", "state": "on"},
            {"environment": "staging", "state": "off", "prefix": "f00"},
            {"owner": "bob", "tag": "rare"},
            {"owner": "ada", "environment": "staging", "state": "on"},
            {"status": "archived", "owner": "ada"},
        ):
            listing, shelf = FlagListing.model_validate(asked), control.flags.shelf
            costs.append((size, len(store.counted(partial(lists.flags, shelf, listing)))))
        for lonely in ({"state": "off"}, {"stale": False}):
            query: dict[str, Any] = {"environment": "production", "limit": 100, **lonely}
            assert pages(control, **query, prefix="zz") == ["zz"]
            assert [key for key in pages(control, **query) if key > "g"] == ["zz"]
        assert pages(control, owner="ada", tag="rare") == ["aa"]
    few, many = ([cost for of, cost in costs if of == size] for size in (50, 5_000))
    assert many == [2, 2, 2, 5, 2, 3, 3, 5, 2]
    assert [cost for cost, most in zip(few, many, strict=True) if cost > most] == []


@pytest.mark.parametrize(
    "query",
    [
        {"owner": "ada", "tag": "rare"},
        {"product": "mug", "owner": "ada", "tag": "often", "environment": "staging", "state": "on"},
        {"owner": "ada", "environment": "staging", "state": "off"},
        {"tag": "often", "environment": "staging", "stale": False},
    ],
)
def test_the_one_flag_at_the_end_is_found_among_thousands_within_two_pages(query: dict[str, Any]) -> None:
    """Every list that is asked for is long, but for one, or the last flag alone is in none of those it must not be in."""
    store = Counting()
    control = Control(store)
    made(control, "zz", tags=["rare", "often"], owner="ada", product="mug")
    if query.get("state") == "on":
        configured(control, "zz", "staging", enabled=True)
    head = store.get(FLAGS, "flag#zz", "head")
    assert head is not None
    others = ["list#flags", "list#tag#often", "list#owner#ada", "list#stale#staging"]
    others += ["list#product#mug"] if query.get("state") == "on" else ["list#state#staging#on"]
    for number in range(4_999):
        key = f"f{number:04}"
        store.tables["flags"][f"flag#{key}", "head"] = {**head, "pk": f"flag#{key}", "data": {**head["data"], "key": key}}
        store._apply([Put(FLAGS, {"pk": name, "sk": key, "schema": 1}) for name in others])
    found, cursor = list[Stored](), None
    for _ in range(2):
        asked = FlagListing.model_validate({**query, "limit": 100, "cursor": cursor})
        some, cursor = lists.flags(control.flags.shelf, asked)
        found += some
        if cursor is None:
            break
    assert ([stored.data["key"] for stored in found], cursor) == (["zz"], None)


def test_state_and_stale_need_an_environment() -> None:
    control = Control(Counting())
    for query in ({"state": "on"}, {"stale": True}):
        with pytest.raises(Invalid) as caught:
            pages(control, **query)
        assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/query/environment", "required")]


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "a#b", "list#flags", "b"])
def test_a_made_up_cursor_is_refused(key: str) -> None:
    control = Control(Counting())
    made(control)
    listing = FlagListing(prefix="a")
    forged = FlagListing(prefix="a", cursor=encode(listing.parts(), {"key": key}))
    with pytest.raises(BadCursor):
        lists.flags(control.flags.shelf, forged)


def test_segments_and_environments_are_listed_alike() -> None:
    control = Control(Counting())
    for key in ("staff", "beta", "testers"):
        segment(control, key)
    control.segments.delete(a_call(), "beta", None)
    found, cursor = lists.segments(control.segments.shelf, Listing(limit=1))
    assert [stored.data["key"] for stored in found] == ["staff"]
    found, cursor = lists.segments(control.segments.shelf, Listing(limit=1, cursor=cursor))
    assert [stored.data["key"] for stored in found] == ["testers"]
    assert [stored.data["key"] for stored in lists.segments(control.segments.shelf, Listing(prefix="t"))[0]] == ["testers"]
    environment(control, "preview")
    found, cursor = lists.environments(control.environments.shelf, Paging(limit=3))
    assert [stored.data["name"] for stored in found] == ["development", "preview", "production"]
    found, _ = lists.environments(control.environments.shelf, Paging(limit=3, cursor=cursor))
    assert [stored.data["name"] for stored in found] == ["staging"]
