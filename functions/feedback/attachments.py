"""Attachments over HTTP: forms to upload one, and links to what was cleaned. The files themselves go past us."""

from __future__ import annotations

from functions.feedback.door import Feedback, api
from slipway.edge.http import Answer, Request
from slipway.feedback.attachments import Attachments, LinkView, NewAttachment, UploadView


@api.post("/v1/feedback/attachments", "attachments.form", body=NewAttachment, answers={200: UploadView})
def form(request: Request[Feedback, NewAttachment, None]) -> Answer:
    """Get a form by which a browser uploads one file.

    It is good for ten minutes, and for one file of that type of at most 5 MB. Send the `id` among the `attachments` of what is
    told once the file is there; a file that nobody names is gone after a day. Before anybody gets to see it, it is checked, and
    freed of what it says beside the picture: where and with what it was taken, comments, thumbnails. With a client key each
    form counts like something told: 429 says when there is another one.
    """
    request.use.gate.let(request.call, request.address)
    return Answer(200, _files(request.use).form(request.call, request.body))


@api.get("/v1/feedback/{id}/attachments/{attachment}", "attachments.read", answers={200: LinkView})
def link(request: Request[Feedback, None, None]) -> Answer:
    """Get a link to an attachment, good for five minutes.

    It saves the file and never shows it, whatever is in it. An attachment that is not `ready` has none (404).
    """
    item = request.use.items.read(request.path["id"])
    return Answer(200, _files(request.use).link(request.call, item, request.path["attachment"]))


def _files(use: Feedback) -> Attachments:
    assert use.attachments is not None, "wired without a bucket"
    return use.attachments
