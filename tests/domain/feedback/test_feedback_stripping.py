"""Metadata that is taken out of files, and files that are hostile."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.feedback.stripping import KINDS, MOST, Unclean, kind, stripped
from tests import pictures
from tests.pictures import SECRET, TELLING, chunk, gif, part, png, segment, webp

FILES = {**TELLING, "text/plain": "\ufeffIt says: \u201cno\u201d\r\n\tand no more.\n".encode()}


def refused(media: str, body: bytes) -> str:
    with pytest.raises(Unclean) as unclean:
        stripped(media, body)
    return unclean.value.code


@pytest.mark.parametrize("media", TELLING)
def test_what_it_tells_beside_the_picture_goes(media: str) -> None:
    telling = TELLING[media]
    assert telling.count(SECRET) >= 4
    clean = stripped(media, telling)
    assert SECRET not in clean
    assert kind(clean) == media
    assert stripped(media, clean) == clean


def test_what_is_left_of_each_is_what_is_shown() -> None:
    assert stripped("image/png", TELLING["image/png"]) == png(chunk(b"gAMA", (45455).to_bytes(4)))
    plain = pictures.WHITE_JPEG
    assert stripped("image/jpeg", pictures.telling_jpeg()) == plain[:2] + plain[20:]  # without the JFIF segment as well
    loop, control = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0", b"\x21\xf9\x04\0\x0a\0\0\0"
    assert stripped("image/gif", TELLING["image/gif"]) == gif(loop, control, pictures.PIXEL)
    assert stripped("image/webp", TELLING["image/webp"]) == webp(part(b"VP8X", bytes(10)), part(b"VP8L", pictures.LOSSLESS))
    assert stripped("text/plain", FILES["text/plain"]) == FILES["text/plain"][3:]


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("turned", range(10))
def test_a_photo_stays_the_right_way_up(turned: int, order: str) -> None:
    clean = stripped("image/jpeg", pictures.telling_jpeg(turned, order))
    assert (b"Exif" in clean) == (2 <= turned <= 8)
    if b"Exif" in clean:
        assert clean[2:].startswith(
            b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([turned])
        )


def test_the_frames_of_an_animation_stay_and_are_cleaned() -> None:
    frame = part(b"ANMF", bytes(16) + part(b"EXIF", SECRET) + part(b"VP8L", pictures.LOSSLESS) + part(b"junk", SECRET))
    told = webp(part(b"VP8X", b"\x02" + bytes(9)), part(b"ANIM", bytes(6)), frame, frame)
    clean = stripped("image/webp", told)
    assert SECRET not in clean
    assert clean.count(b"ANMF") == clean.count(b"VP8L") == 2
    moving = chunk(b"acTL", bytes(8)), chunk(b"fcTL", bytes(26)), chunk(b"fdAT", b"1234")
    assert stripped("image/png", png(*moving)) == png(*moving)


@pytest.mark.parametrize("media", FILES)
@pytest.mark.parametrize("said", KINDS)
def test_it_is_what_it_says_or_it_is_refused(media: str, said: str) -> None:
    if media != said:
        assert refused(said, FILES[media]) == "mismatch"


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/pdf", b"%PDF-1.7"),
        ("image/svg+xml", b"<svg/>"),
        ("text/html", b"<p>"),
        ("image/png", b"%PDF-1.7\n\x00"),
        ("text/plain", b"PK\x03\x04"),
        ("text/plain", "UTF-16".encode("utf-16")),
        ("image/jpeg", b"\xff\xd8"),
    ],
)
def test_other_files_are_refused(media: str, body: bytes) -> None:
    assert refused(media, body) == "mismatch"


def test_the_least_and_the_most() -> None:
    assert refused("text/plain", b"") == "empty"
    assert refused("text/plain", b"x" * (MOST + 1)) == "too_large"
    assert stripped("text/plain", b"x" * MOST) == b"x" * MOST
    assert refused("text/plain", b"\xff\xfe and so on") == "broken"


@pytest.mark.parametrize(
    ("media", "body", "code"),
    [
        ("image/png", png(width=100_000, height=100_000), "too_complex"),
        ("image/png", png(width=0), "broken"),
        ("image/png", png(chunk(b"tRNS", bytes(300))), "broken"),
        ("image/png", png(chunk(b"IHDR", bytes(13))), "broken"),
        ("image/png", png(chunk(b"NEWC", b"")), "broken"),
        ("image/png", png()[:-12], "broken"),
        ("image/png", png()[:-13] + b"\0" + png()[-12:], "broken"),
        ("image/png", png()[:8] + chunk(b"IEND", b""), "broken"),
        ("image/png", png(*[chunk(b"tEXt", b"")] * 25_000), "too_complex"),
        ("image/png", png()[:8] + b"\xff" * 12, "broken"),
        ("image/jpeg", pictures.WHITE_JPEG[:-2], "broken"),
        ("image/jpeg", b"\xff\xd8\xff\xd9", "broken"),
        ("image/jpeg", b"\xff\xd8" + b"\xff" * 1_000_000, "broken"),
        ("image/jpeg", b"\xff\xd8" + segment(0xFE, b"") * 25_000, "too_complex"),
        ("image/jpeg", b"\xff\xd8" + segment(0xF0, b"") + pictures.WHITE_JPEG[2:], "broken"),
        ("image/jpeg", b"\xff\xd8" + segment(0xC0, b"\x08\0\1\0\1\1") + pictures.WHITE_JPEG[2:], "broken"),
        ("image/jpeg", b"\xff\xd8" + segment(0xC0, b"\x08\xff\xff\xff\xff\1") + pictures.WHITE_JPEG[2:], "too_complex"),
        ("image/jpeg", b"\xff\xd8\xff\xfe\0\0" + pictures.WHITE_JPEG[2:], "broken"),
        ("image/gif", gif()[:-1], "broken"),
        ("image/gif", b"GIF89a", "broken"),
        ("image/gif", b"GIF89a\x01\0\x01\0\0\0\0;", "broken"),
        ("image/gif", b"GIF89a\xff\xff\xff\xff\0\0\0" + pictures.PIXEL + b";", "too_complex"),
        ("image/gif", gif(*[b"\x21\xfe\0"] * 25_000), "too_complex"),
        ("image/gif", gif(b"\x99"), "broken"),
        ("image/gif", b"GIF89a\x01\0\x01\0\0\0\0\x21\xfe" + b"\x01x" * 2_500_000, "broken"),
        ("image/webp", webp(part(b"EXIF", b"")), "broken"),
        ("image/webp", webp(part(b"VP8X", bytes(10))), "broken"),
        ("image/webp", webp(part(b"VP8X", b"\0")), "broken"),
        ("image/webp", webp(part(b"VP8L", b"\x2f\xff\xff\xff\xff")), "too_complex"),
        ("image/webp", webp(part(b"VP8L", b"\x2e")), "broken"),
        ("image/webp", webp(part(b"VP8 ", b"123")), "broken"),
        ("image/webp", webp()[:-4], "broken"),
        ("image/webp", b"RIFF\0\0\0\0WEBP", "broken"),
        ("image/webp", webp(part(b"VP8L", pictures.LOSSLESS), *[part(b"junk", b"")] * 25_000), "too_complex"),
    ],
)
def test_what_cannot_be_read_is_refused(media: str, body: bytes, code: str) -> None:
    assert refused(media, body) == code


@given(media=st.sampled_from(sorted(FILES)), data=st.data())
def test_no_file_breaks_it(media: str, data: st.DataObject) -> None:
    """Cut, changed and lengthened anywhere: it is cleaned, and then clean, or refused."""
    body = bytearray(FILES[media])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    try:
        clean = stripped(media, bytes(body))
    except Unclean:
        return
    assert stripped(media, clean) == clean


@pytest.mark.parametrize("media", TELLING)
def test_no_large_file_takes_long(media: str) -> None:
    """As large as one may be, of noise after a sound start: one pass, whatever comes of it."""
    for rest in (os.urandom(4 * 1024 * 1024), b"\xff\x00" * 2_000_000, bytes(4_000_000), b"\x01" * 4_000_000):
        try:
            stripped(media, TELLING[media][:40] + rest)
        except Unclean:
            continue
