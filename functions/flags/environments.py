"""Environments over HTTP."""

from __future__ import annotations

from functions.flags.door import api, changed, created
from slipway.edge.http import Answer, Request
from slipway.flags import lists
from slipway.flags.control import Control
from slipway.flags.environments import EnvironmentPatch, EnvironmentView, NewEnvironment, view
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
    """Change an environment (JSON merge patch): what it asks of those who change flags in it."""
    only, version = request.query.validate_only, request.if_match
    stored = request.use.environments.update(
        request.call, request.path["environment"], version, request.body, validate_only=only
    )
    return changed(stored, view, only)


@api.delete("/v1/environments/{environment}", "environments.delete", query=Writing, answers={204: None})
def delete(request: Request[Control, None, Writing]) -> Answer:
    """Delete an environment, for good: its name never comes back. The last stays, and one in which a flag is on (409)."""
    only = request.query.validate_only
    request.use.environments.delete(request.call, request.path["environment"], request.if_match, validate_only=only)
    return Answer(204)
