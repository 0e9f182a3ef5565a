"""Pictures as a browser makes them, with metadata put in: cleaned, a browser shows the same picture."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from slipway.feedback.stripping import stripped
from tests.pictures import SECRET, TELLING, chunk, exif, part, segment, telling_jpeg

MADE = """async type => {
  const canvas = new OffscreenCanvas(40, 24);
  const on = canvas.getContext('2d');
  on.fillStyle = 'rgba(10, 120, 200, 0.6)'; on.fillRect(0, 0, 30, 12);
  on.fillStyle = 'orange'; on.fillRect(20, 6, 20, 18);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({type, quality: 0.9})).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""
SHOWN = """async ([type, text]) => {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], {type}));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return [picture.width, picture.height, [...canvas.getContext('2d').getImageData(0, 0, picture.width, picture.height).data]];
}"""


def told_png(picture: bytes) -> bytes:
    return picture[:33] + chunk(b"tEXt", b"Author\0" + SECRET) + chunk(b"eXIf", SECRET) + picture[33:] + SECRET


def told_webp(picture: bytes) -> bytes:
    """A file with extensions, as it has to be where there is metadata."""
    size = (40 - 1).to_bytes(3, "little") + (24 - 1).to_bytes(3, "little")
    plain = picture[12:] if picture[12:16] != b"VP8X" else picture[30:]
    content = b"WEBP" + part(b"VP8X", b"\x1c\0\0\0" + size) + plain + part(b"EXIF", SECRET) + part(b"XMP ", SECRET)
    return b"RIFF" + len(content).to_bytes(4, "little") + content


TOLD: dict[str, Callable[[bytes], bytes]] = {
    "image/png": told_png,
    "image/jpeg": lambda picture: telling_jpeg(1, picture=picture),
    "image/webp": told_webp,
}


@pytest.fixture(scope="module")
def page(browser: Browser, origin: str) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{origin}/")
    yield page
    page.close()


def shown(page: Page, media: str, picture: bytes) -> object:
    return page.evaluate(SHOWN, [media, base64.b64encode(picture).decode()])


@pytest.mark.parametrize("media", TOLD)
def test_a_picture_looks_the_same(page: Page, media: str) -> None:
    made = base64.b64decode(page.evaluate(MADE, media))
    telling = TOLD[media](made)
    clean = stripped(media, telling)
    assert SECRET in telling
    assert SECRET not in clean
    assert shown(page, media, clean) == shown(page, media, made)


def test_an_animation_is_shown(page: Page) -> None:
    assert shown(page, "image/gif", stripped("image/gif", TELLING["image/gif"])) == [1, 1, [255, 0, 0, 255]]


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_photo_is_turned_as_it_was(page: Page, turned: int) -> None:
    made = base64.b64decode(page.evaluate(MADE, "image/jpeg"))
    photo = made[:2] + segment(0xE1, exif(turned, "II")) + made[2:]
    assert shown(page, "image/jpeg", stripped("image/jpeg", photo)) == shown(page, "image/jpeg", photo)
