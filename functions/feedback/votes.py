"""Votes over HTTP."""

from __future__ import annotations

from functions.feedback.door import Feedback, api
from slipway.edge.http import Answer, Request
from slipway.feedback.vote import VotedView, Voter, VoteView, view
from slipway.paging import Paging

ALL = "/v1/feedback/{id}/votes"


@api.post(ALL, "feedback.vote", body=Voter, answers={200: VotedView})
def vote(request: Request[Feedback, Voter, None]) -> Answer:
    """Vote for an item; again changes nothing.

    A key votes for the user whose `targeting_key` it sends. Who is signed in votes for itself with `{}`, and an editor also on
    behalf of somebody, by `targeting_key` and `environment` or by `email`; who did so stays with the vote. A vote for a
    duplicate counts for what it is a duplicate of (`counts_for`), and nobody counts twice. `votes` of an item follows within
    seconds.
    """
    voted = request.use.votes.cast(request.call, request.path["id"], request.body, request.address)
    return Answer(200, {"id": voted.id, "counts_for": voted.root, "voted": True})


@api.post(f"{ALL}/withdraw", "feedback.withdraw", body=Voter, answers={200: VotedView})
def withdraw(request: Request[Feedback, Voter, None]) -> Answer:
    """Withdraw a vote, from the item, its duplicates and what it is a duplicate of; again changes nothing.

    Whose vote it is says the body, as it does for a vote. A client key withdraws only what client keys gave: a vote that a
    server or the team gave stays, and the answer does not tell.
    """
    voted = request.use.votes.withdraw(request.call, request.path["id"], request.body, request.address)
    return Answer(200, {"id": voted.id, "counts_for": voted.root, "voted": False})


@api.get(ALL, "feedback.votes", query=Paging, answers={200: [VoteView]})
def index(request: Request[Feedback, None, Paging]) -> Answer:
    """List who stands behind an item: everybody once, who voted for it or for one of its duplicates."""
    found, next = request.use.votes.page(request.path["id"], request.query)
    return Answer(200, {"items": [view(row) for row in found]}, next=next)
