"""`slipway signing rotate`: one generation more, once, and none while a rollout needs what would go."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

import ops.cli
import ops.signing
from slipway.adapters import connect
from slipway.adapters.memory import MemoryStore
from slipway.rollouts import signing
from slipway.tables import FLAGS


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    monkeypatch.setattr(ops.signing, "find", lambda stage: SimpleNamespace(settings=lambda function, reader: None))
    monkeypatch.setattr(connect, "store", lambda settings: store)
    return store


def rotate(*arguments: str) -> Result:
    return CliRunner().invoke(ops.cli.app, ["signing", "rotate", *arguments], env={"COLUMNS": "200"})


def under_way(store: MemoryStore, id: str, environment: str, generation: int) -> None:
    store.put(FLAGS, {"pk": "list#rollouts", "sk": id, "schema": 1})
    store.put(FLAGS, {"pk": id, "sk": "head", "schema": 1, "data": {"environment": environment, "generation": generation}})


def test_a_rotation_is_once(store: MemoryStore) -> None:
    signing.begin(store, "production", b"a" * 32)
    said = rotate("production", "--generation", "1")
    assert (said.exit_code, "has generation 2" in said.stderr) == (0, True)
    again = rotate("production", "--generation", "1")
    assert (again.exit_code, "nothing is changed" in again.stderr) == (0, True)
    assert signing.newest(store, "production") == 2
    assert rotate("production").exit_code == 0
    assert signing.newest(store, "production") == 3


def test_no_secret_goes_that_a_rollout_needs(store: MemoryStore) -> None:
    signing.begin(store, "production", b"a" * 32)
    under_way(store, "rol_1", "production", 1)
    under_way(store, "rol_2", "staging", 0)
    assert rotate("production").exit_code == 0
    refused = rotate("production")
    assert (refused.exit_code, "rol_1 still needs" in refused.stderr) == (1, True)
    assert "rol_2" not in refused.stderr
    under_way(store, "rol_3", "production", 1)
    assert "rol_1, rol_3 still need the secret" in " ".join(rotate("production").stderr.split())
    assert signing.newest(store, "production") == 2


def test_where_nothing_was_signed_nothing_is_rotated(store: MemoryStore) -> None:
    refused = rotate("production")
    assert (refused.exit_code, "has no secret" in refused.stderr) == (1, True)
    assert signing.newest(store, "production") is None
