"""The published JSON Schemas of the event contracts: written once, never changed."""

from __future__ import annotations

import json
from pathlib import Path

from slipway.events import CONTRACTS, schema

PUBLISHED = Path(__file__).parent.parent / "docs" / "schemas" / "events"


def publish(directory: Path = PUBLISHED) -> list[Path]:
    """Write the schema of every contract that has none yet; a published one is never touched. Returns what was written."""
    written = []
    for name in CONTRACTS:
        path = directory / f"{name}.json"
        if not path.exists():
            path.write_text(text(name), encoding="utf-8")
            written.append(path)
    return written


def text(name: str) -> str:
    return json.dumps(schema(CONTRACTS[name]), indent=2, sort_keys=True) + "\n"
