"""Feedback over HTTP: what people tell, and what the team does with it."""

from __future__ import annotations

from functions.feedback import attachments, similar
from functions.feedback.door import Feedback, api
from slipway.edge.http import Answer, Request
from slipway.feedback.item import FeedbackView, NewFeedback, ReceiptView, receipt, view

# Each page hangs its routes on the door when it is imported, and does nothing else.
__all__ = ["api", "attachments", "handler", "similar"]

handler = api


@api.post("/v1/feedback", "feedback.submit", body=NewFeedback, answers={201: ReceiptView}, creates=True)
def submit(request: Request[Feedback, NewFeedback, None]) -> Answer:
    """Tell something about a product.

    A client key speaks for its visitor, a server key for the user whose `targeting_key` it sends, a member for itself. The same
    `submission_id` again makes nothing twice (422 with another body); an `Idempotency-Key` does as well. Whatever else is to be
    found out about it is found out later.
    """
    made = request.use.submissions.submit(request.call, request.body)
    return Answer(
        201, receipt(made.stored), location=f"/v1/feedback/{made.stored.id}", etag=made.stored.etag, replayed=made.replayed
    )


@api.get("/v1/feedback/{id}", "feedback.read", answers={200: FeedbackView})
def read(request: Request[Feedback, None, None]) -> Answer:
    """Read an item.

    Of a person who was erased it says `erased`, and nothing of what that person wrote.
    """
    stored = request.use.items.read(request.path["id"])
    return Answer(200, view(stored, request.use.items.open(stored)), etag=stored.etag)
