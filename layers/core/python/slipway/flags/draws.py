"""Who is drawn in Unleash: the part of all that a strategy takes, and the variants by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from slipway.flags.conditions import KEY, Rule, all_of, any_of, part_of, share, shares, var
from slipway.flags.constraints import field
from slipway.flags.source import Source

SHARES = {"flexibleRollout": "rollout", "gradualRolloutUserId": "percentage", "gradualRolloutSessionId": "percentage",
           "gradualRolloutRandom": "percentage"}  # fmt: skip
CHANCE = {  # there, by stickiness
    "default": "Who has neither a targeting key nor a `sessionId` is drawn anew with every call there. Here both are asked for",
    "random": "Everybody is drawn anew with every call there. Here the targeting key decides, or else the `sessionId`",
}
PARTS = 100_000  # of all
WHOLE = 1_000  # what the weights of variants add up to
Step = tuple[Rule, Rule]  # a condition, and what is answered where it holds


def within(condition: Rule, steps: Sequence[Step]) -> list[Step]:
    """The steps, where the condition holds."""
    if condition is False:
        return []
    return [(all_of([one for one in (condition, inner) if one is not True]), answer) for inner, answer in steps]


def drawn(variants: list[Source], values: dict[str, Any], sticky: str | None) -> list[Step]:
    """Who gets which variant: first who is named, then by weight. Adds to the values; none where there are no variants."""
    weights, steps = dict[str, int](), list[Step]()
    for variant in variants:
        name = variant.get("name").text() or variant.at.rpartition("/")[2]
        payload = variant.get("payload").take()
        value = {"name": name, "enabled": True} | ({"payload": payload} if payload else {})
        named = next((one for one in (name, *(f"{name}-{n}" for n in range(2, 100))) if values.get(one, value) == value), name)
        values[named] = value
        weights[named] = weights.get(named, 0) + part_of(variant.get("weight"), WHOLE, WHOLE)
        stickiness = variant.get("stickiness").text() or "default"
        sticky = stickiness if sticky is None else sticky
        if stickiness != sticky:
            variant.get("stickiness").note("left_out", f"All are drawn by {sticky!r}.")
        variant.leave("weightType")
        for override in variant.get("overrides").items():
            at = field(override.get("contextName").text() or "", override)
            steps.append(({"in": [at, override.get("values").texts()]}, named))
    left = {name: weight for name, weight in weights.items() if weight > 0}
    if len(left) == 1:
        return [*steps, (True, next(iter(left)))]
    if left:
        unit = _unit(sticky or "default", variants[0])
        variants[0].note("other_buckets", "The shares stay, but users fall into other buckets than before.")
        _tell_chance(sticky or "default", variants[0], "gets no variant")
        steps.append((unit.there, shares(left, unit.bucket)))
    return steps


def taken(name: str, parameters: Source) -> Rule:
    of = {"gradualRolloutUserId": "userId", "gradualRolloutSessionId": "sessionId", "gradualRolloutRandom": "random"}
    if name in of:
        parameters.leave("stickiness", "The name of the strategy says by what it draws.")
    sticky = of.get(name) or parameters.get("stickiness").text() or "default"
    parameters.leave("groupId", "A flag draws by its own key.")
    part = parameters.get(SHARES[name])
    taken, unit = part_of(part, 100, PARTS), _unit(sticky, part)
    if 0 < taken < PARTS:
        part.note("other_buckets", "The share stays, but users fall into other buckets than before.")
        _tell_chance(sticky, part, "is in no share")
    elif sticky in CHANCE or not taken:  # everybody, or nobody
        return taken > 0
    return all_of([unit.there, *([] if taken == PARTS else [share(taken, PARTS, unit.bucket)])])


class Unit(NamedTuple):
    """Who is drawn: whether the context has one, and by what beside the flag's key (None: by the targeting key)."""

    there: Rule
    bucket: Rule | None


def _unit(stickiness: str, source: Source) -> Unit:
    """Nothing here is drawn anew with every call. Raises Unmapped."""
    if stickiness in CHANCE:
        session = var("sessionId")
        there = any_of([{"!==": [var(KEY), None]}, {"!==": [session, None]}])
        return Unit(there, {"if": [{"!==": [var(KEY), None]}, var(KEY), session]})
    at = field(stickiness, source)
    return Unit({"!==": [at, None]}, None if at == var(KEY) else at)


def _tell_chance(stickiness: str, source: Source, instead: str) -> None:
    if stickiness in CHANCE:
        source.note("random", f"{CHANCE[stickiness]}, and who has neither {instead}.")
