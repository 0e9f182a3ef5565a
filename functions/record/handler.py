"""The bus -> the audit table: one row per event, exactly once."""

from __future__ import annotations

from slipway import audit
from slipway.adapters import connect
from slipway.edge.consumer import Consumer
from slipway.events import AnyEvent
from slipway.ports import Store
from slipway.settings import Record


def wire() -> Store:
    return connect.store(Record.load())


handler = Consumer("record", wire, audit.record, AnyEvent)
