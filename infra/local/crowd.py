"""The people who met a rollout of the month, and what came of it: told to the collector, with the month's clock."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from slipway.adapters.memory import MemoryBlobs, MemoryLake
from slipway.copies import Copies
from slipway.flags.publication import Publisher
from slipway.flags.snapshot import Snapshot, path
from slipway.ports import Store
from slipway.rollouts import signing
from slipway.signals.collection import Collector
from slipway.signals.posted import Sender, read

TOGETHER = 20  # people of one batch
EVERY = timedelta(minutes=10)


class Crowd:
    """Tells its own collector, which knows the flags as the table has them; so nobody waits for what is published."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def come(self, environment: str, flag: str, people: range, since: datetime) -> None:
        """One batch after the other. Again is once, while the rollout is in the same stage."""
        blobs = MemoryBlobs()
        Publisher(self._store, blobs).publish(environment)
        signing.publish(self._store, blobs, environment)
        documents = Copies(blobs, path, Snapshot.read, fresh=0, pause=0, stale=float("inf"), most=1)
        collector = Collector(self._store, MemoryLake(), documents, signing.Secrets(blobs), secrets.token_bytes)
        for number, first in enumerate(range(people.start, people.stop, TOGETHER), start=1):
            events = [event for who in range(first, min(first + TOGETHER, people.stop)) for event in _told(flag, who)]
            signals, rejected = read(events, server=True)
            rejected += collector.collect(Sender(environment, True, ""), signals, (since + number * EVERY).timestamp())
            assert not rejected, rejected


def _told(flag: str, number: int) -> list[dict[str, Any]]:
    """A few bookings fail, and a few take their time, whoever it is."""
    who = {"targetingKey": f"captain-{number}"}
    outcome: dict[str, Any] = {"name": "booking.done"}
    if number % 13 == 3:
        outcome = {"name": "booking.failed"}
    elif number % 4 == 0:
        outcome = {"name": "booking.milliseconds", "value": 2400 if number % 3 == 0 else 300 + number * 37 % 900}
    return [
        {"id": f"seed-{number}-0", "type": "exposure", "flag": flag, "context": who},
        {"id": f"seed-{number}-1", "type": "outcome", **outcome, **who},
    ]
