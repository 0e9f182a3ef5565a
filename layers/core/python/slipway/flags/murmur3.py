"""MurmurHash3, x86, 32 bits, seed 0 (Austin Appleby, public domain), as fractions of users are drawn with.

`murmur3` is the one of the package `mmh3` where that is installed, and equal to it where it is not.
"""

from __future__ import annotations

from struct import iter_unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MASK = 0xFFFFFFFF
_C1, _C2 = 0xCC9E2D51, 0x1B873593


def pure(data: bytes, at: int = 0, state: int = 0) -> int:
    """The hash, from 0 to 2^32 - 1. `state` is what the first `at` bytes made, a multiple of four (see `_absorbed`)."""
    size = len(data)
    full = size & ~3
    state = _blocks(data, at, full, state)
    if size > full:
        block = int.from_bytes(data[full:], "little") * _C1 & _MASK
        state ^= (block << 15 | block >> 17) * _C2 & _MASK
    state ^= size
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    return state ^ state >> 16


def _blocks(data: bytes, at: int, end: int, state: int) -> int:
    # A rotation may leave bits above the 32nd: what is multiplied next is cut to 32 bits, which only the lower ones reach.
    for (block,) in iter_unpack("<I", data[at:end]):
        block = block * _C1 & _MASK
        state ^= (block << 15 | block >> 17) * _C2 & _MASK
        state = ((state << 13 | state >> 19) * 5 + 0xE6546B64) & _MASK
    return state


def pure_after(prefix: bytes) -> Callable[[bytes], int]:
    """The hash of what follows that prefix, whose whole blocks are taken in once."""
    full = len(prefix) & ~3
    state, rest = _blocks(prefix, 0, full, 0), prefix
    return lambda data: pure(rest + data, full, state)


murmur3: Callable[[bytes], int]
murmur3_after: Callable[[bytes], Callable[[bytes], int]]

try:
    from mmh3 import mmh3_32_uintdigest as _digest
except ImportError:
    murmur3, murmur3_after = pure, pure_after
else:
    murmur3, murmur3_after = _digest, lambda prefix: lambda data: _digest(prefix + data)
