"""What flags answer in each environment, over HTTP."""

from __future__ import annotations

from functools import partial
from typing import Any

from functions.flags.door import View, api, changed, version_page
from slipway import history
from slipway.edge.http import Answer, Request
from slipway.flags.configuration import (
    ConfigurationPatch,
    Copying,
    RevertingConfiguration,
    SwitchingOff,
)
from slipway.flags.control import Control
from slipway.flags.explain import Explaining, ExplanationView, explained
from slipway.flags.portability import ConfigurationsView, ConfigurationView, answers_alone, view
from slipway.flags.preview import PreviewedView, Previewing, previewed
from slipway.history import Reading, VersionView
from slipway.paging import Paging
from slipway.shape import Writing

ALL = "/v1/flags/{key}/environments"
ONE = "/v1/flags/{key}/environments/{environment}"


@api.get(ALL, "configurations.list", answers={200: ConfigurationsView})
def index(request: Request[Control, None, None]) -> Answer:
    """Read a flag's configuration in every environment."""
    use = request.use.configurations
    return Answer(200, {"items": [view(use, stored) for stored in use.each(request.call, request.path["key"])]})


@api.get(ONE, "configurations.read", query=Reading, answers={200: ConfigurationView})
def read(request: Request[Control, None, Reading]) -> Answer:
    """Read a flag's configuration in an environment.

    One that nobody has touched is off, at version 1. `rules` tells in words what it says, `not_portable` why readers of the
    flagd document other than Slipway do not get the flag, where they do not. With `as_of` as it stood at that
    moment: 404 before the flag or the environment was made, 422 in the future.
    """
    use, call, moment = request.use.configurations, request.call, request.query.as_of
    key, environment = _names(request)
    _, stored = use.read(call, key, environment) if moment is None else use.at(call, key, environment, moment)
    body = view(use, stored, moment)
    if not answers_alone(stored):  # what it needs changes without a version of this: the tag serves If-Match alone
        return Answer(200, body, headers={"ETag": stored.etag})
    return Answer(200, body, etag=stored.etag)


@api.patch(ONE, "configurations.update", body=ConfigurationPatch, query=Writing, answers={200: ConfigurationView})
def update(request: Request[Control, ConfigurationPatch, Writing]) -> Answer:
    """Change what a flag answers in an environment (JSON merge patch).

    `overrides` are merged by variant, null takes one away; rules and lists are replaced as a whole. What is asked in which
    order: the switch, prerequisites, overrides, the rule, the default. Whatever is wrong is named with its place. A change
    ends the rollout that runs there, if one does, and says so (`ended_rollout`). A protected
    environment asks for a `reason`; one that takes a second person takes change requests alone (409). A change that changes
    nothing makes no version.
    """
    only, version = request.query.validate_only, request.if_match
    stored = request.use.configurations.update(request.call, *_names(request), version, request.body, validate_only=only)
    return changed(stored, _viewed(request), only)


@api.post(
    f"{ONE}/revert",
    "configurations.revert",
    body=RevertingConfiguration,
    query=Writing,
    answers={200: ConfigurationView},
    versioned=True,
)
def revert(request: Request[Control, RevertingConfiguration, Writing]) -> Answer:
    """Take a configuration back to what one of its versions said, as a new version."""
    only, version, body = request.query.validate_only, request.if_match, request.body
    stored = request.use.configurations.revert(
        request.call, *_names(request), version, body.version, body.reason, validate_only=only
    )
    return changed(stored, _viewed(request), only)


@api.post(f"{ONE}/copy", "configurations.copy", body=Copying, query=Writing, answers={200: ConfigurationView}, versioned=True)
def copy(request: Request[Control, Copying, Writing]) -> Answer:
    """Take over the configuration that the flag has in another environment: all of it, the switch too."""
    only, version, body = request.query.validate_only, request.if_match, request.body
    stored = request.use.configurations.copy(
        request.call, *_names(request), version, body.from_, body.reason, validate_only=only
    )
    return changed(stored, _viewed(request), only)


@api.post(f"{ONE}/off", "configurations.off", body=SwitchingOff, answers={200: ConfigurationView})
def off(request: Request[Control, SwitchingOff, None]) -> Answer:
    """Switch a flag off, at once.

    For emergencies: whatever version stands, whatever is wrong with it or with what it needs, and without the second person
    and the reason that an environment may ask for. It needs no body. A reason stays with the version, and the audit has who it
    was. Off already: nothing changes.
    """
    stored = request.use.configurations.switch_off(request.call, *_names(request), request.body.reason)
    return changed(stored, _viewed(request), False)


@api.get(f"{ONE}/versions", "configurations.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Control, None, Paging]) -> Answer:
    """List what every version of a configuration changed: who, when, why, which fields from what to what. Newest first."""
    (key, environment), query = _names(request), request.query
    parts: list[str | None] = ["configurations.versions", key, environment]
    below = history.below(query, parts)
    found = request.use.configurations.versions(request.call, key, environment, below=below, limit=query.limit)
    return version_page(found, parts)


@api.post(f"{ONE}/explain", "configurations.explain", body=Explaining, answers={200: ExplanationView})
def explain(request: Request[Control, Explaining, None]) -> Answer:
    """Explain what a flag answers to a context, and why.

    Tells the version in force (with `at`, at that moment), what decided, in which bucket the context falls, and every operator
    on the way. An archived flag answers nowhere (409).
    """
    key, environment = _names(request)
    context, at = request.body.context, request.body.at
    return Answer(200, explained(request.use.configurations, request.call, key, environment, context, at))


@api.post(f"{ONE}/preview", "configurations.preview", body=Previewing, answers={200: PreviewedView})
def preview(request: Request[Control, Previewing, None]) -> Answer:
    """Preview a change: how many contexts would get another variant, from what to what. Nothing is written.

    Without `contexts` it is tried on 1,000 made-up ones, which have a targeting key alone: enough for a share of all, but not
    for a rule that asks for attributes. Where walking through lists would take more than 2,000,000 steps in all, it is refused
    (422): send fewer or smaller contexts then.
    """
    key, environment = _names(request)
    change, contexts = request.body.change, request.body.contexts
    return Answer(200, previewed(request.use.configurations, request.call, key, environment, change, contexts))


def _viewed(request: Request[Control, Any, Any]) -> View:
    return partial(view, request.use.configurations)


def _names(request: Request[Control, object, object]) -> tuple[str, str]:
    return request.path["key"], request.path["environment"]
