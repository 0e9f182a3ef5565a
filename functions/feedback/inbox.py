"""The inbox over HTTP: what the team lists, and what it does with items."""

from __future__ import annotations

from typing import Any

from functions.feedback.door import Feedback, api, shown
from slipway import history
from slipway.calls import Call
from slipway.changes import differences
from slipway.edge.http import Answer, Request
from slipway.feedback.edits import Bulk, BulkView, FeedbackPatch
from slipway.feedback.inbox import FeedbackListing, page
from slipway.feedback.item import FIELDS
from slipway.feedback.notes import FeedbackNoteView, NewNote
from slipway.feedback.views import FeedbackView
from slipway.history import VersionView
from slipway.paging import Paging
from slipway.problems import Problem
from slipway.resources import Stored
from slipway.shape import Writing

ALL = "/v1/feedback"
ONE = f"{ALL}/{{id}}"
BULK = f"{ALL}/bulk"


@api.get(ALL, "feedback.list", query=FeedbackListing, answers={200: [FeedbackView]})
def index(request: Request[Feedback, None, FeedbackListing]) -> Answer:
    """List feedback, the oldest first.

    All filters that are given hold; what is held or spam is listed where `state` asks for it. `flag` with `variant` finds what
    came from those who were served that variant. `words` and `title_prefix` search in one product; what was told a moment ago
    may not be found yet. One filter finds by an index, the others look at what that gives, up to 300 items a page: a page may
    be shorter than `limit`, or empty, and the list ends where `next_cursor` is missing.
    """
    items = request.use.items
    found, cursor = page(items, request.query)
    return Answer(200, {"items": items.views(found)}, next=cursor)


@api.get(ONE, "feedback.read", answers={200: FeedbackView})
def read(request: Request[Feedback, None, None]) -> Answer:
    """Read an item.

    Of a person who was erased it says `erased`, and nothing of what that person wrote.
    """
    return shown(request.use, request.use.items.read(request.path["id"]))


@api.patch(ONE, "feedback.update", body=FeedbackPatch, query=Writing, answers={200: FeedbackView})
def update(request: Request[Feedback, FeedbackPatch, Writing]) -> Answer:
    """Change an item (JSON merge patch).

    A new `status` has to be one that may follow the present one (409 names those). `reply` and `headline` are for the public,
    once its board is. `state` lets through what was held, or puts away what is spam. `assignee` is a present member, a link
    names a flag and an environment that there are. What people wrote themselves is not changed. A change that changes nothing
    makes no version.
    """
    only = request.query.validate_only
    stored = request.use.edits.update(request.call, request.path["id"], request.if_match, request.body, validate_only=only)
    [view] = request.use.items.views([stored])
    return Answer(200, view, etag=None if only else stored.etag)


@api.post(BULK, "feedback.bulk", body=Bulk, answers={207: BulkView}, creates=True, repeatable=True)
def bulk(request: Request[Feedback, Bulk, None]) -> Answer:
    """Change up to 100 items alike.

    Each is changed by itself, in whatever version it stands, and `items` tell in their order what became of them. The same
    request again changes nothing more. With an `Idempotency-Key` that holds for 35 days, whatever others do in between; what
    was refused is tried again, and another request under that key is answered 422.
    """
    done = request.use.edits.bulk(request.call, request.body)
    return Answer(207, {"items": [_item(*one, request.call) for one in zip(request.body.ids, done, strict=True)]})


@api.get(f"{ONE}/versions", "feedback.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Feedback, None, Paging]) -> Answer:
    """List what every version of an item changed: who, when, which fields from what to what. Newest first."""
    id, query = request.path["id"], request.query
    parts: list[str | None] = ["feedback.versions", id]
    found = history.versions(request.use.items.shelf, id, _differences, below=history.below(query, parts), limit=query.limit)
    shown, next = history.page(found, parts)
    return Answer(200, {"items": shown}, next=next)


@api.post(f"{ONE}/notes", "feedback.note", body=NewNote, answers={201: FeedbackNoteView}, creates=True)
def note(request: Request[Feedback, NewNote, None]) -> Answer:
    """Write an internal note on an item. It is never public, and goes with the person whom the item is of."""
    made, again = request.use.notes.add(request.call, request.path["id"], request.body)
    return Answer(201, made, replayed=again)


@api.get(f"{ONE}/notes", "feedback.notes", query=Paging, answers={200: [FeedbackNoteView]})
def notes(request: Request[Feedback, None, Paging]) -> Answer:
    """List the internal notes on an item, the oldest first."""
    found, cursor = request.use.notes.page(request.path["id"], request.query)
    return Answer(200, {"items": found}, next=cursor)


def _differences(before: Any, after: Any) -> list[dict[str, Any]]:
    return differences(before, after, FIELDS)


def _item(id: str, became: Stored | Problem, call: Call) -> dict[str, Any]:
    if isinstance(became, Problem):
        return {"id": id, "status": became.status, "problem": became.body(instance=BULK, request_id=call.request_id)}
    return {"id": id, "status": 200, "version": became.version}
