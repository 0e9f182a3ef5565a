"""Metadata taken out of attachments: what a picture needs to be shown stays, all else goes, and what cannot be read is refused.

Each format has a list of the parts that stay, so that a kind of metadata that nobody here has heard of goes as well: where a
picture was taken, by whom and with what; comments, thumbnails, colour profiles, and whatever follows the end. Pixels are not
looked at, and nothing is decoded: one pass over at most MOST bytes.

Sources: W3C PNG (Third Edition); ITU-T T.81, Annex B; GIF89a; RFC 9649 (WebP).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from zlib import crc32

MOST = 5 * 1024 * 1024  # bytes
PIXELS = 50_000_000  # of one picture: who opens it decodes all of them
PARTS = 20_000  # of one file

PNG, JPEG, GIF, WEBP, TEXT = "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"


class Unclean(ValueError):
    """It cannot be cleaned. `code` says why: empty, too_large, mismatch, broken, too_complex."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def stripped(media: str, body: bytes) -> bytes:
    """The file without what is not shown of it. Raises Unclean, also where it is another kind of file than `media` says."""
    if not body:
        raise Unclean("empty")
    if len(body) > MOST:
        raise Unclean("too_large")
    if media not in KINDS or kind(body) != media:
        raise Unclean("mismatch")
    try:
        return _STRIP[media](body)
    except IndexError:  # it ends before its time
        raise Unclean("broken") from None


def kind(body: bytes) -> str | None:
    """By its first bytes; text by all of them."""
    for media, magic in _MAGIC:
        if re.match(magic, body, re.DOTALL):
            return media
    return None if _TEXTLESS.search(body) else TEXT


# --- PNG -------------------------------------------------------------------------------------------------

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks that stay, and the bytes that they may have; the last three are of animations.
_CHUNKS = {
    b"IHDR": 13,
    b"PLTE": 768,
    b"IDAT": MOST,
    b"IEND": 0,
    b"tRNS": 256,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"sBIT": 4,
    b"bKGD": 6,
    b"pHYs": 9,
    b"acTL": 8,
    b"fcTL": 26,
    b"fdAT": MOST,
}


def _png(body: bytes) -> bytes:
    kept, at, seen = [_SIGNATURE], len(_SIGNATURE), set[bytes]()
    for _ in range(PARTS):
        length, name = int.from_bytes(_exactly(body, at, 4)), _exactly(body, at + 4, 4)
        chunk = _exactly(body, at, length + 12)
        at += len(chunk)
        if crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]) or (name == b"IHDR") != (not seen):
            raise Unclean("broken")
        if name in _CHUNKS:
            if length > _CHUNKS[name]:
                raise Unclean("broken")
            kept.append(chunk)
        elif not name[0] & 0x20:  # without it the picture cannot be shown, and it is none of those that we know
            raise Unclean("broken")
        seen.add(name)
        if name == b"IHDR":
            _check_size(int.from_bytes(chunk[8:12]), int.from_bytes(chunk[12:16]))
        if name == b"IEND":
            return _whole(kept, b"IDAT" in seen)
    raise Unclean("too_complex")


# --- JPEG ------------------------------------------------------------------------------------------------

_MARKER = re.compile(rb"\xff+([^\xff\x00])", re.DOTALL)
_SCAN_END = re.compile(rb"\xff[^\xff\x00\xd0-\xd7]", re.DOTALL)
_START, _SOS, _EOI, _APP1, _ADOBE, _COMMENT = b"\xff\xd8", 0xDA, 0xD9, 0xE1, 0xEE, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})  # of Huffman and arithmetic codes, of quantization, restart interval


def _jpeg(body: bytes) -> bytes:
    kept, at, turned, frames, scans = list[bytes](), len(_START), b"", 0, 0
    for _ in range(PARTS):
        found = _MARKER.match(body, at)
        if found is None:
            raise Unclean("broken")
        marker, at = found[1][0], found.end()
        if marker == _EOI:
            return _whole([_START, turned, *kept, b"\xff\xd9"], frames == 1 and scans > 0)
        segment = _exactly(body, at, int.from_bytes(_exactly(body, at, 2)))
        if len(segment) < 2:
            raise Unclean("broken")
        at += len(segment)
        if marker in _FRAMES:
            frames += 1
            _check_size(int.from_bytes(segment[5:7]), int.from_bytes(segment[3:5]))
        if marker == _SOS:
            end = _SCAN_END.search(body, at)
            if end is None:
                raise Unclean("broken")
            segment, at, scans = segment + body[at : end.start()], end.start(), scans + 1
        elif marker == _APP1:
            turned = turned or _turned(segment[2:])
        if marker in _FRAMES or marker in _TABLES or marker == _SOS or _is_adobe(marker, segment):
            kept.append(bytes([0xFF, marker]) + segment)
        elif not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
            raise Unclean("broken")
    raise Unclean("too_complex")


def _is_adobe(marker: int, segment: bytes) -> bool:
    """What says how the colours are meant: without it they are shown wrong."""
    return marker == _ADOBE and len(segment) == 14 and segment[2:7] == b"Adobe"


def _turned(exif: bytes) -> bytes:
    """A segment that says how the picture is to be turned, as this one does, and nothing else; empty where that is not said."""
    tiff = exif[6:]
    if not exif.startswith(b"Exif\0\0") or tiff[:4] not in (b"MM\0*", b"II*\0"):
        return b""

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "big" if tiff.startswith(b"MM") else "little")

    first = number(4, 4)
    for entry in range(first + 2, first + 2 + 12 * min(number(first, 2), 100), 12):
        if (number(entry, 2), number(entry + 2, 2), number(entry + 4, 4)) == (0x0112, 3, 1) and 2 <= number(entry + 8, 2) <= 8:
            told = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([number(entry + 8, 2)]) + bytes(6)
            return b"\xff\xe1" + (len(told) + 2).to_bytes(2) + told
    return b""


# --- GIF -------------------------------------------------------------------------------------------------

_LOOPS = (b"\x21\xff\x0bNETSCAPE2.0\x03\x01", b"\x21\xff\x0bANIMEXTS1.0\x03\x01")


def _gif(body: bytes) -> bytes:
    at = 13 + _colours(body[10])
    kept, frames = [_exactly(body, 0, at)], 0
    _check_size(int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little"))
    for _ in range(PARTS):
        begin = at
        if body[at] == 0x3B:
            return _whole([*kept, b";"], frames > 0)
        if body[at] == 0x2C:
            frames += 1
            at = _blocks_end(body, at + 11 + _colours(body[at + 9]))
            kept.append(body[begin:at])
        elif body[at] == 0x21:
            at = _blocks_end(body, at + 2)
            block = body[begin:at]
            control = block[1:3] == b"\xf9\x04" and len(block) == 8
            if control or (block.startswith(_LOOPS) and len(block) == 19):
                kept.append(block)
        else:
            raise Unclean("broken")
    raise Unclean("too_complex")


def _colours(flags: int) -> int:
    """Bytes of the table that those flags announce."""
    return 6 << (flags & 7) if flags & 0x80 else 0


def _blocks_end(body: bytes, at: int) -> int:
    while size := body[at]:
        at += 1 + size
    return at + 1


# --- WebP ------------------------------------------------------------------------------------------------

_PICTURES = (b"VP8 ", b"VP8L")
_TOLD = 0x20 | 0x08 | 0x04  # of a VP8X chunk: that there is a colour profile, Exif, XMP


def _webp(body: bytes) -> bytes:
    kept, seen = [b"WEBP"], set[bytes]()
    for name, payload in _riff(_exactly(body, 12, max(0, int.from_bytes(body[4:8], "little") - 4))):
        if not seen and name not in (*_PICTURES, b"VP8X"):
            raise Unclean("broken")
        seen.add(name)
        if name == b"VP8X":
            _check_size(1 + int.from_bytes(payload[4:7], "little"), 1 + int.from_bytes(payload[7:10], "little"))
            kept.append(_chunk(name, bytes([payload[0] & ~_TOLD]) + bytes(3) + _exactly(payload, 4, 6)))
        elif name == b"ANMF":
            inside = [_chunk(*each) for each in _riff(payload[16:]) if _is_picture(*each)]
            kept.append(_chunk(name, _exactly(payload, 0, 16) + b"".join(inside)))
        elif name == b"ANIM" or _is_picture(name, payload):
            kept.append(_chunk(name, payload))
    whole = _whole(kept, bool(seen & {*_PICTURES, b"ANMF"}))
    return b"RIFF" + len(whole).to_bytes(4, "little") + whole


def _riff(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(PARTS):
        if at >= len(content):
            return
        size = int.from_bytes(_exactly(content, at + 4, 4), "little")
        yield content[at : at + 4], _exactly(content, at + 8, size)
        at += 8 + size + size % 2
    raise Unclean("too_complex")


def _chunk(name: bytes, payload: bytes) -> bytes:
    return name + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)


def _is_picture(name: bytes, payload: bytes) -> bool:
    if name == b"VP8 " and payload[3:6] == b"\x9d\x01\x2a":
        _check_size(*(int.from_bytes(payload[at : at + 2], "little") & 0x3FFF for at in (6, 8)))
    elif name == b"VP8L" and payload[0] == 0x2F:
        packed = int.from_bytes(payload[1:5], "little")
        _check_size((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1)
    elif name in _PICTURES:
        raise Unclean("broken")
    return name in (*_PICTURES, b"ALPH")


# --- all of them -----------------------------------------------------------------------------------------


def _text(body: bytes) -> bytes:
    try:
        return body.decode("utf-8-sig").encode()
    except UnicodeDecodeError:
        raise Unclean("broken") from None


def _exactly(body: bytes, at: int, size: int) -> bytes:
    part = body[at : at + size]
    if len(part) < size:
        raise Unclean("broken")
    return part


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise Unclean("broken")
    if width * height > PIXELS:
        raise Unclean("too_complex")


def _whole(kept: list[bytes], shows: bool) -> bytes:
    if not shows:
        raise Unclean("broken")
    return b"".join(kept)


_MAGIC = (
    (PNG, re.escape(_SIGNATURE)),
    (JPEG, rb"\xff\xd8\xff"),
    (GIF, rb"GIF8[79]a"),
    (WEBP, rb"RIFF....WEBP"),
)
_TEXTLESS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # bytes that no text has
_STRIP: dict[str, Callable[[bytes], bytes]] = {PNG: _png, JPEG: _jpeg, GIF: _gif, WEBP: _webp, TEXT: _text}
# What is taken, and how the name of such a file ends.
KINDS = {PNG: "png", JPEG: "jpg", GIF: "gif", WEBP: "webp", TEXT: "txt"}
