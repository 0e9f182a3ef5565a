"""Keys, members and who am I, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.access.handler import access, api
from infra.routes import ROUTES
from slipway import cursors
from slipway.access import OPERATIONS, Principal
from slipway.adapters.memory import MemoryStore
from slipway.credentials import parse
from slipway.ports import Put
from slipway.tables import ACCESS
from tests.functions.events import ADMIN, EDITOR, VIEWER, Reply, call

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SERVER = {"name": " web ", "kind": "server", "environment": "prod"}
CLIENT_KEY = Principal("client", "key_client", environment="prod")


class Desk:
    def __init__(self) -> None:
        self.store, self.now = MemoryStore(), NOW

    def call(self, method: str, path: str, body: Any = None, match: str | None = None, **more: Any) -> Reply:
        headers = {**({"if-match": match} if match else {}), **more.pop("headers", {})}
        return call(api, method, path, body, headers=headers, **more)

    def key(self, **changed: Any) -> Any:
        return self.call("POST", "/v1/keys", {**SERVER, **changed}).json

    def member(self, email: str = "ada@example.com", role: str = "editor") -> Any:
        return self.call("POST", "/v1/members", {"email": email, "role": role}).json


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    with api.testing(use=access(desk.store), now=lambda: desk.now):
        yield desk


def test_the_registered_operations_are_the_routes() -> None:
    registered = {(operation.method, operation.path, operation.name) for operation in api.operations}
    assert registered == {(route.method, route.path, route.operation) for route in ROUTES if route.function == "access"}


# --- keys -----------------------------------------------------------------------------------------------


def test_a_key_is_shown_once(desk: Desk) -> None:
    answer = desk.call("POST", "/v1/keys", SERVER)
    made = answer.json
    assert answer.status == 201
    assert answer.headers["location"] == f"/v1/keys/{made['id']}"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["cache-control"] == "no-store"
    assert parse(made["key"]) is not None
    assert made["key"].startswith(made["prefix"] + "_")
    assert made | {"id": "", "key": "", "prefix": ""} == {
        "id": "",
        "key": "",
        "prefix": "",
        "name": "web",
        "kind": "server",
        "environment": "prod",
        "role": None,
        "status": "active",
        "expires_at": None,
        "previous_expires_at": None,
        "last_used_at": None,
        "revoked_at": None,
        "created_at": "2026-11-23T12:00:00.000Z",
        "updated_at": "2026-11-23T12:00:00.000Z",
        "version": 1,
    }
    secret = made["key"].rsplit("_", 1)[1]
    for later in (desk.call("GET", f"/v1/keys/{made['id']}"), desk.call("GET", "/v1/keys")):
        assert later.status == 200
        assert secret not in later.body.decode()
        assert "key" not in later.json


def test_the_same_request_again_shows_no_secret(desk: Desk) -> None:
    headers = {"idempotency-key": "k-1"}
    first = desk.call("POST", "/v1/keys", SERVER, headers=headers)
    again = desk.call("POST", "/v1/keys", SERVER, headers=headers)
    assert again.status == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json == first.json | {"key": None}
    assert desk.call("POST", "/v1/keys", {**SERVER, "name": "other"}, headers=headers).status == 422


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"kind": "root"}, "/kind"),
        ({"environment": "Prod"}, "/environment"),
        ({"environment": "all"}, "/environment"),
        ({"environment": None}, "/environment"),
        ({"role": "admin"}, "/role"),
        ({"kind": "admin"}, "/environment"),
        ({"expires_at": "2026-11-24T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"kind": "admin", "environment": None, "role": "admin", "expires_at": "2026-11-23T12:00:00Z"}, "/expires_at"),
        ({"secret": "mine"}, "/secret"),
    ],
)
def test_what_no_key_can_be_is_422_and_leaves_nothing(desk: Desk, changed: dict[str, Any], pointer: str) -> None:
    answer = desk.call("POST", "/v1/keys", {**SERVER, **changed})
    assert answer.status == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert not desk.store.tables.get("access")


def test_rotating_shows_the_new_key_and_when_the_old_one_ends(desk: Desk) -> None:
    made = desk.key()
    answer = desk.call("POST", f"/v1/keys/{made['id']}/rotate", {"overlap_seconds": 3600}, match='"1"')
    rotated = answer.json
    assert (answer.status, answer.headers["etag"], rotated["version"]) == (200, '"2"', 2)
    assert rotated["previous_expires_at"] == "2026-11-23T13:00:00.000Z"
    assert parse(rotated["key"]) is not None
    assert rotated["prefix"] != made["prefix"]
    desk.now += timedelta(hours=1)
    assert desk.call("GET", f"/v1/keys/{made['id']}").json["previous_expires_at"] is None


def test_the_overlap_is_a_day_unless_told_and_a_week_at_most(desk: Desk) -> None:
    path = f"/v1/keys/{desk.key()['id']}/rotate"
    assert desk.call("POST", path, {}, match="*").json["previous_expires_at"] == "2026-11-24T12:00:00.000Z"
    week = 7 * 24 * 3600
    assert (
        desk.call("POST", path, {"overlap_seconds": week}, match="*").json["previous_expires_at"] == "2026-11-30T12:00:00.000Z"
    )
    assert desk.call("POST", path, {"overlap_seconds": 0}, match="*").json["previous_expires_at"] is None
    for wrong in (-1, week + 1, 0.5, 1e30, "1", None, True):
        assert desk.call("POST", path, {"overlap_seconds": wrong}, match="*").status == 422, wrong


def test_revoking_is_final_and_again_changes_nothing(desk: Desk) -> None:
    path = f"/v1/keys/{desk.key()['id']}"
    answer = desk.call("POST", f"{path}/revoke", match='"1"')
    assert (answer.status, answer.json["status"], answer.json["revoked_at"]) == (200, "revoked", "2026-11-23T12:00:00.000Z")
    assert desk.call("POST", f"{path}/revoke", match='"2"').json["version"] == 2
    assert desk.call("POST", f"{path}/rotate", {}, match='"2"').status == 409


@pytest.mark.parametrize("action", ["rotate", "revoke"])
def test_a_change_needs_the_present_version(desk: Desk, action: str) -> None:
    path = f"/v1/keys/{desk.key()['id']}/{action}"
    body: Any = {} if action == "rotate" else None
    assert desk.call("POST", path, body).status == 428
    refused = desk.call("POST", path, body, match='"7"')
    assert (refused.status, refused.headers["etag"]) == (412, '"1"')
    assert desk.call("POST", path, body, match='"1"').status == 200


def test_the_last_day_of_use_is_shown(desk: Desk) -> None:
    made = desk.key()
    desk.store.put(ACCESS, {"pk": "used#prod", "sk": made["id"], "schema": 1, "day": 20_780})
    read = desk.call("GET", f"/v1/keys/{made['id']}")
    assert read.json["last_used_at"] == "2026-11-23T00:00:00.000Z"
    assert desk.call("GET", "/v1/keys").json["items"][0] == read.json


def test_a_read_key_has_a_tag_but_is_never_304(desk: Desk) -> None:
    """Its last use changes without a version."""
    path = f"/v1/keys/{desk.key()['id']}"
    answer = desk.call("GET", path)
    assert answer.headers["etag"] == '"1"'
    assert desk.call("GET", path, headers={"if-none-match": '"1"'}).status == 200


def test_keys_are_listed_in_pages_each_once(desk: Desk) -> None:
    made = []
    for number in range(7):
        desk.now += timedelta(seconds=1)
        made.append(desk.key(name=f"k{number}")["id"])
    found, query = [], "limit=3"
    while True:
        answer = desk.call("GET", "/v1/keys", query=query).json
        found += [item["id"] for item in answer["items"]]
        if "next_cursor" not in answer:
            break
        query = f"limit=3&cursor={answer['next_cursor']}"
    assert found == made
    assert "next_cursor" not in desk.call("GET", "/v1/keys", query="limit=7").json, "nothing follows"


def test_keys_are_filtered(desk: Desk) -> None:
    prod, dev = desk.key(), desk.key(environment="dev", kind="client")
    expiring = desk.key(environment=None, kind="admin", role="viewer", expires_at="2026-11-23T13:00:00Z")
    desk.call("POST", f"/v1/keys/{dev['id']}/revoke", match="*")
    desk.now += timedelta(hours=1)

    def ids(query: str) -> set[str]:
        return {item["id"] for item in desk.call("GET", "/v1/keys", query=query).json["items"]}

    assert ids("") == {prod["id"], dev["id"], expiring["id"]}
    assert ids("environment=dev") == {dev["id"]}
    assert ids("kind=server") == {prod["id"]}
    assert ids("status=revoked") == {dev["id"]}
    assert ids("status=expired") == {expiring["id"]}
    assert ids("status=active&kind=server&environment=prod") == {prod["id"]}
    assert desk.call("GET", "/v1/keys", query="status=lost").status == 422


def test_a_made_up_cursor_has_the_digits_of_a_time_only(desk: Desk) -> None:
    place = {"created_at": "\N{ARABIC-INDIC DIGIT TWO}026-11-23T12:00:00.000Z", "pk": "key_" + "0" * 26}
    cursor = cursors.encode(["keys", None, None, None], place)
    assert desk.call("GET", "/v1/keys", query=f"cursor={cursor}").status == 400


def test_a_cursor_of_another_list_is_refused(desk: Desk) -> None:
    for _ in range(2):
        desk.key()
    cursor = desk.call("GET", "/v1/keys", query="limit=1").json["next_cursor"]
    assert desk.call("GET", "/v1/members", query=f"cursor={cursor}").status == 400
    assert desk.call("GET", "/v1/keys", query=f"kind=server&cursor={cursor}").status == 400
    assert desk.call("GET", "/v1/keys", query="cursor=x").status == 400


@pytest.mark.parametrize(
    "id", ["x", "key_" + "0" * 26, "key_x", "verifiers%23prod", "mbr_" + "0" * 26, "%00", "k" * 3000, "%F0%9F"]
)
@pytest.mark.parametrize("resource", ["keys", "members"])
def test_what_is_not_there_is_404(desk: Desk, resource: str, id: str) -> None:
    desk.key()
    assert desk.call("GET", f"/v1/{resource}/{id}").status == 404


# --- members --------------------------------------------------------------------------------------------


def test_an_invited_member_answers_with_its_place(desk: Desk) -> None:
    answer = desk.call("POST", "/v1/members", {"email": " Ada@Example.com", "role": "admin"})
    assert (answer.status, answer.headers["etag"]) == (201, '"1"')
    made = answer.json
    assert answer.headers["location"] == f"/v1/members/{made['id']}"
    assert (made["email"], made["role"], made["version"]) == ("ada@example.com", "admin", 1)
    read = desk.call("GET", f"/v1/members/{made['id']}")
    assert (read.json, read.headers["etag"]) == (made, '"1"')
    assert desk.call("GET", "/v1/members").json["items"] == [made]


def test_an_address_twice_is_409_and_a_wrong_one_422(desk: Desk) -> None:
    desk.member("canary@example.com")
    again = desk.call("POST", "/v1/members", {"email": "CANARY@example.com", "role": "viewer"})
    assert (again.status, again.json["code"]) == (409, "key_taken")
    assert "canary" not in again.body.decode().lower()
    wrong = desk.call("POST", "/v1/members", {"email": "canary@", "role": "viewer"})
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/email")
    assert "canary" not in wrong.body.decode()


def test_a_role_is_changed_at_the_version_that_was_read(desk: Desk) -> None:
    path = f"/v1/members/{desk.member()['id']}"
    assert desk.call("PATCH", path, {"role": "viewer"}).status == 428
    assert desk.call("PATCH", path, {"role": "viewer"}, match='"2"').status == 412
    changed = desk.call("PATCH", path, {"role": "viewer"}, match='"1"')
    assert (changed.status, changed.json["role"], changed.headers["etag"]) == (200, "viewer", '"2"')
    for wrong in ({}, {"role": None}, {"role": "root"}, {"role": "viewer", "email": "b@example.com"}):
        assert desk.call("PATCH", path, wrong, match="*").status == 422, wrong


def test_a_removed_member_is_gone_and_forgotten(desk: Desk) -> None:
    desk.member("root@example.com", "admin")
    made = desk.member("canary@example.com")
    path = f"/v1/members/{made['id']}"
    assert desk.call("DELETE", path).status == 428
    removed = desk.call("DELETE", path, match='"1"')
    assert (removed.status, removed.body) == (204, b"")
    assert desk.call("GET", path).status == 404
    assert desk.call("DELETE", path, match="*").status == 404
    assert [item["email"] for item in desk.call("GET", "/v1/members").json["items"]] == ["root@example.com"]
    assert "canary" not in repr(desk.store.tables)


def test_the_last_admin_stays(desk: Desk) -> None:
    path = f"/v1/members/{desk.member(role='admin')['id']}"
    assert desk.call("DELETE", path, match="*").status == 409
    assert desk.call("PATCH", path, {"role": "editor"}, match="*").status == 409


# --- me -------------------------------------------------------------------------------------------------


def test_me_says_who_and_what(desk: Desk) -> None:
    made = desk.member(role="viewer")
    member = desk.call("GET", "/v1/me", principal=Principal("member", made["id"], "viewer")).json
    assert (member["kind"], member["id"], member["role"], member["email"]) == (
        "member",
        made["id"],
        "viewer",
        "ada@example.com",
    )
    assert "products.read" in member["operations"]
    assert "keys.create" not in member["operations"]
    key = desk.call("GET", "/v1/me", principal=CLIENT_KEY).json
    assert key["environment"] == "prod"
    evaluation, signals = ["flags.evaluate", "flags.evaluate_all"], ["signals.collect", "signals.track"]
    feedback = [f"feedback.{name}" for name in ("form", "similar", "submit", "vote", "withdraw")]
    feedback += ["attachments.form", "surveys.prompt"]
    assert sorted(key["operations"]) == sorted(["me.read", *evaluation, *feedback, *signals, "site.read"])
    applications = {*signals, "surveys.prompt"}
    assert set(desk.call("GET", "/v1/me").json["operations"]) == set(OPERATIONS) - applications


def test_a_key_acts_in_its_own_environment_and_an_admin_in_the_one_asked_for(desk: Desk) -> None:
    def acting(query: str, principal: Principal) -> Reply:
        return desk.call("GET", "/v1/me", query=query, principal=principal)

    assert acting("", ADMIN).json["environment"] is None
    assert acting("environment=staging", ADMIN).json["environment"] == "staging"
    assert acting("environment=prod", CLIENT_KEY).json["environment"] == "prod"
    assert acting("environment=staging", CLIENT_KEY).status == 403
    for none in ("Not-One", "all", "", "e" * 33, "a_b", "prod%0A"):
        refused = acting(f"environment={none}", ADMIN)
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/query/environment"), none
    assert desk.call("GET", "/v1/keys", query="environment=all").status == 422


def test_me_of_a_key_asks_no_table(desk: Desk) -> None:
    class Silent(MemoryStore):
        def get_many(self, *_: Any, **__: Any) -> Any:
            raise AssertionError

        get = get_many

    with api.testing(use=access(Silent())):
        assert desk.call("GET", "/v1/me", principal=CLIENT_KEY).status == 200


# --- who may --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("principal", [None, VIEWER, EDITOR, CLIENT_KEY])
def test_only_an_admin_gets_at_keys_and_members(desk: Desk, principal: Principal | None) -> None:
    key, member = desk.key(), desk.member(role="admin")
    before = json.dumps(repr(desk.store.tables))
    refused = 401 if principal is None else 403
    for method, path, body in (
        ("POST", "/v1/keys", SERVER),
        ("GET", "/v1/keys", None),
        ("GET", f"/v1/keys/{key['id']}", None),
        ("POST", f"/v1/keys/{key['id']}/rotate", {}),
        ("POST", f"/v1/keys/{key['id']}/revoke", None),
        ("POST", "/v1/members", {"email": "eve@example.com", "role": "admin"}),
        ("PATCH", f"/v1/members/{member['id']}", {"role": "viewer"}),
        ("DELETE", f"/v1/members/{member['id']}", None),
    ):
        assert desk.call(method, path, body, match="*", principal=principal).status == refused, (method, path)
    assert json.dumps(repr(desk.store.tables)) == before


def test_no_secret_and_no_address_in_any_line(desk: Desk, log_lines: list[dict[str, Any]]) -> None:
    made = desk.key(name="canary-name")
    rotated = desk.call("POST", f"/v1/keys/{made['id']}/rotate", {}, match="*").json
    desk.member("canary@example.com")
    desk.call("POST", "/v1/members", {"email": "canary@example.com", "role": "admin"})
    desk.call("POST", "/v1/members", {"email": "canary@", "role": "admin"})
    desk.call("GET", f"/v1/keys/{made['key']}", query=f"key={made['key']}")
    text = json.dumps(log_lines)
    assert len(log_lines) == 6
    assert "canary" not in text
    for issued in (made, rotated):
        assert issued["key"].rsplit("_", 1)[1][:20] not in text
        assert issued["prefix"] not in text


def test_a_row_of_another_kind_is_no_key(desk: Desk) -> None:
    id = "key_" + "0" * 26
    desk.store.transact([Put(ACCESS, {"pk": id, "sk": "head", "kind": "member", "schema": 1})], "t")
    assert desk.call("GET", f"/v1/keys/{id}").status == 404


def test_an_admin_key_may_all_of_it(desk: Desk) -> None:
    assert desk.call("GET", "/v1/keys", principal=ADMIN).status == 200
