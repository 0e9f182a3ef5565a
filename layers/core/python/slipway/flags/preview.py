"""What a change would do, before it is made: who would get another variant than now."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from slipway.calls import Call
from slipway.flags.change import pointed
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.configurations import Configurations
from slipway.flags.evaluation import FlagSet
from slipway.flags.explain import flag_set
from slipway.flags.fields import Context
from slipway.flags.limits import MOST_STEPS_TOGETHER, Allowance
from slipway.flags.portability import Portability, lacks, told
from slipway.problems import Fault, Invalid
from slipway.shape import Shape

CONTEXTS = 1_000


class Previewing(Shape):
    """Without `contexts` the change is tried on 1,000 made-up ones, which have a targeting key and nothing else."""

    change: ConfigurationPatch
    contexts: list[Context] | None = Field(default=None, min_length=1, max_length=CONTEXTS)


class MoveView(Shape):
    """`from`, `to`: variants; null where the caller's own default applies, or an error is answered."""

    from_: str | None = Field(alias="from")
    to: str | None
    count: int


class PreviewView(Shape):
    contexts: int = Field(description="that were tried")
    changed: int = Field(description="that would get another variant")
    moves: list[MoveView]


class PreviewedView(PreviewView, Portability):
    """As the flag would be after the change."""

    ended_rollout: str | None = Field(description="the rollout that runs, and that the change would end")


def previewed(
    configurations: Configurations,
    call: Call,
    key: str,
    environment: str,
    change: ConfigurationPatch,
    contexts: Sequence[dict[str, Any]] | None,
) -> dict[str, Any]:
    """A PreviewedView. Raises NotFound, Conflict (archived), Invalid."""
    plan = pointed(lambda: configurations.patched(call, key, environment, None, change))
    now = call.now.timestamp()
    before = flag_set(configurations.gathered(plan.flag, plan.before))
    after = flag_set(plan.rows)
    found = moved(before, after, key, sample(key) if contexts is None else contexts, now)
    ended = None if plan.after is plan.before else plan.after.data.get("ended")
    return {**found, **told(lacks(key, plan.rows)), "ended_rollout": ended}


def moved(
    before: FlagSet, after: FlagSet, key: str, tried: Sequence[dict[str, Any]], now: float, shared: Allowance | None = None
) -> dict[str, Any]:
    """A PreviewView: whom of these the flag would answer otherwise after than before. Raises Invalid."""
    moves, shared = Counter[tuple[str | None, str | None]](), shared or Allowance()
    for one in tried:
        old, new = (flags.evaluate(key, one, now=now, shared=shared).variant for flags in (before, after))
        if shared.refused:
            detail = (
                f"With {len(tried):,} contexts this takes more than {MOST_STEPS_TOGETHER:,} steps; send fewer, or smaller ones."
            )
            raise Invalid(detail, errors=[Fault("/contexts", "too_many_steps", detail)])
        moves[old, new] += 1
    changed = {pair: count for pair, count in moves.items() if pair[0] != pair[1]}
    return {
        "contexts": len(tried),
        "changed": sum(changed.values()),
        "moves": [
            {"from": old, "to": new, "count": count}
            for (old, new), count in sorted(changed.items(), key=lambda item: (-item[1], str(item[0])))
        ],
    }


def sample(key: str) -> list[dict[str, Any]]:
    """Contexts of units that are like no other, and the same whenever the flag is looked at."""
    return [{"targetingKey": hashlib.sha256(f"{key} {number}".encode()).hexdigest()[:16]} for number in range(CONTEXTS)]
