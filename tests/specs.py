"""The published specifications that answers are held to. They are no part of this repository: a test without them skips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def specification(name: str) -> str:
    """The text of that file in SLIPWAY_SPECS, or in `shared/specs` beside the repository or above it."""
    told = os.environ.get("SLIPWAY_SPECS")
    folders = [Path(told)] if told else [folder / "shared" / "specs" for folder in Path(__file__).parents]
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        pytest.skip(f"{name} is not at hand: SLIPWAY_SPECS names a folder of specifications")
    return found.read_text()
