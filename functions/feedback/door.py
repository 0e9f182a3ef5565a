"""The door of everything about feedback, and what its pages work with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.edge.http import Api
from slipway.feedback.boards import Boards
from slipway.feedback.buckets import Buckets
from slipway.feedback.edits import Edits
from slipway.feedback.erasure import Erasure
from slipway.feedback.forms import Forms
from slipway.feedback.gate import Gate
from slipway.feedback.items import Items
from slipway.feedback.notes import Notes
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.submission import Submissions
from slipway.feedback.suggestions import Suggestions
from slipway.feedback.switches import Switches
from slipway.ports import Store
from slipway.settings import Feedback as Settings
from slipway.signals.salts import Salts
from slipway.tables import FEEDBACK


@dataclass(frozen=True, slots=True)
class Feedback:
    items: Items
    people: People
    submissions: Submissions
    boards: Boards
    edits: Edits
    notes: Notes
    gate: Gate
    erasure: Erasure
    suggestions: Suggestions


def feedback(store: Store, entropy: Callable[[int], bytes] = os.urandom) -> Feedback:
    secrets = Secrets(store, entropy)
    people = People(store, secrets, entropy)
    items = Items(store, people, AesGcm(), entropy)
    switches = Switches(store)
    gate = Gate(switches, Forms(secrets), Buckets(store), Salts(store, entropy))
    suggestions = Suggestions(items.shelf, switches, partial(_votes, store))
    submissions, erasure = Submissions(items, gate), Erasure(items)
    return Feedback(items, people, submissions, Boards(store), Edits(items), Notes(items), gate, erasure, suggestions)


def _votes(store: Store, ids: Sequence[str]) -> dict[str, int]:
    rows = store.get_many(FEEDBACK, [(id, "count") for id in ids]) if ids else []
    return {
        **dict.fromkeys(ids, 0),
        **{str(row["pk"]): max(0, int(row["union"] if "union" in row else row["own"])) for row in rows},
    }


def wire() -> Feedback:
    return feedback(connect.store(Settings.load()))


api: Api[Feedback] = Api("feedback", wire)
