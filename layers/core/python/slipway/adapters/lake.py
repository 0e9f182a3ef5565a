"""`slipway.ports.Lake` over a delivery stream of Firehose, with either client of `slipway.adapters.client`."""

from __future__ import annotations

from slipway.adapters.client import Counts, Deliveries

MOST_BYTES = 1000 * 1024  # of a record


class FirehoseLake:
    def __init__(self, client: Deliveries, stream: str) -> None:
        self.client = client
        self.stream = stream

    @property
    def counts(self) -> Counts:
        return self.client.counts

    def add(self, record: bytes) -> None:
        if not 0 < len(record) <= MOST_BYTES:
            raise ValueError(f"a record has 1 to {MOST_BYTES} bytes")
        self.client.put_record(self.stream, record)
