"""Rollouts over HTTP."""

from __future__ import annotations

import os

from functions.flags.door import api, changed, version_page
from slipway import history
from slipway.edge.http import Answer, Request
from slipway.flags.control import Control
from slipway.history import VersionView
from slipway.paging import Paging
from slipway.rollouts.dryrun import DryRunning, DryRunView, dry_run
from slipway.rollouts.evidence import EvidenceView
from slipway.rollouts.judging import shown
from slipway.rollouts.plan import Moving, NewRollout, RolloutListing, RolloutView, view
from slipway.rollouts.signing import SECRET_BYTES
from slipway.rollouts.states import Event
from slipway.shape import Writing

ALL = "/v1/flags/{key}/environments/{environment}/rollouts"
ONE = f"{ALL}/{{id}}"


@api.post(
    ALL,
    "rollouts.create",
    body=NewRollout,
    query=Writing,
    answers={201: RolloutView, 200: RolloutView},
    creates=True,
)
def create(request: Request[Control, NewRollout, Writing]) -> Answer:
    """Roll a variant out, step by step.

    Wherever the flag would answer `from`, a share of the units gets `to` instead: the ladder says how large it is and for
    how long, its guards step back where that does harm. Rule, default and overrides stay as they are, and a change of them
    by hand ends the rollout. One runs at a time (409); one that goes on from what an earlier one has left begins above its
    share (422). With `start: false` it is planned, and started by `/start`: by another person where the environment takes a
    second one (403).
    """
    only, (key, environment) = request.query.validate_only, _names(request)
    made = request.use.rollouts.plan(request.call, key, environment, request.body, os.urandom(SECRET_BYTES), validate_only=only)
    if only:
        return Answer(200, view(made.stored))
    location = f"/v1/flags/{key}/environments/{environment}/rollouts/{made.stored.id}"
    return Answer(201, view(made.stored), location=location, etag=made.stored.etag, replayed=made.replayed)


@api.get(ALL, "rollouts.list", query=RolloutListing, answers={200: [RolloutView]})
def index(request: Request[Control, None, RolloutListing]) -> Answer:
    """List a flag's rollouts in an environment, newest first. A page may be short, as every list's."""
    found, cursor = request.use.rollouts.page(request.call, *_names(request), request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.get(ONE, "rollouts.read", answers={200: RolloutView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read a rollout: where it stands, why, and when the running stage's time is over (`due`)."""
    return changed(request.use.rollouts.read(*_names(request), request.path["id"]), view, False)


@api.get(f"{ONE}/versions", "rollouts.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Control, None, Paging]) -> Answer:
    """List every move of a rollout: when, by whom (`system:...` for the clock and the guards), and why. Newest first."""
    (key, environment), id, query = _names(request), request.path["id"], request.query
    parts: list[str | None] = ["rollouts.versions", key, environment, id]
    below = history.below(query, parts)
    return version_page(request.use.rollouts.versions(key, environment, id, below=below, limit=query.limit), parts)


@api.get(f"{ONE}/evidence", "rollouts.evidence", answers={200: EvidenceView})
def evidence(request: Request[Control, None, None]) -> Answer:
    """Read what is known of a rollout's harm: counts by stage and arm, E and its threshold, and what they say.

    `now` judges what is counted so far, without doing anything; `decided` is what the clock or a guard last acted on. What is
    counted is kept for 400 days, also of a rollout that is over.
    """
    return Answer(200, shown(request.use.rollouts, request.call, *_names(request), request.path["id"]))


@api.post(f"{ONE}/dry-run", "rollouts.dry_run", body=DryRunning, answers={200: DryRunView})
def try_(request: Request[Control, DryRunning, None]) -> Answer:
    """Try guards on the signals that a rollout has recorded: when would they have stepped back? Nothing is written.

    Without `guards` its own are tried, without `alpha` its own. What it did not watch is not recorded, and neither are alarms
    (422). Up to 20,000 signals are taken (422).
    """
    names, id = _names(request), request.path["id"]
    return Answer(200, dry_run(request.use.rollouts, *names, id, request.body))


@api.post(f"{ONE}/start", "rollouts.start", body=Moving, answers={200: RolloutView}, versioned=True)
def start(request: Request[Control, Moving, None]) -> Answer:
    """Start a rollout that was planned: where the environment takes a second person, by another than planned it (403)."""
    return _moved(request, "start")


@api.post(f"{ONE}/pause", "rollouts.pause", body=Moving, answers={200: RolloutView}, versioned=True)
def pause(request: Request[Control, Moving, None]) -> Answer:
    """Pause a rollout: the share stays as it is until somebody resumes it. Its guards go on watching, and may roll it back."""
    return _moved(request, "pause")


@api.post(f"{ONE}/resume", "rollouts.resume", body=Moving, answers={200: RolloutView}, versioned=True)
def resume(request: Request[Control, Moving, None]) -> Answer:
    """Go on with a rollout that is paused or was rolled back: the same units get `to` again, and the step's time begins anew.

    What its guards knew by then is not held against it again. After a change of the flag's configuration, hash or
    variants, one that was rolled back stays so (409).
    """
    return _moved(request, "resume")


@api.post(f"{ONE}/advance", "rollouts.advance", body=Moving, answers={200: RolloutView}, versioned=True)
def advance(request: Request[Control, Moving, None]) -> Answer:
    """Take a rollout's next step now, whatever it waits for: time, units or an approval, which this is. From the last step on
    it is completed."""
    return _moved(request, "advance")


@api.post(f"{ONE}/stop", "rollouts.stop", body=Moving, answers={200: RolloutView}, versioned=True)
def stop(request: Request[Control, Moving, None]) -> Answer:
    """End a rollout where it stands: the share in force stays, as a plain rule of the configuration, without guards."""
    return _moved(request, "stop")


@api.post(f"{ONE}/roll-back", "rollouts.roll_back", body=Moving, answers={200: RolloutView}, versioned=True)
def roll_back(request: Request[Control, Moving, None]) -> Answer:
    """Step back, at once: everybody gets what the configuration alone gives. It asks for no reason and no second person."""
    return _moved(request, "roll_back")


def _moved(request: Request[Control, Moving, None], event: Event) -> Answer:
    reason, entropy = request.body.reason, os.urandom(SECRET_BYTES)
    names, id = _names(request), request.path["id"]
    stored = request.use.rollouts.move(request.call, *names, id, request.if_match, event, reason, entropy)
    return changed(stored, view, False)


def _names(request: Request[Control, object, object]) -> tuple[str, str]:
    return request.path["key"], request.path["environment"]
