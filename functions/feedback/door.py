"""The door of everything about feedback, and what its pages work with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.edge.http import Answer, Api
from slipway.feedback import ballots
from slipway.feedback.attachments import Attachments
from slipway.feedback.boards import Boards
from slipway.feedback.buckets import Buckets
from slipway.feedback.edits import Edits
from slipway.feedback.erasure import Erasure
from slipway.feedback.forms import Forms
from slipway.feedback.gate import Gate
from slipway.feedback.items import Items
from slipway.feedback.merging import Merging
from slipway.feedback.notes import Notes
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.submission import Submissions
from slipway.feedback.suggestions import Suggestions
from slipway.feedback.switches import Switches
from slipway.feedback.tickets import Tickets
from slipway.feedback.votes import Votes
from slipway.ports import Store
from slipway.resources import Stored
from slipway.settings import Feedback as Settings
from slipway.signals.salts import Salts


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
    votes: Votes
    merging: Merging
    suggestions: Suggestions
    attachments: Attachments | None


def feedback(store: Store, entropy: Callable[[int], bytes] = os.urandom, files: Attachments | None = None) -> Feedback:
    """Without `files` nothing can be attached."""
    secrets, aead = Secrets(store, entropy), AesGcm()
    people = People(store, secrets, entropy, aead)
    items = Items(store, people, aead, entropy)
    switches = Switches(store)
    gate = Gate(switches, Forms(secrets), Buckets(store), Salts(store, entropy))
    suggestions = Suggestions(items.shelf, switches, partial(ballots.votes, store))
    votes, merging = Votes(items.shelf, people, gate), Merging(items.shelf)
    boards, edits, notes = Boards(store), Edits(items), Notes(items)
    submissions, erasure = Submissions(items, gate, Tickets(secrets)), Erasure(items, *([] if files is None else [files.erase]))
    return Feedback(items, people, submissions, boards, edits, notes, gate, erasure, votes, merging, suggestions, files)


def wire() -> Feedback:
    settings = Settings.load()
    bucket = settings.bucket_attachments
    return feedback(connect.store(settings), files=Attachments(connect.uploads(bucket), connect.blobs(settings, bucket)))


api: Api[Feedback] = Api("feedback", wire)


def shown(use: Feedback, stored: Stored) -> Answer:
    """One item as a team sees it."""
    [view] = use.items.views([stored])
    # Votes come without a version: the tag serves If-Match alone, never a 304.
    return Answer(200, view, headers={"ETag": stored.etag})
