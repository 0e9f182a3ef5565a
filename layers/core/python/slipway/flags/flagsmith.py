"""Features of Flagsmith, as its export file has them (project settings, Export), of one environment:

    [{name, default_enabled, is_server_key_only, initial_value, value, type, enabled,
      multivariate: [{percentage_allocation, default_percentage_allocation, value, type}]}]

A feature without a value is a boolean flag. One with a value is a flag of that type, with the variant `control`; its options
are `option-1` and so on. Segments, overrides, tags and owners are not in such a file.
"""

from __future__ import annotations

from typing import Any

from slipway.flags import jsontext
from slipway.flags.bundle import Bundle, Part
from slipway.flags.conditions import shares, type_of
from slipway.flags.source import Source
from slipway.problems import Fault, Invalid

PARTS = 1_000  # of a percent


def read(document: Any) -> Bundle:
    """Raises Invalid for what is no such file."""
    root = Source(jsontext.plain(document))
    if not isinstance(root.value, list):
        detail = "An export of Flagsmith is a list of features."
        raise Invalid(detail, errors=[Fault("", "type", detail)])
    features = [feature.of(key) for feature in root.items() if (key := feature.get("name").text())]
    parts = [part for feature in features if (part := _flag(feature)) is not None]
    return Bundle([], parts, [*root.report.notes, *root.report.rest(root)])


def _flag(feature: Source) -> Part | None:
    key = str(feature.flag)
    value, options = feature.get("value"), feature.get("multivariate").items()
    feature.leave("default_enabled initial_value", "It is what new environments begin with; here a flag is off in them.")
    enabled, server_only = feature.get("enabled").truth(), feature.get("is_server_key_only").truth()
    feature.get("type").take()
    variants: dict[str, Any] = {"on": True, "off": False}
    weights: dict[str, int] = {}
    default = "on"
    if value.value is not None or options:
        default = "control"
        variants = {default: value.take()} | {f"option-{n}": one.get("value").take() for n, one in enumerate(options, 1)}
        for number, one in enumerate(options, 1):
            one.get("type").take()
            weights[f"option-{number}"] = round((one.get("percentage_allocation").number() or 0) * PARTS)
            one.leave("default_percentage_allocation", "It is what new environments begin with; here a flag is off in them.")
    type = type_of(list(variants.values()))
    if type is None:
        feature.take()
        feature.note("not_imported", "Its values are of several types, or one is missing; variants here are all of one type.")
        return None
    if not enabled:
        feature.get("enabled").note("off_value", "Switched off, callers get their own default, not the value.")
    if sum(weights.values()):
        weights[default] = max(0, 100 * PARTS - sum(weights.values()))
        feature.get("multivariate").note("other_buckets", "The shares stay, but users fall into other buckets than before.")
    fields = {"key": key, "type": type, "variants": variants, "client_side": not server_only}
    targeting = shares(weights) if sum(weights.values()) else None
    return Part(key, feature.at, fields, {"enabled": enabled, "default_variant": default, "targeting": targeting})
