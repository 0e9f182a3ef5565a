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
from slipway.flags.limits import LONG_KEY, spend, weigh
from slipway.flags.murmur3 import murmur3, murmur3_after, pure
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from slipway.flags.limits import Meter

MOST_WEIGHT = 2**31 - 1
_COMMON = 64  # bytes of a targeting key that have their head kept


class Draw(Value):
    """`bucket` of `buckets`, which `input` hashes to, and the variant that owns it."""

    variant: Any
    bucket: int
    buckets: int
    input: bytes


def draw(flag: str, hash: str, data: Any, values: Sequence[Any], meter: Meter | None = None) -> Draw | None:
    """Of the operator's evaluated arguments. `flag`: the key, "" inside of `map` and its like, where no flag is in sight."""
    if not values:
        return None
    by, parts = values[0], values[1:]
    if isinstance(by, list):
        key = data.get("targetingKey") if isinstance(data, dict) else None
        if not isinstance(key, str) or not key:
            return None
        weigh(meter, key)
        by, parts = [flag, key], values
    else:
        weigh(meter, by)
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
    variants, limits = split[0], thresholds(split[1])
    hashed = murmur3_after(prefix)
    return lambda text: variants[bisect_right(limits, hashed(_item(hash, text)))]


def by_targeting_key(hash: str, split: tuple[list[Any], list[int]], flag: str) -> Callable[[Any, Any], Any]:
    """The short form, as a node of a rule."""
    variants, limits, start = split[0], thresholds(split[1]), prefix(hash, flag)
    hashed = murmur3_after(start)
    starts: dict[int, bytes] = {}  # the prefix with the head of a text of so many bytes

    def fractional(data: Any, meter: Any) -> Any:
        key = data.get("targetingKey")
        if type(key) is not str or not key:
            return None
        if len(key) > LONG_KEY:
            spend(meter, len(key))
        try:
            if murmur3 is pure:
                return variants[bisect_right(limits, hashed(_item(hash, key)))]
            raw = key.encode()
            before = starts.get(len(raw))
            if before is None:
                item = _item(hash, key)
                if len(raw) > _COMMON:
                    return variants[bisect_right(limits, murmur3(start + item))]
                before = starts[len(raw)] = start + item[: len(item) - len(raw)]
            return variants[bisect_right(limits, murmur3(before + raw))]
        except ValueError:
            return None

    return fractional


def thresholds(bounds: Sequence[int]) -> list[int]:
    """The same bounds of hashes in place of buckets: `hash * total >> 32` is below a bound where the hash is below these."""
    total = bounds[-1]
    return [-(-(bound << 32) // total) for bound in bounds]


def unit(data: Any, hash: str) -> bytes:
    """What stands for the targeting key after a prefix. Raises ValueError where there is none to draw for, or a long one."""
    key = data.get("targetingKey")
    if type(key) is not str or not 0 < len(key) <= LONG_KEY:
        raise ValueError("there is no targeting key, or one that takes steps")
    return _item(hash, key)


def _item(hash: str, text: str) -> bytes:
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
