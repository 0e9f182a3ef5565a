"""The import rules name every module of the domain, so that a new one is inside the walls from its first day."""

from __future__ import annotations

import tomllib
from pathlib import Path

import slipway

ROOT = Path(__file__).parents[2]


def test_every_module_of_the_domain_is_inside_the_walls() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (pure,) = (rule for rule in config["tool"]["importlinter"]["contracts"] if rule["name"] == "The domain is pure")
    assert slipway.__file__ is not None
    modules = {f"slipway.{path.stem}" for path in Path(slipway.__file__).parent.glob("*.py")}
    assert set(pure["source_modules"]) == modules - {"slipway.__init__", "slipway.settings"}
