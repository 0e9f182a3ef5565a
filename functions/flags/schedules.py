"""Scheduled changes over HTTP."""

from __future__ import annotations

from functions.flags.door import api, changed, created
from slipway import roster
from slipway.edge.http import Answer, Request
from slipway.flags.control import Control
from slipway.flags.schedules import NewSchedule, ScheduleListing, ScheduleView, view
from slipway.shape import Writing


@api.post(
    "/v1/schedules",
    "schedules.plan",
    body=NewSchedule,
    query=Writing,
    answers={201: ScheduleView, 200: ScheduleView},
    creates=True,
)
def plan(request: Request[Control, NewSchedule, Writing]) -> Answer:
    """Plan a change for a whole minute to come: of a configuration, a flag, a segment or an environment.

    It is made within that minute, on the version that stands now of what it changes: where that has changed by then, nothing
    happens and `failure` says so. Where a change takes a second person, plan a change request that is approved (`proposal`);
    anything else is refused (409).
    """
    only = request.query.validate_only
    made = request.use.schedules.plan(request.call, request.body, validate_only=only)
    return created(made, view, "/v1/schedules", only)


@api.get("/v1/schedules", "schedules.list", query=ScheduleListing, answers={200: [ScheduleView]})
def index(request: Request[Control, None, ScheduleListing]) -> Answer:
    """List scheduled changes, in the order in which they were planned. A page may be short, as every list's."""
    query = request.query
    parts = ["schedules.list", query.flag, query.environment, query.segment, query.status]
    reader, start = roster.indexed(request.use.schedules.shelf), roster.start(query.cursor, parts, "schedule", "sch_")
    found, next = roster.page(reader, query.takes, query.limit, start)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=roster.cursor(parts, next))


@api.get("/v1/schedules/{id}", "schedules.read", answers={200: ScheduleView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read a scheduled change."""
    stored = request.use.schedules.read(request.path["id"])
    return changed(stored, view, False)


@api.post("/v1/schedules/{id}/cancel", "schedules.cancel", answers={200: ScheduleView}, versioned=True)
def cancel(request: Request[Control, None, None]) -> Answer:
    """Cancel a scheduled change. One that was made or failed is past cancelling (409)."""
    stored = request.use.schedules.cancel(request.call, request.path["id"], request.if_match)
    return changed(stored, view, False)
