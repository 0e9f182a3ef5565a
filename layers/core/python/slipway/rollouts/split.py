"""What a rollout does to a flag's rule: where the configuration alone would answer `from`, a share of the units gets `to`.

    own rule and default      what is answered without the rollout: untouched while it runs
    reach                     whether a unit comes to the split at all: whether its own answer is `from`
    split                     `to` for the share, `from` for the rest, and for who has nothing to be bucketed by

The split is drawn by a text of its own, `<flag>:rollout:<value>`, so that it has nothing to do with a `fractional` in the own
rule. It is the same for every rollout of the flag: a share that grows takes no unit out of `to`, one that shrinks takes those
out that came last, and a later rollout meets the same units first.

Shares are whole numbers of `SCALE` parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.flags.inlining import answers, or_default
from slipway.rollouts.exposure import SCALE, salt

Rule = Any  # JsonLogic
Steps = Sequence[tuple[int, int]]  # Unix seconds and the share from then on, in order

_NOW = {"var": "$flagd.timestamp"}


def reach(own: Rule, default: str | None, base: str) -> Rule:
    """A rule that is true where the own rule, or the default beside it, gives the variant `base`; or true or false itself."""
    if own is None:
        return default == base
    return {"in": [or_default(own, base) if default == base else own, answers(base)]}


def split(flag: str, bucket_by: str, base: str, to: str, share: int, steps: Steps = ()) -> Rule:
    """Who comes to the split gets one of the two. `steps`: shares to come, each from its second on."""
    value = {"var": bucket_by}
    parts = [[to, _weight(share, steps)], [base, _weight(SCALE - share, [(at, SCALE - part) for at, part in steps])]]
    return {"if": [value, {"fractional": [{"cat": [salt(flag), value]}, *parts]}, base]}


def during(own: Rule, default: str | None, rollout: Mapping[str, Any], flag: str, steps: Steps = ()) -> Rule:
    """The own rule with the rollout in it."""
    reached = reach(own, default, rollout["from"])
    if reached is False:
        return own
    drawn = split(flag, rollout["bucket_by"], rollout["from"], rollout["to"], int(rollout["share"]), steps)
    return drawn if reached is True else {"if": [reached, drawn, own]}


def after(own: Rule, default: str | None, rollout: Mapping[str, Any], flag: str, share: int) -> tuple[Rule, str | None]:
    """Rule and default of the plain configuration that answers as the rollout does at that share: what stays of it."""
    if share == SCALE and own is None and default == rollout["from"]:
        return None, rollout["to"]
    reached = reach(own, default, rollout["from"])
    if reached is False:
        return own, default
    ends = rollout["to"] if share == SCALE else split(flag, rollout["bucket_by"], rollout["from"], rollout["to"], share)
    return (ends if reached is True else {"if": [reached, ends, own]}), default


def _weight(now: int, steps: Steps) -> Rule:
    if not steps:
        return now
    later = [part for at, share in sorted(steps, reverse=True) for part in ({">=": [_NOW, at]}, share)]
    return {"if": [*later, now]}
