"""What a rollout does to a flag's rule: where the configuration alone would answer `from`, a share of the units gets `to`.

    own rule and default      what is answered without the rollout: untouched while it runs
    reach                     whether a unit comes to the split at all: whether its own answer is `from`
    split                     `to` for the share, `from` for the rest, and for who has no text and no whole number to be
                              bucketed by

The split is drawn by a text of its own, `<flag>:rollout:<value>`, so that it has nothing to do with a `fractional` in the own
rule. It is the same for every rollout of the flag: a share that grows takes no unit out of `to`, one that shrinks takes those
out that came last, and a later rollout meets the same units first. For that, one that has left its split in the plain rule (it
was stopped, or holds some back) is continued by the next one of the same two variants, whose split stands in the place of it:
left where it is, it would let none but those beyond its share come to the new one.

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
    text = {"===": [{"cat": [value]}, value]}
    whole = {"===": [{"-": [value, {"%": [value, 1]}]}, value]}
    parts = [[to, _weight(share, steps)], [base, _weight(SCALE - share, [(at, SCALE - part) for at, part in steps])]]
    unit = {"and": [value, {"or": [text, whole]}]}
    return {"if": [unit, {"fractional": [{"cat": [salt(flag), value]}, *parts]}, base]}


def during(own: Rule, default: str | None, rollout: Mapping[str, Any], flag: str, steps: Steps = ()) -> Rule:
    """The own rule with the rollout in it."""
    own, default, _ = continued(own, default, rollout, flag)
    reached = reach(own, default, rollout["from"])
    if reached is False:
        return own
    drawn = split(flag, rollout["bucket_by"], rollout["from"], rollout["to"], int(rollout["share"]), steps)
    return drawn if reached is True else {"if": [reached, drawn, own]}


def after(own: Rule, default: str | None, rollout: Mapping[str, Any], flag: str, share: int) -> tuple[Rule, str | None]:
    """Rule and default of the plain configuration that answers as the rollout does at that share: what stays of it."""
    rest, base, _ = continued(own, default, rollout, flag)
    if share == SCALE and rest is None and base == rollout["from"]:
        return None, rollout["to"]
    reached = reach(rest, base, rollout["from"])
    if reached is False:
        return own, default
    ends = rollout["to"] if share == SCALE else split(flag, rollout["bucket_by"], rollout["from"], rollout["to"], share)
    return (ends if reached is True else {"if": [reached, ends, rest]}), default


def continued(own: Rule, default: str | None, rollout: Mapping[str, Any], flag: str) -> tuple[Rule, str | None, int]:
    """Rule and default without the split that an earlier rollout of the same two has left there, and its share: 0 for none."""
    if share := _left(own, rollout, flag):
        return None, rollout["from"], share
    match own:
        case {"if": [reached, drawn, rest]} if reached == reach(rest, default, rollout["from"]):
            if share := _left(drawn, rollout, flag):
                return rest, default, share
    return own, default, 0


def _left(rule: Rule, rollout: Mapping[str, Any], flag: str) -> int:
    """The share of the split that the rule is; 0 where it is none."""
    match rule:
        case {"if": [_, {"fractional": [_, [_, int(share)], _]}, _]}:
            same = rule == split(flag, rollout["bucket_by"], rollout["from"], rollout["to"], share)
            return share if same else 0
    return 0


def _weight(now: int, steps: Steps) -> Rule:
    if not steps:
        return now
    later = [part for at, share in sorted(steps, reverse=True) for part in ({">=": [_NOW, at]}, share)]
    return {"if": [*later, now]}
