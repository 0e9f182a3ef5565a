"""Tables' streams -> the bus: the only publisher."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.adapters import connect
from slipway.edge.stream import Change, Stream, Wired
from slipway.events import parse
from slipway.outbox import Envelope, due
from slipway.ports import Bus, StoreUnavailable
from slipway.settings import Relay


def wire() -> Wired[Bus]:
    settings = Relay.load()
    return Wired(
        connect.bus(settings), connect.blobs(settings, settings.bucket_quarantine), raise_failures=settings.raise_failures
    )


def decode(change: Change) -> list[Envelope] | None:
    """The envelopes that the change puts on the bus. Raises for a head that breaks its contract."""
    envelopes = due(change.old, change.new)
    for envelope in envelopes:
        parse(envelope)
    return envelopes or None


def publish(bus: Bus, items: Sequence[list[Envelope]]) -> set[int]:
    """Send the first event of every item, then the second ones: an item whose event was not taken sends no later one.

    Raises StoreUnavailable when the bus takes nothing of several.
    """
    missed: set[int] = set()
    for depth in range(max(map(len, items))):
        owners = [index for index, envelopes in enumerate(items) if depth < len(envelopes) and index not in missed]
        if owners:
            missed.update(owners[index] for index in bus.send([items[owner][depth] for owner in owners]))
    if len(missed) == len(items) > 1:
        raise StoreUnavailable("the bus took none of the events")
    return missed


handler = Stream("relay", wire, decode, publish, wave=10, delay="RelayDelay")
