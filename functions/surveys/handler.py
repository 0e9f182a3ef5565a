"""Surveys over HTTP: what is asked of whom, and what came of it. Answers come in with all other feedback."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from slipway import history
from slipway.adapters import connect
from slipway.edge.http import Answer, Api, Request
from slipway.environments import acting_in
from slipway.feedback.buckets import Buckets
from slipway.feedback.people import People
from slipway.feedback.prompts import Prompts
from slipway.feedback.results import ResultsView, results
from slipway.feedback.secrets import Secrets
from slipway.feedback.survey import NewSurvey, Prompting, PromptView, SurveyListing, SurveyPatch, SurveyView, view
from slipway.feedback.surveys import Surveys
from slipway.feedback.tickets import Tickets
from slipway.history import VersionView
from slipway.paging import Paging
from slipway.ports import Store
from slipway.resources import Stored
from slipway.settings import Surveys as Settings

ALL = "/v1/surveys"
ONE = f"{ALL}/{{id}}"


@dataclass(frozen=True, slots=True)
class Room:
    surveys: Surveys
    prompts: Prompts


def room(store: Store, entropy: Callable[[int], bytes] = os.urandom) -> Room:
    surveys, secrets = Surveys(store), Secrets(store, entropy)
    return Room(surveys, Prompts(surveys, People(store, secrets, entropy), Tickets(secrets), Buckets(store)))


def wire() -> Room:
    return room(connect.store(Settings.load()))


handler = api = Api[Room]("surveys", wire)


def _seen(stored: Stored) -> Answer:
    return Answer(200, view(stored), etag=stored.etag)


@api.post(ALL, "surveys.create", body=NewSurvey, answers={201: SurveyView}, creates=True)
def create(request: Request[Room, NewSurvey, None]) -> Answer:
    """Create a survey: one question, asked of a part of the people of one environment.

    `nps` is answered from 0 to 10, `csat` from 1 to 5, `ces` from 1 to 7. `targeting` is a rule as flags have it, without
    shared segments, that is true for whom it may ask. Each unit is asked once, and by no survey of the environment within the
    `quiet_days` of the one that would. Enabled it asks; of one environment up to 50 are (409).
    """
    made = request.use.surveys.create(request.call, request.body)
    stored = made.stored
    return Answer(201, view(stored), location=f"{ALL}/{stored.id}", etag=stored.etag, replayed=made.replayed)


@api.get(ALL, "surveys.list", query=SurveyListing, answers={200: [SurveyView]})
def index(request: Request[Room, None, SurveyListing]) -> Answer:
    """List surveys, in the order in which they were made. A page may be short: the list ends where `next_cursor` is missing."""
    found, cursor = request.use.surveys.page(request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.post(f"{ALL}/prompt", "surveys.prompt", body=Prompting, answers={200: PromptView, 204: None})
def prompt(request: Request[Room, Prompting, None]) -> Answer:
    """Ask whether there is something to ask: one prompt, or 204.

    `view` is the client's word for the page or screen: for half an hour the same one is answered the same, so a request may be
    sent again. What the prompt asks is answered by `POST /v1/feedback` within a day: `type` is its `kind`, `survey` its
    `token`, with the same `product` and `targeting_key`. A change of a survey is seen within ten seconds. Of one network, a
    client key is given 20 prompts at once and one every three seconds from then on (429); a 204 counts for nothing.
    """
    environment = acting_in(request.call.principal, None)
    if environment is None:
        return Answer(204)
    found = request.use.prompts.prompt(request.call, environment, request.body, request.address)
    return Answer(204) if found is None else Answer(200, found)


@api.get(ONE, "surveys.read", answers={200: SurveyView})
def read(request: Request[Room, None, None]) -> Answer:
    """Read a survey."""
    return _seen(request.use.surveys.read(request.path["id"]))


@api.patch(ONE, "surveys.update", body=SurveyPatch, answers={200: SurveyView})
def update(request: Request[Room, SurveyPatch, None]) -> Answer:
    """Change a survey (JSON merge patch).

    Product, environment and kind stay. A smaller cap than there are answers takes none away. A larger `sampling` keeps whom the
    smaller one had.
    """
    return _seen(request.use.surveys.update(request.call, request.path["id"], request.if_match, request.body))


@api.delete(ONE, "surveys.delete", answers={204: None})
def delete(request: Request[Room, None, None]) -> Answer:
    """Delete a survey, for good, with its results; the answers stay as feedback. Who was asked before may still answer."""
    request.use.surveys.delete(request.call, request.path["id"], request.if_match)
    return Answer(204)


@api.get(f"{ONE}/versions", "surveys.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Room, None, Paging]) -> Answer:
    """List what every version of a survey changed: who, when, which fields from what to what. Newest first."""
    id, query = request.path["id"], request.query
    parts: list[str | None] = ["surveys.versions", id]
    found = request.use.surveys.versions(id, below=history.below(query, parts), limit=query.limit)
    items, next = history.page(found, parts)
    return Answer(200, {"items": items}, next=next)


@api.get(f"{ONE}/results", "surveys.results", answers={200: ResultsView})
def outcome(request: Request[Room, None, None]) -> Answer:
    """Read what a survey came to, at any time and as often as you like.

    `low` to `high` holds the true score at every look at once in 95 of 100 surveys, so to look often and to stop early is fair;
    the standard error holds of one look that was planned. Each release and each variant has an interval of its own: of many
    looked at together some are wrong. Answers of people who were erased are counted.
    """
    surveys = request.use.surveys
    return Answer(200, results(surveys.store, surveys.read(request.path["id"])))
