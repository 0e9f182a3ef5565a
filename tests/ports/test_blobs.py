"""What every `Blobs` promises."""

from __future__ import annotations

import os

import pytest

from slipway.ports import Blobs, ConditionFailed, NotModified

TEXT = "text/plain; charset=utf-8"


def test_a_missing_object_is_none(blobs: Blobs, unique: str) -> None:
    assert blobs.get(unique) is None
    assert blobs.get(f"no/such/{unique}", etag='"x"') is None


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"{}\r\n\r\n0\r\n", os.urandom(100_000), b"long" * 500_000], ids=len)
def test_an_object_comes_back_as_it_was(blobs: Blobs, unique: str, body: bytes) -> None:
    etag = blobs.put(unique, body, content_type="application/octet-stream")
    found = blobs.get(unique)
    assert found is not None
    assert (found.body, found.etag, found.media) == (body, etag, "application/octet-stream")
    assert etag.startswith('"')


@pytest.mark.parametrize(
    "name", ["a/b/c.json", "with space+plus", "ümläut/κ", "per%20cent", "a=b&c=d?e#f", "~tilde_-.", "a//b"]
)
def test_any_key_can_be_used(blobs: Blobs, unique: str, name: str) -> None:
    key = f"{unique}/{name}"
    blobs.put(key, name.encode(), content_type=TEXT)
    found = blobs.get(key)
    assert found is not None
    assert found.body == name.encode()


def test_what_the_caller_already_has_is_not_sent_again(blobs: Blobs, unique: str) -> None:
    first = blobs.put(unique, b"one", content_type=TEXT)
    with pytest.raises(NotModified):
        blobs.get(unique, etag=first)
    second = blobs.put(unique, b"two", content_type=TEXT)
    assert first != second
    found = blobs.get(unique, etag=first)
    assert found is not None
    assert found.body == b"two"


def test_only_where_nothing_stands(blobs: Blobs, unique: str) -> None:
    blobs.put(unique, b"one", content_type=TEXT, absent=True)
    with pytest.raises(ConditionFailed):
        blobs.put(unique, b"two", content_type=TEXT, absent=True)
    found = blobs.get(unique)
    assert found is not None
    assert found.body == b"one"


def test_only_over_what_was_read(blobs: Blobs, unique: str) -> None:
    with pytest.raises(ConditionFailed):
        blobs.put(unique, b"none", content_type=TEXT, etag='"5d41402abc4b2a76b9719d911017c592"')
    assert blobs.get(unique) is None
    first = blobs.put(unique, b"one", content_type=TEXT)
    second = blobs.put(unique, b"two", content_type=TEXT, etag=first)
    with pytest.raises(ConditionFailed):
        blobs.put(unique, b"three", content_type=TEXT, etag=first)
    found = blobs.get(unique)
    assert found is not None
    assert (found.body, found.etag) == (b"two", second)


def test_what_is_deleted_is_gone_and_may_be_gone_already(blobs: Blobs, unique: str) -> None:
    blobs.put(unique, b"one", content_type=TEXT)
    blobs.put(f"{unique}/beside", b"two", content_type=TEXT)
    blobs.delete(unique)
    assert blobs.get(unique) is None
    blobs.delete(unique)
    assert blobs.get(f"{unique}/beside") is not None
