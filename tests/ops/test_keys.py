"""The first keys, from whoever holds the deployer's credentials."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

import ops.cli
import ops.keys
from ops.deployment import Deployment
from slipway.adapters import connect
from slipway.adapters.memory import MemoryStore
from slipway.credentials import parse
from slipway.events import parse as parse_event
from slipway.outbox import envelopes
from slipway.resources import Stored
from slipway.settings import Access

DEPLOYED = Deployment("prod", {"access": Access(stage="prod", table_access="access").env()})


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    monkeypatch.setattr(ops.keys, "find", lambda stage: DEPLOYED)
    monkeypatch.setattr(connect, "store", lambda settings: store)
    return store


def slipway(*arguments: str) -> Result:
    return CliRunner().invoke(ops.cli.app, arguments, env={"COLUMNS": "200"})


def heads(store: MemoryStore) -> list[Stored]:
    return [Stored(row) for (_, sk), row in store.tables.get("access", {}).items() if sk == "head"]


def test_a_key_alone_is_on_stdout(store: MemoryStore) -> None:
    result = slipway("keys", "create", "--admin")
    assert result.exit_code == 0, result.output
    credential = parse(result.stdout.strip())
    assert credential is not None
    (stored,) = heads(store)
    assert (stored.data["kind"], stored.data["role"], stored.data["selector"]) == ("admin", "admin", credential.selector)
    assert stored.id in result.stderr
    (event,) = envelopes(stored.row)
    assert parse_event(event).actor == "system:slipway"


def test_a_key_of_an_environment(store: MemoryStore) -> None:
    result = slipway("keys", "create", "--kind", "client", "--environment", "prod", "--name", "web")
    credential = parse(result.stdout.strip())
    assert credential is not None
    assert (credential.kind, credential.environment) == ("client", "prod")


@pytest.mark.parametrize(
    "options",
    [(), ("--environment", "all"), ("--admin", "--environment", "prod"), ("--kind", "admin"), ("--admin", "--name", " ")],
)
def test_a_key_that_cannot_be_is_one_line_and_nothing(store: MemoryStore, options: tuple[str, ...]) -> None:
    result = slipway("keys", "create", *options)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    assert heads(store) == []
