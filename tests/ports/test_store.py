"""What every `Store` promises."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from slipway.adapters.client import Refused
from slipway.adapters.memory import MemoryStore
from slipway.ports import (
    Absent,
    Below,
    Check,
    Condition,
    ConditionFailed,
    Delete,
    Equals,
    Put,
    Row,
    Span,
    Store,
    Update,
    Write,
)
from slipway.tables import AUDIT, BY_CREATED, BY_MONTH, PRODUCTS, Index


def row(pk: str, sk: str = "head", **attributes: Any) -> Row:
    return {"pk": pk, "sk": sk, **attributes}


def all_rows(store: Store, partition: Sequence[str], span: Span = Span(), **options: Any) -> list[Row]:
    """Every page, each of at most two rows."""
    found: list[Row] = []
    page = store.query(PRODUCTS, partition, span, limit=2, **options)
    while True:
        assert len(page.rows) <= 2
        found += page.rows
        if page.next is None:
            return found
        page = store.query(PRODUCTS, partition, span, limit=2, start=page.next, **options)


# --- values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text",
        "κόσμε \U0001f680 \u0001",
        0,
        -7,
        10**37 + 1,
        -(10**38) + 1,
        10**40,
        Decimal("19.99"),
        Decimal("-0.00000000000000000000000000000000000001"),
        True,
        False,
        None,
        b"",
        b"\x00\xff bytes",
        [],
        {},
        [1, "a", None, [True, {"deep": b"x"}]],
        {"a": {"b": [Decimal("1.5"), 2]}, "c": ""},
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(store: Store, unique: str, value: Any) -> None:
    store.put(PRODUCTS, row(unique, value=value))
    found = store.get(PRODUCTS, unique, "head")
    assert found == row(unique, value=value)
    assert type(found["value"]) is type(value)


def test_a_whole_decimal_comes_back_as_an_int_and_a_tuple_as_a_list(store: Store, unique: str) -> None:
    store.put(PRODUCTS, row(unique, number=Decimal("1E+2"), many=(1, 2)))
    found = store.get(PRODUCTS, unique, "head")
    assert found == row(unique, number=100, many=[1, 2])
    assert type(found["number"]) is int


@pytest.mark.parametrize("value", [1.5, {1, 2}, object()], ids=["float", "set", "object"])
def test_what_storage_does_not_take_is_a_type_error(store: Store, unique: str, value: Any) -> None:
    with pytest.raises(TypeError):
        store.put(PRODUCTS, row(unique, value=value))
    with pytest.raises(TypeError):
        store.put(PRODUCTS, row(unique, value={"deep": [value]}))
    assert store.get(PRODUCTS, unique, "head") is None


@pytest.mark.parametrize(
    "value",
    [10**38 + 1, Decimal("1." + "3" * 38), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+126")],
    ids=repr,
)
def test_a_number_that_would_not_survive_is_a_value_error(store: Store, unique: str, value: Any) -> None:
    with pytest.raises(ValueError, match="stored"):
        store.put(PRODUCTS, row(unique, value=value))


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = {"x": value} if level % 2 else [value]
    return value


def test_values_nest_31_deep(exact: Store, unique: str) -> None:
    exact.put(PRODUCTS, row(unique, value=nested(31)))
    assert exact.get(PRODUCTS, unique, "head") == row(unique, value=nested(31))


@pytest.mark.parametrize(
    "refused",
    [
        row("", "head"),
        row("pk", ""),
        row("x" * 2049),
        row("pk", "x" * 1025),
        row("pk", kind="", created_at="2026"),
        row("pk", kind="product", created_at=2026),
        row("pk", value=nested(32)),
        row("pk", value={"": 1}),
    ],
    ids=["no pk", "no sk", "long pk", "long sk", "empty in an index", "number in an index", "32 deep", "no name"],
)
def test_a_row_that_no_table_takes(exact: Store, unique: str, refused: Row) -> None:
    if refused["pk"] == "pk":
        refused = {**refused, "pk": unique}
    with pytest.raises((ValueError, Refused)):
        exact.put(PRODUCTS, refused)
    with pytest.raises((ValueError, Refused)):
        exact.transact([Put(PRODUCTS, row(f"{unique}-other")), Put(PRODUCTS, refused)], unique)
    assert exact.get(PRODUCTS, unique, "head") is None
    assert exact.get(PRODUCTS, f"{unique}-other", "head") is None


@pytest.mark.parametrize("key", ["", "x" * 2049, "\ud800"], ids=["empty", "long", "surrogate"])
def test_nothing_stands_under_a_key_that_no_row_can_have(store: Store, unique: str, key: str) -> None:
    store.put(PRODUCTS, row(unique))
    assert store.get(PRODUCTS, key, "head") is None
    assert store.get(PRODUCTS, unique, key) is None
    assert store.get_many(PRODUCTS, [(key, "head"), (unique, "head")]) == [row(unique)]
    assert store.query(PRODUCTS, (key,)).rows == []
    assert store.query(PRODUCTS, (key,), index=BY_CREATED).rows == []
    assert store.query(PRODUCTS, (unique,), Span(equal=(key,)), index=BY_CREATED).rows == []
    assert store.query(PRODUCTS, (unique,), Span(prefix=key or "x")).rows == []


def test_what_was_read_or_written_is_a_copy(store: Store, unique: str) -> None:
    mine = row(unique, tags=["a"])
    store.put(PRODUCTS, mine)
    mine["tags"].append("b")
    first = store.get(PRODUCTS, unique, "head")
    assert first is not None
    first["tags"].append("c")
    assert store.get(PRODUCTS, unique, "head") == row(unique, tags=["a"])


# --- single rows ----------------------------------------------------------------------------------------


def test_a_missing_row_is_none(store: Store, unique: str) -> None:
    assert store.get(PRODUCTS, unique, "head") is None


def test_a_put_replaces_the_whole_row(store: Store, unique: str) -> None:
    store.put(PRODUCTS, row(unique, old=1))
    store.put(PRODUCTS, row(unique, new=2))
    assert store.get(PRODUCTS, unique, "head") == row(unique, new=2)


HOLDS: list[tuple[str, Row | None, Condition, bool]] = [
    ("absent, none", None, Absent(), True),
    ("absent, some", {}, Absent(), False),
    ("equals, none", None, Equals("n", 1), False),
    ("equals, without", {}, Equals("n", 1), False),
    ("equals, same", {"n": 1}, Equals("n", 1), True),
    ("equals, other", {"n": 2}, Equals("n", 1), False),
    ("equals, text", {"n": "a"}, Equals("n", "a"), True),
    ("below, none", None, Below("n", 5), True),
    ("below, without", {}, Below("n", 5), True),
    ("below, smaller", {"n": 4}, Below("n", 5), True),
    ("below, same", {"n": 5}, Below("n", 5), False),
    ("below, greater", {"n": 6}, Below("n", 5), False),
    ("below, text", {"n": "2026-01-01"}, Below("n", "2026-01-02"), True),
    ("below, a reserved word", {"time": 4}, Below("time", 5), True),
]


@pytest.mark.parametrize(("standing", "condition", "holds"), [case[1:] for case in HOLDS], ids=[case[0] for case in HOLDS])
@pytest.mark.parametrize("how", ["put", "update", "transact"])
def test_a_condition_decides(
    store: Store, unique: str, how: str, standing: Row | None, condition: Condition, holds: bool
) -> None:
    if standing is not None:
        store.put(PRODUCTS, row(unique, **standing))
    before = store.get(PRODUCTS, unique, "head")

    def write() -> None:
        if how == "put":
            store.put(PRODUCTS, row(unique, done=True), condition)
        elif how == "update":
            store.update(Update(PRODUCTS, unique, "head", {"done": True}, condition=condition))
        else:
            store.transact([Put(PRODUCTS, row(unique, done=True), condition)], unique)

    if holds:
        write()
        after = store.get(PRODUCTS, unique, "head")
        assert after is not None
        assert after["done"] is True
    else:
        with pytest.raises(ConditionFailed) as failed:
            write()
        assert failed.value.row == before
        assert failed.value.index == 0
        assert store.get(PRODUCTS, unique, "head") == before


def test_an_update_sets_attributes_and_keeps_the_others(store: Store, unique: str) -> None:
    store.put(PRODUCTS, row(unique, a=1, b={"c": 2}))
    store.update(Update(PRODUCTS, unique, "head", {"b": [3], "time": "x"}))
    assert store.get(PRODUCTS, unique, "head") == row(unique, a=1, b=[3], time="x")


def test_an_update_of_nothing_makes_the_row(store: Store, unique: str) -> None:
    store.update(Update(PRODUCTS, unique, "head", {"a": 1}))
    assert store.get(PRODUCTS, unique, "head") == row(unique, a=1)


def test_an_update_that_changes_nothing_or_a_key_is_refused(store: Store, unique: str) -> None:
    for write in (
        Update(PRODUCTS, unique, "head"),
        Update(PRODUCTS, unique, "head", {"pk": "other"}),
        Update(PRODUCTS, unique, "head", {"n": 1}, {"n": 1}),
    ):
        with pytest.raises(ValueError, match=r"changes|add"):
            store.update(write)
        with pytest.raises(ValueError, match="changes"):
            store.transact([write], unique)
    assert store.get(PRODUCTS, unique, "head") is None


def test_a_bare_add_is_refused(store: Store, unique: str) -> None:
    with pytest.raises(ValueError, match="add"):
        store.update(Update(PRODUCTS, unique, "head", add={"n": 1}))
    assert store.get(PRODUCTS, unique, "head") is None


# --- many rows ------------------------------------------------------------------------------------------


def test_many_come_in_the_order_asked_without_the_missing(store: Store, unique: str) -> None:
    for number in range(100):
        if number % 10:
            store.put(PRODUCTS, row(f"{unique}-{number}", n=number))
    asked = [(f"{unique}-{number}", "head") for number in reversed(range(100))]
    found = store.get_many(PRODUCTS, asked)
    assert [r["n"] for r in found] == [number for number in reversed(range(100)) if number % 10]
    assert store.get_many(PRODUCTS, [asked[0], asked[1], asked[0]]) == [found[0], found[1], found[0]]
    assert store.get_many(PRODUCTS, []) == []
    with pytest.raises(ValueError, match="100"):
        store.get_many(PRODUCTS, [*asked, (unique, "one more")])


# --- transactions ---------------------------------------------------------------------------------------


def test_all_or_nothing(store: Store, unique: str) -> None:
    a, b, c, d = (f"{unique}-{name}" for name in "abcd")
    store.put(PRODUCTS, row(b, version=1))
    store.put(PRODUCTS, row(c))
    store.put(PRODUCTS, row(d, version=7))
    store.transact(
        [
            Put(PRODUCTS, row(a), Absent()),
            Update(PRODUCTS, b, "head", {"name": "b"}, {"version": 1, "edits": 3}, Equals("version", 1)),
            Delete(PRODUCTS, c, "head"),
            Check(PRODUCTS, d, "head", Equals("version", 7)),
        ],
        f"{unique}-1",
    )
    assert store.get(PRODUCTS, a, "head") == row(a)
    assert store.get(PRODUCTS, b, "head") == row(b, name="b", version=2, edits=3)
    assert store.get(PRODUCTS, c, "head") is None
    with pytest.raises(ConditionFailed) as failed:
        store.transact(
            [
                Put(PRODUCTS, row(c, new=True), Absent()),
                Delete(PRODUCTS, a, "head", Equals("version", 5)),
                Check(PRODUCTS, d, "head", Equals("version", 8)),
            ],
            f"{unique}-2",
        )
    assert (failed.value.index, failed.value.row) == (1, row(a))
    assert store.get(PRODUCTS, c, "head") is None
    assert store.get(PRODUCTS, a, "head") == row(a)


def test_writes_reach_several_tables(store: Store, unique: str) -> None:
    store.transact([Put(PRODUCTS, row(unique)), Put(AUDIT, row(unique, day="d", time="t"))], unique)
    assert store.get(PRODUCTS, unique, "head") == row(unique)
    assert store.get(AUDIT, unique, "head") == row(unique, day="d", time="t")


def test_the_same_token_and_writes_happen_once(store: Store, unique: str, request: pytest.FixtureRequest) -> None:
    if "moto" in request.node.callspec.id:
        return  # it knows no token
    writes = [Update(PRODUCTS, unique, "head", add={"n": 1})]
    for _ in range(3):
        store.transact(writes, unique)
    assert store.get(PRODUCTS, unique, "head") == row(unique, n=1)
    with pytest.raises(ValueError, match="other writes"):
        store.transact([Update(PRODUCTS, unique, "head", add={"n": 2})], unique)


def test_a_failed_transaction_does_not_use_up_its_token(store: Store, unique: str) -> None:
    writes = [Put(PRODUCTS, row(unique, n=2), Equals("n", 1))]
    with pytest.raises(ConditionFailed):
        store.transact(writes, unique)
    store.put(PRODUCTS, row(unique, n=1))
    store.transact(writes, unique)
    assert store.get(PRODUCTS, unique, "head") == row(unique, n=2)


def test_a_transaction_that_no_store_takes(store: Store, unique: str) -> None:
    put = Put(PRODUCTS, row(unique))
    cases: list[tuple[list[Write], str]] = [
        ([put, Check(PRODUCTS, unique, "head", Absent())], "a row twice"),
        ([], "nothing"),
        ([put, *(Put(PRODUCTS, row(f"{unique}-{number}")) for number in range(100))], "too many"),
        ([put], ""),
        ([put], "x" * 37),
    ]
    for writes, token in cases:
        with pytest.raises(ValueError, match="transaction"):
            store.transact(writes, token)
    assert store.get(PRODUCTS, unique, "head") is None


def test_a_hundred_writes_at_once(store: Store, unique: str) -> None:
    store.transact([Put(PRODUCTS, row(f"{unique}-{number}"), Absent()) for number in range(100)], unique)
    assert len(store.get_many(PRODUCTS, [(f"{unique}-{number}", "head") for number in range(100)])) == 100


# --- queries --------------------------------------------------------------------------------------------

SPANS: list[tuple[Span, list[str]]] = [
    (Span(), ["a", "b#1", "b#2", "b#3", "c"]),
    (Span(low="b"), ["b#1", "b#2", "b#3", "c"]),
    (Span(high="b#2"), ["a", "b#1", "b#2"]),
    (Span(low="b#2", high="b#3"), ["b#2", "b#3"]),
    (Span(low="b#3", high="b#2"), []),
    (Span(prefix="b#"), ["b#1", "b#2", "b#3"]),
    (Span(prefix=""), ["a", "b#1", "b#2", "b#3", "c"]),
    (Span(low=""), ["a", "b#1", "b#2", "b#3", "c"]),
    (Span(high=""), []),
    (Span(low="", high="b"), ["a"]),
    (Span(equal=("b#2",)), ["b#2"]),
    (Span(equal=("x",)), []),
]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(("span", "expected"), SPANS, ids=[str(span) for span, _ in SPANS])
def test_a_span_of_a_partition(store: Store, unique: str, span: Span, expected: list[str], forward: bool) -> None:
    for sk in ("c", "b#2", "a", "b#3", "b#1"):
        store.put(PRODUCTS, row(unique, sk, data=sk))
    store.put(PRODUCTS, row(unique + "x", "b#1"))
    found = all_rows(store, (unique,), span, forward=forward)
    assert found == [row(unique, sk, data=sk) for sk in (expected if forward else expected[::-1])]


INDEX_SPANS: list[tuple[Span, list[str]]] = [
    (Span(), ["1a", "2a", "2b", "2c", "3a"]),
    (Span(low="2"), ["2a", "2b", "2c", "3a"]),
    (Span(high="2"), ["1a", "2a", "2b", "2c"]),
    (Span(low="2", high="2"), ["2a", "2b", "2c"]),
    (Span(prefix="3"), ["3a"]),
    (Span(equal=("2",)), ["2a", "2b", "2c"]),
    (Span(equal=("2",), low="{}-2b"), ["2b", "2c"]),
    (Span(equal=("2",), prefix="{}-2b"), ["2b"]),
    (Span(equal=("2", "{}-2c")), ["2c"]),
]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(("span", "expected"), INDEX_SPANS, ids=[str(span) for span, _ in INDEX_SPANS])
def test_a_span_of_an_index_gives_keys_in_order(
    store: Store, unique: str, span: Span, expected: list[str], forward: bool
) -> None:
    def here(text: str | int | None) -> str | None:
        return None if text is None else str(text).format(unique)

    span = Span(tuple(str(text).format(unique) for text in span.equal), here(span.low), here(span.high), here(span.prefix))
    for name in ("2b", "1a", "3a", "2c", "2a"):
        store.put(PRODUCTS, row(f"{unique}-{name}", kind=unique, created_at=name[0], data="not in the index"))
    store.put(PRODUCTS, row(f"{unique}-0", created_at="2"))  # no kind: in no list
    store.put(PRODUCTS, row(f"{unique}-1", kind=unique))  # no time: neither
    found = all_rows(store, (unique,), span, index=BY_CREATED, forward=forward)
    assert found == [
        row(f"{unique}-{name}", kind=unique, created_at=name[0]) for name in (expected if forward else expected[::-1])
    ]


def test_an_index_may_sort_by_the_tables_own_key(store: Store, unique: str) -> None:
    for number in (3, 1, 2):
        store.put(AUDIT, row(f"{unique}-{number % 2}", f"e{number}", month=unique, time="t", what=number))
    page = store.query(AUDIT, (unique,), index=BY_MONTH, forward=False)
    assert [r["sk"] for r in page.rows] == ["e3", "e2", "e1"]
    assert page.rows[0] == row(f"{unique}-1", "e3", month=unique, time="t")


def test_a_row_moves_in_the_index_with_its_attributes(store: Store, unique: str) -> None:
    store.put(PRODUCTS, row(unique, kind=unique, created_at="1"))
    store.put(PRODUCTS, row(unique, kind=unique, created_at="2"))
    assert [r["created_at"] for r in all_rows(store, (unique,), index=BY_CREATED)] == ["2"]
    store.put(PRODUCTS, row(unique))
    assert all_rows(store, (unique,), index=BY_CREATED) == []


def test_a_page_goes_on_where_it_stopped_when_that_row_is_gone(store: Store, unique: str) -> None:
    for sk in "abcd":
        store.put(PRODUCTS, row(unique, sk))
    page = store.query(PRODUCTS, (unique,), limit=2)
    store.transact([Delete(PRODUCTS, unique, "b")], unique)
    assert [r["sk"] for r in store.query(PRODUCTS, (unique,), limit=9, start=page.next).rows] == ["c", "d"]


@pytest.mark.parametrize("index", [None, BY_CREATED], ids=["table", "index"])
def test_a_start_outside_the_span(store: Store, unique: str, index: Index | None) -> None:
    def key(number: str) -> Row:
        return row(unique, number) if index is None else row(f"{unique}-{number}", kind=unique, created_at=number)

    def found(start: str, forward: bool, span: Span = Span(low="2", high="3")) -> str:
        page = store.query(PRODUCTS, (unique,), span, index=index, start=key(start), forward=forward)
        return "".join(str(r["sk" if index is None else "created_at"]) for r in page.rows)

    for number in "012345":
        store.put(PRODUCTS, key(number))
    assert [found(start, True) for start in "012345"] == ["23", "23", "3", "", "", ""]
    assert [found(start, False) for start in "012345"] == ["", "", "", "2", "32", "32"]
    for span in (Span(equal=("2",)), Span(prefix="2")):
        assert [found(start, True, span) for start in "0123"] == ["2", "2", "", ""]
        assert [found(start, False, span) for start in "0123"] == ["", "", "", "2"]


def test_a_start_of_another_query_is_a_value_error(store: Store, unique: str) -> None:
    entry = row(unique, kind=unique, created_at="1")
    store.put(PRODUCTS, entry)
    cases: list[tuple[Row, Index | None]] = [
        (row("other"), None),
        ({"pk": unique}, None),
        (row(unique, ""), None),
        (row(unique, "x" * 1025), None),
        (entry, None),
        (row(unique), BY_CREATED),
        ({**entry, "kind": "other"}, BY_CREATED),
        ({**entry, "created_at": 1}, BY_CREATED),
        ({**entry, "more": "x"}, BY_CREATED),
    ]
    for start, index in cases:
        with pytest.raises(ValueError, match="page"):
            store.query(PRODUCTS, (unique,), index=index, start=start)


def test_a_page_of_the_longest_partition_goes_on(store: Store, unique: str) -> None:
    longest = unique + "p" * (2048 - len(unique))
    for sk in "ab":
        store.put(AUDIT, {"pk": longest, "sk": sk, "n": 1})
    page = store.query(AUDIT, (longest,), limit=1)
    assert [found["sk"] for found in store.query(AUDIT, (longest,), start=page.next).rows] == ["b"]


def test_an_empty_partition_is_an_empty_page(store: Store, unique: str) -> None:
    assert store.query(PRODUCTS, (unique,)).rows == []
    assert store.query(PRODUCTS, (unique,), index=BY_CREATED).rows == []


def test_a_page_ends_at_a_megabyte_and_goes_on(store: Store, unique: str) -> None:
    large = "x" * 300_000
    for number in range(5):
        store.put(PRODUCTS, row(unique, f"{number}", large=large))
    found: list[Row] = []
    page = store.query(PRODUCTS, (unique,))
    found += page.rows
    while page.next is not None:
        page = store.query(PRODUCTS, (unique,), start=page.next)
        found += page.rows
    assert [r["sk"] for r in found] == list("01234")


def test_the_memory_store_tells_every_change_of_a_table_with_a_stream() -> None:
    store, seen = MemoryStore(), []
    store.listen(lambda table, old, new: seen.append((table, old, new)))
    store.put(PRODUCTS, row("a", n=1))
    store.put(PRODUCTS, row("a", n=1))  # no change, no record
    store.put(AUDIT, row("a"))  # no stream
    store.transact([Update(PRODUCTS, "a", "head", {"n": 2}), Put(PRODUCTS, row("b"))], "token")
    store.transact([Delete(PRODUCTS, "a", "head")], "other")
    assert seen == [
        ("products", None, row("a", n=1)),
        ("products", row("a", n=1), row("a", n=2)),
        ("products", None, row("b")),
        ("products", row("a", n=2), None),
    ]


def test_every_index_of_the_schema_is_one_that_the_spec_covers() -> None:
    shapes = {(len(index.partition), len(index.sort)) for index in (*PRODUCTS.indexes, *AUDIT.indexes)}
    assert shapes == {(1, 2)}
    assert isinstance(BY_MONTH, Index)
