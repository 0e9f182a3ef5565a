"""What is wrong with a configuration, beyond its rule (`slipway.flags.rules`). Nothing here asks the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slipway.flags import jsontext
from slipway.flags.rules import targeting_faults
from slipway.problems import Fault, Invalid

CONFIGURATION_BYTES = 32 * 1024  # of targeting, overrides and prerequisites
SEGMENTS = 10  # that one rule may use

Data = Mapping[str, Any]


def size(configuration: Data) -> int:
    """What an environment has of the configuration, in bytes."""
    parts = {name: configuration[name] for name in ("default_variant", "overrides", "prerequisites")}
    return len(jsontext.written(parts).encode()) + len((configuration["targeting"] or "").encode())


def faults(flag: Data, configuration: Data, segments: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with the configuration of this flag, each with its place in the configuration (RFC 6901).

    `segments`: the rules that its own may refer to."""
    variants = jsontext.read(flag["variants"])
    found = []
    default = configuration["default_variant"]
    if default is not None and default not in variants:
        found.append(_unknown("/default_variant", default, variants))
    seen: dict[str, str] = {}
    for variant, keys in configuration["overrides"].items():
        place = f"/overrides/{escaped(variant)}"
        if variant not in variants:
            found.append(_unknown(place, variant, variants))
        if twice := [seen[key] for key in keys if seen.setdefault(key, variant) != variant]:
            found.append(Fault(place, "duplicate", f"A targeting key that is listed here has {twice[0]!r} already."))
    if size(configuration) > CONFIGURATION_BYTES:
        detail = f"The configuration takes {size(configuration):,} bytes of {CONFIGURATION_BYTES:,} at most."
        found.append(Fault("", "too_large", detail))
    if configuration["targeting"] is not None:
        found += targeting_faults(jsontext.read(configuration["targeting"]), list(variants), segments)
    return found[:20]


def references(rule: Any) -> set[str]:
    """The segments that a rule uses, at most 100."""
    found, waiting = set[str](), [rule]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if isinstance(part.get("$ref"), str) and len(found) < 100:
                found.add(part["$ref"])
            waiting += part.values()
    return found


def wrong(faults: Iterable[Fault]) -> Invalid:
    return Invalid("The flag would not be valid.", errors=faults)


def in_words(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def escaped(name: str) -> str:
    """One reference token of an RFC 6901 pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _unknown(place: str, variant: str, variants: Mapping[str, Any]) -> Fault:
    return Fault(place, "unknown_variant", f"There is no variant {variant!r}; there are {in_words(list(variants))}.")
