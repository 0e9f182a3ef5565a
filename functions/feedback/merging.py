"""Duplicates over HTTP."""

from __future__ import annotations

from functions.feedback.door import Feedback, api, shown
from slipway.edge.http import Answer, Request
from slipway.feedback.views import FeedbackView
from slipway.feedback.vote import Merging

ONE = "/v1/feedback/{id}"


@api.post(f"{ONE}/merge", "feedback.merge", body=Merging, answers={200: FeedbackView}, versioned=True)
def merge(request: Request[Feedback, Merging, None]) -> Answer:
    """Merge an item into another: it becomes a duplicate, with all that was merged into it, and its voters count there.

    Merged into a duplicate it goes where that went. A group has 100 items at most (409), all about one product (409); what is
    a duplicate already is unmerged first (409). Everybody counts once: `votes` of the other follows within seconds.
    """
    id, call = request.path["id"], request.call
    return shown(request.use, request.use.merging.merge(call, id, request.if_match, request.body.into))


@api.post(f"{ONE}/unmerge", "feedback.unmerge", answers={200: FeedbackView}, versioned=True)
def unmerge(request: Request[Feedback, None, None]) -> Answer:
    """Make a duplicate an item of its own again, with what was merged into it, its votes, and the status that it had."""
    return shown(request.use, request.use.merging.unmerge(request.call, request.path["id"], request.if_match))
