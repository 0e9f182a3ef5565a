"""Every way to write, through the door: what touches a protected environment asks for its reason, and for a second person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.flags.handler import api, handler
from infra.routes import ROUTES
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.flags.control import Control
from tests.catalogue import START
from tests.flagging import configured, made, ruled, segment
from tests.functions.events import ADMIN, Reply, call

THERE = "/v1/flags/checkout/environments/production"
ADA, BOB = Principal("member", "mbr_ada", "admin"), Principal("member", "mbr_bob", "admin")
FILE = {"flags": {"checkout": {"state": "ENABLED", "variants": {"on": True, "off": True}, "defaultVariant": "on"}}}

# Of what touches production, where `checkout` is on and uses `staff`: method, path, body, query.
ASKS: dict[str, tuple[str, str, Any, str]] = {
    "flags.update": ("PATCH", "/v1/flags/checkout", {"variants": {"on": False}}, ""),
    "flags.archive": ("POST", "/v1/flags/checkout/archive", None, ""),
    "flags.restore": ("POST", "/v1/flags/away/restore", None, ""),
    "flags.revert": ("POST", "/v1/flags/checkout/revert", {"version": 1}, ""),
    "flags.rehash": ("POST", "/v1/flags/checkout/rehash", {"hash": "v2"}, ""),
    "flags.import": ("POST", "/v1/flags/import", FILE, "environment=staging&mode=update"),
    "manifest.update": (
        *("PUT", "/openfeature/v0/manifest/flags/checkout"),
        {"key": "checkout", "type": "boolean", "defaultValue": True},
        "",
    ),
    "manifest.archive": ("DELETE", "/openfeature/v0/manifest/flags/checkout", None, ""),
    "configurations.update": ("PATCH", THERE, {"enabled": False}, ""),
    "configurations.revert": ("POST", f"{THERE}/revert", {"version": 1}, ""),
    "configurations.copy": ("POST", f"{THERE}/copy", {"from": "staging"}, ""),
    "segments.update": ("PATCH", "/v1/segments/staff", {"targeting": {"==": [{"var": "plan"}, "x"]}}, ""),
    "environments.update": ("PATCH", "/v1/environments/production", {"protected": False, "approval": False}, ""),
    "environments.delete": ("DELETE", "/v1/environments/idle", None, ""),
}
FREE = {
    "flags.create": "a new flag is off everywhere",
    "manifest.create": "a new flag is off everywhere",
    "segments.create": "nobody uses it yet",
    "segments.delete": "one that is used cannot go",
    "environments.create": "nothing is on in it",
    "configurations.explain": "writes nothing",
    "configurations.preview": "writes nothing",
    "configurations.off": "for emergencies; it always gives its reason",
    "proposals.open": "asks, and always gives its reason",
    "proposals.approve": "is the second person",
    "proposals.apply": "only what a second person agreed to",
    "proposals.reject": "changes nothing that is served",
    **dict.fromkeys(
        ("rollouts.create", "rollouts.start", "rollouts.resume", "rollouts.advance", "rollouts.stop"),
        "asks, and its second person is who starts it: told by `test_rollouts`",
    ),
    "templates.create": "nothing is begun with it yet",
    "templates.update": "what was begun with it goes on as it is",
    "templates.delete": "what was begun with it goes on",
    "rollouts.dry_run": "writes nothing",
    "rollouts.pause": "shows nothing to more",
    "rollouts.roll_back": "shows it to nobody",
    "schedules.plan": "always gives its reason; refused where it takes a second person, unless one agreed",
    "schedules.cancel": "changes nothing that is served",
}


@pytest.fixture(autouse=True)
def control() -> Iterator[Control]:
    control = Control(MemoryStore())
    with api.testing(use=control, now=START):
        segment(control)
        for key in ("checkout", "away"):
            made(control, key, variants={"on": True, "off": True})
            rule = {"if": [{"$ref": "staff"}, "on", {"fractional": [["on", 1], ["off", 1]]}]}
            configured(control, key, "production", enabled=True, targeting=rule, reason="x")
        asked("PATCH", "/v1/flags/checkout", {"variants": {"spare": True}, "reason": "x"})
        asked("POST", "/v1/flags/away/archive", query="reason=x")
        asked("POST", "/v1/environments", {"name": "idle", "protected": True})
        yield control


def asked(method: str, path: str, body: Any = None, query: str = "", principal: Principal = ADMIN) -> Reply:
    return call(handler, method, path, body, headers={"If-Match": "*"}, principal=principal, query=query)


def test_every_write_is_thought_of() -> None:
    writes = {route.operation for route in ROUTES if route.function == "flags" and route.method != "GET"}
    assert writes == ASKS.keys() | FREE.keys()


def codes(reply: Reply) -> list[str]:
    """Of what was refused, as its own standard tells it."""
    found = reply.json
    return [one["code"] for one in found.get("errors") or found["error"]["details"]]


@pytest.mark.parametrize("operation", ASKS)
def test_it_asks_for_a_reason(operation: str) -> None:
    method, path, body, query = ASKS[operation]
    refused = asked(method, path, body, query)
    assert (refused.status, codes(refused)) == (400 if operation.startswith("manifest") else 422, ["required"])
    in_body = body is not None and operation not in ("flags.import", "manifest.update")
    why = {**body, "reason": "It has to be"} if in_body else body
    query = query if in_body else f"{query}&reason=because".strip("&")
    assert asked(method, path, why, query).status in (200, 204)


@pytest.mark.parametrize("operation", ASKS)
def test_it_takes_a_second_person(control: Control, operation: str) -> None:
    method, path, body, query = ASKS[operation]
    for name in ("production", "idle"):
        ruled(control, name, approval=True)
    refused = asked(method, path, body, query)
    assert (refused.status, codes(refused)) == (409, ["approval_needed"]), refused.body
    assert b"change request" in refused.body


def test_a_newcomer_switches_the_second_person_on_with_one_request_and_nobody_off_alone() -> None:
    on = asked("PATCH", "/v1/environments/production", {"approval": True})
    assert (on.status, on.json["approval"], on.json["protected"]) == (200, True, True)
    less = {"approval": False, "reason": "It is Friday"}
    assert asked("PATCH", "/v1/environments/production", less).status == 409
    wish = {"environment": "production", "environment_change": {"approval": False}, "reason": "It is Friday"}
    path = asked("POST", "/v1/proposals", wish, principal=ADA).headers["location"]
    assert asked("POST", f"{path}/approve", principal=ADA).status == 403
    assert asked("POST", f"{path}/approve", principal=BOB).status == 200
    assert asked("POST", f"{path}/apply", principal=ADA).json["status"] == "applied"
    assert asked("GET", "/v1/environments/production").json["approval"] is False


def test_the_emergency_stays(control: Control) -> None:
    ruled(control, "production", approval=True)
    assert asked("POST", f"{THERE}/off").json["enabled"] is False


def test_a_rehash_tells_first_who_would_move_and_asks_nobody(control: Control) -> None:
    ruled(control, "production", approval=True)
    told = asked("POST", "/v1/flags/checkout/rehash", {"hash": "v2"}, "validate_only=true")
    (here,) = told.json["moved"]
    assert (here["environment"], here["contexts"]) == ("production", 1000)
    assert 400 < here["changed"] < 600
    assert "etag" not in told.headers
    assert asked("GET", "/v1/flags/checkout").json["hash"] == "v3"
