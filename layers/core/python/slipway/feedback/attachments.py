"""What people attach: files that go from the browser to a private bucket, and that nobody gets to see before they are cleaned.

    incoming/<att id>           as it was uploaded, by a form for this key alone; gone after a day by itself
    clean/<fbk id>/<att id>     what is left of it (see `slipway.feedback.stripping`); the only thing that is ever handed out

An item lists what it was told of as {id, state: "waiting"}. On the item's event each of these is cleaned and becomes "ready"
with its type and bytes, or "refused" with the reason, or "missing", where nothing was uploaded. Safe to repeat: what was
cleaned before is found clean. They stand unsealed, so they go when their person is forgotten.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from slipway.calls import Call, timestamp
from slipway.feedback.item import ATTACHMENT
from slipway.feedback.stripping import KINDS, MOST, Unclean, stripped
from slipway.problems import NotFound
from slipway.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from slipway.ports import Blobs, Uploads
    from slipway.resources import Stored

UPLOAD, DOWNLOAD = timedelta(minutes=10), timedelta(minutes=5)  # that a form and a link are good for
Media = Literal["image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"]
Listed = dict[str, Any]  # one attachment, as its item lists it


class NewAttachment(Shape):
    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "image/png"}]})

    type: Media


class UploadView(Shape):
    id: str = Field(
        pattern=ATTACHMENT,
        description="to be named in `attachments` of what is told",
        examples=["att_01j9z6k3v5x8m2q4w7e9r0t2y6"],
    )
    url: str = Field(description="send the fields there as multipart/form-data, and then the file as `file`")
    fields: dict[str, str]
    largest: Annotated[int, Field(description="bytes", examples=[MOST])]
    expires_at: str


class LinkView(Shape):
    url: str = Field(description="without a key of Slipway's; it is for whoever has it")
    type: Media
    bytes: int
    expires_at: str


class Attachments:
    """Of a bucket: by what others come to it, and itself."""

    def __init__(self, uploads: Uploads, blobs: Blobs) -> None:
        self._uploads, self._blobs = uploads, blobs

    def erase(self, items: Iterable[Stored]) -> None:
        erase(self._blobs, items)

    def form(self, call: Call, new: NewAttachment) -> Listed:
        """A UploadView."""
        id = call.new_id("att_")
        form = self._uploads.form(_incoming(id), new.type, MOST, call.now, UPLOAD)
        told = {"id": id, "url": form.url, "fields": dict(form.fields)}
        return {**told, "largest": MOST, "expires_at": timestamp(call.now + UPLOAD)}

    def link(self, call: Call, item: Stored, id: str) -> Listed:
        """A LinkView. Raises NotFound, also for what is not clean."""
        for one in item.data.get("attachments", ()):
            if one["id"] == id and one["state"] == "ready":
                media = one["type"]
                url = self._uploads.link(_clean(item.id, id), media, f"{id}.{KINDS[media]}", call.now, DOWNLOAD)
                return {"url": url, "type": media, "bytes": one["bytes"], "expires_at": timestamp(call.now + DOWNLOAD)}
        raise NotFound(f"The feedback has no attachment {id!r} that is cleaned.")


def accept(blobs: Blobs, item: Stored, known: Callable[[], bool]) -> list[Listed]:
    """What the item is to list now. `known`: whether its person still is; asked after the files were written, since whoever
    forgets somebody takes the key away first and the files then."""
    listed = [_accepted(blobs, item.id, one) for one in item.data.get("attachments", ())]
    if any(one["state"] == "ready" for one in listed) and not known():
        erase(blobs, [item])
        return [{"id": one["id"], "state": "missing"} for one in listed]
    return listed


def erase(blobs: Blobs, items: Iterable[Stored]) -> None:
    """Every file of these items, cleaned or not. Safe to repeat."""
    for item in items:
        for one in item.data.get("attachments", ()):
            blobs.delete(_clean(item.id, one["id"]))
            blobs.delete(_incoming(one["id"]))


def _accepted(blobs: Blobs, item: str, one: Listed) -> Listed:
    if one["state"] != "waiting":
        return one
    id = one["id"]
    standing = blobs.get(_clean(item, id))
    if standing is None:
        came = blobs.get(_incoming(id))
        if came is None:
            return {"id": id, "state": "missing"}
        try:
            body, media = stripped(came.media, came.body), came.media
        except Unclean as unclean:
            blobs.delete(_incoming(id))
            return {"id": id, "state": "refused", "reason": unclean.code}
        blobs.put(_clean(item, id), body, content_type=media)
    else:
        body, media = standing.body, standing.media
    blobs.delete(_incoming(id))
    return {"id": id, "state": "ready", "type": media, "bytes": len(body)}


def _incoming(id: str) -> str:
    return f"incoming/{id}"


def _clean(item: str, id: str) -> str:
    return f"clean/{item}/{id}"
