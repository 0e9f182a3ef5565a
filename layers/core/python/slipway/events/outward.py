"""What goes out of Slipway: to whom it is told, and what the public reads."""

from __future__ import annotations

from typing import Literal

from slipway.events.envelope import Changed, Event, Name, by_name


class WebhookFacts(Changed):
    status: Name


class WebhookEvent(Event):
    source: Literal["slipway.feedback"]
    version: Literal[1]
    data: WebhookFacts


class WebhookCreated(WebhookEvent):
    """Somebody else is told what happens."""

    type: Literal["webhook.created.v1"]


class WebhookUpdated(WebhookEvent):
    """A webhook leads elsewhere, takes other events, or was switched on or off."""

    type: Literal["webhook.updated.v1"]


class WebhookRotated(WebhookEvent):
    """A webhook signs with a new secret."""

    type: Literal["webhook.rotated.v1"]


class WebhookDisabled(WebhookEvent):
    """Nothing is delivered any more: the receiver said that it is gone, or failed for days."""

    type: Literal["webhook.disabled.v1"]


class WebhookDeleted(WebhookEvent):
    """A webhook is gone, for good."""

    type: Literal["webhook.deleted.v1"]


class ChangelogFacts(Changed):
    product: Name
    status: Name


class ChangelogEvent(Event):
    source: Literal["slipway.feedback"]
    version: Literal[1]
    data: ChangelogFacts


class ChangelogCreated(ChangelogEvent):
    """There is a new entry, which is a draft."""

    type: Literal["changelog.created.v1"]


class ChangelogUpdated(ChangelogEvent):
    """An entry of the changelog changed; it may be a draft again."""

    type: Literal["changelog.updated.v1"]


class ChangelogPublished(ChangelogEvent):
    """An entry of the changelog may be read by whoever may read the changelog."""

    type: Literal["changelog.published.v1"]


class ChangelogDeleted(ChangelogEvent):
    """An entry of the changelog is gone, for good."""

    type: Literal["changelog.deleted.v1"]


ROOM = by_name(
    WebhookCreated,
    WebhookUpdated,
    WebhookRotated,
    WebhookDisabled,
    WebhookDeleted,
    ChangelogCreated,
    ChangelogUpdated,
    ChangelogPublished,
    ChangelogDeleted,
)
