"""Rules that flags share, over HTTP."""

from __future__ import annotations

from functions.flags.door import api, changed, created, version_page
from slipway import history
from slipway.edge.http import Answer, Request
from slipway.flags import lists
from slipway.flags.control import Control
from slipway.flags.lists import Listing
from slipway.flags.segments import NewSegment, SegmentPatch, SegmentView, UsesView, view
from slipway.history import VersionView
from slipway.paging import Paging
from slipway.shape import Writing


@api.post(
    "/v1/segments",
    "segments.create",
    body=NewSegment,
    query=Writing,
    answers={201: SegmentView, 200: SegmentView},
    creates=True,
)
def create(request: Request[Control, NewSegment, Writing]) -> Answer:
    """Create a segment: a rule that flags use as `{"$ref": "<key>"}`, the same in every environment."""
    only = request.query.validate_only
    made = request.use.segments.create(request.call, request.body, validate_only=only)
    return created(made, view, "/v1/segments", only)


@api.get("/v1/segments", "segments.list", query=Listing, answers={200: [SegmentView]})
def index(request: Request[Control, None, Listing]) -> Answer:
    """List segments, in the order of their keys. A page may be short: the list ends where `next_cursor` is missing."""
    found, cursor = lists.segments(request.use.segments.shelf, request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.get("/v1/segments/{key}", "segments.read", answers={200: SegmentView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read a segment."""
    stored = request.use.segments.read(request.path["key"])
    return Answer(200, view(stored), etag=stored.etag)


@api.patch("/v1/segments/{key}", "segments.update", body=SegmentPatch, query=Writing, answers={200: SegmentView})
def update(request: Request[Control, SegmentPatch, Writing]) -> Answer:
    """Change a segment (JSON merge patch), and with it every flag that uses it. The rule is replaced as a whole.

    Where a flag that uses it would not be valid any more, that is told by name (422); up to 5,000 configurations are looked at.
    Where a configuration of a protected environment uses it, a change of the rule asks for a `reason`; where that takes a
    second person, for a change request (409).
    """
    only, version = request.query.validate_only, request.if_match
    stored = request.use.segments.update(request.call, request.path["key"], version, request.body, validate_only=only)
    return changed(stored, view, only)


@api.delete("/v1/segments/{key}", "segments.delete", query=Writing, answers={204: None})
def delete(request: Request[Control, None, Writing]) -> Answer:
    """Delete a segment, for good: its key never comes back. One that a flag uses stays (409)."""
    only = request.query.validate_only
    request.use.segments.delete(request.call, request.path["key"], request.if_match, validate_only=only)
    return Answer(204)


@api.get("/v1/segments/{key}/versions", "segments.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Control, None, Paging]) -> Answer:
    """List what every version of a segment changed: who, when, which fields from what to what. Newest first."""
    key, query = request.path["key"], request.query
    parts: list[str | None] = ["segments.versions", key]
    return version_page(request.use.segments.versions(key, below=history.below(query, parts), limit=query.limit), parts)


@api.get("/v1/segments/{key}/uses", "segments.uses", answers={200: UsesView})
def uses(request: Request[Control, None, None]) -> Answer:
    """Read where a segment is used: every flag, with the environment. The first 1,000 are named, all are counted."""
    found = request.use.segments.uses(request.call, request.path["key"])
    return Answer(
        200,
        {"count": len(found), "items": [{"flag": flag, "environment": environment} for flag, environment in found[:1000]]},
    )
