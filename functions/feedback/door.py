"""The door of everything about feedback, and what its pages work with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.edge.http import Api
from slipway.feedback.attachments import Attachments
from slipway.feedback.buckets import Buckets
from slipway.feedback.erasure import Erasure
from slipway.feedback.forms import Forms
from slipway.feedback.gate import Gate
from slipway.feedback.items import Items
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.submission import Submissions
from slipway.feedback.suggestions import Suggestions
from slipway.feedback.switches import Switches
from slipway.ports import Store, Uploads
from slipway.resources import HEAD
from slipway.settings import Feedback as Settings
from slipway.signals.salts import Salts
from slipway.tables import FEEDBACK


@dataclass(frozen=True, slots=True)
class Feedback:
    items: Items
    people: People
    submissions: Submissions
    gate: Gate
    erasure: Erasure
    suggestions: Suggestions
    attachments: Attachments


def feedback(store: Store, entropy: Callable[[int], bytes] = os.urandom, uploads: Uploads | None = None) -> Feedback:
    secrets, aead = Secrets(store, entropy), AesGcm()
    people = People(store, secrets, entropy, aead)
    items = Items(store, people, aead, entropy)
    gate = Gate(Switches(store), Forms(secrets), Buckets(store), Salts(store, entropy))
    suggestions = Suggestions(items.shelf, partial(_suggesting, store), partial(_votes, store))
    return Feedback(items, people, Submissions(items, gate), gate, Erasure(items), suggestions, Attachments(uploads))


def _suggesting(store: Store, product: str) -> bool:
    board = store.get(FEEDBACK, f"board#{product}", HEAD)
    return board is not None and bool(board["data"].get("suggestions"))


def _votes(store: Store, ids: Sequence[str]) -> dict[str, int]:
    rows = store.get_many(FEEDBACK, [(id, "count") for id in ids]) if ids else []
    return dict.fromkeys(ids, 0) | {row["pk"]: max(0, row.get("union", row["own"])) for row in rows}


def wire() -> Feedback:
    settings = Settings.load()
    return feedback(connect.store(settings), uploads=connect.uploads(settings.bucket_attachments))


api: Api[Feedback] = Api("feedback", wire)
