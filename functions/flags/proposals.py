"""Change requests over HTTP."""

from __future__ import annotations

from functools import partial

from functions.flags.door import api, changed, created
from slipway import roster
from slipway.edge.http import Answer, Request
from slipway.flags.change import NewChange
from slipway.flags.control import Control
from slipway.flags.proposals import ProposalListing, ProposalView, view
from slipway.resources import Stored
from slipway.shape import Writing


@api.post(
    "/v1/proposals",
    "proposals.open",
    body=NewChange,
    query=Writing,
    answers={201: ProposalView, 200: ProposalView},
    creates=True,
)
def open_(request: Request[Control, NewChange, Writing]) -> Answer:
    """Ask for a change that takes a second person: of a configuration, a flag, a segment or an environment.

    It is looked at as a change would be, and kept for seven days. It is made on the version that stands now of what it changes,
    or not at all. Of an environment only an admin asks, approves and applies.
    """
    only = request.query.validate_only
    made = request.use.proposals.open(request.call, request.body, validate_only=only)
    return created(made, partial(view, now=request.call.stamp), "/v1/proposals", only)


@api.get("/v1/proposals", "proposals.list", query=ProposalListing, answers={200: [ProposalView]})
def index(request: Request[Control, None, ProposalListing]) -> Answer:
    """List change requests, oldest first. A page may be short: the list ends where `next_cursor` is missing."""
    query, now = request.query, request.call.stamp
    parts = ["proposals.list", query.flag, query.environment, query.segment, query.status]
    reader, start = roster.indexed(request.use.proposals.shelf), roster.start(query.cursor, parts, "proposal", "chg_")
    found, next = roster.page(reader, lambda stored: query.takes(stored, now), query.limit, start)
    return Answer(200, {"items": [view(stored, now) for stored in found]}, next=roster.cursor(parts, next))


@api.get("/v1/proposals/{id}", "proposals.read", answers={200: ProposalView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read a change request."""
    stored = request.use.proposals.read(request.path["id"])
    # `status` becomes `expired` without a version: the tag serves If-Match alone, never a 304.
    return Answer(200, view(stored, request.call.stamp), headers={"ETag": stored.etag})


@api.post("/v1/proposals/{id}/approve", "proposals.approve", answers={200: ProposalView}, versioned=True)
def approve(request: Request[Control, None, None]) -> Answer:
    """Agree to a change. Whoever asked for it cannot, nor who made or rotated the key that asked, and no key can (403)."""
    return _moved(request, request.use.proposals.approve(request.call, request.path["id"], request.if_match))


@api.post("/v1/proposals/{id}/apply", "proposals.apply", answers={200: ProposalView}, versioned=True)
def apply(request: Request[Control, None, None]) -> Answer:
    """Make a change that was agreed to. Where what it changes has changed since, it cannot be made any more (409)."""
    return _moved(request, request.use.proposals.apply(request.call, request.path["id"], request.if_match))


@api.post("/v1/proposals/{id}/reject", "proposals.reject", answers={200: ProposalView}, versioned=True)
def reject(request: Request[Control, None, None]) -> Answer:
    """Want a change not, whether it was agreed to or not. Final."""
    return _moved(request, request.use.proposals.reject(request.call, request.path["id"], request.if_match))


def _moved(request: Request[Control, None, None], stored: Stored) -> Answer:
    return changed(stored, partial(view, now=request.call.stamp), False)
