"""As much of Gherkin as our feature files use: features, scenarios, outlines with examples, tables under steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

STEPS = ("Given ", "When ", "Then ", "And ")


class Step(NamedTuple):
    text: str
    table: list[dict[str, str]]


class Scenario(NamedTuple):
    name: str
    steps: list[Step]


def scenarios(path: Path) -> Iterator[Scenario]:
    """An outline gives one scenario for each row of its examples."""
    name, examples = "", False
    steps: list[tuple[str, list[list[str]]]] = []
    rows: list[list[str]] = []
    for line in [*path.read_text().splitlines(), "Scenario: the end"]:
        stripped = line.strip()
        if stripped.startswith(("Scenario:", "Scenario Outline:")):
            yield from _filled(name, steps, rows)
            name, steps, rows, examples = stripped.partition(": ")[2], [], [], False
        elif stripped == "Examples:":
            examples = True
        elif stripped.startswith("|"):
            cells = [cell.strip() for cell in stripped.strip("|").split("|")]
            (rows if examples else steps[-1][1]).append(cells)
        elif stripped.startswith(STEPS):
            steps.append((stripped.partition(" ")[2], []))
        elif stripped and not stripped.startswith(("Feature:", "#")):
            raise ValueError(f"{path.name}: cannot read {stripped!r}")


def _filled(name: str, steps: list[tuple[str, list[list[str]]]], rows: list[list[str]]) -> Iterator[Scenario]:
    for row in _named(rows) or ([{}] if steps else []):
        filled = []
        for text, table in steps:
            for column, value in row.items():
                text = text.replace(f"<{column}>", value)
            filled.append(Step(text, _named(table)))
        yield Scenario(" ".join((name, *row.values())), filled)


def _named(rows: list[list[str]]) -> list[dict[str, str]]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
