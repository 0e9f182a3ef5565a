"""`fractional`: which part of all users a user belongs to.

    {"fractional": [bucket by, [variant, weight], ...]}     {"fractional": [[variant, weight], ...]}

The bucket is `murmur3(input) * sum of weights >> 32`, a number from 0 to the sum less 1; each variant owns as many buckets as
its weight says, in the order written. The input depends on the hash that the flag is pinned to:

    v2   UTF-8 of the text that is bucketed by; for the short form, of flag key + targeting key
    v3   canonical CBOR of the value that is bucketed by; for the short form, of [flag key, targeting key]

No variant (null) where there is nothing to bucket by, a weight is no whole number, or the weights do not make a sum from 1 to
2^31 - 1. A weight that is left out is 1, a negative one 0. Source: flagd's specification of custom operations, and its cores.
"""

from __future__ import annotations

from bisect import bisect_right

from slipway.flags import cbor
from slipway.flags.murmur3 import murmur3, murmur3_after
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

MOST_WEIGHT = 2**31 - 1

# What comes before a text of so many bytes.
_HEADS = {"v2": [b""] * 256, "v3": [bytes((0x60 | size,) if size < 24 else (0x78, size)) for size in range(256)]}


class Draw(Value):
    """`bucket` of `buckets`, which `input` hashes to, and the variant that owns it."""

    variant: Any
    bucket: int
    buckets: int
    input: bytes


def draw(flag: str, hash: str, data: Any, values: Sequence[Any]) -> Draw | None:
    """Of the operator's evaluated arguments. `flag`: the key, "" inside of `map` and its like, where no flag is in sight."""
    if not values:
        return None
    by, parts = values[0], values[1:]
    if isinstance(by, list):
        key = data.get("targetingKey") if isinstance(data, dict) else None
        if not isinstance(key, str) or not key:
            return None
        by, parts = [flag, key], values
    split = shares(parts)
    hashed = _input(hash, by)
    if split is None or hashed is None:
        return None
    variants, bounds = split
    bucket = murmur3(hashed) * bounds[-1] >> 32
    return Draw(variants[bisect_right(bounds, bucket)], bucket, bounds[-1], hashed)


def shares(parts: Sequence[Any]) -> tuple[list[Any], list[int]] | None:
    """The variants, and for each the bucket that is no longer its own. None for weights that do not fit."""
    variants, bounds, total = [], [], 0
    for part in parts:
        if not isinstance(part, list) or not 0 < len(part) <= 2:
            return None
        weight = part[1] if len(part) == 2 else 1
        if isinstance(weight, float) and weight.is_integer():
            weight = int(weight)
        if not isinstance(weight, int) or isinstance(weight, bool):
            return None
        total += max(0, weight)
        variants.append(part[0])
        bounds.append(total)
    return (variants, bounds) if 0 < total <= MOST_WEIGHT else None


def bucketed(hash: str, split: tuple[list[Any], list[int]], prefix: bytes = b"") -> Callable[[str], Any]:
    """From a text that is bucketed by to its variant; `prefix` comes before what stands for the text.

    Raises ValueError for half of a surrogate pair."""
    variants, bounds = split
    total, hashed, heads = bounds[-1], murmur3_after(prefix), _HEADS[hash]

    def bucket(text: str) -> Any:
        raw = text.encode()
        size = len(raw)
        item = heads[size] + raw if size < 256 else _long(hash, text)
        return variants[bisect_right(bounds, hashed(item) * total >> 32)]

    return bucket


def by_targeting_key(bucket: Callable[[str], Any]) -> Callable[[Any, Any], Any]:
    """The short form, as a node of a rule."""

    def fractional(data: Any, _: Any) -> Any:
        key = data.get("targetingKey")
        if type(key) is not str or not key:
            return None
        try:
            return bucket(key)
        except ValueError:
            return None

    return fractional


def _long(hash: str, text: str) -> bytes:
    return text.encode() if hash == "v2" else cbor.text(text)


def prefix(hash: str, flag: str) -> bytes:
    """What comes before the targeting key in the short form."""
    return flag.encode() if hash == "v2" else cbor.head(4, 2) + cbor.text(flag)


def _input(hash: str, by: Any) -> bytes | None:
    try:
        if hash == "v3":
            return None if by is None else cbor.encode(by)
        parts = by if isinstance(by, list) else [by]
        return "".join(parts).encode() if all(isinstance(part, str) for part in parts) else None
    except ValueError:
        return None
