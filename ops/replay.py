"""Send events again, made anew from the rows that carry them.

For a relay that failed until it gave records up (after 12 hours), and for a consumer that lost what it had. An event
made from its row is the one that the relay sent or would have sent, id and all: whoever had it drops it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from ops.backfill import Position, rows
from slipway.events import parse
from slipway.outbox import Envelope, envelopes
from slipway.ports import Bus, Row, Store
from slipway.resources import HEAD
from slipway.tables import BY_CREATED, Table

BATCH = 10  # events that the bus takes in one call
TRIES = 5  # in a row at which the bus takes nothing, before the replay gives up


@dataclass(slots=True)
class Tally:
    """`broken`: events that break their contract, which are not sent."""

    resources: int = 0
    events: int = 0
    sent: int = 0
    broken: int = 0


class BusRefused(Exception):
    """The bus does not take an event, however often it is offered."""


def replay(store: Store, table: Table, kind: str, since: str, until: str, bus: Bus | None) -> Iterator[Tally]:
    """The events of all resources of a kind whose time is within `since` (inclusive) and `until` (exclusive), in order for
    each resource; yields after every page. Without a bus nothing is sent. Raises BusRefused."""
    tally = Tally()
    position: Position | None = None
    while True:
        page = store.query(table, (kind,), index=BY_CREATED, limit=100, start=position)
        created = [found for found in page.rows if found["created_at"] < until]
        heads = store.get_many(table, [(found["pk"], HEAD) for found in created]) if created else []
        for head in heads:
            if head["updated_at"] >= since:
                _resource(rows(store, table, head["pk"]), since, until, bus, tally)
        yield tally
        position = page.next if len(created) == len(page.rows) else None
        if position is None:
            return


def replay_subject(store: Store, table: Table, subject: str, since: str, until: str, bus: Bus | None) -> Tally:
    """The same for one resource. Raises BusRefused."""
    tally = Tally()
    _resource(rows(store, table, subject), since, until, bus, tally)
    return tally


def _resource(versions: Iterator[Row], since: str, until: str, bus: Bus | None, tally: Tally) -> None:
    found = [envelope for row in versions if since <= row["updated_at"] < until for envelope in envelopes(row)]
    sound = [envelope for envelope in found if _sound(envelope)]
    tally.resources += bool(found)
    tally.events += len(found)
    tally.broken += len(found) - len(sound)
    if bus is not None:
        for first in range(0, len(sound), BATCH):
            _send(bus, sound[first : first + BATCH])
            tally.sent += len(sound[first : first + BATCH])


def _sound(envelope: Envelope) -> bool:
    try:
        parse(envelope)
    except (KeyError, ValidationError):
        return False
    return True


def _send(bus: Bus, batch: Sequence[Envelope]) -> None:
    tries = TRIES
    while batch:
        missed = bus.send(batch)
        tries = TRIES if len(missed) < len(batch) else tries - 1
        if not tries:
            raise BusRefused(f"event {batch[0]['id']} of {batch[0]['subject']}")
        batch = [batch[index] for index in missed]
