"""Who takes deliveries to webhooks, and knows how their receivers are.

    whk_... / health    `failures` in a row, `since` when there are any, `rests` until when, `version`

A receiver that fails rests: a minute after the first failure, and longer after each one that follows. What comes meanwhile is
written down and waits; when the rest is over one delivery is tried, and one that is taken ends it all, so that the others
follow at once. So a receiver that is down costs one try a rest, however much happens, and nobody else waits for it: deliveries
of one event go out at once, each with its own clock. One that failed for days, or answers 410, is disabled, and that is an
event.

What is to be tried later is woken by a one-shot, named after the webhook and the minute (`slipway.ports.Schedules`); nothing
looks for it. Once a day what is missing is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from slipway.access import Principal
from slipway.calls import Call, derived_id, timestamp
from slipway.feedback import deliveries
from slipway.feedback.deliveries import PAUSES, Deliveries
from slipway.feedback.posting import Outcome, Post, Sending
from slipway.feedback.signatures import signed
from slipway.feedback.webhooks import HEALTH, SCHEMA, SECRET, Webhooks, live
from slipway.ports import Absent, Condition, ConditionFailed, Delete, Equals, Row, Schedules
from slipway.problems import Conflict, PreconditionFailed
from slipway.resources import HEAD, TRIES
from slipway.sweep import each
from slipway.tables import FEEDBACK
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.events import Event

COURIER = Principal("system", "courier")
DAYS = timedelta(days=3)  # of nothing but failures, after which a webhook is disabled
AT_ONCE = 10  # deliveries to one receiver
LONG = timedelta(seconds=40)  # that one call goes on with what waits for a receiver
EARLY = timedelta(minutes=1)  # that a one-shot may come: clocks disagree


class Receiver(Value):
    """A webhook that takes deliveries, as it stands now."""

    id: str
    url: str
    secrets: list[bytes]
    health: Row | None

    @property
    def rests(self) -> str:
        """Until when; empty where it does not."""
        return "" if self.health is None else str(self.health.get("rests", ""))


class Courier:
    """`written(row)`: the body of a notice, None where everybody in it was erased. `shots` wake the caller of `woken`."""

    def __init__(
        self,
        webhooks: Webhooks,
        post: Post,
        shots: Schedules,
        clock: Callable[[], datetime],
        written: Callable[[Row], str | None] = lambda _: None,
    ) -> None:
        self.webhooks, self.store, self.deliveries = webhooks, webhooks.store, Deliveries(webhooks.store)
        self._post, self._shots, self._clock, self._written = post, shots, clock, written

    def tell(self, event: Event) -> None:
        """Everybody who asked for it: safe to repeat."""
        self.take([deliveries.entered(id, event) for id in self.webhooks.taking(event.type)])

    def take(self, rows: Sequence[Row]) -> None:
        """Deliveries to a webhook each: written down, and tried where the receiver does not rest. Safe to repeat."""
        standing = [self.deliveries.enter(row) for row in rows]
        new = [row for row in standing if row["state"] == "waiting" and "due" not in row]
        receivers = self._receivers([row["pk"] for row in new])
        now = timestamp(self._clock())
        ready = []
        for row in new:
            receiver = receivers.get(row["pk"])
            if receiver is not None and receiver.rests > now:
                self.deliveries.wait(row, datetime.fromisoformat(receiver.rests))
                self._shot(receiver.id, datetime.fromisoformat(receiver.rests))
            elif receiver is not None:
                ready.append((receiver, row))
            else:
                self.deliveries.wait(row, self._clock())  # until it is enabled again
        self._try(ready)

    def catch_up(self, id: str) -> None:
        """Try what is due at this webhook, as long as it is taken; then see that somebody goes on."""
        end = self._clock() + LONG
        while (receiver := self._receivers([id]).get(id)) is not None:
            now = self._clock()
            if now >= end or receiver.rests > timestamp(now + EARLY):
                break
            # One alone until the receiver has shown that it is well.
            rows = self.deliveries.due(id, now + EARLY, 1 if receiver.rests else AT_ONCE)
            fresh = [row for row in rows if not deliveries.too_old(row, now)]
            for row in rows:
                if row not in fresh:
                    self.deliveries.end(row, "failed")
            if not rows or not self._try([(receiver, row) for row in fresh]):
                break
        if receiver is not None and (at := self.deliveries.next_due(id)) is not None:
            rests = datetime.fromisoformat(receiver.rests) if receiver.rests else at
            self._shot(id, max(at, rests))

    def daily(self) -> None:
        """See that somebody goes on with whatever waits. Raises the first error, after the others."""

        def gone_on(id: str) -> None:
            if (at := self.deliveries.next_due(id)) is not None:
                self._shot(id, at)

        each(self.webhooks.all(), gone_on)

    # --- inside ---

    def _receivers(self, ids: Sequence[str]) -> dict[str, Receiver]:
        """Of those that are enabled."""
        if not ids:
            return {}
        found = {(row["pk"], row["sk"]): row for row in self.store.get_many(FEEDBACK, [(id, sk) for id in ids for sk in _ROWS])}
        now, receivers = self._clock(), {}
        for id in ids:
            head = found.get((id, HEAD))
            if head is not None and head["data"]["status"] == "enabled":
                secrets = live(found.get((id, SECRET)), now)
                receivers[id] = Receiver(id, head["data"]["url"], secrets, found.get((id, HEALTH)))
        return receivers

    def _try(self, some: Sequence[tuple[Receiver, Row]]) -> bool:
        """All at once; whether all were taken."""
        began = self._clock()
        ready, sendings = [], []
        for receiver, row in some:
            said = row.get("body") or self._written(row)
            if said is None:
                self.deliveries.end(row, "empty")
                continue
            ready.append((receiver, row))
            sendings.append(_sending(receiver, row, said.encode(), began))
        outcomes = self._post.send(sendings) if sendings else []
        for (receiver, row), outcome in zip(ready, outcomes, strict=True):
            self._noted(receiver, row, outcome, began)
        return all(deliveries.taken(outcome) for outcome in outcomes)

    def _noted(self, receiver: Receiver, row: Row, outcome: Outcome, began: datetime) -> None:
        """First the delivery: without it the event comes again. Where somebody else noted a try meanwhile, that one counts."""
        now = self._clock()
        after = deliveries.tried(row, outcome, now)
        if self.deliveries.keep(row, after) and "due" in after:
            self._shot(receiver.id, datetime.fromisoformat(after["due"]))
        if outcome.status == 410:
            self._disabled(receiver.id, row, "gone")
        elif deliveries.taken(outcome):
            self._well(receiver)
        elif (since := self._ill(receiver, began, now)) is not None and since + DAYS <= now:
            self._disabled(receiver.id, row, "failing")

    def _well(self, receiver: Receiver) -> None:
        health = receiver.health
        if health is not None and health["failures"]:
            well = {**_unhurt(receiver.id), "version": health["version"] + 1}
            with suppress(ConditionFailed):  # somebody has seen another try since
                self.store.put(FEEDBACK, well, Equals("version", health["version"]))

    def _ill(self, receiver: Receiver, began: datetime, now: datetime) -> datetime | None:
        """Since when; failures that began before the last one was known are one failure."""
        standing = receiver.health
        for _ in range(TRIES):
            before: Row = standing or {**_unhurt(receiver.id), "version": 0}
            if before["failures"] and before["known"] > timestamp(began):
                return datetime.fromisoformat(before["since"])
            failures = before["failures"] + 1
            after = {**before, "failures": failures, "since": before.get("since", timestamp(now)), "known": timestamp(now)}
            after |= {"rests": timestamp(now + PAUSES[min(failures, len(PAUSES)) - 1]), "version": before["version"] + 1}
            still: Condition = Absent() if standing is None else Equals("version", before["version"])
            try:
                self.store.put(FEEDBACK, after, still)
            except ConditionFailed as failed:
                standing = failed.row
                continue
            return datetime.fromisoformat(after["since"])
        return None

    def _disabled(self, id: str, row: Row, why: Any) -> None:
        call = Call(COURIER, "webhooks.disable", self._clock(), f"{row['sk']} {row['version']}", correlation_id=row["event"])
        with suppress(PreconditionFailed):  # somebody is at it, and the next failure tells again
            self.webhooks.disable(call, id, why)

    def _shot(self, id: str, at: datetime) -> None:
        wake(self._shots, id, at, self._clock())


def wake(shots: Schedules, id: str, at: datetime, now: datetime) -> None:
    """See that somebody goes on with it at the next whole minute after that moment, and not at one that is over."""
    at = max(at, now + timedelta(seconds=30))
    minute = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    shots.add(f"{id}-{int(minute.timestamp()) // 60}", minute)


def again(webhooks: Webhooks, shots: Schedules, webhook: str, delivery: str, now: datetime) -> Row:
    """By hand; a receiver that rested does so no more. Raises NotFound, Conflict (disabled, or tried at this moment)."""
    stored, kept = webhooks.read(webhook), Deliveries(webhooks.store)
    if stored.data["status"] != "enabled":
        raise Conflict("The webhook is disabled: enable it first; then what waits is delivered as well.")
    row = kept.again(kept.read(webhook, delivery), now)
    webhooks.store.transact([Delete(FEEDBACK, webhook, HEALTH)], derived_id("", webhook, delivery, timestamp(now)))
    wake(shots, webhook, now, now)
    return row


def woken(name: str) -> str:
    """What a one-shot of that name is for."""
    return name.partition("-")[0]


_ROWS = (HEAD, SECRET, HEALTH)


def _unhurt(id: str) -> Row:
    return {"pk": id, "sk": HEALTH, "schema": SCHEMA, "failures": 0}


def _sending(receiver: Receiver, row: Row, body: bytes, at: datetime) -> Sending:
    id, seconds = row["sk"].partition("#")[2], int(at.timestamp())
    return Sending(receiver.url, id, seconds, signed(receiver.secrets, id, seconds, body), body)
