"""`slipway.ports.Bus` over EventBridge `put_events`. Only the relay sends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from slipway.adapters import boto
from slipway.adapters.client import Counts
from slipway.ports import StoreUnavailable

ENTRIES = 10
BYTES = 1_000_000  # of all entries of a call; the service takes 1 MB


class EventBus:
    """An envelope's `source` and `type` become Source and DetailType, the whole envelope is the Detail."""

    def __init__(self, bus: str, events: Any = None) -> None:
        self.bus = bus
        self.counts = Counts()
        self._client = events or boto.client("events")

    def send(self, envelopes: Sequence[Mapping[str, Any]]) -> list[int]:
        """Raises Refused for a call that can never succeed (no permission, no such bus)."""
        entries = [self._entry(envelope) for envelope in envelopes]
        missed: list[int] = []
        for batch in _batches([_size(entry) for entry in entries], missed):
            try:
                answer = boto.call(
                    "PutEvents", self._client.put_events, self.counts, Entries=[entries[number] for number in batch]
                )
            except StoreUnavailable:
                missed += batch
                continue
            results = answer.get("Entries", ())
            if answer.get("FailedEntryCount") or len(results) != len(batch):
                taken = {number for number, result in zip(batch, results, strict=False) if result.get("EventId")}
                missed += [number for number in batch if number not in taken]
        return sorted(missed)

    def _entry(self, envelope: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "EventBusName": self.bus,
            "Source": envelope["source"],
            "DetailType": envelope["type"],
            "Time": datetime.fromisoformat(envelope["time"]),
            "Detail": json.dumps(dict(envelope), default=_number, ensure_ascii=False, separators=(",", ":")),
        }


def _batches(sizes: Sequence[int], missed: list[int]) -> Iterator[list[int]]:
    """Indexes in order, as many a call as fit; what fits in no call goes to `missed`."""
    batch: list[int] = []
    total = 0
    for number, size in enumerate(sizes):
        if size > BYTES:
            missed.append(number)
            continue
        if len(batch) == ENTRIES or total + size > BYTES:
            yield batch
            batch, total = [], 0
        batch.append(number)
        total += size
    if batch:
        yield batch


def _size(entry: Mapping[str, Any]) -> int:
    # As the service counts: 14 bytes for the time, the others as UTF-8.
    return 14 + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def _number(value: Any) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    raise TypeError(f"{type(value).__name__} cannot stand in an event")
