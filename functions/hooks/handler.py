"""Webhooks over HTTP: who is told what happens, and what became of each delivery."""

from __future__ import annotations

from functions.hooks import changelog
from functions.hooks.door import Hooks, api, seen
from slipway.edge.http import Answer, Request
from slipway.feedback import deliveries
from slipway.feedback.courier import again
from slipway.feedback.deliveries import DeliveryView
from slipway.feedback.webhooks import IssuedView, NewWebhook, Rotation, WebhookPatch, WebhookView, view
from slipway.paging import Paging

# Each page hangs its routes on the door when it is imported, and does nothing else.
__all__ = ["api", "changelog", "handler"]

handler = api

ALL = "/v1/webhooks"
ONE = f"{ALL}/{{id}}"
TRIES = f"{ONE}/deliveries"


@api.post(ALL, "webhooks.create", body=NewWebhook, answers={201: IssuedView}, creates=True)
def create(request: Request[Hooks, NewWebhook, None]) -> Answer:
    """Have somebody told what happens.

    `url` is https and leads to the public internet. `events` are types (`feedback.updated.v1`), all of a kind (`feedback.*`),
    or `*` for every event; `feedback.notice` is taken by its name alone, because it says whom to tell. The secret is shown this
    once: each delivery is signed with it, as the Standard Webhooks scheme has it. There are at most 20 webhooks (409).
    """
    made = request.use.webhooks.create(request.call, request.body)
    body = {**view(made.stored), "secret": made.secret}
    return Answer(201, body, location=f"{ALL}/{made.stored.id}", etag=made.stored.etag, replayed=made.replayed)


@api.get(ALL, "webhooks.list", answers={200: [WebhookView]})
def index(request: Request[Hooks, None, None]) -> Answer:
    """List webhooks: all of them, in the order of their ids."""
    return Answer(200, {"items": [view(stored) for stored in request.use.webhooks.each()]})


@api.get(ONE, "webhooks.read", answers={200: WebhookView})
def read(request: Request[Hooks, None, None]) -> Answer:
    """Read a webhook. Its secret is not among what is told."""
    stored = request.use.webhooks.read(request.path["id"])
    return seen(stored, view(stored))


@api.patch(ONE, "webhooks.update", body=WebhookPatch, answers={200: WebhookView})
def update(request: Request[Hooks, WebhookPatch, None]) -> Answer:
    """Change a webhook (JSON merge patch).

    Enabled again it is taken for well: what waits is delivered, as far as it is not older than three days.
    """
    stored = request.use.webhooks.update(request.call, request.path["id"], request.if_match, request.body)
    return seen(stored, view(stored))


@api.delete(ONE, "webhooks.delete", answers={204: None})
def delete(request: Request[Hooks, None, None]) -> Answer:
    """Delete a webhook, for good. What waits is not delivered any more."""
    request.use.webhooks.delete(request.call, request.path["id"], request.if_match)
    return Answer(204)


@api.post(f"{ONE}/rotate", "webhooks.rotate", body=Rotation, answers={200: IssuedView}, versioned=True)
def rotate(request: Request[Hooks, Rotation, None]) -> Answer:
    """Give a webhook a new secret, which is shown this once.

    For `overlap` seconds (a day unless told, a week at most) the secret before signs as well, so that no delivery is refused
    while the receiver changes. With 0 it is over at once.
    """
    issued = request.use.webhooks.rotate(request.call, request.path["id"], request.if_match, request.body.overlap)
    return seen(issued.stored, {**view(issued.stored), "secret": issued.secret})


@api.get(TRIES, "deliveries.list", query=Paging, answers={200: [DeliveryView]})
def tries(request: Request[Hooks, None, Paging]) -> Answer:
    """List what was sent to a webhook, the newest events first, with each try. Deliveries are kept 30 days."""
    stored = request.use.webhooks.read(request.path["id"])
    rows, cursor = request.use.deliveries.page(stored.id, request.query)
    return Answer(200, {"items": [deliveries.view(row) for row in rows]}, next=cursor)


@api.post(f"{TRIES}/{{delivery}}/resend", "deliveries.resend", answers={202: DeliveryView})
def resend(request: Request[Hooks, None, None]) -> Answer:
    """Send a delivery once more, whatever became of it: within two minutes, under the same id, with all its tries.

    What waits for the receiver follows. A webhook that is disabled has to be enabled first (409).
    """
    use, path = request.use, request.path
    row = again(use.webhooks, use.shots, path["id"], path["delivery"], request.call.now)
    return Answer(202, deliveries.view(row))
