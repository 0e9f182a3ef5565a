"""What becomes of an item once it stands: what its sender was served, how it sounds, in which language, where it is found.

    told          once, in one version with the event `feedback.triaged.v1`: flags and proof, sentiment, language, attachments,
                  its rows in the lists of flags, its words for the search, what its survey knows of it; or held, where it is
                  one too many of a flood
    looked again  the minute after, where nothing was known of a sender with a targeting key: what applications told of it may
                  have been on its way still
    followed      what it comes to for rollouts (`slipway.feedback.complaints`), once it is visible

Every step is safe to repeat. What a person did with the item meanwhile is read again and stands: a field that is there is not
written over, and an item that somebody has touched is not held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.access import SYSTEM
from slipway.calls import Call
from slipway.feedback import answers, attachments
from slipway.feedback.complaints import ORIGINS, Complaints
from slipway.feedback.floods import Floods
from slipway.feedback.items import Data, Items, Sealed, triaged
from slipway.feedback.language import UNKNOWN, language
from slipway.feedback.sentiment import Sentiments, sentiment
from slipway.feedback.served import Served
from slipway.feedback.titles import listed
from slipway.ports import Check, ConditionFailed, Equals, Put, Write
from slipway.problems import Conflict, PreconditionFailed
from slipway.resources import HEAD, TRIES, Stored
from slipway.tables import FEEDBACK
from slipway.values import Value

if TYPE_CHECKING:
    from slipway.ports import Blobs, Schedules

AGAIN = timedelta(minutes=1)
SOON = timedelta(seconds=10)  # before which no one-shot is set any more


class Findings(Value):
    """What triage asks."""

    served: Served
    floods: Floods
    sentiments: Sentiments
    attached: Blobs


class Triage:
    """`nonce()`: random, another each time."""

    def __init__(
        self,
        items: Items,
        findings: Findings,
        complaints: Complaints,
        shots: Schedules,
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
    ) -> None:
        self._items, self._findings, self._complaints, self._shots = items, findings, complaints, shots
        self._clock, self._nonce = clock, nonce

    def told(self, id: str, correlation_id: str) -> None:
        """Somebody told something."""
        item = self._settled(id, correlation_id, self._sorted)
        if item is None:
            return
        key, due = self._whose(item), _due(item)
        if item.data["proof"] == UNKNOWN and key and due - self._clock() > SOON:
            self._shots.add(id, due)
        else:
            self._follow(item, key)

    def looked_again(self, id: str) -> None:
        """The minute is over."""
        item = self._settled(id, id, self._served)
        if item is not None:
            self._follow(item, self._whose(item))

    def released(self, id: str, correlation_id: str) -> None:
        """Somebody has made it visible, perhaps. Before it is sorted there is nothing to do: then it is sorted as it stands."""
        item = self._settled(id, correlation_id, self._found)
        if item is not None and "proof" in item.data:
            self._follow(item, self._whose(item))

    # --- steps: each takes a head as it was read, and says what it is now ---

    def _sorted(self, call: Call, item: Stored) -> Stored:
        if "proof" in item.data:
            return item
        words, asks = self._items.open(item), self._findings
        text = "\n".join(part for name in ("title", "text") if (part := (words or {}).get(name)))
        spoken = language(text)
        flags = self._flags(item, words)
        found: Data = {"language": spoken, "flags": flags, "proof": "recorded" if flags else UNKNOWN}
        if "sentiment" not in item.data:
            found["sentiment"] = sentiment(item.data, text, spoken, asks.sentiments)
        if "attachments" in item.data:
            known = lambda: bool(self._items.people.secrets([item.data["person"]]))  # noqa: E731
            found["attachments"] = attachments.accept(asks.attached, item, known)
        if item.version == 1 and item.data["state"] == "visible":
            named = "targeting_key" in (words or {})
            if asks.floods.swells(item, text, named=named):
                found["state"] = "held"
        return self._next(call, item, {**item.data, **found}, words)

    def _served(self, call: Call, item: Stored) -> Stored:
        if item.data.get("proof") != UNKNOWN:
            return item
        flags = self._flags(item, self._items.open(item))
        return self._next(call, item, {**item.data, "flags": flags, "proof": "recorded"}, None) if flags else item

    def _found(self, call: Call, item: Stored) -> Stored:
        """Where words are looked for."""
        words = self._items.open(item)
        if item.data["state"] == "visible" and "proof" in item.data and words is not None:
            still = Check(FEEDBACK, item.id, HEAD, Equals("version", item.version))
            self._items.shelf.store.transact([*listed(item, words, call.now), still], call.new_id("", item.id))
        return item

    # --- inside ---

    def _settled(self, id: str, correlation_id: str, step: Callable[[Call, Stored], Stored]) -> Stored | None:
        """A step with whatever stands, and anew where somebody came between; None where there is no such item."""
        for _ in range(TRIES):
            item = self._items.shelf.find(id)
            if item is None:
                return None
            call = Call(SYSTEM, "feedback.triage", self._clock(), self._nonce(), correlation_id=correlation_id)
            try:
                return step(call, item)
            except (PreconditionFailed, ConditionFailed):  # the item is another one by now, or its person was erased
                continue
        raise Conflict("Others keep changing this item.")

    def _next(self, call: Call, item: Stored, data: Data, words: Sealed | None) -> Stored:
        answered = self._answer(item, data)

        def also(before: Stored, after: Data) -> Sequence[Write]:
            place = f"{before.created_at}#{before.id}"
            served = [f"list#flag#{flag}#{one['variant']}" for flag, one in after["flags"].items()]
            lists = [Put(FEEDBACK, {"pk": pk, "sk": place, "schema": 1}) for pk in served]
            shown = after["state"] == "visible" and words is not None
            return [*lists, *answered, *(listed(before, words or {}, call.now) if shown else ())]

        return self._items.update(call, item.id, item.version, lambda _: data, triaged, also)

    def _answer(self, item: Stored, data: Data) -> list[Write]:
        """What its survey is to know of an answer, as long as that has it."""
        if "survey" not in data or not data["flags"]:
            return []
        row = self._items.shelf.store.get(FEEDBACK, data["survey"], f"{answers.ANSWER}{data['person']}")
        known = row is not None and row.get("feedback") == item.id
        return [answers.served(data["survey"], data["person"], item.id, data["flags"])] if known else []

    def _flags(self, item: Stored, words: Sealed | None) -> dict[str, Any]:
        key, environment = (words or {}).get("targeting_key"), item.data.get("environment")
        if key is None or environment is None:
            return {}
        return self._findings.served.of(environment, key, datetime.fromisoformat(item.created_at))

    def _whose(self, item: Stored) -> str | None:
        """The targeting key of who speaks by an application."""
        if item.data["origin"] not in ORIGINS or "environment" not in item.data:
            return None
        return (self._items.open(item) or {}).get("targeting_key")

    def _follow(self, item: Stored, key: str | None) -> None:
        """`key`: whose it is."""
        if item.data["state"] == "visible" and key is not None:
            self._complaints.tell(item, key, self._clock().timestamp())


def _due(item: Stored) -> datetime:
    """The first whole minute after that one."""
    again = datetime.fromisoformat(item.created_at) + AGAIN
    return again.replace(second=0, microsecond=0) + timedelta(minutes=1)
