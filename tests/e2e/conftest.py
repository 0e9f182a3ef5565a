"""One stack for the whole session, started by the command that a person uses. Tests of stopping and starting come last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from infra.local.emulator import free_port
from tests.chromium import chromium
from tests.e2e.fading import Fading
from tests.e2e.stack import Stack, laptop

# What has to see all that the others did comes after them, what stops the stack comes at the very end.
LAST = ("test_revocation.py", "test_secrets.py", "test_logs.py", "test_least_privilege.py", "test_laptop.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LAST.index(item.path.name) + 1 if item.path.name in LAST else 0)


@pytest.fixture(scope="session")
def fading(stack: Stack) -> Fading:
    """Begins to measure when it is first asked for."""
    return Fading(stack)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home, port = tmp_path_factory.mktemp("laptop"), free_port()
    started = laptop("up", home, port)
    assert started.returncode == 0, f"{started.stdout}\n{started.stderr}\n{_logs(home)}"
    try:
        yield Stack(home, port)
    finally:
        stopped = laptop("down", home, port)
        assert stopped.returncode == 0, stopped.stderr


def _logs(home: Path) -> str:
    """The end of each log, for whoever has to find out why nothing started."""
    return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in sorted(home.glob("*.log")))
