"""Files on their way from a browser to the team: nothing is shown that was not cleaned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.adapters.memory import MemoryBlobs, MemoryUploads
from slipway.blobs import Blob
from slipway.calls import Call
from slipway.feedback.attachments import Attachments, NewAttachment, accept, erase
from slipway.feedback.item import waiting
from slipway.ports import StoreUnavailable
from slipway.problems import NotFound
from slipway.resources import Stored
from tests.functions.events import VIEWER
from tests.pictures import SECRET, TELLING

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALL = Call(VIEWER, "attachments.form", NOW, "1")
ITEM, ONE, TWO = "fbk_1", "att_1", "att_2"


def item(*listed: dict[str, Any]) -> Stored:
    return Stored({"pk": ITEM, "version": 1, "data": {"attachments": list(listed)}})


def uploaded(id: str = ONE, media: str = "image/jpeg", body: bytes = TELLING["image/jpeg"]) -> MemoryBlobs:
    blobs = MemoryBlobs()
    blobs.put(f"incoming/{id}", body, content_type=media)
    return blobs


def accepted(blobs: MemoryBlobs, *ids: str, known: Callable[[], bool] = lambda: True) -> list[dict[str, Any]]:
    return accept(blobs, item(*waiting(ids)), known)


def test_a_form_is_for_one_file_of_one_kind() -> None:
    told = Attachments(MemoryUploads(), MemoryBlobs()).form(CALL, NewAttachment(type="image/png"))
    assert told["fields"]["key"] == f"incoming/{told['id']}"
    assert told["fields"]["Content-Type"] == "image/png"
    assert told["fields"]["policy"] == f"{5 * 1024 * 1024} bytes until 2026-11-23T12:10:00+00:00"
    assert told["expires_at"] == "2026-11-23T12:10:00.000Z"
    other = Attachments(MemoryUploads(), MemoryBlobs()).form(CALL.but(nonce="2"), NewAttachment(type="image/png"))
    assert other["id"] != told["id"], "nobody guesses another one's"


def test_what_was_uploaded_is_cleaned_and_what_came_goes() -> None:
    blobs = uploaded()
    [listed] = accepted(blobs, ONE)
    clean = blobs.objects.pop(f"clean/{ITEM}/{ONE}")
    assert listed == {"id": ONE, "state": "ready", "type": "image/jpeg", "bytes": len(clean.body)}
    assert SECRET not in clean.body
    assert clean.media == "image/jpeg"
    assert blobs.objects == {}


def test_what_cannot_be_cleaned_is_refused_and_goes() -> None:
    blobs = uploaded(media="image/png")
    assert accepted(blobs, ONE, TWO) == [
        {"id": ONE, "state": "refused", "reason": "mismatch"},
        {"id": TWO, "state": "missing"},
    ]
    assert blobs.objects == {}


def test_what_one_item_has_no_other_gets() -> None:
    blobs = uploaded()
    accepted(blobs, ONE)
    again = Stored({"pk": "fbk_2", "version": 1, "data": {"attachments": waiting([ONE])}})
    assert accept(blobs, again, lambda: True) == [{"id": ONE, "state": "missing"}]


def test_the_same_twice_is_one() -> None:
    assert waiting([ONE, TWO, ONE]) == [{"id": ONE, "state": "waiting"}, {"id": TWO, "state": "waiting"}]


class Breaking(MemoryBlobs):
    """It breaks off before the call `at`, or after it."""

    def __init__(self, at: int, after: bool) -> None:
        super().__init__()
        self.at, self.after = at, after

    def _around(self, do: Callable[[], Any]) -> Any:
        self.at -= 1
        if self.at == 0 and not self.after:
            raise StoreUnavailable("before")
        done = do()
        if self.at == 0:
            raise StoreUnavailable("after")
        return done

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        found: Blob | None = self._around(lambda: super(Breaking, self).get(key, etag=etag))
        return found

    def put(self, key: str, body: bytes, *, content_type: str, absent: bool = False, etag: str | None = None) -> str:
        return str(self._around(lambda: super(Breaking, self).put(key, body, content_type=content_type)))

    def delete(self, key: str) -> None:
        self._around(lambda: super(Breaking, self).delete(key))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("media", ["image/jpeg", "image/gif"])
def test_whatever_breaks_off_comes_to_the_same(media: str, at: int, after: bool) -> None:
    """A delivery that breaks off anywhere comes again."""
    whole = uploaded()
    blobs = Breaking(at, after)
    blobs.objects |= uploaded(media=media).objects
    whole.objects = dict(blobs.objects)
    expected = accepted(whole, ONE, TWO)
    try:
        listed = accepted(blobs, ONE, TWO)
    except StoreUnavailable:
        listed = accepted(blobs, ONE, TWO)
    # Of a file that was refused and is gone, nobody knows any more why.
    gone = [{"id": ONE, "state": "missing"}, {"id": TWO, "state": "missing"}]
    assert listed == expected or (media == "image/gif" and listed == gone)
    assert blobs.objects == whole.objects


def test_of_who_was_forgotten_meanwhile_nothing_stays() -> None:
    blobs = uploaded()
    assert accepted(blobs, ONE, known=lambda: False) == [{"id": ONE, "state": "missing"}]
    assert blobs.objects == {}


def test_who_is_forgotten_takes_every_file_along() -> None:
    blobs = uploaded()
    [listed] = accepted(blobs, ONE)
    blobs.put(f"incoming/{TWO}", b"not cleaned", content_type="text/plain")
    blobs.put("clean/fbk_2/att_3", b"another one's", content_type="text/plain")
    for _ in range(2):
        erase(blobs, [item(listed, *waiting([TWO])), Stored({"pk": "fbk_9", "data": {}})])
        assert list(blobs.objects) == ["clean/fbk_2/att_3"]


def test_a_link_leads_to_what_is_clean_and_saves_it() -> None:
    ready = {"id": ONE, "state": "ready", "type": "image/jpeg", "bytes": 7}
    link = Attachments(MemoryUploads(), MemoryBlobs()).link(CALL, item(ready), ONE)
    assert link == {
        "url": f"https://uploads.example.com/clean/{ITEM}/{ONE}?as=image/jpeg&name={ONE}.jpg&until={NOW.timestamp() + 300:.0f}",
        "type": "image/jpeg",
        "bytes": 7,
        "expires_at": "2026-11-23T12:05:00.000Z",
    }


@pytest.mark.parametrize("state", ["waiting", "refused", "missing"])
def test_what_is_not_clean_has_no_link(state: str) -> None:
    with pytest.raises(NotFound):
        Attachments(MemoryUploads(), MemoryBlobs()).link(CALL, item({"id": ONE, "state": state}), ONE)
    with pytest.raises(NotFound):
        Attachments(MemoryUploads(), MemoryBlobs()).link(CALL, item(), ONE)
