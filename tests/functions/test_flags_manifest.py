"""The OpenFeature manifest API, as the `openfeature` command (pull and push) calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.flags.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.flags.control import Control
from slipway.flags.manifest import ArchivedView, ChangedView, ManifestError, ManifestView
from slipway.ports import StoreUnavailable
from tests.catalogue import START
from tests.functions.events import EDITOR, VIEWER, Reply, call

ALL, FLAGS = "/openfeature/v0/manifest", "/openfeature/v0/manifest/flags"


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with api.testing(use=Control(store), now=START):
        yield store


def asked(method: str, path: str, body: Any = None, principal: Principal | None = EDITOR) -> Reply:
    reply = call(handler, method, path, body, principal=principal)
    if reply.status >= 400:
        ManifestError.model_validate(reply.json)
        assert reply.json["error"]["status"] == reply.status
        assert reply.headers["content-type"] == "application/json"
    return reply


def flag(key: str = "checkout", type: str = "boolean", value: Any = False, **more: Any) -> dict[str, Any]:
    return {"key": key, "type": type, "defaultValue": value, **more}


def pulled() -> dict[str, dict[str, Any]]:
    reply = asked("GET", ALL)
    ManifestView.model_validate(reply.json)
    return {one["key"]: one for one in reply.json["flags"]}


def _go(value: Any) -> str:
    """As Go writes it."""
    return json.dumps(value, sort_keys=True)


def pushed(local: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """As the command does: read, compare key, type, default value and description, then create or replace what differs.

    It sends no name, and no description where that is empty."""
    remote, sent = pulled(), []
    for one in local:
        body = {name: value for name, value in one.items() if name != "description" or value}
        standing = remote.get(one["key"])
        if standing is None:
            sent.append(("POST", asked("POST", FLAGS, body).status))
            continue
        same = all(_go(one[name]) == _go(standing[name]) for name in ("type", "defaultValue"))
        if not same or one.get("description", "") != (standing["description"] or ""):
            sent.append(("PUT", asked("PUT", f"{FLAGS}/{one['key']}", body).status))
    return sent


LOCAL = [
    flag(),
    flag("dark", value=True, description="At night"),
    flag("theme", "string", "light"),
    flag("limit", "integer", 3),
    flag("share", "float", 0.5),
    flag("texts", "object", {"title": "Hi", "n": [1.0, None]}),
    flag("empty", "string", ""),
]


def test_what_is_pushed_is_pulled_and_then_there_is_nothing_to_push() -> None:
    assert pushed(LOCAL) == [("POST", 201)] * 7
    assert pushed(LOCAL) == []
    assert {key: one["defaultValue"] for key, one in pulled().items()} == {one["key"]: one["defaultValue"] for one in LOCAL}
    changed = [flag(value=True), flag("dark", value=False), flag("theme", "string", "dark", description="Colours"), *LOCAL[3:]]
    assert pushed(changed) == [("PUT", 200)] * 3
    assert pushed(changed) == []
    assert pulled()["dark"]["description"] is None


def test_a_whole_float_is_a_float_wherever_it_comes_from() -> None:
    """Go writes 1.0 as 1."""
    made = asked("POST", FLAGS, flag("share", "float", 1))
    assert b'"defaultValue":1.0' in made.body
    assert b'"defaultValue":1.0' in asked("GET", ALL).body
    assert asked("PUT", f"{FLAGS}/share", flag("share", "float", 1)).json["flag"]["defaultValue"] == 1.0


def test_a_push_touches_no_rule_and_no_other_variant() -> None:
    body = {
        "key": "theme",
        "type": "string",
        "variants": {"b": "blue", "a": "amber"},
        "owner": "web",
        "metadata": {"team": "x"},
    }
    call(handler, "POST", "/v1/flags", body, principal=EDITOR)
    rule = {"enabled": True, "default_variant": "b"}
    here = "/v1/flags/theme/environments/development"
    call(handler, "PATCH", here, rule, headers={"If-Match": "*"}, principal=EDITOR)
    assert pulled()["theme"]["defaultValue"] == "amber"
    assert asked("PUT", f"{FLAGS}/theme", flag("theme", "string", "green", name="Theme")).json["flag"]["name"] == "Theme"
    after = call(handler, "GET", "/v1/flags/theme", principal=EDITOR).json
    assert after["variants"] == {"a": "amber", "b": "blue", "default": "green"}
    assert (after["owner"], after["metadata"]) == ("web", {"team": "x", "name": "Theme"})
    assert call(handler, "GET", here, principal=EDITOR).json["default_variant"] == "b"
    asked("PUT", f"{FLAGS}/theme", {"key": "theme", "type": "string", "name": "theme"})
    assert pulled()["theme"] | {"description": None} == flag("theme", "string", "green", name="theme", description=None)


def test_a_flag_is_archived_and_leaves_the_manifest() -> None:
    made = asked("POST", FLAGS, flag())
    ChangedView.model_validate(made.json)
    gone = asked("DELETE", f"{FLAGS}/checkout")
    assert gone.status == 200
    ArchivedView.model_validate(gone.json)
    assert pulled() == {}
    again = asked("DELETE", f"{FLAGS}/checkout")
    changed = asked("PUT", f"{FLAGS}/checkout", flag(value=True))
    for refused in (again, changed):
        assert refused.status == 409
        (detail,) = refused.json["error"]["details"]
        assert (detail["field"], detail["code"], detail["message"]) == ("key", "archived", refused.json["error"]["message"])
    for method, path in (("POST", FLAGS), ("PUT", f"{FLAGS}/checkout")):
        assert asked(method, path, flag()).status == 409
    assert asked("DELETE", f"{FLAGS}/other").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field", "code"),
    [
        ("POST", FLAGS, flag("a/b"), 400, "key", "invalid_key"),
        ("POST", FLAGS, flag(value="yes"), 400, "defaultValue", "mixed_types"),
        ("POST", FLAGS, flag("x", "integer", 1.5), 400, "defaultValue", "mixed_types"),
        ("POST", FLAGS, flag("x", "string", None), 400, "defaultValue", "required"),
        ("POST", FLAGS, {"key": "x", "type": "string"}, 400, "defaultValue", "required"),
        ("POST", FLAGS, flag("x", "number", 1), 400, "type", "not_one_of"),
        ("POST", FLAGS, flag("x", flavour=1), 400, "flavour", "unknown"),
        ("POST", FLAGS, flag("there", value=True), 409, "key", "key_taken"),
        ("PUT", f"{FLAGS}/there", flag("else"), 400, "key", "mismatch"),
        ("PUT", f"{FLAGS}/there", flag("there", "string", "x"), 409, "type", "immutable"),
        ("PUT", f"{FLAGS}/there", flag("there", value="x"), 400, "defaultValue", "mixed_types"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(method: str, path: str, body: Any, status: int, field: str, code: str) -> None:
    asked("POST", FLAGS, flag("there"))
    reply = asked(method, path, body)
    assert (reply.status, [(one["field"], one["code"]) for one in reply.json["error"]["details"]]) == (status, [(field, code)])


def test_a_put_of_what_is_not_there_is_not_found() -> None:
    assert asked("PUT", f"{FLAGS}/x", flag("x")).status == 404


def test_a_post_whose_answer_was_lost_may_be_sent_again() -> None:
    first = asked("POST", FLAGS, flag())
    again = asked("POST", FLAGS, flag())
    assert (again.status, again.json) == (201, first.json)
    asked("PUT", f"{FLAGS}/checkout", flag(description="Now it has changed"))
    assert asked("POST", FLAGS, flag()).status == 409


def test_capabilities_are_those_of_the_caller() -> None:
    assert asked("GET", ALL).headers["x-manifest-capabilities"] == "read,write,delete"
    assert asked("GET", ALL, principal=VIEWER).headers["x-manifest-capabilities"] == "read"
    assert asked("POST", FLAGS, flag(), principal=VIEWER).status == 403
    refused = asked("GET", ALL, principal=None)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")


def test_a_store_that_is_away_is_told_in_the_same_form(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable

    monkeypatch.setattr(store, "query", away)
    reply = asked("GET", ALL)
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


def test_a_manifest_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    asked("POST", FLAGS, flag())
    monkeypatch.setattr("slipway.flags.manifest.MOST_BYTES", 10)
    assert asked("GET", ALL).status == 409


def test_the_words_name_the_member_that_is_there() -> None:
    error = asked("POST", FLAGS, {"key": "-bad", "type": "zz", "defaultValue": 1}).json["error"]
    assert "`details`" in error["message"]
    assert "`errors`" not in error["message"]
    assert {detail["field"] for detail in error["details"]} == {"key", "type"}
