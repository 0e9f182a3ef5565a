"""Feature flags over HTTP: the control plane. What SDKs ask is answered elsewhere (`functions/evaluate`)."""

from __future__ import annotations

from functions.flags import (
    configurations,
    environments,
    manifest,
    proposals,
    rollouts,
    schedules,
    segments,
    templates,
    transfer,
    usage,
)
from functions.flags.door import ReasonedWriting, api, changed, created, version_page
from slipway import history
from slipway.edge.http import Answer, Request
from slipway.flags import lists
from slipway.flags.control import Control
from slipway.flags.flag import FlagPatch, FlagView, NewFlag, Reverting, view
from slipway.flags.lists import FlagListing
from slipway.flags.rehash import RehashedView, Rehashing, rehashed
from slipway.history import Reading, VersionView
from slipway.paging import Paging
from slipway.shape import Writing

# Each page of the API hangs its routes on the door when it is imported, and does nothing else.
__all__ = [
    "api",
    "configurations",
    "environments",
    "handler",
    "manifest",
    "proposals",
    "rollouts",
    "schedules",
    "segments",
    "templates",
    "transfer",
    "usage",
]

handler = api


@api.post("/v1/flags", "flags.create", body=NewFlag, query=Writing, answers={201: FlagView, 200: FlagView}, creates=True)
def create(request: Request[Control, NewFlag, Writing]) -> Answer:
    """Create a flag.

    It is off in every environment. All variants are of its type; a boolean flag has `on` and `off` unless it is given others.
    With `validate_only=true` the answer is 200 and nothing is written.
    """
    only = request.query.validate_only
    made = request.use.flags.create(request.call, request.body, validate_only=only)
    return created(made, view, "/v1/flags", only)


@api.get("/v1/flags", "flags.list", query=FlagListing, answers={200: [FlagView]})
def index(request: Request[Control, None, FlagListing]) -> Answer:
    """List flags, in the order of their keys.

    All filters that are given hold; without `status` the active ones are listed. `state` and `stale` need an `environment`. A
    page may be shorter than `limit`, or empty: the list ends where `next_cursor` is missing. An environment that is not there
    is 404.
    """
    if request.query.environment is not None:
        request.use.environments.read(request.call, request.query.environment)
    found, cursor = lists.flags(request.use.flags.shelf, request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.get("/v1/flags/{key}", "flags.read", query=Reading, answers={200: FlagView})
def read(request: Request[Control, None, Reading]) -> Answer:
    """Read a flag. With `as_of` as it stood at that moment: 404 before its creation, 422 in the future."""
    flags, key, moment = request.use.flags, request.path["key"], request.query.as_of
    stored = flags.read(key) if moment is None else flags.at(request.call, key, moment)
    return Answer(200, view(stored), etag=stored.etag)


@api.patch("/v1/flags/{key}", "flags.update", body=FlagPatch, query=Writing, answers={200: FlagView})
def update(request: Request[Control, FlagPatch, Writing]) -> Answer:
    """Change a flag (JSON merge patch).

    Null takes an optional field or a variant away; a variant's value is replaced as a whole. A variant that an environment or
    another flag names cannot go (409, 422). Type and hash stay as they are. An archived flag takes no changes (409).

    Where a protected environment answers from the flag, for it is switched on there, a change of `variants`, `metadata` or
    `client_side` asks for a `reason`; where that takes a second person, for a change request (409).
    """
    only, version = request.query.validate_only, request.if_match
    stored = request.use.flags.update(request.call, request.path["key"], version, request.body, validate_only=only)
    return changed(stored, view, only)


@api.post("/v1/flags/{key}/archive", "flags.archive", query=ReasonedWriting, answers={200: FlagView}, versioned=True)
def archive(request: Request[Control, None, ReasonedWriting]) -> Answer:
    """Archive a flag.

    It answers nowhere any more: SDKs fall back to the default in the code. It stays readable, in lists with `status=archived`,
    and keeps its key. A flag that an active one needs stays (409). What it needs itself may be archived from now on; segments
    that it uses stay, because those never come back.

    One that is on in a protected environment takes what any change there does.
    """
    only, reason = request.query.validate_only, request.query.reason
    stored = request.use.flags.archive(request.call, request.path["key"], request.if_match, reason, validate_only=only)
    return changed(stored, view, only)


@api.post("/v1/flags/{key}/restore", "flags.restore", query=ReasonedWriting, answers={200: FlagView}, versioned=True)
def restore(request: Request[Control, None, ReasonedWriting]) -> Answer:
    """Bring an archived flag back, with its configurations. Restoring an active one changes nothing.

    Where a flag that it needs is archived, or has lost a variant that it waits for, that is told by name (409).

    One that is on in a protected environment takes what any change there does.
    """
    only, reason = request.query.validate_only, request.query.reason
    stored = request.use.flags.restore(request.call, request.path["key"], request.if_match, reason, validate_only=only)
    return changed(stored, view, only)


@api.post("/v1/flags/{key}/revert", "flags.revert", body=Reverting, query=Writing, answers={200: FlagView}, versioned=True)
def revert(request: Request[Control, Reverting, Writing]) -> Answer:
    """Take a flag back to what one of its versions said, as a new version.

    Its configurations stay as they are, and so does its hash. Protected environments ask for what they do of any change.
    """
    only, body = request.query.validate_only, request.body
    stored = request.use.flags.revert(
        request.call, request.path["key"], request.if_match, body.version, body.reason, validate_only=only
    )
    return changed(stored, view, only)


@api.post("/v1/flags/{key}/rehash", "flags.rehash", body=Rehashing, query=Writing, answers={200: RehashedView}, versioned=True)
def rehash(request: Request[Control, Rehashing, Writing]) -> Answer:
    """Change how a flag puts into buckets: its hash.

    Wherever a percentage decides everybody draws anew. `moved` tells for each such environment how many of 1,000 made-up
    contexts get another variant, from what to what; with `validate_only=true` that is all that happens. An archived flag stays
    (409), and so does one that could not be answered any more (422). Protected environments ask for what they do of any change.
    """
    only, key = request.query.validate_only, request.path["key"]
    use, version = request.use.configurations, request.if_match
    body, stored = rehashed(use, request.call, key, version, request.body, validate_only=only)
    return Answer(200, body, etag=None if only else stored.etag)


@api.get("/v1/flags/{key}/versions", "flags.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Control, None, Paging]) -> Answer:
    """List what every version of a flag changed: who, when, which fields from what to what. Newest first."""
    key, query = request.path["key"], request.query
    parts: list[str | None] = ["flags.versions", key]
    return version_page(request.use.flags.versions(key, below=history.below(query, parts), limit=query.limit), parts)
