"""Export and import: there and back without loss, safe in a spreadsheet, whole or resumable."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.products.handler import api, handler
from slipway import importing, imports, transfer
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.edge import json as strict
from slipway.edge import validation
from slipway.ports import Put, StoreUnavailable
from slipway.problems import IdempotencyMismatch, KeyTaken
from slipway.product import view
from slipway.products import Products
from slipway.resources import Stored
from slipway.stages import STAGES
from slipway.text import BadText, line
from slipway.transfer import ImportedProduct, read_csv, read_jsonl, written
from tests.catalogue import START, Counting, Faulty, a_call, heads, made
from tests.functions.events import ADMIN, EDITOR, VIEWER, Reply, call

PATH = "/v1/products"
MEDIA = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
FORMATS: tuple[transfer.Format, ...] = ("csv", "jsonl")
KEPT = ("key", "name", "description", "stage", "status", "price", "owner", "tags", "metadata", "links")


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with api.testing(use=Products(store), now=START):
        yield store


def sent(body: bytes | str, media: str = "text/csv", key: str = "", query: str = "", *, principal: Principal = ADMIN) -> Reply:
    headers = {"Content-Type": media} | ({"Idempotency-Key": key} if key else {})
    return call(handler, "POST", f"{PATH}/import", body, headers=headers, query=query, principal=principal)


def taken(products: Products, body: bytes, format: str, key: str | None = None) -> imports.Outcome:
    reader = read_csv if format == "csv" else read_jsonl
    lines = reader(body, strict.read)
    return imports.take(products, a_call(key=key), body, lines, lambda value: validation.body(ImportedProduct, value))


def kept(products: Products) -> list[dict[str, Any]]:
    views = [view(Stored(row)) for row in heads(products)]
    return sorted(({name: one[name] for name in KEPT} for one in views), key=str)


def jsonl(count: int, **fields: Any) -> bytes:
    return b"".join(
        json.dumps({"name": f"Mug {number}", "price": number, **fields}).encode() + b"\n" for number in range(count)
    )


def keyed(*keys: str) -> bytes:
    return b"".join(json.dumps({"name": key, "price": 1, "key": key}).encode() + b"\n" for key in keys)


# --- there and back -----------------------------------------------------------------------------------------


def takes(word: str) -> bool:
    try:
        return bool(line(word, 40))
    except BadText:
        return False


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1, max_size=20).filter(takes)
words |= st.sampled_from(
    ("=1+1", "'=1+1", "''@x", "'tis", "'", "-5", "+x", "@y", 'a"b', "a,b;c", "＝1", "null", "[]", "0", "#N/A")
)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.decimals("-1000", "1000", places=5)
shapes = st.fixed_dictionaries(
    {
        "name": words,
        "price": st.fixed_dictionaries(
            {"amount": st.integers(0, 10**15 - 1), "currency": st.sampled_from(("EUR", "JPY", "BHD"))}
        ),
    },
    optional={
        "description": st.lists(words, min_size=1, max_size=3).map("\n".join),
        "stage": st.sampled_from(STAGES),
        "owner": words,
        "tags": st.lists(st.from_regex(r"[a-z0-9][a-z0-9_.:-]{0,8}", fullmatch=True), max_size=3),
        "metadata": st.dictionaries(
            st.from_regex(r"[A-Za-z0-9_.:-]{1,8}", fullmatch=True), words | st.booleans() | numbers, max_size=3
        ),
        "links": st.lists(st.fixed_dictionaries({"label": words, "url": st.just("https://example.com/?a=b,c")}), max_size=2),
    },
)


@settings(deadline=None, max_examples=60)
@given(st.lists(shapes, min_size=1, max_size=4), st.booleans())
def test_what_was_exported_is_imported_without_loss(fields: list[dict[str, Any]], archived: bool) -> None:
    products = Products(MemoryStore())
    for number, one in enumerate(fields):
        stored = made(products, number, **one, key=f"key-{number}")
        if archived:
            products.archive(a_call(50), stored.id, 1)
    for format in FORMATS:
        file, _ = written(products, format, None)
        copy = Products(MemoryStore(), currency="USD")
        assert taken(copy, file.encode(), format).created == len(fields)
        assert kept(copy) == kept(products)
        assert {row["data"]["status"] for row in heads(copy)} == {"archived" if archived else "active"}
        assert taken(copy, file.encode(), format).existing == len(fields)


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])
def test_no_exported_cell_begins_like_a_formula(mark: str) -> None:
    products = Products(MemoryStore())
    made(products, name=f"{mark}cmd|' /C calc'!A0", description=f"{mark}1", owner=f"{mark}1")
    file, _ = written(products, "csv", None)
    rows = list(csv.DictReader(io.StringIO(file, newline="")))
    assert rows[0]["name"] == f"'{mark}cmd|' /C calc'!A0"
    assert not [cell for row in rows for cell in row.values() if cell.startswith(mark)]


def test_a_big_catalogue_is_exported_in_pieces_that_make_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Counting()
    products = Products(store)
    for number in range(230):
        made(products, number, name=f"Mug {number}", description="d" * 1000)
    monkeypatch.setattr(transfer, "PAGE_BYTES", 50_000)
    monkeypatch.setattr(transfer, "PAGE_LINES", 60)
    for format in FORMATS:
        pieces, cursor = [], None
        while True:
            piece, cursor = written(products, format, cursor)
            pieces.append(piece)
            assert len(piece) < 52_000
            if cursor is None:
                break
        assert 4 < len(pieces) < 8
        copy = Products(MemoryStore())
        assert taken(copy, "".join(pieces).encode(), format).created == 230
        assert kept(copy) == kept(products)
    assert set(store.requests) == {"put", "query", "get_many"}


def test_an_export_is_a_file_with_a_link_to_its_next_piece(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(jsonl(3), MEDIA["jsonl"])
    monkeypatch.setattr(transfer, "PAGE_LINES", 2)
    for format, media in (("csv", "text/csv; charset=utf-8"), ("jsonl", "application/x-ndjson")):
        first = call(handler, "GET", f"{PATH}/export", query=f"format={format}", principal=VIEWER)
        assert (first.status, first.headers["content-type"]) == (200, media)
        path, _, query = first.headers["link"].partition(";")[0].strip("<>").partition("?")
        second = call(handler, "GET", path, query=query, principal=VIEWER)
        assert "link" not in second.headers
        whole = (first.body + second.body).decode()
        assert whole.count("Mug") == 3
        assert whole.count('"description","stage"') == (1 if format == "csv" else 0)
    assert call(handler, "GET", f"{PATH}/export", query="format=xml").status == 422
    assert call(handler, "GET", f"{PATH}/export", query="cursor=rubbish").status == 400


# --- every line is checked first ----------------------------------------------------------------------------


def test_one_bad_line_and_nothing_is_imported(store: MemoryStore) -> None:
    file = b"\n".join(
        [
            b'{"name": "Mug", "price": "19.99", "key": "mug"}',
            b'{"name": "", "price": 1}',
            b"",
            b'{"name": "Cup", "price": 1.999, "key": "cup"}',
            b'{"name": "Cup"',
            b'{"name": "Bowl", "price": 1, "key": "mug"}',
            b"[]",
            b'{"name": "Big", "price": 1, "metadata": {"a": "b"}, "createdAt": 1}',
            b'{"name": "a", "name": "b", "price": 1}',
            b'{"name": "\xff", "price": 1}',
        ]
    )
    reply = sent(file, MEDIA["jsonl"])
    assert reply.status == 422
    assert [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]] == [
        ("/lines/2/name", "empty"),
        ("/lines/4/price", "too_many_decimals"),
        ("/lines/5", "malformed"),
        ("/lines/6/key", "duplicate"),
        ("/lines/7", "type"),
        ("/lines/8/createdAt", "unknown"),
        ("/lines/9", "malformed"),
        ("/lines/10", "malformed"),
    ]
    assert reply.json["errors"][0]["detail"].startswith("Line 2: ")
    assert not store.tables


def test_the_lines_of_csv_are_those_of_the_file() -> None:
    file = (
        "\ufeffname,price,currency,tags,metadata,links,description\r\n"
        '"Mug",19.99,,a;b,"{""a"":1}",,"two\r\nlines"\r\n'
        "Cup,1.999,BHD,,,,\r\n"
        "Bowl,1.5,JPY,,,,\r\n"
        "Jug,1,XXX,,,,\r\n"
        "Pot,1\r\n"
        "\r\n"
        'Pan,1,,,{,"[{}]",\r\n'
        'Cut,1,,,,,"no end'
    )
    reply = sent(file)
    assert [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]] == [
        ("/lines/5/price", "too_many_decimals"),
        ("/lines/6/currency", "unknown_currency"),
        ("/lines/7", "wrong_cells"),
        ("/lines/9/metadata", "malformed"),
        ("/lines/10", "malformed"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("\n", 400),
        ("name,prize\nMug,1\n", 400),
        ("name\nMug\n", 400),
        ("name,price,name\nMug,1,Cup\n", 400),
        ("name,price\n", 422),
        (b"name,price\nM\xfcg,1\n", 400),
        ("name,price\n" + "Mug,1\n" * (importing.LINES + 1), 413),
        ("name,price\n" + "x" * 200_000 + ",1\n", 422),
        ("x" * (4 * 1024 * 1024 + 1), 413),
    ],
)
def test_what_is_no_file_of_products_is_refused(store: MemoryStore, body: bytes | str, status: int) -> None:
    assert sent(body).status == status
    assert not store.tables


@pytest.mark.parametrize(("format", "file"), [("csv", b"name,price\r\nMug,1\r\n"), ("jsonl", jsonl(1))])
def test_a_byte_order_mark_before_a_file_is_taken(store: MemoryStore, format: str, file: bytes) -> None:
    assert sent(b"\xef\xbb\xbf" + file, MEDIA[format]).json["created"] == 1
    assert sent(b"\xef\xbb\xbf" * 2 + file, MEDIA[format]).status in (400, 422)
    assert len(heads(Products(store))) == 1


def test_an_import_has_one_of_two_media_types() -> None:
    assert sent(b'[{"name": "Mug", "price": 1}]', "application/json").status == 415


def test_names_as_long_as_the_file_are_not_told_at_length() -> None:
    long, twice = '\\"' * 400_000, "é" * 900_000
    lines = [f'{{"name": "Mug", "price": 1, "{long}": 1}}', f'{{"{twice}": {{"a": 1, "a": 1}}}}']
    reply = sent("\n".join(lines), MEDIA["jsonl"])
    assert (reply.status, [fault["code"] for fault in reply.json["errors"]]) == (422, ["unknown", "malformed"])
    assert len(reply.body) < 5_000


def test_a_hundred_faults_are_told() -> None:
    reply = sent("name,price\n" + "Mug,x\n" * 150)
    assert (len(reply.json["errors"]), reply.status) == (100, 422)
    assert "the first 100 of 150" in reply.json["detail"]


def test_taken_keys_are_told_before_anything_is_written(store: MemoryStore) -> None:
    sent("name,price,key\nMug,1,mug\nCup,1,cup\n")
    before = len(store.tables["products"])
    reply = sent("name,price,key\nBowl,1,bowl\nMug,1,mug\nCup,2,cup\n")
    assert (reply.status, reply.json["code"]) == (409, "key_taken")
    assert [fault["pointer"] for fault in reply.json["errors"]] == ["/lines/3/key", "/lines/4/key"]
    assert len(store.tables["products"]) == before


def test_validate_only_checks_all_and_writes_nothing(store: MemoryStore) -> None:
    reply = sent("name,price\nMug,1\n", query="validate_only=true")
    assert (reply.status, reply.json) == (200, {"lines": 1, "created": 1, "existing": 0, "conflicts": []})
    assert "idempotency-replayed" not in reply.headers
    assert sent("name,price\nMug,x\n", query="validate_only=true").status == 422
    assert not store.tables["products"]


# --- then written, and finished if broken off ---------------------------------------------------------------


def test_the_same_import_again_makes_nothing_twice(store: MemoryStore) -> None:
    for key in ("", "once"):
        first, again = sent(jsonl(60), MEDIA["jsonl"], key), sent(jsonl(60), MEDIA["jsonl"], key)
        assert (first.status, first.json["created"], first.json["existing"]) == (200, 60, 0)
        assert (again.status, again.json["created"], again.json["existing"]) == (200, 0, 60)
        assert again.headers["idempotency-replayed"] == "true"
    assert sum(sk == "head" for _, sk in store.tables["products"]) == 120  # two names, two imports
    other = sent(jsonl(61), MEDIA["jsonl"], "once")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", "once"])
def test_the_same_file_from_another_caller_is_another_import(store: MemoryStore, key: str) -> None:
    for principal in (ADMIN, EDITOR):
        assert sent(jsonl(2), MEDIA["jsonl"], key, principal=principal).json["created"] == 2
    assert sent(keyed("mug"), MEDIA["jsonl"], principal=ADMIN).json["created"] == 1
    assert sent(keyed("mug"), MEDIA["jsonl"], principal=EDITOR).status == 409
    assert len(heads(Products(store))) == 5


@pytest.mark.parametrize("body", [jsonl(1), jsonl(61)[len(jsonl(60)) :], b"\n" * 70 + jsonl(2), b"\n" * 20 + jsonl(60)])
def test_another_file_under_the_same_key_writes_nothing(store: MemoryStore, body: bytes) -> None:
    sent(jsonl(60), MEDIA["jsonl"], "once")
    before = store.tables["products"].copy()
    reply = sent(body, MEDIA["jsonl"], "once")
    assert (reply.status, reply.json["code"]) == (422, "idempotency_mismatch")
    assert store.tables["products"] == before
    assert sent(jsonl(60), MEDIA["jsonl"], "once").json["existing"] == 60


def test_a_file_that_is_refused_leaves_its_key_to_the_mended_one(store: MemoryStore) -> None:
    assert sent(b'{"name": "Mug", "price": "x"}', MEDIA["jsonl"], "once").status == 422
    assert sent(jsonl(2), MEDIA["jsonl"], "once", query="validate_only=true").status == 200
    assert not store.tables["products"]
    assert sent(jsonl(1), MEDIA["jsonl"], "once").json["created"] == 1


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("broken", range(5))
def test_an_import_with_a_key_that_was_broken_off_is_finished_by_the_same_import(broken: int, after: bool) -> None:
    products = Products(Faulty(after={broken} if after else (), before=() if after else {broken}))
    with pytest.raises(StoreUnavailable):
        taken(products, jsonl(90), "jsonl", "once")
    outcome = taken(products, jsonl(90), "jsonl", "once")
    assert (outcome.created + outcome.existing, outcome.conflicts) == (90, [])
    with pytest.raises(IdempotencyMismatch):
        taken(products, jsonl(91), "jsonl", "once")
    assert len(heads(products)) == 90


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("broken", range(4))
def test_an_import_that_was_broken_off_is_finished_by_the_same_import(broken: int, after: bool) -> None:
    products = Products(Faulty(after={broken} if after else (), before=() if after else {broken}))
    file = b"".join(
        json.dumps({"name": f"Mug {number}", "price": 1, "key": f"mug-{number}" if number % 2 else None}).encode() + b"\n"
        for number in range(90)
    )
    with pytest.raises(StoreUnavailable):
        taken(products, file, "jsonl")
    outcome = taken(products, file, "jsonl")
    assert (outcome.created + outcome.existing, outcome.conflicts) == (90, [])
    assert outcome.existing == 25 * broken + (min(25, 90 - 25 * broken) if after else 0)
    assert sorted(row["data"]["name"] for row in heads(products)) == sorted(f"Mug {number}" for number in range(90))


@pytest.mark.parametrize("key", ["", "once"])
def test_whoever_gets_no_answer_to_an_import_is_told_to_send_it_again(key: str) -> None:
    store = Faulty(after={1})
    with api.testing(use=Products(store)):
        lost = sent(jsonl(60), MEDIA["jsonl"], key)
        assert (lost.status, lost.json["detail"]) == (
            503,
            "The store did not answer in time; the same request may be sent again.",
        )
        assert sent(jsonl(60), MEDIA["jsonl"], key).json["conflicts"] == []
    assert len(heads(Products(store))) == 60


class Snatching(Faulty):
    """Somebody else takes the key `snatched` between the check and the first transaction: that is the write before it."""

    done = False

    def transact(self, writes: Any, token: str) -> None:
        if not self.done:
            self.done = True
            made(Products(self), key="snatched")
        super().transact(writes, token)


def test_a_key_that_is_taken_after_the_check_is_a_conflict_of_its_line_only() -> None:
    products = Products(Snatching())
    file = b'{"name": "a", "price": 1}\n{"name": "b", "price": 1, "key": "snatched"}\n{"name": "c", "price": 1}\n'
    outcome = taken(products, file, "jsonl")
    assert (outcome.created, outcome.conflicts) == (2, [{"line": 2, "key": "snatched"}])
    outcome = taken(products, file, "jsonl")
    assert (outcome.created, outcome.existing, outcome.conflicts) == (0, 2, [{"line": 2, "key": "snatched"}])
    assert sorted(row["data"]["name"] for row in heads(products)) == ["Mug", "a", "c"]


MANY = [*(f"mug-{number}" for number in range(89)), "cup"]


@pytest.mark.parametrize("broken", [3, 4, 20, 27, 28, 29])
@pytest.mark.parametrize("place", [1, 30, 89])
def test_an_import_that_met_a_conflict_and_was_broken_off_is_finished_by_the_same_import(broken: int, place: int) -> None:
    products = Products(Snatching(before={broken}))
    keys = [*MANY[:place], "snatched", *MANY[place:]]
    with suppress(StoreUnavailable):  # there are fewer writes where the last chunk has the conflict
        taken(products, keyed(*keys), "jsonl")
    outcome = taken(products, keyed(*keys), "jsonl")
    assert (outcome.created + outcome.existing, outcome.conflicts) == (90, [{"line": place + 1, "key": "snatched"}])
    assert sorted(row["data"]["name"] for row in heads(products)) == sorted([*MANY, "Mug"])


def test_a_key_that_is_taken_before_anything_stands_refuses_the_file_also_when_it_was_tried_before() -> None:
    products = Products(Snatching(before={2}))
    with pytest.raises(StoreUnavailable):
        taken(products, keyed("snatched", "cup"), "jsonl", "once")
    for _ in range(2):
        with pytest.raises(KeyTaken):
            taken(products, keyed("snatched", "cup"), "jsonl", "once")
    assert [row["data"]["name"] for row in heads(products)] == ["Mug"]


@pytest.mark.parametrize("key", ["", "once"])
def test_an_import_is_replayed_though_a_product_of_it_gave_its_key_to_another(store: MemoryStore, key: str) -> None:
    first = sent(keyed("mug", "cup"), MEDIA["jsonl"], key)
    cup = call(handler, "GET", f"{PATH}/cup").json["id"]
    assert call(handler, "PATCH", f"{PATH}/{cup}", {"key": "bowl"}, headers={"If-Match": "*"}).status == 200
    made(Products(store), key="cup")
    before = store.tables["products"].copy()
    again = sent(keyed("mug", "cup"), MEDIA["jsonl"], key)
    assert (first.json["created"], again.status, again.headers["idempotency-replayed"]) == (2, 200, "true")
    assert again.json == {"lines": 2, "created": 0, "existing": 2, "conflicts": []}
    assert store.tables["products"] == before


def test_what_is_validated_of_a_begun_import_is_told_as_it_would_be(store: MemoryStore) -> None:
    products = Products(Snatching())
    with api.testing(use=products):
        done = sent(keyed("mug", "snatched"), MEDIA["jsonl"], "once")
        would = sent(keyed("mug", "snatched"), MEDIA["jsonl"], "once", "validate_only=true")
        assert done.json == {"lines": 2, "created": 1, "existing": 0, "conflicts": [{"line": 2, "key": "snatched"}]}
        assert would.json == {**done.json, "created": 0, "existing": 1}
        for query in ("", "validate_only=true"):
            other = sent(keyed("jug", "snatched"), MEDIA["jsonl"], "once", query)
            assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
        assert sent(keyed("jug", "snatched"), MEDIA["jsonl"], query="validate_only=true").status == 409
    assert sorted(row["data"]["name"] for row in heads(products)) == ["Mug", "mug"]


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_what_an_import_would_create_is_told_and_then_done(chunks: int) -> None:
    """25 lines a write: of 60 that were broken off after so many of them, the rest would be created."""
    products = Products(Faulty(before={1 + chunks}))  # the first write keeps the import's name
    with api.testing(use=products):
        assert sent(jsonl(60), MEDIA["jsonl"], "once").status == 503
        for created in (60 - 25 * chunks, 0):
            would = sent(jsonl(60), MEDIA["jsonl"], "once", "validate_only=true")
            assert would.json == {"lines": 60, "created": created, "existing": 60 - created, "conflicts": []}
            assert "idempotency-replayed" not in would.headers
            assert sent(jsonl(60), MEDIA["jsonl"], "once").json == would.json


def refused(products: Products, file: bytes) -> None:
    with pytest.raises(IdempotencyMismatch):
        taken(products, file + b"\n", "jsonl", "once")


def test_an_import_costs_one_transaction_for_25_products_and_one_read_for_100_keys() -> None:
    store = Counting()
    products = Products(store)
    file = b"".join(json.dumps({"name": "Mug", "price": 1, "key": f"mug-{number}"}).encode() + b"\n" for number in range(250))
    assert store.counted(lambda: taken(products, file, "jsonl")) == ["get_many"] * 3 + ["transact"] * 10
    assert store.counted(lambda: taken(products, file, "jsonl")).count("transact") == 10
    few = jsonl(30)
    assert store.counted(lambda: taken(products, few, "jsonl", "once")) == ["put", "transact", "transact"]
    again = ["put", "transact", "get_many", "transact", "get_many"]
    assert store.counted(lambda: taken(products, few, "jsonl", "once")) == again
    assert store.counted(lambda: refused(products, few)) == ["put"]


def test_no_transaction_has_more_than_100_writes() -> None:
    sizes: list[int] = []

    class Sized(MemoryStore):
        def transact(self, writes: Any, token: str) -> None:
            sizes.append(len(writes))
            assert all(isinstance(write, Put) for write in writes)
            super().transact(writes, token)

    file = b"".join(json.dumps({"name": "Mug", "price": 1, "key": f"mug-{number}"}).encode() + b"\n" for number in range(60))
    assert taken(Products(Sized()), file, "jsonl").created == 60
    assert max(sizes) <= 100


def test_numbers_in_metadata_are_kept_as_every_reader_sees_them() -> None:
    products = Products(MemoryStore())
    stored = made(products, metadata={"a": Decimal("0.1234567890123456789"), "b": Decimal("1.50"), "c": Decimal("2.0")})
    assert stored.data["metadata"] == {"a": Decimal(repr(0.1234567890123456789)), "b": Decimal("1.5"), "c": 2}
