"""The products function through its door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from functions.products.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.cursors import encode
from slipway.history import VersionView
from slipway.product import ItemsView, ProductView
from slipway.products import Products
from tests.catalogue import START
from tests.functions.events import ADMIN, EDITOR, VIEWER, Context, Reply, call, http_event

PATH = "/v1/products"


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with api.testing(use=Products(store), now=START):
        yield store


def created(headers: dict[str, str] | None = None, **fields: Any) -> Reply:
    return call(handler, "POST", PATH, {"name": "Mug", "price": "19.99", **fields}, headers=headers)


def patched(id: str, body: Any, match: str = "*", query: str = "") -> Reply:
    return call(handler, "PATCH", f"{PATH}/{id}", body, headers={"If-Match": match}, query=query)


def faults(reply: Reply) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]]


# --- create and read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["19.99", '" 19.99 "', '"19.99"', "1.999e1", '{"amount": 1999}', '{"amount": 1999.0}'])
def test_a_body_like_the_seeds_makes_a_product(price: str) -> None:
    body = f'{{"name": " Mug ", "price": {price}}}'
    reply = call(handler, "POST", PATH, body, headers={"Content-Type": "application/json"}, principal=EDITOR)
    assert reply.status == 201
    assert reply.json["name"] == "Mug"
    assert reply.json["price"] == {"amount": 1999, "currency": "EUR"}
    assert reply.headers["etag"] == '"1"'
    assert reply.headers["location"] == f"{PATH}/{reply.json['id']}"
    read = call(handler, "GET", reply.headers["location"], principal=VIEWER)
    assert (read.status, read.json, read.headers["etag"]) == (200, reply.json, '"1"')
    ProductView.model_validate(read.json)
    again = call(handler, "GET", reply.headers["location"], headers={"If-None-Match": '"1"'})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, ("/name", "empty")),
        ({"name": "x" * 201}, ("/name", "too_long")),
        ({"name": 5}, ("/name", "type")),
        ({"name": None}, ("/name", "type")),
        ({"name": "a\u202eb"}, ("/name", "forbidden_character")),
        ({"price": None}, ("/price", "invalid_price")),
        ({"price": True}, ("/price", "invalid_price")),
        ({"price": [1]}, ("/price", "invalid_price")),
        ({"price": {}}, ("/price", "invalid_price")),
        ({"price": {"currency": "EUR"}}, ("/price", "invalid_price")),
        ({"price": {"amount": "5"}}, ("/price", "invalid_price")),
        ({"price": {"amount": 5.5}}, ("/price", "invalid_price")),
        ({"price": {"amount": True}}, ("/price", "invalid_price")),
        ({"price": {"amount": 5, "currency": 5}}, ("/price", "invalid_price")),
        ({"price": {"amount": 5, "more": 1}}, ("/price", "invalid_price")),
        ({"price": {"amount": -5}}, ("/price/amount", "out_of_range")),
        ({"price": {"amount": 5, "currency": "eur"}}, ("/price/currency", "unknown_currency")),
        ({"price": "19,99"}, ("/price", "invalid_price")),
        ({"price": 19.999}, ("/price", "too_many_decimals")),
        ({"price": -1}, ("/price", "out_of_range")),
        ({"price": 1e60}, ("/price", "out_of_range")),
        ({"price": 1e-300}, ("/price", "too_many_decimals")),
        ({"price": {"amount": 1e300}}, ("/price", "invalid_price")),
        ({"key": "prd_mug"}, ("/key", "invalid_key")),
        ({"key": "import"}, ("/key", "invalid_key")),
        ({"key": "export"}, ("/key", "invalid_key")),
        ({"key": "batch"}, ("/key", "invalid_key")),
        ({"key": "Mug"}, ("/key", "invalid_key")),
        ({"key": "-mug"}, ("/key", "invalid_key")),
        ({"key": "mug\n"}, ("/key", "invalid_key")),
        ({"key": "m" * 65}, ("/key", "invalid_key")),
        ({"key": "a/b"}, ("/key", "invalid_key")),
        ({"stage": "launched"}, ("/stage", "not_one_of")),
        ({"tags": ["A"]}, ("/tags/0", "invalid_tag")),
        ({"tags": ["a"] * 21}, ("/tags", "too_long")),
        ({"tags": "a"}, ("/tags", "type")),
        ({"metadata": {"a b": 1}}, ("/metadata", "invalid_metadata")),
        ({"metadata": {"a": None}}, ("/metadata", "invalid_metadata")),
        ({"metadata": {"a": {}}}, ("/metadata", "invalid_metadata")),
        ({"metadata": {"a": 2**53}}, ("/metadata", "invalid_metadata")),
        ({"metadata": {"a": 1e-200}}, ("/metadata", "out_of_range")),
        ({"metadata": {"a": "x" * 501}}, ("/metadata", "too_long")),
        ({"metadata": []}, ("/metadata", "invalid_metadata")),
        ({"links": [{"label": "a", "url": "http://example.com"}]}, ("/links/0/url", "invalid_url")),
        ({"links": [{"label": "a", "url": "https://user:pass@example.com"}]}, ("/links/0/url", "invalid_url")),
        ({"links": [{"label": "a", "url": "https://example.com/a b"}]}, ("/links/0/url", "invalid_url")),
        ({"links": [{"label": "a", "url": "https://example.com/<script>"}]}, ("/links/0/url", "invalid_url")),
        ({"links": [{"label": "a", "url": "javascript:alert(1)"}]}, ("/links/0/url", "invalid_url")),
        ({"links": [{"label": "a"}]}, ("/links/0/url", "required")),
        ({"createdAt": "2026-01-01T00:00:00Z"}, ("/createdAt", "unknown")),
        ({"id": "prd_mine"}, ("/id", "unknown")),
        ({"status": "archived"}, ("/status", "unknown")),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    store: MemoryStore, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    reply = created(**fields)
    assert (reply.status, faults(reply)) == (422, [expected])
    assert not store.tables


def test_every_field_is_answered_as_it_was_given() -> None:
    given: dict[str, Any] = {
        "key": "mug_2-go",
        "description": "Line one\nLine two",
        "stage": "beta",
        "owner": "Ada Lovelace",
        "tags": ["kitchen", "v1.2"],
        "metadata": {"size": 1.5, "glazed": True, "count": 3, "note": "=1+1", "tiny": 1e-7},
        "links": [{"label": "Spec", "url": "https://example.com:8443/a?b=c#d"}],
    }
    reply = created(**given)
    assert {name: reply.json[name] for name in given} == given
    assert call(handler, "GET", f"{PATH}/mug_2-go").json == reply.json


def test_one_idempotency_key_makes_one_product(store: MemoryStore) -> None:
    key = {"Idempotency-Key": "once"}
    first = created(key)
    patched(first.json["id"], {"name": "Cup"})
    again = created(key)
    assert (again.status, again.json, again.headers["etag"]) == (201, first.json, '"1"')
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    other = created(key, name="Bowl")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert sum(sk == "head" for _, sk in store.tables["products"]) == 1


# --- change, archive, restore -------------------------------------------------------------------------------


def test_a_change_needs_the_version_that_was_read() -> None:
    id = created().json["id"]
    missing = call(handler, "PATCH", f"{PATH}/{id}", {"name": "Cup"})
    assert missing.status == 428
    changed = patched(id, {"name": "Cup"}, '"1"')
    assert (changed.status, changed.headers["etag"], changed.json["version"]) == (200, '"2"', 2)
    late = patched(id, {"name": "Bowl"}, '"1"')
    assert (late.status, late.headers["etag"]) == (412, '"2"')
    assert patched(id, {"name": "Bowl"}, '"never"').status == 412


def test_a_patch_is_a_merge_patch_by_its_media_type_too() -> None:
    id = created().json["id"]
    plain = call(
        handler, "PATCH", f"{PATH}/{id}", '{"name": "Cup"}', headers={"If-Match": "*", "Content-Type": "application/json"}
    )
    assert plain.status == 415


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": None}, ("/name", "type")),
        ({"price": None}, ("/price", "invalid_price")),
        ({"stage": None}, ("/stage", "not_one_of")),
        ({"status": "archived"}, ("/status", "unknown")),
        ({"version": 5}, ("/version", "unknown")),
        ({"price": {"amount": 5, "currency": "XXX"}}, ("/price/currency", "unknown_currency")),
        ({"metadata": {"a": [1]}}, ("/metadata", "invalid_metadata")),
    ],
)
def test_a_wrong_patch_changes_nothing(body: Any, expected: tuple[str, str]) -> None:
    id = created().json["id"]
    reply = patched(id, body)
    assert (reply.status, faults(reply)) == (422, [expected])
    assert call(handler, "GET", f"{PATH}/{id}").json["version"] == 1


def test_a_stage_that_cannot_be_reached_is_a_conflict_that_names_the_others() -> None:
    reply = patched(created().json["id"], {"stage": "ga"})
    assert (reply.status, reply.json["code"]) == (409, "move_not_allowed")
    assert "discovery or retired" in reply.json["detail"]


def test_archive_and_restore_go_there_and_back() -> None:
    path = f"{PATH}/{created(key='mug').json['id']}"
    assert call(handler, "DELETE", path).status == 428
    archived = call(handler, "DELETE", path, headers={"If-Match": '"1"'})
    assert (archived.status, archived.json["status"], archived.headers["etag"]) == (200, "archived", '"2"')
    assert patched("mug", {"name": "Cup"}).status == 409
    assert call(handler, "POST", f"{path}/restore").status == 428
    assert call(handler, "POST", f"{path}/restore", headers={"If-Match": '"1"'}).status == 412
    restored = call(handler, "POST", f"{path}/restore", headers={"If-Match": '"2"'})
    assert (restored.status, restored.json["status"], restored.json["version"]) == (200, "active", 3)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_product_is_not_found(method: str) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    for ref in ("prd_" + "0" * 26, "nothing", "%2e%2e", "key%23mug"):
        assert call(handler, method, f"{PATH}/{ref}", body, headers={"If-Match": "*"}).status == 404


def test_validate_only_writes_nothing(store: MemoryStore) -> None:
    body = {"name": "Mug", "price": 1}
    made = call(handler, "POST", PATH, body, query="validate_only=true")
    assert (made.status, made.json["name"], made.headers.get("location")) == (200, "Mug", None)
    many = call(handler, "POST", f"{PATH}/batch", {"items": [body] * 30}, query="validate_only=true")
    assert (many.status, len(many.json["items"])) == (200, 30)
    assert not store.tables
    id = created().json["id"]
    before = json.dumps(str(store.tables))
    change = patched(id, {"name": "Cup"}, '"1"', "validate_only=true")
    assert (change.status, change.json["name"], change.headers.get("etag")) == (200, "Cup", None)
    for method, path in (("DELETE", f"{PATH}/{id}"), ("POST", f"{PATH}/{id}/restore")):
        reply = call(handler, method, path, headers={"If-Match": "*"}, query="validate_only=true")
        assert (reply.status, reply.headers.get("etag")) == (200, None)
    assert patched(id, {"price": "x"}, '"1"', "validate_only=true").status == 422
    assert json.dumps(str(store.tables)) == before


# --- lists and history --------------------------------------------------------------------------------------


def test_a_list_is_read_page_by_page() -> None:
    made = {created(name=name, stage=stage).json["id"] for name, stage in (("a", "ga"), ("b", "idea"), ("c", "ga"))}
    first = call(handler, "GET", PATH, query="limit=2")
    assert len(first.json["items"]) == 2
    assert first.headers["link"].endswith('; rel="next"')
    path, _, query = first.headers["link"].partition(";")[0].strip("<>").partition("?")
    second = call(handler, "GET", path, query=query)
    assert "next_cursor" not in second.json
    assert "link" not in second.headers
    assert {item["id"] for item in first.json["items"] + second.json["items"]} == made
    assert {item["name"] for item in call(handler, "GET", PATH, query="stage=ga").json["items"]} == {"a", "c"}
    assert [item["name"] for item in call(handler, "GET", PATH, query="name_prefix=B").json["items"]] == ["b"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 200),
        ("limit=1000", 200),
        ("limit=x", 422),
        ("stage=launched", 422),
        ("updated_after=yesterday", 422),
        ("name_prefix=", 422),
        ("unknown=1", 422),
        ("cursor=rubbish", 400),
        ("key=prd_x", 422),
    ],
)
def test_a_query_is_coerced_or_refused(query: str, status: int) -> None:
    assert call(handler, "GET", PATH, query=query).status == status


def test_history_tells_versions_and_the_past() -> None:
    id = created().json["id"]
    patched(id, {"name": "Cup", "price": 25})
    versions = call(handler, "GET", f"{PATH}/{id}/versions")
    assert [item["version"] for item in versions.json["items"]] == [2, 1]
    for item in versions.json["items"]:
        VersionView.model_validate(item)
    assert versions.json["items"][0] == {
        "version": 2,
        "at": "2026-11-01T00:00:00.000Z",
        "actor": f"admin:{ADMIN.id}",
        "changes": [
            {"field": "name", "from": "Mug", "to": "Cup"},
            {
                "field": "price",
                "from": {"amount": 1999, "currency": "EUR"},
                "to": {"amount": 2500, "currency": "EUR"},
            },
        ],
    }
    page = call(handler, "GET", f"{PATH}/{id}/versions", query="limit=1")
    rest = call(handler, "GET", f"{PATH}/{id}/versions", query=f"limit=1&cursor={page.json['next_cursor']}")
    assert [item["version"] for item in rest.json["items"]] == [1]
    assert call(handler, "GET", f"{PATH}/{id}/versions", query="cursor=rubbish").status == 400
    for moment, status in (("2026-11-01T01:00:00%2B01:00", 200), ("2026-10-31T00:00:00Z", 404), ("2026-11-02T00:00:00Z", 422)):
        assert call(handler, "GET", f"{PATH}/{id}", query=f"as_of={moment}").status == status
    assert call(handler, "GET", f"{PATH}/{id}", query="as_of=yesterday").status == 422


def test_a_plus_that_came_as_a_space_is_refused_with_a_word_on_how_to_send_it() -> None:
    id = created().json["id"]
    for path, name in ((f"{PATH}/{id}", "as_of"), (PATH, "updated_after")):
        reply = call(handler, "GET", path, query=f"{name}=2026-11-01T01:00:00+01:00")
        assert (reply.status, faults(reply)) == (422, [(f"/query/{name}", "invalid_moment")])
        assert "%2B" in reply.json["errors"][0]["detail"]
        assert "UTC with Z" in reply.json["errors"][0]["detail"]
        assert call(handler, "GET", path, query=f"{name}=2026-11-01T01:00:00%2B01:00").status == 200
        assert "%2B" not in str(call(handler, "GET", path, query=f"{name}=2026-11-01 01:00:00Z").json)


@pytest.mark.parametrize("version", [1, 2, 3, 5, 10**14])
def test_a_made_up_cursor_of_versions_gives_no_version_that_is_none(version: int) -> None:
    for ref in ("prd_" + "0" * 26, "nothing"):
        cursor = encode(["products.versions", ref], {"version": version})
        assert call(handler, "GET", f"{PATH}/{ref}/versions", query=f"cursor={cursor}").status == 404
    id = created().json["id"]
    patched(id, {"name": "Cup"})
    cursor = encode(["products.versions", id], {"version": version})
    reply = call(handler, "GET", f"{PATH}/{id}/versions", query=f"cursor={cursor}")
    assert (reply.status, [item["version"] for item in reply.json["items"]]) == (200, [] if version == 1 else [1])
    assert "next_cursor" not in reply.json


LARGEST_ANSWER = 6_291_556  # bytes that a function may answer


def sent_bytes(method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
    """What the function hands to the platform, with every letter that is not ASCII escaped as some runtimes do; its body."""
    event = http_event(method, path, query=query, headers={"content-type": "application/json"}, body=body)
    answer = handler(event, Context())
    return len(json.dumps(answer)), json.loads(answer["body"])


@pytest.mark.parametrize("letter", ['"', "\\", "é", "\U0001f600"])
def test_no_page_of_full_products_is_too_large_to_be_answered(letter: str) -> None:
    full = letter * (500 // len(letter.encode()))
    metadata = {f"name{number}": full for number in range(23)}
    made = [created(name=f"{letter * 9} {number}", metadata=metadata).json["id"] for number in range(100)]
    for filters in ("limit=100", "limit=100&stage=idea", f"limit=100&name_prefix={quote(letter)}"):
        seen: list[str] = []
        query = filters
        while True:
            size, page = sent_bytes("GET", PATH, query=query)
            assert size < LARGEST_ANSWER
            assert page["items"]
            seen += [item["id"] for item in page["items"]]
            if "next_cursor" not in page:
                break
            query = f"{filters}&cursor={page['next_cursor']}"
        assert (len(seen), set(seen)) == (100, set(made))


@pytest.mark.parametrize("letter", ['"', "é"])
def test_no_page_of_long_changes_is_too_large_to_be_answered(letter: str) -> None:
    half = 250 // len(letter.encode())
    id = created().json["id"]
    for number in range(150):
        metadata = {f"name{place}": letter * 2 * half + str(number % 10) for place in range(14)}
        metadata = {name: value[2:] for name, value in metadata.items()}
        assert patched(id, {"description": str(number) + letter * 14 * half, "metadata": metadata}).status == 200
    seen: list[int] = []
    query = "limit=100"
    while True:
        size, page = sent_bytes("GET", f"{PATH}/{id}/versions", query=query)
        assert size < LARGEST_ANSWER
        seen += [item["version"] for item in page["items"]]
        if "next_cursor" not in page:
            break
        assert len(page["items"]) < 100
        query = f"limit=100&cursor={page['next_cursor']}"
    assert seen == list(range(151, 0, -1))


@pytest.mark.parametrize("letter", ['"', "\\", "é", "\U0001f600"])
@pytest.mark.parametrize("count", [25, 100])
def test_no_answer_to_a_batch_is_too_large(letter: str, count: int) -> None:
    """A batch of 2 MB at most, of products as large as they may be."""
    most = min(11_500, 1_950_000 // count // len(json.dumps(letter, ensure_ascii=False).encode()[1:-1]) * len(letter.encode()))
    metadata = {f"name{number}": letter * (500 // len(letter.encode())) for number in range(most // 510)}
    items = [{"name": "Mug", "price": 1, "metadata": metadata}] * count
    size, body = sent_bytes("POST", f"{PATH}/batch", json.dumps({"items": items}, ensure_ascii=False))
    assert len(body["items"]) == count
    assert size < LARGEST_ANSWER


# --- batches ------------------------------------------------------------------------------------------------


def batch(items: list[dict[str, Any]], key: str = "") -> Reply:
    headers = {"Idempotency-Key": key} if key else {}
    return call(handler, "POST", f"{PATH}/batch", {"items": items}, headers=headers)


def test_a_batch_of_25_stands_or_falls_together(store: MemoryStore) -> None:
    items: list[dict[str, Any]] = [{"name": f"Mug {number}", "price": number, "key": f"mug-{number}"} for number in range(25)]
    done = batch(items, "once")
    assert (done.status, [item["status"] for item in done.json["items"]]) == (201, [201] * 25)
    ItemsView.model_validate(done.json)
    again = batch(items, "once")
    assert (again.status, again.json, again.headers["idempotency-replayed"]) == (201, done.json, "true")
    refused = batch([{"name": "new", "price": 1}, {"name": "taken", "price": 1, "key": "mug-3"}])
    assert (refused.status, faults(refused)) == (409, [("/items/1/key", "key_taken")])
    assert sum(sk == "head" for _, sk in store.tables["products"]) == 25


def test_a_batch_of_more_tells_what_became_of_each(store: MemoryStore) -> None:
    created(key="mug-7")
    items: list[dict[str, Any]] = [{"name": f"Mug {number}", "price": number, "key": f"mug-{number}"} for number in range(100)]
    done = batch(items, "once")
    assert done.status == 207
    ItemsView.model_validate(done.json)
    assert [item["status"] for item in done.json["items"]] == [201] * 7 + [409] + [201] * 92
    problem = done.json["items"][7]["problem"]
    assert problem["errors"][0]["pointer"] == "/items/7/key"
    assert (problem["instance"], problem["request_id"]) == (f"{PATH}/batch", done.headers["x-request-id"])
    again = batch(items, "once")
    assert (again.json, again.headers["idempotency-replayed"]) == (done.json, "true")
    assert "idempotency-replayed" not in done.headers
    assert sum(sk == "head" for _, sk in store.tables["products"]) == 100


def test_a_batch_is_replayed_only_where_an_earlier_one_made_all_that_is_made() -> None:
    items: list[dict[str, Any]] = [{"name": f"Mug {number}", "price": number, "key": f"mug-{number}"} for number in range(30)]
    for item in items:
        assert created(key=item["key"]).status == 201
    refused = batch(items, "once")
    assert {item["status"] for item in refused.json["items"]} == {409}
    assert "idempotency-replayed" not in batch(items, "once").headers  # nothing was ever made
    assert patched("mug-3", {"key": "cup"}).status == 200
    assert "idempotency-replayed" not in batch(items, "once").headers  # it made one more
    assert batch(items, "once").headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_1_to_100_items(store: MemoryStore, count: int) -> None:
    assert batch([{"name": "Mug", "price": 1}] * count).status == 422
    assert not store.tables


def test_a_wrong_item_fails_a_batch_of_any_size_before_anything_is_written(store: MemoryStore) -> None:
    good = {"name": "Mug", "price": 1}
    for count in (2, 50):
        reply = batch([good] * count + [{"name": "", "price": "1.999"}])
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, f"/items/{count}/name")
    assert not store.tables


# --- who may ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "principal", [VIEWER, Principal("client", "key_c", None, "test"), Principal("server", "key_s", None, "test")]
)
def test_who_may_not_write_writes_nothing(store: MemoryStore, principal: Principal) -> None:
    body = {"name": "Mug", "price": 1}
    for method, path, sent in (
        ("POST", PATH, body),
        ("POST", f"{PATH}/batch", {"items": [body]}),
        ("POST", f"{PATH}/import", body),
        ("PATCH", f"{PATH}/mug", {}),
        ("DELETE", f"{PATH}/mug", None),
        ("POST", f"{PATH}/mug/restore", None),
    ):
        assert call(handler, method, path, sent, principal=principal).status == 403
        assert call(handler, method, path, sent, principal=None).status == 401
    assert not store.tables
