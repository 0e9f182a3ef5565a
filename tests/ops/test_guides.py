"""What the README and the guides say, as far as no stack has to run for it; tests/e2e/test_docs.py runs their snippets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.provider import AbstractProvider

from slipway.stages import MOVES

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SCREEN = 50  # lines


def code(page: Path) -> Iterator[str]:
    """Every command that a page shows: the lines of its snippets, and what stands between backquotes."""
    text = page.read_text()
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    yield from re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_needs_the_virtual_environment_to_be_active(page: Path) -> None:
    bare = re.compile(r"(^|[;&|(] *)(slipway (?!`)|python3? -m |pytest|npx |cdk (bootstrap|synth|destroy))")
    assert [command for command in code(page) if bare.search(command)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_that_a_page_names_is_one(page: Path) -> None:
    targets = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())  # type: ignore[index]
    named = {target for command in code(page) for target in re.findall(r"(?:^|[;&] *|\d )make ([a-z]+)", command)}
    assert named <= targets


def test_the_readme_is_two_screens_and_a_half_and_begins_with_what_is_here() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 2.5 * SCREEN
    assert "Here today" in lines[2]


def test_openfeature_sends_no_outcome_by_itself() -> None:
    """As docs/signals.md says: the provider has no `track` of its own, and the one that it inherits does nothing."""
    assert OFREPProvider.track is AbstractProvider.track
    assert "`track()` sends nothing" in (ROOT / "docs" / "signals.md").read_text()


def test_the_guides_name_files_that_are_there() -> None:
    text = (ROOT / "docs" / "building.md").read_text()
    named = re.findall(r"`((?:slipway|infra|functions|tests|ops)/[\w/.]+)`", text)
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists() and not (ROOT / "layers/core/python" / path).exists()] == []


def test_the_moves_of_a_stage_are_those_of_the_guide() -> None:
    (way,) = re.findall(r"moves along ((?:`\w+` [⇄→] )+`retired`)", (ROOT / "docs" / "using.md").read_text())
    stages, arrows = re.findall(r"\w+", way), re.findall("[⇄→]", way)
    moves: dict[str, set[str]] = {stage: set() for stage in stages}
    for (first, second), arrow in zip(pairwise(stages), arrows, strict=True):
        moves[first].add(second)
        if arrow == "⇄":
            moves[second].add(first)
    for stage in stages[:4]:  # "and from the first four straight to `retired`"
        moves[stage].add("retired")
    assert moves == {stage: set(ways) for stage, ways in MOVES.items()}
