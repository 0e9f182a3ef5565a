"""What a proof counted or measured, told at the end of the run: also by the processes that share its tests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import PurePath

import pytest

Tell = Callable[[str], None]
_FIGURE, _TALLY = "figure", "tally"


def teller(item: pytest.Item) -> Tell:
    """Keeps what a test tells with its report, which gets home from every process."""
    return lambda text: item.user_properties.append((_FIGURE, text))


def keep(item: pytest.Item, tally: Counter[str]) -> None:
    """The counts of one test, to be told as the sum over its module."""
    item.user_properties.append((_TALLY, dict(tally)))


def lines(reporter: pytest.TerminalReporter) -> list[str]:
    told: set[str] = set()
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "teardown":  # it has all that a test had to tell, once
                continue
            module = PurePath(report.nodeid.partition("::")[0]).stem
            for name, value in report.user_properties:
                if name == _FIGURE:
                    told.add(f"{module}: {value}")
                elif name == _TALLY:
                    sums[module].update(value)
    summed = [
        f"{module}: " + ", ".join(f"{count} {what}" for what, count in sorted(tally.items())) for module, tally in sums.items()
    ]
    return sorted([*told, *summed])
