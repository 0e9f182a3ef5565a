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
    root = Path(slipway.__file__).parent
    modules = {f"slipway.{path.stem}" for path in root.glob("*.py")} - {"slipway.__init__", "slipway.settings"}
    packages = {f"slipway.{path.parent.name}" for path in root.glob("*/__init__.py")} - {"slipway.adapters", "slipway.edge"}
    assert set(pure["source_modules"]) == modules | packages
