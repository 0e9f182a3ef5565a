"""The figures of every proof are told at the end, also by the processes that share the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.simulation.figures import Figures


@pytest.fixture
def figures(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Iterator[Figures]:
    counted = Figures()
    yield counted
    record_property("figures", f"{request.node.path.stem}, {request.node.callspec.id}: {counted}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = {
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "figures"
    }
    for line in sorted(told):
        terminalreporter.write_line(line)
