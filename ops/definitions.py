"""Flags as files: one JSON file a flag, named after its key.

What a flag is stands at the top, what it answers in an environment below `environments`, spelled as flagd spells it:

    {"type": "boolean", "owner": "web", "variants": {"on": true, "off": false},
     "environments": {"production": {"state": "ENABLED", "defaultVariant": "off", "targeting": {...}}}}

A file says all of what it names: what it leaves out of a flag, or of an environment that it names, is not there. An environment
that it does not name is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from ops.deployment import Trouble
from slipway.fields import EnvironmentName
from slipway.flags.fields import Prerequisites, Targeting, TargetingKeys, Variant
from slipway.flags.flag import BOOLEAN, NewFlag
from slipway.shape import Shape


class Answering(Shape):
    """What a flag answers in one environment."""

    state: Literal["ENABLED", "DISABLED"]
    default_variant: Variant | None = Field(default=None, alias="defaultVariant")
    targeting: Targeting = None
    overrides: dict[Variant, TargetingKeys] = {}
    prerequisites: Prerequisites = []

    def configuration(self) -> dict[str, Any]:
        """As the API has it."""
        fields = self.model_dump(exclude={"state"})
        overrides = {variant: keys for variant, keys in fields["overrides"].items() if keys}
        return {"enabled": self.state == "ENABLED", **fields, "overrides": overrides}


class Definition(NewFlag):
    environments: dict[EnvironmentName, Answering] = {}

    def flag(self) -> dict[str, Any]:
        """As the API has it."""
        fields = self.model_dump(exclude={"environments"})
        return {**fields, "variants": fields["variants"] if self.type != "boolean" else fields["variants"] or BOOLEAN}


def read(directory: Path) -> dict[str, Definition]:
    """By key, in their order. Raises Trouble, which names every fault of every file."""
    paths = sorted(directory.glob("*.json"), key=lambda path: path.stem)
    if not paths:
        raise Trouble(f"{directory} holds no *.json: one file a flag, named after its key.")
    found, faults = {}, list[str]()
    for path in paths:
        try:
            found[path.stem] = _definition(path.stem, path.read_text(encoding="utf-8"))
        except ValidationError as invalid:
            faults += [f"{path.name}: {'/'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors()]
        except ValueError as broken:
            faults.append(f"{path.name}: {broken}")
    if faults:
        raise Trouble("\n".join(faults))
    return found


def _definition(key: str, text: str) -> Definition:
    document = json.loads(text, object_pairs_hook=_once)
    if not isinstance(document, Mapping) or "key" in document:
        raise ValueError("a definition is an object, and has no `key`: the name of its file is that")
    return Definition.model_validate({**document, "key": key})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"an object has a name twice, among {', '.join(sorted(found))}")
    return found
