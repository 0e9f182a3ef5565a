"""What a line of the log must be: `docs/schemas/log.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "schemas" / "log.json").read_text())
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def broken(line: Mapping[str, Any]) -> list[str]:
    """What is wrong with it, by the schema."""
    return [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(line)]
