"""How the team of the month listened: what people told is taken, voted for, sorted, merged and shipped, by the use cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from infra.local.visit import PRODUCT
from infra.local.voices import ENTRY, VOICES, Voice
from slipway.access import Principal
from slipway.adapters.aead import AesGcm
from slipway.calls import Call
from slipway.feedback.boards import BoardPatch, Boards
from slipway.feedback.buckets import Buckets
from slipway.feedback.changelog import Changelog, NewEntry
from slipway.feedback.edits import Edits, FeedbackPatch
from slipway.feedback.forms import Forms
from slipway.feedback.gate import Gate
from slipway.feedback.item import NewFeedback
from slipway.feedback.items import Items
from slipway.feedback.merging import Merging
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.submission import Submissions
from slipway.feedback.switches import Switches
from slipway.feedback.tickets import Tickets
from slipway.feedback.vote import Voter
from slipway.feedback.votes import Votes
from slipway.ports import Store
from slipway.resources import Created
from slipway.signals.salts import Salts

Calling = Callable[[datetime, Principal, str, str, int], Call]  # at, by, operation, name, step
AT_ONCE = 4
SHIFT = 26  # days before the end that an entry of the team's own came


class Listening:
    """`call`: how something is called by the clock of the month, which comes to its `end`."""

    def __init__(self, end: datetime, store: Store, call: Calling) -> None:
        self._end, self._call = end, call
        secrets, aead = Secrets(store, os.urandom), AesGcm()
        people = People(store, secrets, os.urandom, aead)
        items = Items(store, people, aead, os.urandom)
        gate = Gate(Switches(store), Forms(secrets), Buckets(store), Salts(store, os.urandom))
        self._submissions, self._edits = Submissions(items, gate, Tickets(secrets)), Edits(items)
        self._votes, self._merging = Votes(items.shelf, people, gate), Merging(items.shelf)
        self._boards, self._changelog = Boards(store), Changelog(store)

    def publish(self, by: Principal) -> None:
        """Show everybody what becomes of the demo page's product."""
        patch = BoardPatch(roadmap=True, changelog=True, suggestions=True)
        self._boards.update(self._calling(by, "boards.update", SHIFT * 24, PRODUCT), PRODUCT, None, patch)
        self._changelog.create(self._calling(by, "changelog.create", SHIFT * 24, "entry"), NewEntry.model_validate(ENTRY))

    def hear(self, shop: Principal, team: Mapping[str, Principal]) -> None:
        """By way of the shop, whose key it is. What was heard before is not heard again, nor what came of it."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            heard = list(zip(VOICES, pool.map(lambda voice: self._heard(voice, shop), VOICES), strict=True))
            ids = {voice.name: made.stored.id for voice, made in heard}
            new = [voice for voice, made in heard if not made.replayed]
            list(pool.map(lambda voice: self._follow(voice, ids, shop, team), new))

    def _heard(self, voice: Voice, shop: Principal) -> Created:
        call = self._calling(shop, "feedback.submit", voice.hours, voice.name)
        return self._submissions.submit(call, NewFeedback.model_validate(voice.told))

    def _follow(self, voice: Voice, ids: Mapping[str, str], shop: Principal, team: Mapping[str, Principal]) -> None:
        id = ids[voice.name]
        for number in range(voice.votes):
            hours = voice.hours * (voice.votes - number) / (voice.votes + 1)
            voter = Voter(targeting_key=f"customer-{number}")
            self._votes.cast(self._calling(shop, "votes.cast", hours, f"{voice.name}-vote", number), id, voter, "")
        for step, (hours, who, patch) in enumerate(voice.moves, start=1):
            call = self._calling(team[who], "feedback.update", hours, voice.name, step)
            self._edits.update(call, id, None, FeedbackPatch.model_validate(patch))
        if voice.into is not None:
            call = self._calling(team["amara"], "feedback.merge", voice.hours - 1, voice.name, 90)
            self._merging.merge(call, id, None, ids[voice.into])

    def _calling(self, by: Principal, operation: str, hours: float, name: str, step: int = 0) -> Call:
        return self._call(self._end - timedelta(hours=hours), by, operation, f"voice-{name}", step)
