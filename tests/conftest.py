"""For the whole suite: every line that any code under test logs is checked against the log's schema, and figures are told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from slipway.edge import observe
from tests import figures
from tests.figures import Tell
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


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Tells a figure at the end of the run."""
    return figures.teller(request.node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if told := figures.lines(terminalreporter):
        terminalreporter.section("figures")
        for line in told:
            terminalreporter.write_line(line)
