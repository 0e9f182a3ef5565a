"""Machine code as the loader reads it, without what only debuggers and linkers do: four fifths of a wheel's extension."""

from __future__ import annotations

import struct

_MAGIC = b"\x7fELF\x02\x01"  # of 64 bits, little end first
_SECTIONS, _COUNTS = 40, 58  # where the header tells of sections: their place; their size, number and names


def bare(content: bytes) -> bytes:
    """The file up to the end of its last segment, and without a word of sections; as it is where it is no such file."""
    if not content.startswith(_MAGIC):
        return content
    (table,) = struct.unpack_from("<Q", content, 32)
    size, number = struct.unpack_from("<HH", content, 54)
    segments = [struct.unpack_from("<QQQQ", content, table + size * index + 8) for index in range(number)]
    end = max([table + size * number, *(offset + held for offset, _, _, held in segments)])
    kept = bytearray(content[:end])
    struct.pack_into("<Q", kept, _SECTIONS, 0)
    struct.pack_into("<HHH", kept, _COUNTS, 0, 0, 0)
    return bytes(kept)
