"""Feedback over HTTP: what people tell. What the team does with it is in the pages beside, which no submission loads."""

from __future__ import annotations

from datetime import timedelta

from functions.feedback.door import Feedback, api
from slipway.calls import timestamp
from slipway.edge.http import Answer, Request
from slipway.feedback.forms import LONGEST
from slipway.feedback.item import FormView, NewFeedback, OpenedForm, ReceiptView, receipt

__all__ = ["api", "handler"]

handler = api


@api.post("/v1/feedback", "feedback.submit", body=NewFeedback, answers={201: ReceiptView}, creates=True)
def submit(request: Request[Feedback, NewFeedback, None]) -> Answer:
    """Tell something about a product.

    A client key speaks for its visitor, a server key for the user whose `targeting_key` it sends, a member for itself. The
    same `submission_id` again makes nothing twice (422 with another body), and neither does an `Idempotency-Key`. An e-mail
    address is taken with `consent` alone. An archived product goes on taking feedback: it may still be in use. What one network
    sends with a client key is bounded: 429 says in `Retry-After` when the same is taken; nothing of it was kept.
    """
    made = request.use.submissions.submit(request.call, request.body, request.address)
    return Answer(
        201, receipt(made.stored), location=f"/v1/feedback/{made.stored.id}", etag=made.stored.etag, replayed=made.replayed
    )


@api.post("/v1/feedback/form", "feedback.form", body=OpenedForm, answers={200: FormView})
def form(request: Request[Feedback, OpenedForm, None]) -> Answer:
    """Open a form: a token to send with what is written in it.

    A board may ask browsers for one (`form.token`). It is of this environment and product, is taken after `seconds`, and not
    any more after a day.
    """
    token, seconds = request.use.gate.opened(request.call, request.body.product)
    expires = timestamp(request.call.now + timedelta(seconds=LONGEST))
    return Answer(200, {"form": token, "seconds": seconds, "expires_at": expires})


@api.later
def rest() -> None:
    """Each page hangs its routes on the door when it is imported, and does nothing else."""
    from functions.feedback import attachments, boards, inbox, merging, people, similar, transfer, votes  # noqa: F401
