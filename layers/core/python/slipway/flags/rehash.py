"""A change of a flag's hash: everybody draws anew wherever a percentage decides. So it is told first who would move."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from slipway.calls import Call
from slipway.flags import flag
from slipway.flags.beside import settled
from slipway.flags.checks import wrong
from slipway.flags.compilation import Rows, definition
from slipway.flags.configurations import Configurations, rules
from slipway.flags.explain import flag_set
from slipway.flags.fields import Hash, Reason
from slipway.flags.flag import WHY, FlagView
from slipway.flags.preview import PreviewView, moved, sample
from slipway.flags.stored import Uncompilable, used
from slipway.problems import Fault
from slipway.resources import Stored
from slipway.shape import Shape


class Rehashing(Shape):
    hash: Hash
    reason: Reason | None = Field(default=None, description=WHY)


class MovedView(PreviewView):
    environment: str


class RehashedView(FlagView):
    moved: list[MovedView] = Field(description="in every environment where a percentage decides, of 1,000 made-up contexts")


def rehashed(
    configurations: Configurations, call: Call, key: str, version: int | None, asked: Rehashing, *, validate_only: bool = False
) -> tuple[dict[str, Any], Stored]:
    """A RehashedView, and the flag as it then stands. Where it is only validated, nobody is asked for a reason.

    Raises NotFound, PreconditionFailed, Conflict (archived, or it takes a second person), Invalid."""
    flags, change = configurations.flags, {"hash": asked.hash}

    def attempt(call: Call) -> tuple[list[dict[str, Any]], Stored]:
        plan = flags.planned(call, key, version, change, asked.reason)
        told = _moved(configurations, call, plan.before, asked.hash)
        if not validate_only:
            return told, flags.change(call, key, plan.before.version, change, asked.reason)
        return told, plan.after

    moved, after = settled(call, version, attempt)
    return {**flag.view(after), "moved": moved}, after


def _moved(configurations: Configurations, call: Call, before: Stored, hash: str) -> list[dict[str, Any]]:
    """MovedViews. Raises Invalid where the flag could not be answered any more."""
    key, found = before.data["key"], []
    after = Stored({**before.row, "data": {**before.data, "hash": hash}})
    for configuration in configurations.each(call, key):
        if not configuration.data["enabled"]:
            continue
        old, new = (configurations.gathered(one, configuration) for one in (before, after))
        if _draws(key, new):
            one, other = (flag_set(rows) for rows in (old, new))
            told = moved(one, other, key, sample(key), call.now.timestamp())
            found.append({"environment": configuration.data["environment"], **told})
    return found


def _draws(key: str, rows: Rows) -> bool:
    """Whether a percentage stands anywhere in what the flag is answered from. Raises Invalid."""
    try:
        made = definition(key, rows)
    except Uncompilable as error:
        detail = f"In {rows.environment} it could not be answered: {error}"
        raise wrong([Fault("/hash", "not_evaluable", detail)]) from None
    return "fractional" in used(made.get("targeting"), rules(rows))
