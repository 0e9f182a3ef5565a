"""A flag as a file says it: one JSON object, the same for `slipway flags` and for CDK.

What a flag is stands at the top, what it answers in an environment below `environments`, spelled as flagd spells it:

    {"type": "boolean", "owner": "web", "variants": {"on": true, "off": false},
     "environments": {"production": {"state": "ENABLED", "defaultVariant": "off", "targeting": {...}}}}

and a segment: {"targeting": {...}, "description": "..."}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from slipway.fields import EnvironmentName
from slipway.flags.fields import Prerequisites, Targeting, TargetingKeys, Variant
from slipway.flags.flag import BOOLEAN, NewFlag
from slipway.flags.segments import NewSegment
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
        variants = fields["variants"] or (BOOLEAN if self.type == "boolean" else None)
        if variants is not None and self.type in ("integer", "float"):
            variants = {name: _number(self.type, value) for name, value in variants.items()}
        return {**fields, "variants": variants}


def _number(type: str, value: Any) -> Any:
    """As it is kept: floats with a fraction, integers without."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return float(value) if type == "float" else int(value) if value == int(value) else value


def read(key: str, text: str) -> Definition:
    """The definition of this key. Raises ValueError (pydantic's, where it is one of the fields)."""
    return Definition.model_validate({**_object(text), "key": key})


def read_segment(key: str, text: str) -> NewSegment:
    """Raises ValueError, likewise."""
    return NewSegment.model_validate({**_object(text), "key": key})


def _object(text: str) -> Mapping[str, Any]:
    document = json.loads(text, object_pairs_hook=_once)
    if not isinstance(document, Mapping) or "key" in document:
        raise ValueError("a definition is an object, and has no `key`: the name of its file is that")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"an object has a name twice, among {', '.join(sorted(found))}")
    return found
