"""The entry point of every function behind a rule of the bus, or that one-shots wake: typed, and safe to repeat.

EventBridge delivers at least once and in no order. A consumer's effect is one of these, and nothing else:

- one new row under a key made of the event's id, put if absent;
- something outside that is named after the event or its subject, where "exists already" means done;
- a change of existing state, in one transaction with the row that says that this event was seen (`once`).

What a consumer raises is delivered again, and then goes to its dead-letter queue. A broken envelope does so too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from slipway.edge import observe
from slipway.events import AnyEvent, Event
from slipway.ports import Absent, ConditionFailed, Put, Store, Write
from slipway.tables import Table

Use = TypeVar("Use")
E = TypeVar("E", bound=Event)

REMEMBERED = timedelta(days=35)  # longer than the bus keeps its archive


class Unexpected(Exception):
    """An event that this consumer's rule should not have let through."""


class Consumer(Generic[Use, E]):
    """A Lambda entry point for events of these contracts; `AnyEvent` takes them all. `effect(use, event)` does the work.

    Besides, `woken(use, name)` is what it does when a one-shot of that name fires (`{"schedule": name}`), and `daily(use)` when
    the clock calls; what they raise comes again, then is a dead letter."""

    def __init__(
        self,
        name: str,
        wire: Callable[[], Use],
        effect: Callable[[Use, E], None] | None = None,
        *contracts: type[E],
        daily: Callable[[Use], None] | None = None,
        woken: Callable[[Use, str], None] | None = None,
    ) -> None:
        self.name, self.contracts, self.daily, self.woken = name, contracts, daily, woken
        self._wire, self._effect = wire, effect
        self._use: Use | None = None

    def __call__(self, event: Mapping[str, Any], context: object) -> None:
        shot = self.woken is not None and "schedule" in event
        source, kind = ("aws.scheduler", "schedule") if shot else (event["source"], event["detail-type"])
        with observe.Line(
            self.name,
            request_id=getattr(context, "aws_request_id", "none"),
            trace_id="",
            correlation_id=str(event["schedule"]) if shot else "",
            source=source,
            event_type=kind.replace(" ", "."),  # the clock says "Scheduled Event"
        ) as line:
            if self._use is None:
                self._use = self._wire()  # in here, so that a setting that is missing leaves a line
            if self.woken is not None and shot:
                self.woken(self._use, str(event["schedule"]))
            elif self.daily is not None and source == "aws.events":
                self.daily(self._use)
            else:
                parsed = self._parsed(event)
                line["trace_id"], line["correlation_id"] = observe.trace_id(parsed.traceparent), parsed.correlation_id
                if self._effect is not None:
                    self._effect(self._use, parsed)

    @contextmanager
    def testing(self, use: Use) -> Iterator[None]:
        """Work with this for a while."""
        before, self._use = self._use, use
        try:
            yield
        finally:
            self._use = before

    def _parsed(self, event: Mapping[str, Any]) -> E:
        for contract in self.contracts:
            if contract is AnyEvent or contract.name() == event["detail-type"]:
                return contract.model_validate(event["detail"])
        raise Unexpected(f"{self.name} does not take {event['detail-type']}")


def once(store: Store, table: Table, consumer: str, event: Event, now: datetime, writes: Sequence[Write]) -> None:
    """Do the writes with the mark that `consumer` saw the event, in one transaction; nothing where it was seen before.

    Up to 99 writes. Raises ConditionFailed when one of their own conditions does not hold (then nothing is written).
    """
    seen = {"pk": f"seen#{consumer}", "sk": event.id, "schema": 1, "expires": int((now + REMEMBERED).timestamp())}
    every = [Put(table, seen, Absent()), *writes]
    try:
        # Another try may find another state and write something else: that is another request, with another token.
        store.transact(every, hashlib.sha256(repr(every).encode()).hexdigest()[:36])
    except ConditionFailed as failed:
        if failed.index != 0:
            raise
