"""Who is drawn in Unleash: the part of all that a strategy takes, and the variants by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.flags.conditions import KEY, Rule, all_of, share, shares, var
from slipway.flags.constraints import field
from slipway.flags.source import Source, Unmapped

SHARES = {"flexibleRollout": "rollout", "gradualRolloutUserId": "percentage", "gradualRolloutSessionId": "percentage",
           "gradualRolloutRandom": "percentage"}  # fmt: skip
Step = tuple[Rule, Rule]  # a condition, and what is answered where it holds


def within(condition: Rule, steps: Sequence[Step]) -> list[Step]:
    """The steps, where the condition holds."""
    if condition is False:
        return []
    return [(all_of([one for one in (condition, inner) if one is not True]), answer) for inner, answer in steps]


def drawn(variants: list[Source], values: dict[str, Any], sticky: str | None) -> list[Step]:
    """Who gets which variant: first who is named, then by weight. Adds to the values; none where there are no variants."""
    weights, steps = dict[str, int](), list[Step]()
    for number, variant in enumerate(variants):
        name = variant.get("name").text() or variant.at.rpartition("/")[2]
        payload = variant.get("payload").take()
        value = {"name": name, "enabled": True} | ({"payload": payload} if payload else {})
        named = next((one for one in (name, *(f"{name}-{n}" for n in range(2, 100))) if values.get(one, value) == value), name)
        values[named] = value
        weights[named] = weights.get(named, 0) + int(variant.get("weight").number() or 0)
        stickiness = variant.get("stickiness").text()
        sticky = stickiness if number == 0 and stickiness and sticky is None else sticky
        variant.leave("weightType")
        for override in variant.get("overrides").items():
            at = field(override.get("contextName").text() or "", override)
            steps.append(({"in": [at, override.get("values").texts()]}, named))
    left = {name: weight for name, weight in weights.items() if weight > 0}
    if len(left) == 1:
        return [*steps, (True, next(iter(left)))]
    if left:
        variants[0].note("other_buckets", "The shares stay, but users fall into other buckets than before.")
        steps.append((True, shares(left, _bucket(sticky or "default", variants[0]))))
    return steps


def taken(name: str, parameters: Source) -> Rule:
    of = {"gradualRolloutUserId": "userId", "gradualRolloutSessionId": "sessionId", "gradualRolloutRandom": "random"}
    sticky = of.get(name) or parameters.get("stickiness").text() or "default"
    parameters.get("stickiness").take()
    parameters.leave("groupId", "A flag draws by its own key.")
    part = parameters.get(SHARES[name])
    try:
        percent = float(part.value)
    except (TypeError, ValueError):
        raise Unmapped(part.at, "The share is no number.") from None
    part.take()
    if 0 < percent < 100:
        part.note("other_buckets", "The share stays, but users fall into other buckets than before.")
    bucket = _bucket(sticky, part)
    there = True if sticky in ("default", "random") or percent <= 0 else {"!==": [var(KEY) if bucket is None else bucket, None]}
    return all_of([one for one in (there, share(round(percent * 100), 10_000, bucket)) if one is not True])


def _bucket(stickiness: str, source: Source) -> Rule | None:
    """None for the targeting key: nothing here is drawn anew with every call. Raises Unmapped."""
    return None if stickiness in ("default", "random", "userId") else field(stickiness, source)
