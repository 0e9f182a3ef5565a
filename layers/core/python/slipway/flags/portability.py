"""Whether the flagd document has a flag for every reader: what Slipway alone could evaluate is left out of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import Field

from slipway.flags import configuration
from slipway.flags.compilation import Rows, definitions
from slipway.flags.compiler import AS_FLAG, EXTENSIONS
from slipway.flags.configurations import Configurations
from slipway.flags.sources import Sources, TooLarge
from slipway.flags.stored import Uncompilable, used
from slipway.problems import Invalid
from slipway.resources import Stored
from slipway.shape import Shape


class Portability(Shape):
    portable: bool = Field(description="whether flagd, and providers that evaluate by themselves, get the flag")
    not_portable: list[str] = Field(description="why they do not")


class ConfigurationView(configuration.ConfigurationView, Portability):
    pass


class ConfigurationsView(Shape):
    items: list[ConfigurationView]


def lacks(key: str, rows: Rows) -> list[str]:
    """Why the flag is left out of the document as these rows have it; empty where it is not."""
    return _lacks(key, definitions(rows))


def all_lack(keys: Iterable[str], rows: Rows) -> dict[str, list[str]]:
    """The same of many flags, by key."""
    made = definitions(rows)
    return {key: _lacks(key, made) for key in keys}


def _lacks(key: str, made: Sources) -> list[str]:
    try:
        operators = used(made.definition(key).get("targeting"), made.segments)
    except TooLarge as error:
        return [str(error)]
    except Uncompilable as error:
        return [f"It cannot be published as it is: {error}"]
    found = []
    if ours := sorted(operators.intersection(EXTENSIONS)):
        found.append(f"Slipway alone knows {', '.join(ours)}.")
    if AS_FLAG in operators:
        found.append(
            "A prerequisite is split by `fractional`, and hashed with v3 or otherwise than this flag: "
            "flagd has no words for its buckets."
        )
    return found


def told(found: list[str]) -> dict[str, Any]:
    """A Portability."""
    return {"portable": not found, "not_portable": found}


def view(configurations: Configurations, stored: Stored, at: datetime | None = None) -> dict[str, Any]:
    """A ConfigurationView; `at`: by what else was in force then."""
    key = stored.data["flag"]
    flag = configurations.flags.read(key)
    try:
        found = lacks(key, configurations.gathered(flag, stored, at))
    except Invalid as wrong:  # a circle, which no save lets in
        found = [wrong.detail]
    return {**configuration.view(stored), **told(found)}


def answers_alone(stored: Stored) -> bool:
    """Whether nothing else is asked for what a view says, so that its version names it."""
    return not stored.data["prerequisites"] and '"$ref"' not in (stored.data["targeting"] or "")
