"""Rollout templates over HTTP."""

from __future__ import annotations

from functions.flags.door import api, changed, created, version_page
from slipway import history
from slipway.edge.http import Answer, Request
from slipway.flags import lists
from slipway.flags.control import Control
from slipway.flags.lists import Listing
from slipway.history import VersionView
from slipway.paging import Paging
from slipway.rollouts.templates import NewTemplate, TemplatePatch, TemplateView, view
from slipway.shape import Writing

ALL = "/v1/rollout-templates"
ONE = f"{ALL}/{{key}}"


@api.post(
    ALL, "templates.create", body=NewTemplate, query=Writing, answers={201: TemplateView, 200: TemplateView}, creates=True
)
def create(request: Request[Control, NewTemplate, Writing]) -> Answer:
    """Create a rollout template: a course that rollouts take over by its key, as it is when they begin."""
    only = request.query.validate_only
    made = request.use.rollouts.templates.create(request.call, request.body, validate_only=only)
    return created(made, view, ALL, only)


@api.get(ALL, "templates.list", query=Listing, answers={200: [TemplateView]})
def index(request: Request[Control, None, Listing]) -> Answer:
    """List rollout templates, in the order of their keys: `cautious` and `standard` from the start. A page may be short."""
    templates = request.use.rollouts.templates
    templates.begin(request.call)
    found, cursor = lists.templates(templates.shelf, request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.get(ONE, "templates.read", answers={200: TemplateView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read a rollout template."""
    return changed(request.use.rollouts.templates.read(request.call, request.path["key"]), view, False)


@api.patch(ONE, "templates.update", body=TemplatePatch, query=Writing, answers={200: TemplateView})
def update(request: Request[Control, TemplatePatch, Writing]) -> Answer:
    """Change a rollout template (JSON merge patch). Rollouts that were begun with it go on as they are."""
    only, key = request.query.validate_only, request.path["key"]
    stored = request.use.rollouts.templates.update(request.call, key, request.if_match, request.body, validate_only=only)
    return changed(stored, view, only)


@api.delete(ONE, "templates.delete", query=Writing, answers={204: None})
def delete(request: Request[Control, None, Writing]) -> Answer:
    """Delete a rollout template, for good: its key never comes back."""
    only, key = request.query.validate_only, request.path["key"]
    request.use.rollouts.templates.delete(request.call, key, request.if_match, validate_only=only)
    return Answer(204)


@api.get(f"{ONE}/versions", "templates.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Control, None, Paging]) -> Answer:
    """List what every version of a rollout template changed: who, when, which fields from what to what. Newest first."""
    key, query = request.path["key"], request.query
    parts: list[str | None] = ["templates.versions", key]
    below = history.below(query, parts)
    return version_page(request.use.rollouts.templates.versions(request.call, key, below=below, limit=query.limit), parts)
