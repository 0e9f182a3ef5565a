"""Rollouts through the door of the flags function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.flags.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.cursors import encode
from slipway.flags.control import Control
from slipway.flags.portability import ConfigurationView
from slipway.history import VersionView
from slipway.rollouts.plan import RolloutView
from slipway.rollouts.templates import TemplateView
from tests.catalogue import START
from tests.flagging import configured, disagreements, made, ruled
from tests.functions.events import ADMIN, VIEWER, Reply, call

HERE = "/v1/flags/checkout/environments/development"
ALL = f"{HERE}/rollouts"
ADA, BOB = Principal("member", "mbr_ada", "editor"), Principal("member", "mbr_bob", "editor")
LADDER = [{"share": 5, "hold": {"minutes": 10}}, {"share": 50, "hold": {"minutes": 60, "units": 500}}, {"share": 100}]
COURSE = {"from": "off", "to": "on", "ladder": LADDER, "guards": [{"metric": "errors", "kind": "bad_units", "margin": 0.1}]}
MORE = ("start", "resume", "advance", "stop")


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    control = Control(store)
    made(control)
    configured(control, enabled=True, default_variant="off")
    moments = iter(START + timedelta(minutes=n) for n in range(1, 1_000))
    with api.testing(use=control, now=lambda: next(moments)):
        yield store
    assert disagreements(store) == []


def asked(method: str, path: str, body: Any = None, headers: Any = None, principal: Principal = ADA, query: str = "") -> Reply:
    headers = {"If-Match": "*"} if headers is None else headers
    return call(handler, method, path, body, headers=headers, principal=principal, query=query)


def begun(headers: Any = None, principal: Principal = ADA, **fields: Any) -> Reply:
    return asked("POST", ALL, {**COURSE, **fields}, headers, principal)


def move(reply: Reply, what: str, principal: Principal = ADA, **fields: Any) -> Reply:
    return asked("POST", f"{ALL}/{reply.json['id']}/{what}", fields, {"If-Match": "*"}, principal)


def faults(reply: Reply) -> list[tuple[str, str]]:
    assert reply.status == 422, reply.body
    return [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]]


def test_a_rollout_begins_moves_and_is_over() -> None:
    first = begun()
    id = first.json["id"]
    assert (first.status, first.headers["location"], first.headers["etag"]) == (201, f"{ALL}/{id}", '"1"')
    RolloutView.model_validate(json.loads(first.body, parse_float=Decimal))
    assert (first.json["state"], first.json["share"], first.json["due"]) == ("running", 5, "2026-11-01T00:11:00.000Z")
    assert asked("GET", f"{ALL}/{id}", principal=VIEWER).json == first.json
    assert asked("GET", f"{ALL}/{id}", headers={"If-None-Match": '"1"'}).status == 304
    second = asked("POST", f"{ALL}/{id}/advance", {"reason": "It looks good"}, {"If-Match": '"1"'})
    assert (second.status, second.json["share"], second.json["stage"], second.headers["etag"]) == (200, 50, 1, '"2"')
    assert move(first, "pause").json["state"] == "paused"
    assert move(first, "resume").json["state"] == "running"
    assert move(first, "roll-back").json["state"] == "rolled_back"
    assert move(first, "resume").json["share"] == 50
    over = move(first, "advance")
    assert (over.json["state"], over.json["share"], over.json["due"]) == ("completed", 100, None)
    again = move(first, "stop")
    assert (again.status, again.json["code"]) == (409, "move_not_allowed")
    assert asked("GET", HERE).json["default_variant"] == "on"


def test_every_move_says_on_which_version_it_is_made() -> None:
    path = f"{ALL}/{begun().json['id']}"
    for what in (*MORE, "pause", "roll-back"):
        assert asked("POST", f"{path}/{what}", {}, {}).status == 428
        late = asked("POST", f"{path}/{what}", {}, {"If-Match": '"7"'})
        assert (late.status, late.headers["etag"]) == (412, '"1"')


@pytest.mark.parametrize("type", [None, "application/json", "application/x-www-form-urlencoded"])
def test_in_an_emergency_nobody_has_to_send_a_body(type: str | None) -> None:
    headers = {"If-Match": "*", **({} if type is None else {"Content-Type": type})}
    path = f"{ALL}/{begun(start=False).json['id']}"
    states = {"start": "running", "pause": "paused", "resume": "running", "advance": "running", "roll-back": "rolled_back"}
    for what, state in {**states, "stop": "stopped"}.items():
        assert asked("POST", f"{path}/{what}", headers=headers).json["state"] == state
    off = asked("POST", f"{HERE}/off", headers=headers)
    assert (off.status, off.json["enabled"], off.json["reason"]) == (200, False, None)


def test_what_has_to_say_something_still_has_to() -> None:
    for path in (ALL, f"{HERE}/copy", f"{HERE}/preview"):
        assert asked("POST", path, headers={"If-Match": "*", "Content-Type": "application/json"}).status == 400


def test_one_idempotency_key_begins_one_rollout() -> None:
    once = {"Idempotency-Key": "once"}
    first, again = begun(once), begun(once)
    assert (first.status, again.status, again.json["id"]) == (201, 201, first.json["id"])
    assert again.headers["idempotency-replayed"] == "true"
    assert begun(once, bucket_by="company").json["code"] == "idempotency_mismatch"
    another = begun()
    assert (another.status, another.json["code"]) == (409, "conflict")
    assert first.json["id"] in another.json["detail"]


def test_what_would_be_is_told_and_nothing_is_written(store: MemoryStore) -> None:
    before = {name: dict(rows) for name, rows in store.tables.items()}
    told = asked("POST", ALL, COURSE, query="validate_only=true")
    assert (told.status, told.json["state"], "etag" in told.headers) == (200, "running", False)
    assert {name: dict(rows) for name, rows in store.tables.items()} == before


def test_rollouts_are_listed_newest_first_and_by_state() -> None:
    ids: list[str] = []
    for _ in range(3):
        reply = begun()
        ids.insert(0, reply.json["id"])
        move(reply, "roll-back")
    ids.insert(0, begun(start=False).json["id"])
    whole = asked("GET", ALL)
    assert [one["id"] for one in whole.json["items"]] == ids
    assert [one["id"] for one in asked("GET", ALL, query="state=planned").json["items"]] == ids[:1]
    found, query = [], "limit=3"
    while query:
        page = asked("GET", ALL, query=query).json
        found += [one["id"] for one in page["items"]]
        query = f"limit=3&cursor={page['next_cursor']}" if "next_cursor" in page else ""
    assert found == ids
    forged = encode(["rollouts.list", "checkout", "development", None], {"place": "x"})
    assert asked("GET", ALL, query=f"cursor={forged}").json["code"] == "bad_cursor"
    assert asked("GET", ALL.replace("checkout", "nothing")).status == 404
    assert asked("GET", ALL.replace("development", "nowhere")).status == 404


def test_its_versions_tell_every_move() -> None:
    first = begun()
    move(first, "advance", reason="It looks good")
    found = asked("GET", f"{ALL}/{first.json['id']}/versions").json["items"]
    for one in found:
        VersionView.model_validate(one)
    assert [one["version"] for one in found] == [2, 1]
    told = {change["field"]: (change["from"], change["to"]) for change in found[0]["changes"]}
    assert told.keys() == {"stage", "share", "why"}
    assert told["share"] == (5, 50)
    assert told["why"][1] == {"code": "advance", "detail": "member:mbr_ada asked for it. It looks good"}
    more = asked("GET", f"{ALL}/{first.json['id']}/versions", query="limit=1").json
    assert asked("GET", f"{ALL}/{first.json['id']}/versions", query=f"cursor={more['next_cursor']}").json["items"] == found[1:]


def test_a_rollout_is_read_where_it_is_alone() -> None:
    id = begun().json["id"]
    for path in (f"{ALL.replace('development', 'staging')}/{id}", f"{ALL.replace('checkout', 'other')}/{id}", f"{ALL}/rol_x"):
        assert asked("GET", path).status == 404
        assert asked("GET", f"{path}/versions").status == 404
        assert asked("POST", f"{path}/roll-back", {}).status == 404


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ladder": None}, [("/ladder", "required")]),
        ({"ladder": []}, [("/ladder", "too_short")]),
        ({"ladder": [{"share": 0, "hold": {}}, {"share": 100}]}, [("/ladder/0/share", "not_larger")]),
        (
            {"ladder": [{"share": 50, "hold": {}}, {"share": 50, "hold": {}}, {"share": 100}]},
            [("/ladder/1/share", "not_larger")],
        ),
        ({"ladder": [{"share": 50}, {"share": 100}]}, [("/ladder/0/hold", "required")]),
        ({"ladder": [{"share": 50, "hold": {}}]}, [("/ladder/0/share", "last_share")]),
        ({"ladder": [{"share": 100}]}, [("/ladder/0/hold", "required")]),
        ({"holdback": 5}, [("/ladder/2/share", "last_share")]),
        ({"ladder": [{"share": 0.0001, "hold": {}}, {"share": 100}]}, [("/ladder/0/share", "invalid_share")]),
        ({"ladder": [{"share": 5, "hold": {"minutes": 0}}, {"share": 100}]}, [("/ladder/0/hold/minutes", "too_small")]),
        ({"ladder": [{"share": 5, "hold": {"minutes": 1.5}}, {"share": 100}]}, [("/ladder/0/hold/minutes", "type")]),
        ({"alpha": 0}, [("/alpha", "too_small")]),
        ({"alpha": 5e-324}, [("/alpha", "too_small")]),
        ({"alpha": 9.9e-10}, [("/alpha", "too_small")]),
        ({"alpha": "0.05"}, [("/alpha", "type")]),
        ({"guards": [{"metric": "a b", "kind": "bad_units"}]}, [("/guards/0", "invalid_metric")]),
        ({"guards": [{"metric": "taps", "kind": "activity"}]}, [("/guards/0", "invalid_metric")]),
        ({"guards": [{"metric": "ms", "kind": "slow_units"}]}, [("/guards/0", "threshold")]),
        ({"guards": [{"metric": "errors", "kind": "bad_units"}] * 2}, [("/guards/1", "duplicate")]),
        ({"bucket_by": "a..b"}, [("/bucket_by", "invalid_path")]),
        ({"bucket_by": "a" * 129}, [("/bucket_by", "too_long")]),
        ({"bucket_by": "$flagd.timestamp"}, [("/bucket_by", "invalid_path")]),
        ({"from": "third"}, [("/from", "unknown_variant")]),
        ({"reasons": "x"}, [("/reasons", "unknown")]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_begins(store: MemoryStore, fields: dict[str, Any], expected: Any) -> None:
    assert faults(begun(**fields)) == expected
    assert asked("GET", ALL).json["items"] == []


def test_an_alarm_may_have_any_name_that_cloudwatch_takes() -> None:
    name = "Checkout errors (5 min) / eu-west-1: p99 > 250 ms " + "x" * 200
    reply = begun(guards=[{"metric": name, "kind": "alarm"}, {"kind": "activity"}])
    assert [guard["metric"] for guard in reply.json["guards"]] == [name.strip(), "*"]


def test_an_edit_by_hand_ends_it_and_the_answer_says_so() -> None:
    id = begun().json["id"]
    words = asked("PATCH", HERE, {"reason": "Only words"}, query="validate_only=true")
    assert words.json["ended_rollout"] is None
    edited = asked("PATCH", HERE, {"overrides": {"on": ["ada"]}})
    ConfigurationView.model_validate(edited.json)
    assert (edited.json["rollout"], edited.json["ended_rollout"]) == (None, id)
    ended = asked("GET", f"{ALL}/{id}").json
    assert (ended["state"], ended["share"], ended["ended_by"], ended["why"]["code"]) == (
        "stopped",
        0,
        "member:mbr_ada",
        "edited",
    )
    assert asked("PATCH", HERE, {"overrides": {"on": ["grace"]}}).json["ended_rollout"] is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{HERE}/off", {"reason": "It burns"}),
        (f"{HERE}/revert", {"version": 1}),
        (f"{HERE}/copy", {"from": "staging"}),
    ],
)
def test_whatever_changes_the_configuration_says_so(path: str, body: Any) -> None:
    id = begun().json["id"]
    assert asked("POST", path, body).json["ended_rollout"] == id


def test_a_change_of_the_flag_says_which_it_has_ended() -> None:
    id = begun().json["id"]
    assert asked("PATCH", "/v1/flags/checkout", {"tags": ["web"]}).json["ended_rollouts"] == []
    archived = asked("POST", "/v1/flags/checkout/archive")
    assert archived.json["ended_rollouts"] == [{"environment": "development", "id": id}]
    restored = asked("POST", "/v1/flags/checkout/restore")
    assert restored.json["ended_rollouts"] == []
    assert asked("GET", f"{ALL}/{id}").json["state"] == "stopped"


def test_a_protected_environment_asks_for_the_reason_of_more() -> None:
    first = begun(start=False)
    asked("PATCH", "/v1/environments/development", {"protected": True}, principal=ADMIN)
    for what in ("start", "advance", "roll-back", "resume", "pause", "resume", "stop"):
        if what in MORE:
            assert faults(move(first, what)) == [("/reason", "required")]
        assert move(first, what, reason="R" if what in MORE else None).status == 200


def test_what_shows_nothing_is_stopped_by_anybody(store: MemoryStore) -> None:
    waiting, back = begun(start=False), begun()
    move(back, "roll-back")
    ruled(Control(store), "development", protected=True, approval=True)
    assert [move(one, "stop").json["state"] for one in (waiting, back)] == ["stopped", "stopped"]


def test_a_second_person_starts_and_advances_it_where_two_are_asked_for(store: MemoryStore) -> None:
    ruled(Control(store), "development", approval=True)
    at_once = begun()
    assert (at_once.status, at_once.json["errors"][0]["code"]) == (403, "approval_needed")
    assert at_once.json["detail"].endswith('Plan it with `"start": false`.')
    first = begun(start=False)
    for what in MORE[:1]:
        for who in (ADA, ADMIN):
            assert move(first, what, who).status == 403
        assert move(first, what, BOB).status == 200
    assert move(first, "advance", ADA).status == 403
    assert move(first, "pause", ADA).status == 200
    assert move(first, "resume", BOB).status == 200
    assert move(first, "roll-back", ADA).status == 200


# --- where else it shows --------------------------------------------------------------------------------------


def explained(**context: Any) -> Any:
    return asked("POST", f"{HERE}/explain", {"context": context}).json


def test_the_configuration_tells_it_in_words() -> None:
    id = begun().json["id"]
    told = asked("GET", HERE).json
    assert told["rollout"] == {"id": id, "from": "off", "to": "on", "share": 5, "stage": 0}
    words = f"5 % of those who would get off by its rule or default get on (rollout {id})."
    assert told["rules"] == ["Otherwise: off.", words]


def test_what_a_stopped_one_leaves_has_words() -> None:
    move(begun(), "stop")
    words = "If targetingKey and (targetingKey is text or targetingKey is a whole number): 5 % on, 95 % off by "
    assert asked("GET", HERE).json["rules"][0] == words + '"checkout:rollout:" + targetingKey.'


def test_an_explanation_says_that_the_split_decided() -> None:
    rule = {"if": [{"==": [{"var": "plan"}, "beta"]}, "on", {"==": [{"var": "plan"}, "free"]}, "off"]}
    asked("PATCH", HERE, {"targeting": rule, "overrides": {"off": ["ada"]}})
    assert explained(targetingKey="u")["rollout"] is None
    id = begun(ladder=[{"share": 50, "hold": {}}, {"share": 100}]).json["id"]
    arms = set()
    for number in range(40):
        found = explained(targetingKey=f"u{number}", plan=("free", None)[number % 2])
        split = found["rollout"]
        arm = "treatment" if split["bucket"] < 50_000 else "control"
        arms.add(arm)
        assert (split["id"], split["share"], split["arm"]) == (id, 50, arm)
        assert found["evaluation"]["variant"] == ("on" if arm == "treatment" else "off")
        assert found["decided"]["pointer"] == "/rollout"
        assert (found["bucket"]["bucket"], found["bucket"]["of"]) == (split["bucket"], 100_000)
    assert arms == {"treatment", "control"}
    for context, place in (
        ({"targetingKey": "u", "plan": "beta"}, "/targeting/if/0"),
        ({"targetingKey": "ada"}, "/overrides/off"),
        ({}, "/default_variant"),
    ):
        found = explained(**context)
        assert (found["decided"]["pointer"], found["bucket"]) == (place, None)
        assert found["rollout"] == {"id": id, "share": 50, "bucket": None, "arm": None}


def test_an_explanation_of_a_rollout_that_goes_on_tells_the_arm_of_those_it_had_already() -> None:
    ladder = [{"share": 30, "hold": {}}, {"share": 100}]
    move(begun(ladder=ladder), "stop")
    assert faults(begun(ladder=ladder)) == [("/ladder/0/share", "not_larger")]
    begun(ladder=[{"share": 60, "hold": {}}, {"share": 100}])
    for number in range(40):
        found = explained(targetingKey=f"u{number}")
        arm = "treatment" if found["rollout"]["bucket"] < 60_000 else "control"
        assert (found["rollout"]["arm"], found["decided"]["pointer"]) == (arm, "/rollout")
        assert found["evaluation"]["variant"] == ("on" if arm == "treatment" else "off")


def test_a_preview_ends_nothing_and_says_what_would_end() -> None:
    id = begun(ladder=[{"share": 50, "hold": {}}, {"share": 100}]).json["id"]
    told = asked("POST", f"{HERE}/preview", {"change": {"overrides": {"on": ["ada"]}}}).json
    (move_,) = told["moves"]
    assert (told["ended_rollout"], move_["from"], move_["to"]) == (id, "on", "off")
    assert 450 < move_["count"] < 550
    nothing = asked("POST", f"{HERE}/preview", {"change": {"reason": "Words"}}).json
    assert (nothing["ended_rollout"], nothing["changed"]) == (None, 0)
    assert asked("GET", f"{ALL}/{id}").json["state"] == "running"


def file_of(asking: str = "environment=development") -> Any:
    return asked("GET", "/v1/flags/export", query=asking).json


def test_a_file_has_the_configuration_without_it_and_says_so() -> None:
    before = file_of()
    id = begun().json["id"]
    during = file_of()
    (warning,) = during["slipway"].pop("warnings")
    assert (warning["flag"], warning["pointer"], warning["code"]) == ("checkout", "/flags/checkout", "rollout_left_out")
    assert id in warning["detail"]
    assert during == {**before, "slipway": during["slipway"]}


def test_an_import_ends_it_where_it_changes_something_and_says_so() -> None:
    id, file, query = begun().json["id"], file_of(), "environment=development&mode=update"
    same = asked("POST", "/v1/flags/import", file, query=query).json
    assert [note["code"] for note in same["notes"]] == ["left_out"]
    assert asked("GET", f"{ALL}/{id}").json["state"] == "running"
    file["flags"]["checkout"]["defaultVariant"] = "on"
    for more, state in (("&validate_only=true", "running"), ("", "stopped")):
        done = asked("POST", "/v1/flags/import", file, query=query + more).json
        note, _ = done["notes"]
        assert (note["flag"], note["pointer"], note["code"]) == ("checkout", "/flags/checkout", "rollout_ended")
        assert id in note["detail"]
        assert asked("GET", f"{ALL}/{id}").json["state"] == state


# --- templates ------------------------------------------------------------------------------------------------

TEMPLATES = "/v1/rollout-templates"


def test_a_template_is_made_read_changed_and_deleted() -> None:
    course = {"ladder": LADDER, "guards": COURSE["guards"], "holdback": 0}
    made = asked("POST", TEMPLATES, {"key": "weekend", "description": "Slowly", **course})
    assert (made.status, made.headers["location"], made.headers["etag"]) == (201, f"{TEMPLATES}/weekend", '"1"')
    TemplateView.model_validate(json.loads(made.body, parse_float=Decimal))
    assert (made.json["alpha"], made.json["early"], made.json["ladder"][0]["share"]) == (0.05, False, 5)
    path = f"{TEMPLATES}/weekend"
    assert asked("GET", path, principal=VIEWER).json == made.json
    patched = asked("PATCH", path, {"alpha": 0.01, "guards": None}, {"If-Match": '"1"'})
    assert (patched.json["alpha"], patched.json["guards"], patched.json["ladder"]) == (0.01, [], made.json["ladder"])
    assert asked("PATCH", path, {"alpha": 0.01}).headers["etag"] == '"2"'
    ladder = [{"share": 2.5, "hold": {"minutes": 5}}, {"share": 90}]
    assert faults(asked("PATCH", path, {"ladder": ladder})) == [("/ladder/1/share", "last_share")]
    held = asked("PATCH", path, {"ladder": ladder, "holdback": 10}).json
    assert (held["holdback"], held["ladder"][0]["share"]) == (10, 2.5)
    assert asked("PATCH", path, {"description": None}).json["description"] is None
    told = asked("GET", f"{path}/versions").json["items"]
    assert [one["version"] for one in told] == [4, 3, 2, 1]
    assert [change["field"] for change in told[2]["changes"]] == ["guards", "alpha"]
    assert [one["key"] for one in asked("GET", TEMPLATES).json["items"]] == ["cautious", "standard", "weekend"]
    assert asked("DELETE", path, headers={}).status == 428
    assert asked("DELETE", path).status == 204
    assert asked("GET", path).status == 404
    again = asked("POST", TEMPLATES, {"key": "weekend", **course})
    assert (again.status, again.json["code"]) == (409, "key_taken")
    assert [one["key"] for one in asked("GET", TEMPLATES).json["items"]] == ["cautious", "standard"]


def test_an_idempotency_key_belongs_to_one_template() -> None:
    sent, first = {"Idempotency-Key": "k"}, {"key": "weekend", "ladder": LADDER}
    assert asked("POST", TEMPLATES, first, sent).status == 201
    again = asked("POST", TEMPLATES, first, sent)
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    for query in ("", "validate_only=true"):
        other = asked("POST", TEMPLATES, {**first, "key": "monday"}, sent, query=query)
        assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert asked("GET", f"{TEMPLATES}/monday").status == 404


def test_two_are_there_from_the_start_and_may_go() -> None:
    found = asked("GET", TEMPLATES, query="limit=1").json
    assert [one["key"] for one in found["items"]] == ["cautious"]
    rest = asked("GET", TEMPLATES, query=f"cursor={found['next_cursor']}").json["items"]
    assert [one["key"] for one in rest] == ["standard"]
    assert asked("DELETE", f"{TEMPLATES}/standard").status == 204
    assert [one["key"] for one in asked("GET", TEMPLATES).json["items"]] == ["cautious"]


def test_a_rollout_takes_over_what_its_template_says() -> None:
    told = asked("GET", f"{TEMPLATES}/cautious").json
    id = asked("POST", ALL, {"from": "off", "to": "on", "template": "cautious", "alpha": 0.01}).json["id"]
    asked("PATCH", f"{TEMPLATES}/cautious", {"early": True})
    found = asked("GET", f"{ALL}/{id}").json
    assert (found["template"], found["alpha"], found["early"]) == ("cautious", 0.01, False)
    assert (found["ladder"], found["guards"]) == (told["ladder"], told["guards"])
    assert faults(begun(template="nothing")) == [("/template", "unknown_template")]


def test_what_is_left_out_of_a_template_is_asked_for() -> None:
    assert faults(asked("POST", ALL, {"from": "off", "to": "on"})) == [("/ladder", "required")]
    assert faults(asked("POST", ALL, {"from": "off", "to": "on", "template": "standard", "holdback": 5})) == [
        ("/ladder/3/share", "last_share")
    ]
