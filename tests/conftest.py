"""For the whole suite: every line that any code under test logs is checked against the log's schema."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from slipway.edge import observe
from tests.lines import broken


@pytest.fixture(autouse=True)
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """The lines of this test so far; one that breaks the schema fails the test."""
    lines: list[dict[str, object]] = []
    wrong: list[str] = []

    def checked(text: str) -> None:
        line = json.loads(text)
        lines.append(line)
        wrong.extend(broken(line))

    monkeypatch.setattr(observe, "sink", checked)
    yield lines
    assert not wrong, f"log lines break docs/schemas/log.json: {wrong[:5]}"
