"""A change of a flag's hash: everybody draws anew wherever a percentage decides. So it is told first who would move."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from slipway.calls import Call
from slipway.flags import flag, ledger
from slipway.flags.beside import settled
from slipway.flags.checks import wrong
from slipway.flags.compilation import Rows, definition
from slipway.flags.configurations import Configurations, rules
from slipway.flags.explain import flag_set
from slipway.flags.fields import Hash, Reason
from slipway.flags.flag import WHY, FlagView
from slipway.flags.limits import Allowance
from slipway.flags.preview import PreviewView, moved, sample
from slipway.flags.stored import Uncompilable, used
from slipway.problems import Fault, Invalid
from slipway.resources import Stored
from slipway.shape import Shape

MOST_NAMED, MOST_COUNTED = 100, 20  # of the flags that need it, each in each environment


class Rehashing(Shape):
    hash: Hash
    reason: Reason | None = Field(default=None, description=WHY)


class MovedView(PreviewView):
    environment: str


class DependentView(Shape):
    """A flag that needs this one as a prerequisite."""

    flag: str
    environment: str
    moved: int | None = Field(description="of the same 1,000 contexts; null where that would take too long to count")


class RehashedView(FlagView):
    moved: list[MovedView] = Field(description="in every environment where a percentage decides, of 1,000 made-up contexts")
    dependents: list[DependentView] = Field(description="active flags that need it; 100 at most, the first 20 counted")
    more_dependents: int = Field(description="that are not named")


def rehashed(
    configurations: Configurations, call: Call, key: str, version: int | None, asked: Rehashing, *, validate_only: bool = False
) -> tuple[dict[str, Any], Stored]:
    """A RehashedView, and the flag as it then stands. Where it is only validated, nobody is asked for a reason.

    Raises NotFound, PreconditionFailed, Conflict (archived, or it takes a second person), Invalid."""
    flags, change = configurations.flags, {"hash": asked.hash}

    def attempt(call: Call) -> tuple[dict[str, Any], Stored]:
        plan = flags.planned(call, key, version, change, asked.reason)
        before = plan.before
        after = Stored({**before.row, "data": {**before.data, "hash": asked.hash}})
        told = {"moved": _moved(configurations, call, before, after), **_dependents(configurations, call, before, after)}
        if not validate_only:
            return told, flags.change(call, key, before.version, change, asked.reason)
        return told, plan.after

    told, stored = settled(call, version, attempt)
    return {**flag.view(stored), **told}, stored


def _moved(configurations: Configurations, call: Call, before: Stored, after: Stored) -> list[dict[str, Any]]:
    """MovedViews. Raises Invalid where the flag could not be answered any more."""
    key, found = before.data["key"], []
    for configuration in configurations.each(call, key):
        if not configuration.data["enabled"]:
            continue
        old, new = (configurations.gathered(one, configuration) for one in (before, after))
        if _draws(key, new):
            one, other = (flag_set(rows) for rows in (old, new))
            told = moved(one, other, key, sample(key), call.now.timestamp())
            found.append({"environment": configuration.data["environment"], **told})
    return found


def _dependents(configurations: Configurations, call: Call, before: Stored, after: Stored) -> dict[str, Any]:
    """What a RehashedView tells of them. All are counted with the steps of one."""
    store, key, shared = configurations.flags.store, before.data["key"], Allowance()
    users = ledger.in_force(store, ledger.users(store, "flag", key, configurations.environments.all(call).names))
    users.sort(key=lambda one: (one[1], one[0]))
    found = []
    for place, (needing, environment) in enumerate(users[:MOST_NAMED]):
        count = None
        if place < MOST_COUNTED and not shared.refused:
            count = _following(configurations, call, needing, environment, (before, after), shared)
        found.append({"flag": needing, "environment": environment, "moved": count})
    return {"dependents": found, "more_dependents": len(users) - len(found)}


def _following(
    configurations: Configurations,
    call: Call,
    key: str,
    environment: str,
    heads: tuple[Stored, Stored],
    shared: Allowance,
) -> int | None:
    """How many move of a flag that needs the one of these heads; None where it cannot be told."""
    needed = heads[0].data["key"]
    try:
        rows = configurations.gathered(*configurations.read(call, key, environment))
        others = [row for row in rows.flags if row["data"]["key"] != needed]
        one, other = (flag_set(rows.but(flags=(*others, head.row))) for head in heads)
        return int(moved(one, other, key, sample(needed), call.now.timestamp(), shared)["changed"])
    except Invalid:
        return None


def _draws(key: str, rows: Rows) -> bool:
    """Whether a percentage stands anywhere in what the flag is answered from. Raises Invalid."""
    try:
        made = definition(key, rows)
    except Uncompilable as error:
        detail = f"In {rows.environment} it could not be answered: {error}"
        raise wrong([Fault("/hash", "not_evaluable", detail)]) from None
    return "fractional" in used(made.get("targeting"), rules(rows))
