"""The flags function through its door: the control plane of feature flags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.flags.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.cursors import encode
from slipway.flags.control import Control
from slipway.flags.environments import EnvironmentView
from slipway.flags.explain import ExplanationView
from slipway.flags.flag import FlagView
from slipway.flags.portability import ConfigurationView
from slipway.flags.preview import PreviewedView
from slipway.flags.proposals import ProposalView
from slipway.flags.schedules import ScheduleView
from slipway.flags.segments import SegmentView, UsesView
from slipway.history import VersionView
from tests.catalogue import START
from tests.functions.events import ADMIN, EDITOR, VIEWER, Reply, call

FLAG, HERE = "/v1/flags/checkout", "/v1/flags/checkout/environments/development"
ANY = {"If-Match": "*"}


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with api.testing(use=Control(store), now=START):
        yield store


def asked(
    method: str, path: str, body: Any = None, headers: Any = ANY, principal: Principal = EDITOR, query: str = ""
) -> Reply:
    return call(handler, method, path, body, headers=headers, principal=principal, query=query)


def created(key: str = "checkout", headers: dict[str, str] | None = None, **fields: Any) -> Reply:
    return asked("POST", "/v1/flags", {"key": key, "type": "boolean", **fields}, headers)


def faults(reply: Reply) -> list[tuple[str, str]]:
    assert reply.status == 422, reply.body
    return [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]]


# --- flags --------------------------------------------------------------------------------------------------


def test_a_flag_is_created_read_changed_archived_and_restored() -> None:
    made = created(tags=["web"], description="New checkout")
    assert (made.status, made.headers["location"], made.headers["etag"]) == (201, FLAG, '"1"')
    FlagView.model_validate(made.json)
    read = asked("GET", FLAG, principal=VIEWER)
    assert (read.status, read.json, read.headers["etag"]) == (200, made.json, '"1"')
    assert asked("GET", FLAG, headers={"If-None-Match": '"1"'}).status == 304
    patched = asked("PATCH", FLAG, {"tags": None, "variants": {"maybe": True}}, {"If-Match": '"1"'})
    assert (patched.status, patched.json["version"], patched.json["tags"]) == (200, 2, [])
    assert patched.json["variants"] == {"maybe": True, "off": False, "on": True}
    archived = asked("POST", f"{FLAG}/archive", headers={"If-Match": '"2"'})
    assert (archived.status, archived.json["status"], archived.headers["etag"]) == (200, "archived", '"3"')
    assert asked("PATCH", FLAG, {"tags": ["x"]}).status == 409
    assert asked("POST", f"{FLAG}/restore").json["status"] == "active"
    reverted = asked("POST", f"{FLAG}/revert", {"version": 1})
    assert (reverted.json["version"], reverted.json["variants"]) == (5, {"off": False, "on": True})
    listed = asked("GET", f"{FLAG}/versions", query="limit=2")
    assert [item["version"] for item in listed.json["items"]] == [5, 4]
    for item in listed.json["items"]:
        VersionView.model_validate(item)
    more = asked("GET", f"{FLAG}/versions", query=f"limit=9&cursor={listed.json['next_cursor']}")
    assert [item["version"] for item in more.json["items"]] == [3, 2, 1]
    assert "next_cursor" not in more.json


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"key": "a b"}, [("/key", "invalid_key")]),
        ({"key": "export"}, [("/key", "invalid_key")]),
        ({"type": "number"}, [("/type", "not_one_of")]),
        ({"hash": "v1"}, [("/hash", "not_one_of")]),
        ({"variants": {}}, [("/variants", "invalid_variants")]),
        ({"variants": {"on": None}}, [("/variants", "invalid_variants")]),
        ({"variants": {" on": True}}, [("/variants", "invalid_variant")]),
        ({"variants": {"on": "yes"}}, [("/variants/on", "mixed_types")]),
        ({"variants": []}, [("/variants", "invalid_variants")]),
        ({"type": "integer", "variants": {"a": 2**53}}, [("/variants/a", "out_of_range")]),
        ({"type": "object", "variants": {"a": {"b": [2**53 + 1]}}}, [("/variants", "out_of_range")]),
        ({"metadata": {"team": "web", "hash": "v3"}}, [("/metadata/hash", "reserved")]),
        ({"product": "Mug!"}, [("/product", "invalid_key")]),
        ({"client_side": "yes"}, [("/client_side", "type")]),
        ({"status": "archived"}, [("/status", "unknown")]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(store: MemoryStore, fields: dict[str, Any], expected: Any) -> None:
    assert faults(created(**fields)) == expected
    assert not store.tables.get("flags")


def test_one_idempotency_key_makes_one_flag() -> None:
    once = {"Idempotency-Key": "once"}
    first, again = created(headers=once), created(headers=once)
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["idempotency-replayed"] == "true"
    assert created(headers=once, tags=["x"]).json["code"] == "idempotency_mismatch"
    taken = created()
    assert (taken.status, taken.json["code"], taken.json["errors"][0]["pointer"]) == (409, "key_taken", "/key")


def test_a_change_says_which_version_it_is_of() -> None:
    created()
    assert asked("PATCH", FLAG, {"tags": ["x"]}, {}).status == 428
    assert asked("PATCH", HERE, {"enabled": True}, {}).status == 428
    assert asked("POST", f"{FLAG}/archive", headers={}).status == 428
    late = asked("PATCH", FLAG, {"tags": ["x"]}, {"If-Match": '"7"'})
    assert (late.status, late.headers["etag"]) == (412, '"1"')
    late = asked("PATCH", HERE, {"enabled": True}, {"If-Match": '"2"'})
    assert (late.status, late.headers["etag"]) == (412, '"1"')


def test_what_is_only_validated_has_no_tag_and_is_not_written(store: MemoryStore) -> None:
    created()
    before = dict(store.tables["flags"])
    for method, path, body in (
        ("POST", "/v1/flags", {"key": "other", "type": "boolean"}),
        ("PATCH", FLAG, {"tags": ["x"]}),
        ("POST", f"{FLAG}/archive", None),
        ("PATCH", HERE, {"enabled": True}),
        ("POST", f"{HERE}/copy", {"from": "staging"}),
        ("POST", "/v1/segments", {"key": "staff", "targeting": {"==": [1, 1]}}),
        ("DELETE", "/v1/environments/staging", None),
    ):
        reply = asked(method, path, body, principal=ADMIN, query="validate_only=true")
        assert reply.status in (200, 204), (path, reply.body)
        assert "etag" not in reply.headers
    assert store.tables["flags"] == before
    bad = asked("PATCH", HERE, {"default_variant": "x"}, query="validate_only=true")
    assert faults(bad) == [("/default_variant", "unknown_variant")]


def test_lists_take_filters_and_go_on(store: MemoryStore) -> None:
    for number in range(3):
        created(f"flag-{number}", tags=["web"], owner="Ada")
    created("else")
    asked("PATCH", "/v1/flags/flag-1/environments/staging", {"enabled": True})
    page = asked("GET", "/v1/flags", query="tag=web&limit=2")
    assert [item["key"] for item in page.json["items"]] == ["flag-0", "flag-1"]
    assert page.json["next_cursor"] in page.headers["link"]
    rest = asked("GET", "/v1/flags", query=f"tag=web&limit=2&cursor={page.json['next_cursor']}")
    assert [item["key"] for item in rest.json["items"]] == ["flag-2"]
    assert asked("GET", "/v1/flags", query=f"tag=x&cursor={page.json['next_cursor']}").json["code"] == "bad_cursor"
    for more in ("", "&state=off", "&stale=true"):
        assert asked("GET", "/v1/flags", query=f"environment=nope{more}").status == 404
    on = asked("GET", "/v1/flags", query="environment=staging&state=on")
    assert [item["key"] for item in on.json["items"]] == ["flag-1"]
    assert faults(asked("GET", "/v1/flags", query="state=on")) == [("/query/environment", "required")]
    forged = encode(["segments.list", None], {"key": "a#b"})
    assert asked("GET", "/v1/segments", query=f"cursor={forged}").status == 400


# --- configurations -----------------------------------------------------------------------------------------


def test_what_other_readers_do_not_get_is_said_wherever_the_configuration_is_answered() -> None:
    """As the published document leaves it out: for a prerequisite's buckets, and for operators of our own."""
    created()
    created(key="base", hash="v2")
    split = {"enabled": True, "default_variant": "off", "targeting": {"fractional": [["on", 1], ["off", 1]]}}
    place = "/v1/flags/base/environments/development"
    assert asked("PATCH", place, split).json["portable"] is True
    body = {"enabled": True, "default_variant": "off", "prerequisites": [{"flag": "base", "variants": ["on"]}]}
    for answer in (
        asked("POST", f"{HERE}/preview", {"change": body}, {}),
        asked("PATCH", HERE, body, query="validate_only=true"),
        asked("PATCH", HERE, body),
        asked("GET", HERE),
        asked("GET", HERE, headers={"if-none-match": '"2"'}),
    ):
        (reason,) = answer.json["not_portable"]
        assert (answer.status, answer.json["portable"]) == (200, False)
        assert reason.startswith("A prerequisite is split by `fractional`, and hashed with v3 or otherwise than this flag")
    assert asked("PATCH", place, {"targeting": None}).json["portable"] is True
    assert asked("GET", HERE).json["portable"] is True
    own = {"targeting": {"if": [{"matches": [{"var": "email"}, "@x$"]}, "on", "off"]}}
    assert asked("PATCH", place, own).json["not_portable"] == ["Slipway alone knows matches."]
    assert asked("GET", HERE).json["not_portable"] == ["Slipway alone knows matches."]
    listed = asked("GET", "/v1/flags/checkout/environments").json["items"]
    assert {one["environment"]: one["portable"] for one in listed}["development"] is False
    warnings = asked("GET", "/v1/flags/export", query="environment=development").json["slipway"]["warnings"]
    assert [(one["flag"], one["code"], one["pointer"]) for one in warnings if one["code"] == "not_portable"] == [
        ("base", "not_portable", "/flags/base/targeting"),
        ("checkout", "not_portable", "/slipway/flags/checkout"),
        ("checkout", "not_portable", "/slipway/flags/checkout/prerequisites"),
    ]


def test_a_configuration_is_read_changed_copied_and_taken_back() -> None:
    created()
    read = asked("GET", HERE, principal=VIEWER)
    ConfigurationView.model_validate(read.json)
    assert (read.status, read.headers["etag"], read.json["enabled"]) == (200, '"1"', False)
    rule = {"if": [{"==": [{"var": "plan"}, "beta"]}, "on", {"fractional": [["on", 0.5], ["off", 1e1]]}]}
    body = {"enabled": True, "default_variant": "off", "targeting": rule, "overrides": {"on": ["me"]}}
    wrong = asked("PATCH", HERE, body, {"If-Match": '"1"'})
    assert ("/targeting/if/2/fractional/0/1", "bad_weight") in faults(wrong)
    rule["if"][2] = {"fractional": [["on", 5], ["off", 1e1]]}
    patched = asked("PATCH", HERE, body, {"If-Match": '"1"'})
    assert (patched.status, patched.json["version"], patched.headers["etag"]) == (200, 2, '"2"')
    assert patched.json["targeting"] == rule
    assert patched.json["rules"][1] == 'If plan is "beta": on.'
    refused = asked("POST", "/v1/flags/checkout/environments/production/copy", {"from": "development"})
    assert faults(refused) == [("/reason", "required")]
    copied = asked("POST", "/v1/flags/checkout/environments/production/copy", {"from": "development", "reason": "Launch"})
    assert (copied.json["targeting"], copied.json["reason"]) == (rule, "Launch")
    reverted = asked("POST", f"{HERE}/revert", {"version": 1})
    assert (reverted.json["version"], reverted.json["enabled"]) == (3, False)
    each = asked("GET", f"{FLAG}/environments")
    assert [(item["environment"], item["version"]) for item in each.json["items"]] == [
        ("development", 3),
        ("production", 2),
        ("staging", 1),
    ]
    versions = asked("GET", f"{HERE}/versions").json["items"]
    assert [item["version"] for item in versions] == [3, 2, 1]
    assert asked("GET", HERE, query="as_of=2026-10-01T00:00:00Z").status == 404


def test_numbers_of_a_rule_come_back_as_they_were_sent() -> None:
    created()
    body = b'{"targeting": {"if": [{"==": [{"var": "x"}, 1.0, 1]}, "on"]}, "enabled": true}'
    assert call(handler, "PATCH", HERE, body, headers=ANY | {"content-type": "application/merge-patch+json"}).status == 422
    body = body.replace(b", 1]", b"]")
    call(handler, "PATCH", HERE, body, headers=ANY | {"content-type": "application/merge-patch+json"})
    assert b'{"==":[{"var":"x"},1.0]}' in asked("GET", HERE).body


def test_explain_and_preview_write_nothing(store: MemoryStore) -> None:
    created()
    asked("PATCH", HERE, {"enabled": True, "targeting": {"fractional": [["on", 1], ["off", 1]]}})
    before = dict(store.tables["flags"])
    why = asked("POST", f"{HERE}/explain", {"context": {"targetingKey": "u1", "x": 1.5}}, principal=VIEWER)
    ExplanationView.model_validate(why.json)
    assert why.json["bucket"]["of"] == 2
    change = {"change": {"targeting": {"fractional": [["on", 3], ["off", 1]]}}}
    would = asked("POST", f"{HERE}/preview", change, principal=VIEWER)
    PreviewedView.model_validate(would.json)
    assert would.json["moves"] == [{"from": "off", "to": "on", "count": would.json["changed"]}]
    assert asked("POST", f"{HERE}/preview", {**change, "contexts": [{}] * 1_001}).status == 422
    assert faults(asked("POST", f"{HERE}/explain", {"context": []})) == [("/context", "invalid_context")]
    assert faults(asked("POST", f"{HERE}/explain", {"context": {"targetingKey": 5}})) == [("/context", "invalid_context")]
    future = asked("POST", f"{HERE}/explain", {"at": "2027-01-01T00:00:00Z"})
    assert future.status == 422
    assert store.tables["flags"] == before


# --- segments and environments ------------------------------------------------------------------------------


def test_a_segment_is_made_used_and_cannot_go_while_it_is() -> None:
    created()
    made = asked("POST", "/v1/segments", {"key": "staff", "targeting": {"in": [{"var": "email"}, ["a@example.com"]]}}, {})
    assert (made.status, made.headers["location"]) == (201, "/v1/segments/staff")
    SegmentView.model_validate(made.json)
    asked("PATCH", HERE, {"targeting": {"if": [{"$ref": "staff"}, "on"]}})
    uses = asked("GET", "/v1/segments/staff/uses")
    UsesView.model_validate(uses.json)
    assert uses.json == {"count": 1, "items": [{"flag": "checkout", "environment": "development"}]}
    assert asked("DELETE", "/v1/segments/staff").json["errors"][0]["code"] == "in_use"
    changed = asked("PATCH", "/v1/segments/staff", {"targeting": {"==": [{"var": "a"}, 1]}}, {"If-Match": '"1"'})
    assert (changed.status, changed.json["version"]) == (200, 2)
    assert faults(asked("PATCH", "/v1/segments/staff", {"targeting": {"$ref": "x"}})) == [
        ("/targeting/$ref", "nested_reference")
    ]
    asked("PATCH", HERE, {"targeting": None})
    assert asked("DELETE", "/v1/segments/staff", headers={"If-Match": '"2"'}).status == 204
    assert asked("GET", "/v1/segments/staff").status == 404
    assert asked("GET", "/v1/segments").json == {"items": []}


def test_environments_are_an_admins() -> None:
    listed = asked("GET", "/v1/environments", principal=VIEWER)
    assert [(item["name"], item["protected"]) for item in listed.json["items"]] == [
        ("development", False),
        ("production", True),
        ("staging", False),
    ]
    for item in listed.json["items"]:
        EnvironmentView.model_validate(item)
    assert asked("POST", "/v1/environments", {"name": "preview"}).status == 403
    made = asked("POST", "/v1/environments", {"name": "preview", "protected": True}, {}, ADMIN)
    assert (made.status, made.headers["location"]) == (201, "/v1/environments/preview")
    assert faults(asked("POST", "/v1/environments", {"name": "all"}, {}, ADMIN)) == [("/name", "pattern")]
    assert faults(asked("PATCH", "/v1/environments/preview", {"protected": False}, principal=ADMIN)) == [
        ("/reason", "required")
    ]
    assert faults(asked("DELETE", "/v1/environments/preview", principal=ADMIN)) == [("/query/reason", "required")]
    less = {"protected": False, "reason": "Nobody else is here"}
    changed = asked("PATCH", "/v1/environments/preview", less, {"If-Match": '"1"'}, ADMIN)
    assert (changed.status, changed.json["protected"], changed.json["reason"]) == (200, False, "Nobody else is here")
    (last, first) = asked("GET", "/v1/environments/preview/versions").json["items"]
    assert [change["field"] for change in last["changes"]] == ["protected", "reason"]
    assert (first["version"], VersionView.model_validate(last).actor) == (1, f"{ADMIN.kind}:{ADMIN.id}")
    assert asked("DELETE", "/v1/environments/preview", headers={"If-Match": '"1"'}, principal=ADMIN).status == 412
    assert asked("DELETE", "/v1/environments/preview", principal=ADMIN).status == 204
    assert asked("GET", "/v1/environments/preview").status == 404
    told = asked("GET", "/v1/environments/preview/versions")
    assert told.status == 200, "what was there, and who took it away, stays to be read"
    assert [item["version"] for item in told.json["items"]] == [3, 2, 1]
    assert asked("GET", "/v1/environments/never/versions").status == 404


@pytest.mark.parametrize("kind", ["client", "server"])
def test_keys_of_an_environment_stay_out(kind: Any) -> None:
    key = Principal(kind, "key_1", None, "production")
    for path in ("/v1/flags", "/v1/segments", "/v1/environments", f"{FLAG}/environments/production"):
        assert asked("GET", path, principal=key).status == 403


def test_a_viewer_changes_nothing() -> None:
    created()
    for method, path, body in (
        ("POST", "/v1/flags", {"key": "x", "type": "boolean"}),
        ("PATCH", FLAG, {}),
        ("PATCH", HERE, {}),
        ("POST", f"{FLAG}/archive", None),
        ("DELETE", "/v1/segments/x", None),
    ):
        assert asked(method, path, body, principal=VIEWER).status == 403


# --- changes for later --------------------------------------------------------------------------------------


def test_a_change_request_is_opened_approved_by_another_person_and_applied() -> None:
    created()
    asked("PATCH", "/v1/environments/production", {"approval": True}, principal=ADMIN)
    there = f"{FLAG}/environments/production"
    refused = asked("PATCH", there, {"enabled": True, "reason": "Launch"})
    assert (refused.status, refused.json["errors"][0]["code"]) == (409, "approval_needed")
    change = {"flag": "checkout", "environment": "production", "change": {"enabled": True}, "reason": "Launch"}
    once = {"Idempotency-Key": "once"}
    opened = asked("POST", "/v1/proposals", change, once)
    assert (opened.status, opened.headers["location"]) == (201, f"/v1/proposals/{opened.json['id']}")
    assert asked("POST", "/v1/proposals", change, once).headers["idempotency-replayed"] == "true"
    ProposalView.model_validate(opened.json)
    path = opened.headers["location"]
    assert asked("POST", f"{path}/approve", headers={}).status == 428
    assert asked("POST", f"{path}/approve", headers={"If-Match": '"1"'}).status == 403
    other = Principal("member", "mbr_other", "editor")
    approved = asked("POST", f"{path}/approve", headers={"If-Match": '"1"'}, principal=other)
    assert (approved.status, approved.json["approved_by"]) == (200, "member:mbr_other")
    assert asked("POST", f"{path}/apply", headers={"If-Match": '"1"'}).status == 412
    assert asked("POST", f"{path}/apply", headers={"If-Match": '"2"'}).json["status"] == "applied"
    assert asked("GET", there).json["enabled"] is True
    assert asked("POST", f"{path}/reject").json["code"] == "move_not_allowed"
    off = asked("POST", f"{there}/off", {"reason": "It burns"})
    assert (off.status, off.json["enabled"], off.json["reason"]) == (200, False, "It burns")
    assert asked("POST", f"{there}/off", {"reason": 1}).status == 422
    listed = asked("GET", "/v1/proposals", query="flag=checkout&status=applied", principal=VIEWER)
    assert [item["id"] for item in listed.json["items"]] == [opened.json["id"]]
    assert asked("GET", "/v1/proposals", query="status=open").json["items"] == []


def test_a_change_is_planned_listed_and_cancelled() -> None:
    created()
    plan = {"flag": "checkout", "environment": "staging", "change": {"enabled": True}, "reason": "Launch"}
    made = asked("POST", "/v1/schedules", plan | {"at": "2026-11-02T09:00:00+01:00"}, {})
    assert (made.status, made.json["at"], made.json["status"]) == (201, "2026-11-02T08:00:00.000Z", "planned")
    ScheduleView.model_validate(made.json)
    assert faults(asked("POST", "/v1/schedules", plan | {"at": "2026-11-02T09:00:07Z"}, {})) == [("/at", "not_a_minute")]
    path = made.headers["location"]
    assert asked("GET", path, headers={"If-None-Match": '"1"'}).status == 304
    assert asked("POST", f"{path}/cancel", headers={"If-Match": '"1"'}).json["status"] == "cancelled"
    assert asked("POST", f"{path}/cancel").status == 409
    assert [item["status"] for item in asked("GET", "/v1/schedules").json["items"]] == ["cancelled"]
