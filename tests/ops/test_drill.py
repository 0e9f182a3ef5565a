"""A drill, on the API in this process: who comes is counted as anybody is, but never among people who are not made up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.cli
import ops.drill
from functions.collect.handler import Collecting
from functions.evaluate.handler import Evaluator
from ops.api import Api, Reply
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryLake, MemoryStore
from slipway.credentials import ENTROPY_BYTES, mint
from slipway.flags.publication import Publisher
from slipway.rollouts import signing
from slipway.signals.collection import Collector, documents
from slipway.tables import SIGNALS
from tests.contracts.rooms import gateway, opened
from tests.functions.events import ADMIN, Context, http_event, reply

PLACE = "/v1/flags/crema/environments/development"
SERVER = Principal("server", "key_server", environment="development")
FAILED = {"metric": "failed", "kind": "bad_units"}


class Room:
    """The functions that a drill asks, on one store; `publish` is what `snapshot` and `keyring` do."""

    def __init__(self, store: MemoryStore) -> None:
        self.store, self.blobs = store, MemoryBlobs()
        collector = Collector(store, MemoryLake(), documents(self.blobs), signing.Secrets(self.blobs), os.urandom)
        self._collect = Collecting(lambda: collector)

    def publish(self) -> None:
        """And an instance that knows of it."""
        Publisher(self.store, self.blobs).publish("development")
        signing.publish(self.store, self.blobs, "development")
        self._evaluate = Evaluator(lambda: documents(self.blobs), lambda: signing.Secrets(self.blobs))

    def admin(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        route, _, query = path.partition("?")
        answer = gateway(http_event(method, route, query=query, headers=headers, body=body, principal=ADMIN))
        return Reply(answer.status, answer.headers, answer.body)

    def service(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        handler = self._collect if path == "/v1/events" else self._evaluate
        answer = reply(handler(http_event(method, path, headers=headers, body=body, principal=SERVER), Context()))
        return Reply(answer.status, answer.headers, answer.body)

    def begin(self, *guards: dict[str, Any]) -> str:
        api = Api(self.admin)
        api.write("POST", "/v1/flags", {"key": "crema", "type": "boolean"})
        api.write("PATCH", PLACE, {"enabled": True, "default_variant": "off"}, etag="*")
        ladder = [{"share": 50, "hold": {"minutes": 10}}, {"share": 100}]
        course = {"from": "off", "to": "on", "ladder": ladder, "guards": list(guards)}
        begun, _ = api.write("POST", f"{PLACE}/rollouts", course)
        self.publish()
        return str(begun["id"])

    def units(self, kind: str) -> int:
        return sum(sk.startswith(f"{kind}#") for _, sk in self.store.tables[SIGNALS.name])


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    with opened() as store:
        found = Room(store)
        doors = {"SLIPWAY_KEY": found.admin, "SLIPWAY_SERVER_KEY": found.service}
        monkeypatch.setattr(ops.drill, "from_environment", lambda name="SLIPWAY_KEY": Api(doors[name]))
        monkeypatch.setenv("SLIPWAY_SERVER_KEY", mint("development", "server", b"k" * ENTROPY_BYTES)[0])
        for patience in ("ANSWERED", "SETTLED", "BACK"):
            monkeypatch.setattr(ops.drill, patience, 0.0)
        yield found


def drill(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(ops.cli.app, ["drill", "crema", *options], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def last(told: str) -> list[float]:
    """People and harmed, by variant, of the last line with figures."""
    rows = [line.split() for line in told.splitlines() if line.strip()[:1].isdigit()]
    return [float(number) for number in rows[-1][1:]]


@pytest.mark.parametrize(
    ("guard", "met"),
    [
        (FAILED, lambda people, harmed: harmed),
        ({"metric": "ms", "kind": "slow_units", "threshold": 800}, lambda people, harmed: harmed),
        ({"metric": "bought", "kind": "conversion"}, lambda people, harmed: people - harmed),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_who_comes_is_shown_the_rollout_and_counted_as_anybody_is(room: Room, guard: dict[str, Any], met: Any) -> None:
    room.begin(guard)
    code, told = drill("--people", "60", "--usual", "20")
    off, off_harmed, on, on_harmed = last(told)
    assert (code, off + on) == (1, 60), told
    assert "No guard has acted" in told  # nobody counts what is told here
    assert room.units("unit") >= 60
    counted = [sk for _, sk in room.store.tables[SIGNALS.name] if sk.startswith("met#") and not sk.startswith("met#*")]
    assert len(counted) == met(off + on, off_harmed + on_harmed) > 0


def test_what_a_guard_has_done_is_told(room: Room) -> None:
    id = room.begin(FAILED)
    rolled_back = False

    def admin(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        nonlocal rolled_back
        if path.endswith(id) and not rolled_back:
            rolled_back = True
            Api(room.admin).write("POST", f"{PLACE}/rollouts/{id}/roll-back", {"reason": "Enough"}, etag="*")
            room.publish()
        return room.admin(method, path, headers, body)

    run = ops.drill.begun(Api(admin), Api(room.service), "development", "crema", "failed", 1.0, 0.0)
    [rollout] = run.waves(100)
    assert (rollout["state"], sum(met.people for met in run.met.values())) == ("rolled_back", ops.drill.WAVE)
    assert run.met["off"].harmed == 0 < run.met["on"].harmed == run.met["on"].people
    assert run.back()


def test_what_is_not_written_down_yet_is_told_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.drill, "ANSWERED", 5.0)
    room.begin(FAILED)
    refused = list[bytes | None]()

    def service(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        if path == "/v1/events" and not refused:
            refused.append(body)
            return Reply(503, {}, b'{"detail": "Not all of it is written down yet; send the same events again."}')
        return room.service(method, path, headers, body)

    run = ops.drill.begun(Api(room.admin), Api(service), "development", "crema", "failed", 0.5, 0.5)
    next(run.waves(ops.drill.WAVE))
    assert len(refused) == 1
    assert room.units("unit") >= ops.drill.WAVE


@pytest.mark.parametrize(
    ("guards", "options", "said"),
    [
        ((FAILED,), ("--metric", "other"), "has no other among its guards of bad_units, slow_units, conversion."),
        (({"metric": "shop-5xx", "kind": "alarm"},), (), "has no metric among its guards"),
    ],
)
def test_a_guard_that_nobody_can_be_sent_to_is_one_clear_line(
    room: Room, guards: tuple[dict[str, Any], ...], options: tuple[str, ...], said: str
) -> None:
    room.begin(*guards)
    code, told = drill(*options)
    assert (code, said in told) == (1, True), told


def test_without_a_rollout_there_is_no_drill(room: Room) -> None:
    id = room.begin(FAILED)
    Api(room.admin).write("POST", f"{PLACE}/rollouts/{id}/stop", {}, etag="*")
    code, told = drill()
    assert (code, "No rollout of crema is under way in development" in told) == (1, True), told


def test_a_rule_that_keeps_everybody_from_it_is_told(room: Room) -> None:
    room.begin(FAILED)
    room.blobs.objects.clear()
    code, told = drill()
    assert (code, "Nobody is shown rol_" in told) == (1, True), told


def test_never_where_people_are_counted_who_are_not_made_up(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_SERVER_KEY", mint("production", "server", b"k" * ENTROPY_BYTES)[0])
    code, told = drill()
    assert (code, "production is protected" in told) == (1, True), told


@pytest.mark.parametrize("key", ["slp_nonsense", mint("development", "client", b"k" * ENTROPY_BYTES)[0]])
def test_another_key_is_no_servers(room: Room, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_SERVER_KEY", key)
    code, told = drill()
    assert (code, "SLIPWAY_SERVER_KEY is no server key." in told) == (3, True), told


def test_the_variables_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_URL", "https://api.example.com")
    monkeypatch.setenv("SLIPWAY_KEY", "slp_any")
    monkeypatch.delenv("SLIPWAY_SERVER_KEY", raising=False)
    code, told = drill()
    assert (code, "SLIPWAY_SERVER_KEY to a server key" in told) == (3, True), told


def test_what_is_sent_is_what_the_api_takes(room: Room) -> None:
    room.begin(FAILED)
    sent: list[Any] = []

    def service(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        answer = room.service(method, path, headers, body)
        if path == "/v1/events":
            sent.append(json.loads(answer.body))
        return answer

    list(ops.drill.begun(Api(room.admin), Api(service), "development", "crema", None, 1.0, 1.0).waves(30))
    assert [one["accepted"] for one in sent] == [75, 15]
    assert all(one["rejected"] == [] for one in sent)
