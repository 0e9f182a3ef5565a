"""Whether a rollout fits the configuration that it is to run in, and what it leaves there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from slipway.flags import jsontext
from slipway.problems import Fault
from slipway.rollouts import split
from slipway.rollouts.course import percent
from slipway.rollouts.exposure import salt

Data = dict[str, Any]


def unfit(
    data: Mapping[str, Any], variants: Collection[str], standing: Mapping[str, Any], segments: Mapping[str, Any]
) -> list[Fault]:
    """Why nobody would come to the split, or others than it is meant for. `segments`: that the rule names."""
    found = [
        Fault(f"/{name}", "unknown_variant", f"There is no variant {data[name]!r}.")
        for name in ("from", "to")
        if data[name] not in variants
    ]
    if data["from"] == data["to"]:
        found.append(Fault("/to", "same_variant", "This is what they get already: name another variant."))
    if found:
        return found
    rest, default, share = split.continued(_rule(standing), standing["default_variant"], data, data["flag"])
    if split.reach(rest, default, data["from"]) is False:
        detail = f"Nobody is given {data['from']!r}: no rule decides, and the default is another variant."
        return [Fault("/from", "nobody", detail)]
    if jsontext.written(salt(data["flag"])) in jsontext.written([rest, segments]):
        detail = (
            f"The rule draws by {salt(data['flag'])!r}, as an earlier rollout of other variants, or one that was edited since, "
        )
        detail += (
            "has left it: the arms would not be as large as the ladder says. Take that split out of the rule first, or let "
        )
        detail += "it draw by another text."
        return [Fault("/from", "drawn_already", detail)]
    if data["ladder"][0]["share"] <= share:
        detail = (
            f"An earlier rollout has left {percent(share)} % in the rule, and this one goes on from there: begin above that, "
        )
        detail += "or take its split out of the rule first."
        return [Fault("/ladder/0/share", "not_larger", detail)]
    return []


def left(standing: Mapping[str, Any], data: Mapping[str, Any], share: int) -> Data:
    """What a plain configuration has to say to answer as the rollout does at that share."""
    rule, default = split.after(_rule(standing), standing["default_variant"], data, data["flag"], share)
    return {"targeting": None if rule is None else jsontext.written(rule), "default_variant": default}


def _rule(standing: Mapping[str, Any]) -> Any:
    return None if standing["targeting"] is None else jsontext.read(standing["targeting"])
