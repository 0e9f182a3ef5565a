"""What people told -> what is known of it: what they were served, how it sounds; what was negative goes to the rollouts.

Besides, what somebody made visible is followed up, and one-shots look again at what had nothing recorded when it came.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.edge.consumer import Consumer
from slipway.events.feedback import FeedbackEvent, FeedbackStatusChanged, FeedbackSubmitted, FeedbackUpdated
from slipway.feedback.complaints import Complaints
from slipway.feedback.floods import Floods
from slipway.feedback.items import Items
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.sentiment import Sentiments
from slipway.feedback.served import Served
from slipway.feedback.triage import Findings, Triage
from slipway.ports import Blobs, Lake, Schedules, Store
from slipway.rollouts import signing
from slipway.settings import Triage as Settings
from slipway.signals.collection import Collector, documents
from slipway.signals.salts import Salts


@dataclass(frozen=True, slots=True)
class Outside:
    """What it works with beside the tables."""

    lake: Lake
    flags: Blobs
    keys: Blobs
    attachments: Blobs
    shots: Schedules
    sentiments: Sentiments


def triage(store: Store, outside: Outside, now: Callable[[], datetime], entropy: Callable[[int], bytes] = os.urandom) -> Triage:
    secrets, aead = Secrets(store, entropy), AesGcm()
    items = Items(store, People(store, secrets, entropy, aead), aead, entropy)
    collector = Collector(store, outside.lake, documents(outside.flags), signing.Secrets(outside.keys), entropy)
    findings = Findings(Served(store, Salts(store, entropy)), Floods(store, secrets), outside.sentiments, outside.attachments)
    return Triage(items, findings, Complaints(collector), outside.shots, now, lambda: entropy(16).hex())


def wire() -> Triage:
    settings = Settings.load()
    store, flags = connect.store(settings), connect.blobs(settings, settings.bucket_flags)
    outside = Outside(
        lake=connect.lake(settings, beside=store),
        flags=flags,
        keys=connect.blobs(settings, settings.bucket_keys, beside=flags),
        attachments=connect.blobs(settings, settings.bucket_attachments, beside=flags),
        shots=connect.schedules(settings, settings.triage),
        sentiments=connect.sentiments(settings),
    )
    return triage(store, outside, lambda: datetime.now(UTC))


def note(use: Triage, event: FeedbackEvent) -> None:
    if isinstance(event, FeedbackSubmitted):
        use.told(event.subject, event.correlation_id)
    elif any(change.field == "state" and change.to == "visible" for change in event.data.changes):
        use.released(event.subject, event.correlation_id)


CONTRACTS = (FeedbackSubmitted, FeedbackUpdated, FeedbackStatusChanged)

handler: Consumer[Triage, FeedbackEvent] = Consumer("triage", wire, note, *CONTRACTS, woken=Triage.looked_again)
