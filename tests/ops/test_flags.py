"""Flags as code, as people and pipelines use it: what is printed, what is changed, how it exits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.cli
import ops.flags
from ops.api import Api, Reply
from slipway.access import Principal
from tests.contracts.rooms import gateway, opened
from tests.functions.events import ADMIN, http_event

SECOND = Principal("member", "mbr_second", "admin")
ON = {"state": "ENABLED", "defaultVariant": "on"}
BETA = {"if": [{"==": [{"var": "plan"}, "beta"]}, "on", "off"]}


class Room:
    """The API in this process, and a directory of definitions."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.requests: list[tuple[str, str]] = []
        self.interrupt: Any = None  # called once, before the first write

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, who: Principal = ADMIN) -> Reply:
        if method != "GET" and self.interrupt is not None:
            happens, self.interrupt = self.interrupt, None
            happens()
        self.requests.append((method, path))
        route, _, query = path.partition("?")
        answer = gateway(http_event(method, route, query=query, headers=headers, body=body, principal=who))
        return Reply(answer.status, answer.headers, answer.body)

    def api(self, method: str, path: str, body: Any = None, who: Principal = ADMIN) -> Any:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        sent = {"content-type": kind, "if-match": "*"} if method != "GET" else {}
        reply = self.send(method, path, sent, None if body is None else json.dumps(body).encode(), who)
        assert reply.status < 300, reply.body
        return json.loads(reply.body)

    def file(self, key: str = "checkout", **fields: Any) -> None:
        (self.directory / f"{key}.json").write_text(json.dumps({"type": "boolean", **fields}))

    def run(self, command: str, *options: str) -> tuple[int, str]:
        result = CliRunner().invoke(ops.cli.app, ["flags", command, str(self.directory), *options], env={"COLUMNS": "200"})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.requests if request[0] != "GET"]

    def configuration(self, environment: str = "development", key: str = "checkout") -> Any:
        return self.api("GET", f"/v1/flags/{key}/environments/{environment}")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    found = Room(tmp_path)
    monkeypatch.setattr(ops.flags, "from_environment", lambda: Api(found.send))
    with opened():
        yield found


def test_a_plan_shows_and_writes_nothing_and_apply_makes_it_once(room: Room) -> None:
    room.file(owner="web", tags=["shop"], environments={"development": ON})
    code, said = room.run("plan")
    assert (code, room.writes()) == (2, [])
    assert said.splitlines() == [
        "+ create checkout",
        "~ configure checkout in development",
        "    enabled: false -> true",
        '    default_variant: null -> "on"',
        "2 changes.",
    ]
    assert room.run("apply") == (0, said)
    flag = room.api("GET", "/v1/flags/checkout")
    assert (flag["owner"], flag["tags"], flag["variants"]) == ("web", ["shop"], {"on": True, "off": False})
    assert room.configuration()["enabled"] is True
    room.requests.clear()
    for command in ("plan", "apply"):
        assert room.run(command) == (0, "The flags are what the files say.\n")
    assert room.writes() == []


def test_a_rollout_that_runs_is_no_drift(room: Room) -> None:
    room.file(environments={"development": {**ON, "defaultVariant": "off"}})
    room.run("apply")
    ladder = [{"share": 5, "hold": {"minutes": 10}}, {"share": 100}]
    begun = {"from": "off", "to": "on", "ladder": ladder}
    id = room.api("POST", "/v1/flags/checkout/environments/development/rollouts", begun)["id"]
    assert room.run("plan") == (0, "The flags are what the files say.\n")
    assert room.configuration()["rollout"]["id"] == id


def test_drift_is_told_field_by_field_and_mended(room: Room) -> None:
    room.file(owner="web", environments={"development": {**ON, "targeting": BETA, "overrides": {"off": ["ada"]}}})
    room.run("apply")
    room.api("PATCH", "/v1/flags/checkout", {"owner": "growth", "description": "By hand."})
    room.api("PATCH", "/v1/flags/checkout/environments/development", {"targeting": None, "overrides": {"on": ["bob"]}})
    room.api("PATCH", "/v1/flags/checkout/environments/staging", {"enabled": True})
    code, said = room.run("plan")
    assert code == 2
    assert said.splitlines() == [
        "~ update checkout",
        '    description: "By hand." -> null',
        '    owner: "growth" -> "web"',
        "~ configure checkout in development",
        f"    targeting: null -> {json.dumps(BETA)}",
        '    overrides: {"off": ["ada"], "on": ["bob"]} -> {"off": ["ada"]}',
        "2 changes.",
    ]
    assert room.run("apply")[0] == 0
    assert room.run("plan")[0] == 0
    assert room.configuration()["overrides"] == {"off": ["ada"]}
    assert room.configuration("staging")["enabled"] is True, "an environment that the file does not name is left alone"


def test_true_is_not_1_and_a_float_is_written_as_one_likes(room: Room) -> None:
    room.file(type="object", variants={"on": {"limit": 1}})
    room.file("ratio", type="float", variants={"half": 0.5, "all": 1})
    room.run("apply")
    assert room.run("plan")[0] == 0
    room.api("PATCH", "/v1/flags/checkout", {"variants": {"on": {"limit": True}}})
    assert room.run("plan") == (
        2,
        '~ update checkout\n    variants: {"on": {"limit": true}} -> {"on": {"limit": 1}}\n1 change.\n',
    )


def test_variants_and_what_needs_them_come_and_go_in_an_order_that_works(room: Room) -> None:
    old, new = {"a": "A", "b": "B"}, {"b": "B", "c": "C"}
    room.file("theme", type="string", variants=old, environments={"development": {"state": "ENABLED", "defaultVariant": "a"}})
    assert room.run("apply")[0] == 0
    needs = [{"flag": "theme", "variants": ["c"]}]
    room.file("theme", type="string", variants=new, environments={"development": {"state": "ENABLED", "defaultVariant": "c"}})
    room.file("banner", environments={"development": {**ON, "prerequisites": needs}})
    code, said = room.run("apply")
    assert code == 0, said
    assert '- take variants out theme\n    variants: ["a", "b"] -> ["b", "c"]' in said
    assert room.api("GET", "/v1/flags/theme")["variants"] == new
    assert room.run("plan")[0] == 0


def test_nothing_goes_that_has_no_file_unless_told(room: Room) -> None:
    room.api("POST", "/v1/flags", {"key": "legacy", "type": "boolean"})
    room.file()
    code, said = room.run("apply")
    assert code == 0
    assert "1 flag has no file here and is left alone." in said
    assert room.run("plan")[0] == 0
    assert "- archive legacy" in room.run("plan", "--archive-missing")[1]
    assert room.run("apply", "--archive-missing")[0] == 0
    assert room.api("GET", "/v1/flags/legacy")["status"] == "archived"
    assert room.run("plan", "--archive-missing")[0] == 0


def test_an_archived_flag_that_has_a_file_comes_back(room: Room) -> None:
    room.file(owner="web")
    room.run("apply")
    room.api("POST", "/v1/flags/checkout/archive")
    room.file(owner="growth", environments={"development": ON})
    code, said = room.run("apply")
    assert code == 0, said
    assert said.startswith("~ restore checkout\n~ update checkout\n")
    assert room.api("GET", "/v1/flags/checkout")["status"] == "active"
    assert room.run("plan")[0] == 0


def test_segments_come_first_and_are_compared_as_flags_are(room: Room) -> None:
    (room.directory / "segments").mkdir()
    staff = room.directory / "segments" / "staff.json"
    staff.write_text(json.dumps({"targeting": {"==": [{"var": "plan"}, "beta"]}}))
    rule = {"if": [{"$ref": "staff"}, "on", "off"]}
    room.file(environments={"development": {"state": "ENABLED", "targeting": rule}})
    code, said = room.run("apply")
    assert code == 0, said
    assert said.startswith("+ create segment staff\n+ create checkout\n")
    assert room.run("plan")[0] == 0
    staff.write_text(json.dumps({"targeting": {"==": [{"var": "plan"}, "pro"]}, "description": "Who pays"}))
    code, said = room.run("plan")
    assert code == 2
    assert said.splitlines()[:2] == ["~ update segment staff", '    description: null -> "Who pays"']
    assert room.run("apply")[0] == 0
    assert room.api("GET", "/v1/segments/staff")["version"] == 2
    assert room.run("plan")[0] == 0


def test_a_segment_that_has_no_file_is_counted(room: Room) -> None:
    for key in ("staff", "beta"):
        room.api("POST", "/v1/segments", {"key": key, "targeting": {"==": [{"var": "plan"}, key]}})
    room.file()
    assert room.run("apply")[0] == 0
    assert "2 segments have no file here and are left alone." in room.run("plan")[1]
    room.api("POST", "/v1/flags", {"key": "legacy", "type": "boolean"})
    assert "1 flag and 2 segments have no file here and are left alone." in room.run("plan")[1]
    assert "1 change.\n2 segments have no file here and are left alone." in room.run("plan", "--archive-missing")[1]


def test_what_is_refused_is_told_and_the_rest_is_made(room: Room) -> None:
    room.file("bad", environments={"development": {"state": "ENABLED", "defaultVariant": "maybe"}, "staging": ON})
    room.file("worse", type="string", environments={"development": ON})
    room.file("fine", environments={"development": ON})
    code, said = room.run("apply")
    assert code == 1
    assert "refused: PATCH /v1/flags/bad/environments/development" in said
    assert "left out, because of what was refused before" in said  # a flag that could not be made is not configured
    assert "3 of 7 changes are not made; run it again for them." in said
    assert room.configuration(key="fine")["enabled"] is True
    assert room.configuration("staging", key="bad")["enabled"] is True
    for key in ("bad", "worse"):
        room.file(key, environments={"development": ON, "staging": ON})
    assert room.run("apply")[0] == 0
    assert room.run("plan")[0] == 0


def test_a_change_that_comes_between_stops_it_and_the_next_run_sees_it(room: Room) -> None:
    room.file(owner="web")
    room.run("apply")
    room.file(owner="growth")
    room.interrupt = lambda: room.api("PATCH", "/v1/flags/checkout", {"owner": "somebody"})
    code, said = room.run("apply")
    assert code == 1
    assert "The flag is at version 2; read it and repeat the change." in said
    assert room.run("apply")[0] == 0
    assert room.api("GET", "/v1/flags/checkout")["owner"] == "growth"


def test_a_protected_environment_asks_for_a_reason_before_anything_is_changed(room: Room) -> None:
    room.file(environments={"production": ON})
    code, said = room.run("apply")
    assert (code, room.writes()) == (1, [])
    assert "A change in production asks for its reason: give --reason. Nothing was changed." in said
    assert room.run("apply", "--reason", "Spring sale")[0] == 0
    assert room.configuration("production")["reason"] == "Spring sale"


def test_where_it_takes_a_second_person_it_becomes_one_change_request(room: Room) -> None:
    room.api("PATCH", "/v1/environments/production", {"approval": True})
    room.file(environments={"production": {**ON, "overrides": {"off": ["ada"]}}, "development": ON})
    assert room.run("apply")[0] == 1
    code, said = room.run("apply", "--reason", "Spring sale")
    assert code == 2
    (proposal,) = room.api("GET", "/v1/proposals")["items"]
    assert f"waits for a second person: {proposal['id']}" in said
    assert (room.configuration("development")["enabled"], room.configuration("production")["enabled"]) == (True, False)

    assert room.run("apply", "--reason", "Spring sale, again")[0] == 2
    assert len(room.api("GET", "/v1/proposals")["items"]) == 1, "who asked already does not ask again"

    room.api("POST", f"/v1/proposals/{proposal['id']}/approve", who=SECOND)
    assert room.run("apply", "--reason", "Spring sale")[0] == 0
    assert room.configuration("production")["enabled"] is True
    assert room.run("plan")[0] == 0


def test_a_flag_that_is_on_where_a_second_person_is_asked_changes_by_change_requests(room: Room) -> None:
    room.file(variants={"on": True, "off": False}, environments={"production": ON})
    assert room.run("apply", "--reason", "Spring sale")[0] == 0
    room.api("PATCH", "/v1/environments/production", {"approval": True})
    room.file(variants={"on": True, "no": False}, environments={"production": ON})
    code, said = room.run("apply")
    assert (code, "Nothing was changed" in said) == (1, True)
    for variants, waits in ((["off", "on"], 1), (["no", "off", "on"], 1), (["no", "on"], 0)):
        assert sorted(room.api("GET", "/v1/flags/checkout")["variants"]) == variants
        code, _ = room.run("apply", "--reason", "Spring sale, again")
        assert code == (2 if waits else 0)
        assert room.run("apply", "--reason", "Spring sale, again")[0] == code
        waiting = room.api("GET", "/v1/proposals?flag=checkout&status=open")["items"]
        assert len(waiting) == waits, "who asked already does not ask again"
        for one in waiting:
            room.api("POST", f"/v1/proposals/{one['id']}/approve", who=SECOND)
            room.run("apply", "--reason", "Spring sale, again")


def test_a_segment_that_is_used_there_changes_by_a_change_request(room: Room) -> None:
    (room.directory / "segments").mkdir()
    staff = room.directory / "segments" / "staff.json"
    staff.write_text('{"targeting": {"in": [{"var": "email"}, ["ada@example.com"]]}}')
    rule = {"if": [{"$ref": "staff"}, "on", "off"]}
    room.file(environments={"production": {**ON, "targeting": rule}})
    assert room.run("apply", "--reason", "Spring sale")[0] == 0
    room.api("PATCH", "/v1/environments/production", {"approval": True})
    staff.write_text('{"targeting": {"in": [{"var": "email"}, ["bob@example.com"]]}}')
    code, said = room.run("apply")
    assert (code, "Nothing was changed" in said) == (1, True)
    for _ in range(2):
        assert room.run("apply", "--reason", "Ada left")[0] == 2
    (proposal,) = room.api("GET", "/v1/proposals?segment=staff")["items"]
    room.api("POST", f"/v1/proposals/{proposal['id']}/approve", who=SECOND)
    assert room.run("apply", "--reason", "Ada left")[0] == 0
    assert (room.run("plan")[0], room.api("GET", "/v1/segments/staff")["version"]) == (0, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "checkout.json: Expecting"),
        ("[]", "checkout.json: a definition is an object, and has no `key`"),
        ('{"type": "boolean", "key": "other"}', "checkout.json: a definition is an object, and has no `key`"),
        ('{"type": "boolean", "type": "string"}', "checkout.json: an object has a name twice, among type"),
        ('{"type": "boolean", "owners": "web"}', "checkout.json: owners: Extra inputs are not permitted"),
        (
            '{"type": "boolean", "environments": {"development": {}}}',
            "checkout.json: environments/development/state: Field required",
        ),
        (
            '{"type": "boolean", "environments": {"moon": {"state": "ENABLED"}}}',
            "checkout: there is no environment moon; there are",
        ),
        ('{"type": "string"}', "POST /v1/flags: Give the flag its variants"),
        (
            '{"type": "boolean", "environments": {"development": {"state": "ENABLED", "defaultVariant": "maybe"}}}',
            "  /default_variant: ",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(room: Room, text: str, told: str) -> None:
    (room.directory / "checkout.json").write_text(text)
    code, said = room.run("apply")
    assert code == 1
    assert told in said


def test_a_type_never_changes(room: Room) -> None:
    room.file()
    room.run("apply")
    room.file(type="string", variants={"a": "A"})
    code, said = room.run("plan")
    assert code == 1
    assert "checkout: its type is boolean and stays so" in said


def test_many_flags_are_read_page_by_page(room: Room) -> None:
    for number in range(120):
        room.file(f"flag-{number:03}", environments={"development": ON} if number % 10 == 0 else {})
    assert room.run("apply")[0] == 0
    room.requests.clear()
    assert room.run("plan") == (0, "The flags are what the files say.\n")
    assert len(room.requests) < 10, "none for a single flag"


def test_a_directory_without_files_is_a_mistake(room: Room) -> None:
    code, said = room.run("plan")
    assert code == 1
    assert "holds no *.json" in said


def test_without_a_door_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkout.json").write_text('{"type": "boolean"}')
    monkeypatch.delenv("SLIPWAY_URL", raising=False)
    result = CliRunner().invoke(ops.cli.app, ["flags", "plan", str(tmp_path)])
    assert result.exit_code == 3
    assert "Set SLIPWAY_URL" in result.output


def test_an_api_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkout.json").write_text('{"type": "boolean"}')
    monkeypatch.setenv("SLIPWAY_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SLIPWAY_KEY", "slw_admin")
    result = CliRunner().invoke(ops.cli.app, ["flags", "plan", str(tmp_path)])
    assert result.exit_code == 3
    assert "http://127.0.0.1:9 does not answer" in result.output


def test_what_the_gateway_itself_says_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.file()
    for body, said in ((b'{"message": "Unauthorized"}', "401 Unauthorized"), (b"<html>", "is SLIPWAY_URL the API?")):
        monkeypatch.setattr(ops.flags, "from_environment", lambda body=body: Api(lambda *_: Reply(401, {}, body)))
        code, told = room.run("plan")
        assert code == 1
        assert said in told
