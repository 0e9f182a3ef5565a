"""Rows of the flags table as the control plane writes them, for tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.flags.compilation import Rows
from slipway.ports import Row

ON_OFF = {"on": True, "off": False}


def flag(key: str, variants: Any = ON_OFF, **data: Any) -> Row:
    """`variants`: an object, or text as it stands in the row."""
    text = variants if isinstance(variants, str) else json.dumps(variants)
    common = {"key": key, "type": "boolean", "hash": "v3", "client_side": False, "status": "active"}
    return {"pk": f"flag#{key}", "sk": "head", "kind": "flag", "version": 1, "data": {**common, "variants": text, **data}}


def configuration(key: str, environment: str = "production", *, targeting: Any = None, version: int = 2, **data: Any) -> Row:
    """Switched on, with "off" as default, unless told. `targeting`: a rule, or text as it stands in the row."""
    text = targeting if targeting is None or isinstance(targeting, str) else json.dumps(targeting)
    common = {"enabled": True, "default_variant": "off", "overrides": {}, "prerequisites": []}
    return {
        "pk": f"flag#{key}#{environment}",
        "sk": "head",
        "kind": "configuration",
        "version": version,
        "data": {"flag": key, "environment": environment, **common, "targeting": text, **data},
    }


def segment(key: str, targeting: Any) -> Row:
    text = targeting if isinstance(targeting, str) else json.dumps(targeting)
    return {"pk": f"segment#{key}", "sk": "head", "kind": "segment", "version": 1, "data": {"key": key, "targeting": text}}


def needs(flag: str, *variants: str) -> list[Mapping[str, Any]]:
    """One prerequisite."""
    return [{"flag": flag, "variants": list(variants)}]


def rows(flags: Sequence[Row], configurations: Sequence[Row] = (), segments: Sequence[Row] = (), revision: int = 7) -> Rows:
    return Rows("production", revision, tuple(flags), tuple(configurations), tuple(segments))
