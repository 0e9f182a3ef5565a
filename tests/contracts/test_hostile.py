"""Whatever a client sends, it gets no 5xx, and what is refused leaves nothing behind."""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from collections.abc import Iterator

import jsonschema
import pytest

from infra.routes import Route
from ops import openapi
from slipway.adapters.memory import MemoryStore
from tests.contracts import hostile, rooms
from tests.contracts.hostile import Attack
from tests.figures import Tell
from tests.functions.events import Reply

FUNCTIONS = ("products", "flags", "access", "audit", "collect", "signals", "feedback", "hooks", "surveys", "site")
EACH = 10_000 if os.environ.get("SLIPWAY_PROVE") else 1_000  # hostile requests a function, and as many generated ones
_SCHEMAS = json.loads((openapi.SITE / "openapi.json").read_text())["components"]
_PROBLEM, _MANIFEST_ERROR = (
    jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": _SCHEMAS})
    for name in ("Problem", "ManifestError")
)


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    with rooms.opened() as store:
        yield store


@pytest.fixture
def targets(store: MemoryStore) -> dict[str, str]:
    return rooms.furnished()


def _of(route: Route, targets: dict[str, str]) -> str:
    area = "flags" if route.path.startswith("/openfeature/") else route.path.split("/")[2]
    return targets.get(str(route.operation), targets.get(area, ""))


@pytest.mark.parametrize("operation", [route.operation for route in hostile.OPERATIONS])
def test_the_requests_that_are_broken_here_are_sound(targets: dict[str, str], operation: str) -> None:
    (route,) = (route for route in hostile.OPERATIONS if route.operation == operation)
    reply = rooms.gateway(hostile.sound(route, _of(route, targets)).event)
    assert reply.status < 300, reply.body


@pytest.mark.parametrize("function", FUNCTIONS[:-1])
def test_the_corpus(store: MemoryStore, targets: dict[str, str], function: str, tell: Tell) -> None:
    """Every attack alone, and then two at a time."""
    routes = [route for route in hostile.OPERATIONS if route.function == function]
    answers: Counter[int] = Counter()
    for route in routes:
        for attack in hostile.corpus(route, _of(route, targets)):
            answers[_held(store, attack).status] += 1
    alone = answers.total()
    together = -(-max(EACH - alone, EACH // 10) // len(routes))
    for route in routes:
        for attack in hostile.pairs(route, _of(route, targets), together, seed=1):
            answers[_held(store, attack).status] += 1
    tell(f"{function}: {alone} attacks, {answers.total() - alone} pairs of them: {dict(sorted(answers.items()))}")
    assert alone > 100
    assert answers.total() >= EACH


@pytest.mark.parametrize("function", FUNCTIONS[:-1])
def test_generated_requests(store: MemoryStore, targets: dict[str, str], function: str, tell: Tell) -> None:
    routes = [route for route in hostile.OPERATIONS if route.function == function]
    answers: Counter[int] = Counter()
    for route in routes:
        for attack in hostile.generated(route, _of(route, targets), -(-EACH // len(routes)), seed=1):
            answers[_held(store, attack).status] += 1
    tell(f"{function}: {sum(answers.values())} generated: {dict(sorted(answers.items()))}")
    assert sum(answers.values()) >= EACH


def test_generated_paths(store: MemoryStore, tell: Tell) -> None:
    answers: Counter[int] = Counter()
    for attack in hostile.elsewhere(EACH, seed=1):
        answers[_held(store, attack).status] += 1
    tell(f"site: {sum(answers.values())} generated: {dict(sorted(answers.items()))}")
    assert set(answers) <= {200, 204, 401, 404, 405}


@pytest.mark.parametrize("body", hostile.BODIES)
def test_a_body_that_cannot_be_taken_is_told_so(store: MemoryStore, body: str) -> None:
    """Also those that are JSON: no operation takes them. On the one route where each would be stored."""
    (create,) = (route for route in hostile.OPERATIONS if route.operation == "products.create")
    (attack,) = (attack for attack in hostile.corpus(create, "") if attack.name == f"body: {body}")
    assert _held(store, attack).status in (400, 413, 422)
    assert store.tables.get("products", {}) == {}


def _held(store: MemoryStore, attack: Attack) -> Reply:
    before = {name: dict(rows) for name, rows in store.tables.items()}
    shown = copy.copy(attack.event)
    reply = rooms.gateway(attack.event)
    told = f"{attack.name}: {shown['requestContext']['http']['method']} {shown['rawPath'][:80]} -> {reply.status}"
    assert reply.status < 500, f"{told} {str(shown.get('body'))[:500]} {shown['rawQueryString'][:200]}"
    assert len(reply.body) < 1_000_000, told
    if reply.status >= 400:
        assert {name: rows for name, rows in store.tables.items() if rows} == {
            name: rows for name, rows in before.items() if rows
        }, f"{told}: refused, but something is stored"
        if shown["requestContext"]["http"]["method"] != "HEAD":
            manifest = reply.headers["content-type"] == "application/json"
            assert manifest or reply.headers["content-type"] == "application/problem+json", told
            assert not manifest or shown["rawPath"].startswith("/openfeature/"), told
            (_MANIFEST_ERROR if manifest else _PROBLEM).validate(reply.json)
            assert (reply.json["error"] if manifest else reply.json)["status"] == reply.status
            assert len(reply.body) < 20_000, f"{told}: it repeats what was sent"
    for name, value in reply.headers.items():
        assert "\n" not in value, f"{told}: {name}"
        assert "\r" not in value, f"{told}: {name}"
    return reply
