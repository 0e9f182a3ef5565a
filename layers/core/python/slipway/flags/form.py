"""The form that a flag must have to be evaluated. What may be saved is a narrower question: `slipway.flags.definition`."""

from __future__ import annotations

# Names of metadata by which evaluation, and the document itself, say something.
RESERVED = ("type", "hash", "version", "flagSetId", "stale", "exposure", "track")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HASHES = ("v2", "v3")  # how a flag puts into buckets: `slipway.flags.fractional`


def values(flag: Any) -> dict[str, Any]:
    """The variants; whole numbers as floats where the flag is a float flag."""
    variants: dict[str, Any] = flag["variants"]
    kinds = {type(value) for value in variants.values()}
    declared = (flag.get("metadata") or {}).get("type") == "float"
    if int in kinds and kinds <= {int, float} and (declared or float in kinds):
        return {name: float(value) for name, value in variants.items()}
    return variants


def fault(flag: Any) -> str:
    """Why the flag cannot be evaluated; "" when it can."""
    if not isinstance(flag, dict):
        return "The flag is no object."
    if flag.get("state") not in ("ENABLED", "DISABLED"):
        return "`state` is ENABLED or DISABLED."
    variants = flag.get("variants")
    if not isinstance(variants, dict) or not variants or not all(isinstance(name, str) for name in variants):
        return "`variants` is an object with at least one variant."
    if None in [value if value is None else 0 for value in variants.values()]:
        return "A variant has a value, not null."
    default = flag.get("defaultVariant")
    if default is not None and not isinstance(default, (str, bool)):
        return "`defaultVariant` is the name of a variant or null."
    metadata = flag.get("metadata") or {}
    if not is_metadata(metadata):
        return "`metadata` is an object of texts, numbers and truth values."
    if metadata.get("hash", "v3") not in HASHES:
        return f"`metadata.hash` is one of {', '.join(HASHES)}."
    if flag.get("targeting") and not isinstance(flag["targeting"], dict):
        return "`targeting` is an object."
    return ""


def is_metadata(metadata: Any) -> bool:
    return isinstance(metadata, dict) and all(
        isinstance(name, str) and isinstance(value, (str, int, float, bool)) for name, value in metadata.items()
    )
