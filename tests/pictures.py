"""Small files of each kind that is taken, with all the metadata that such a file can have: each says SECRET."""

from __future__ import annotations

import base64
from zlib import compress, crc32

SECRET = b"52.5200N 13.4050E"
WHITE_JPEG = base64.b64decode(  # 8 x 8, as small as one gets
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////"
    "wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKB"
    "kaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWm"
    "p6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AH+iiiv/2Q=="
)


def chunk(name: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return len(data).to_bytes(4) + name + data + crc32(name + data).to_bytes(4)


def png(*more: bytes, width: int = 1, height: int = 1) -> bytes:
    """`more`: chunks before the picture."""
    size = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0"
    rows = compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + b"".join(more) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def telling_png() -> bytes:
    return (
        png(
            chunk(b"tEXt", b"Author\0" + SECRET),
            chunk(b"zTXt", b"Comment\0\0" + compress(SECRET) + SECRET),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET),
            chunk(b"eXIf", b"MM\0*" + SECRET),
            chunk(b"iCCP", b"icc\0\0" + SECRET),
            chunk(b"tIME", b"\x07\xea\x0b\x17\x0c\0\0"),
            chunk(b"prVt", SECRET),
            chunk(b"gAMA", (45455).to_bytes(4)),
        )
        + SECRET
    )


def segment(marker: int, data: bytes) -> bytes:
    """Of a JPEG."""
    return bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2) + data


def exif(turned: int, order: str = "MM") -> bytes:
    way = "big" if order == "MM" else "little"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "big" if way == "big" else "little")

    entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(turned, 2) + b"\0\0"
    place = number(0x010E, 2) + number(2, 2) + number(len(SECRET), 4) + number(64, 4)
    head = order.encode() + number(42, 2) + number(8, 4)
    return b"Exif\0\0" + head + number(2, 2) + place + entry + bytes(4) + SECRET


def telling_jpeg(turned: int = 1, order: str = "MM", picture: bytes = WHITE_JPEG) -> bytes:
    told = segment(0xE1, exif(turned, order)) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)
    told += segment(0xE2, b"ICC_PROFILE\0\x01\x01" + SECRET) + segment(0xED, b"Photoshop 3.0\0" + SECRET)
    return picture[:2] + told + segment(0xFE, SECRET) + picture[2:] + SECRET


PIXEL = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"  # one frame of a GIF


def gif(*more: bytes) -> bytes:
    return b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\xff" + b"".join(more) + PIXEL + b";"


def telling_gif() -> bytes:
    block = bytes([len(SECRET)]) + SECRET + b"\0"
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    told = b"\x21\xfe" + block + b"\x21\xff\x0bXMP DataXMP" + block + b"\x21\x01\x0c" + bytes(12) + block
    return gif(loop, told, b"\x21\xf9\x04\0\x0a\0\0\0", PIXEL) + SECRET


def part(name: bytes, payload: bytes) -> bytes:
    """Of a WebP."""
    return name + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)


LOSSLESS = b"\x2f\0\0\0\0\x07\x10\xfd\x8f\xfe\x07\x22\xa2\xff\x01"  # 1 x 1


def webp(*parts: bytes) -> bytes:
    content = b"WEBP" + b"".join(parts or (part(b"VP8L", LOSSLESS),))
    return b"RIFF" + len(content).to_bytes(4, "little") + content


def telling_webp(picture: bytes = b"") -> bytes:
    shown = picture or part(b"VP8L", LOSSLESS)
    told = part(b"EXIF", b"MM\0*" + SECRET), part(b"XMP ", SECRET), part(b"PRVT", SECRET)
    return webp(part(b"VP8X", b"\x2c" + bytes(9)), part(b"ICCP", SECRET), shown, *told) + SECRET


TELLING = {
    "image/png": telling_png(),
    "image/jpeg": telling_jpeg(6),
    "image/gif": telling_gif(),
    "image/webp": telling_webp(),
}
