"""The laptop's commands where no stack has to run; the rest is in tests/e2e/test_laptop.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.__main__ import up
from infra.local.home import Home, Trouble

DETAILS = {
    "api_url": "http://127.0.0.1:8787",
    "console_url": "http://127.0.0.1:8787/",
    "keys": {"admin": "a", "server": "s", "client": "c"},
    "user": "maya@example.com",
    "password": "secret",
    "pid": 1,
    "port": 8787,
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    home = Home(tmp_path, 8787)
    with home.held():
        home.details.write_text(json.dumps(DETAILS))
        yield tmp_path


def test_what_runs_is_not_moved_to_another_port(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_PORT", "8931")
    with pytest.raises(Trouble, match=r"^It runs already, on port 8787; `make down` first to move it\.$"):
        up(Home(running, 8931))


@pytest.mark.parametrize("port", ["8787", ""])
def test_what_runs_already_is_told_with_the_way_to_it(
    port: str, running: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLIPWAY_PORT", port)
    assert up(Home(running, 8787)) == 0
    told = capsys.readouterr().out
    assert "It runs already" in told
    assert 'eval "$(.venv/bin/slipway --local env)"' in told


def test_without_a_wish_for_a_port_any_will_do(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_PORT", raising=False)
    assert up(Home(running, 8931)) == 0
