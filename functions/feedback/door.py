"""The door of everything about feedback, and what its pages work with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.edge.http import Answer, Api
from slipway.feedback.buckets import Buckets
from slipway.feedback.forms import Forms
from slipway.feedback.gate import Gate
from slipway.feedback.items import Items
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.submission import Submissions
from slipway.feedback.switches import Switches
from slipway.feedback.tickets import Tickets
from slipway.ports import Store
from slipway.resources import Stored
from slipway.settings import Feedback as Settings
from slipway.signals.salts import Salts

if TYPE_CHECKING:
    from slipway.feedback.attachments import Attachments
    from slipway.feedback.boards import Boards
    from slipway.feedback.edits import Edits
    from slipway.feedback.erasure import Erasure
    from slipway.feedback.merging import Merging
    from slipway.feedback.notes import Notes
    from slipway.feedback.suggestions import Suggestions
    from slipway.feedback.votes import Votes


@dataclass(frozen=True)
class Feedback:
    """What a submission needs is there at once; the rest is loaded when it is first asked for. `files`: see `attachments`."""

    store: Store
    items: Items
    people: People
    submissions: Submissions
    switches: Switches
    gate: Gate
    files: Callable[[], Attachments] | None

    @cached_property
    def boards(self) -> Boards:
        from slipway.feedback.boards import Boards

        return Boards(self.store)

    @cached_property
    def edits(self) -> Edits:
        from slipway.feedback.edits import Edits

        return Edits(self.items)

    @cached_property
    def notes(self) -> Notes:
        from slipway.feedback.notes import Notes

        return Notes(self.items)

    @cached_property
    def erasure(self) -> Erasure:
        from slipway.feedback.erasure import Erasure

        return Erasure(self.items) if self.attachments is None else Erasure(self.items, self.attachments.erase)

    @cached_property
    def attachments(self) -> Attachments | None:
        return None if self.files is None else self.files()

    @cached_property
    def votes(self) -> Votes:
        from slipway.feedback.votes import Votes

        return Votes(self.items.shelf, self.people, self.gate)

    @cached_property
    def merging(self) -> Merging:
        from slipway.feedback.merging import Merging

        return Merging(self.items.shelf)

    @cached_property
    def suggestions(self) -> Suggestions:
        from slipway.feedback import ballots
        from slipway.feedback.suggestions import Suggestions

        return Suggestions(self.items.shelf, self.switches, partial(ballots.votes, self.store))


def feedback(
    store: Store, entropy: Callable[[int], bytes] = os.urandom, files: Callable[[], Attachments] | None = None
) -> Feedback:
    """Without `files` nothing can be attached."""
    secrets, aead = Secrets(store, entropy), AesGcm()
    people = People(store, secrets, entropy, aead)
    items = Items(store, people, aead, entropy)
    switches = Switches(store)
    gate = Gate(switches, Forms(secrets), Buckets(store), Salts(store, entropy))
    return Feedback(store, items, people, Submissions(items, gate, Tickets(secrets)), switches, gate, files)


def wire() -> Feedback:
    settings = Settings.load()

    def files() -> Attachments:
        from slipway.feedback.attachments import Attachments

        bucket = settings.bucket_attachments
        return Attachments(connect.uploads(bucket), connect.blobs(settings, bucket))

    return feedback(connect.store(settings), files=files)


api: Api[Feedback] = Api("feedback", wire)


def shown(use: Feedback, stored: Stored) -> Answer:
    """One item as a team sees it."""
    [view] = use.items.views([stored])
    # Votes come without a version: the tag serves If-Match alone, never a 304.
    return Answer(200, view, headers={"ETag": stored.etag})
