"""Environments over HTTP."""

from __future__ import annotations

from functions.flags.door import ReasonedWriting, api, changed, created, version_page
from slipway import history
from slipway.edge.http import Answer, Request
from slipway.flags import lists
from slipway.flags.control import Control
from slipway.flags.environments import EnvironmentPatch, EnvironmentView, NewEnvironment, view
from slipway.history import VersionView
from slipway.paging import Paging
from slipway.shape import Writing


@api.post(
    "/v1/environments",
    "environments.create",
    body=NewEnvironment,
    query=Writing,
    answers={201: EnvironmentView, 200: EnvironmentView},
    creates=True,
)
def create(request: Request[Control, NewEnvironment, Writing]) -> Answer:
    """Create an environment. Every flag is off in it. There are at most 16."""
    only = request.query.validate_only
    made = request.use.environments.create(request.call, request.body, validate_only=only)
    return created(made, view, "/v1/environments", only)


@api.get("/v1/environments", "environments.list", query=Paging, answers={200: [EnvironmentView]})
def index(request: Request[Control, None, Paging]) -> Answer:
    """List environments, in the order of their names: `development`, `production` and `staging` from the start."""
    request.use.environments.all(request.call)
    found, cursor = lists.environments(request.use.environments.shelf, request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.get("/v1/environments/{environment}", "environments.read", answers={200: EnvironmentView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read an environment."""
    stored = request.use.environments.read(request.call, request.path["environment"])
    return Answer(200, view(stored), etag=stored.etag)


@api.patch(
    "/v1/environments/{environment}",
    "environments.update",
    body=EnvironmentPatch,
    query=Writing,
    answers={200: EnvironmentView},
)
def update(request: Request[Control, EnvironmentPatch, Writing]) -> Answer:
    """Change an environment (JSON merge patch): what it asks of those who change what it serves.

    `protected`: a reason; `approval`: a second person, too. To take one of them away takes a reason itself, and a change
    request where `approval` is on (409).
    """
    only, version = request.query.validate_only, request.if_match
    stored = request.use.environments.update(
        request.call, request.path["environment"], version, request.body, validate_only=only
    )
    return changed(stored, view, only)


@api.delete("/v1/environments/{environment}", "environments.delete", query=ReasonedWriting, answers={204: None})
def delete(request: Request[Control, None, ReasonedWriting]) -> Answer:
    """Delete an environment, for good: its name never comes back.

    The last one stays, and so does one in which a flag is on, or a change takes a second person (409). A protected one asks for
    a `reason`.
    """
    only, reason = request.query.validate_only, request.query.reason
    name, version = request.path["environment"], request.if_match
    request.use.environments.delete(request.call, name, version, reason, validate_only=only)
    return Answer(204)


@api.get("/v1/environments/{environment}/versions", "environments.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Control, None, Paging]) -> Answer:
    """List what every version of an environment changed: who, when, which fields from what to what. Newest first."""
    name, query = request.path["environment"], request.query
    parts: list[str | None] = ["environments.versions", name]
    below = history.below(query, parts)
    return version_page(request.use.environments.versions(request.call, name, below=below, limit=query.limit), parts)
