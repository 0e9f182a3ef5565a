"""A replay makes the envelopes that the relay made, and nobody takes one twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from functions.record.handler import handler as record
from ops.replay import BusRefused, Tally, replay, replay_subject
from slipway.adapters.memory import MemoryStore
from slipway.tables import PRODUCTS
from tests.ops.catalogue import Catalogue
from tests.records import arrival

COUNT = 7
EVER = ("2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z")


class Bus:
    """Refuses every n-th event that it is offered, once (0: none)."""

    def __init__(self, every: int = 0) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.every, self.offers = every, 0

    def send(self, envelopes: Sequence[Mapping[str, Any]]) -> list[int]:
        missed = []
        for index, envelope in enumerate(envelopes):
            self.offers += 1
            if self.every and self.offers % self.every == 0:
                missed.append(index)
            else:
                self.taken.append(envelope)
        return missed


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(COUNT)


def run(catalogue: Catalogue, bus: Bus | None, since: str = EVER[0], until: str = EVER[1]) -> Tally:
    *_, tally = replay(catalogue.store, PRODUCTS, "product", since, until, bus)
    return tally


def by_id(envelopes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(envelopes, key=lambda envelope: envelope["id"])


def test_the_envelopes_are_those_of_the_relay(catalogue: Catalogue) -> None:
    bus = Bus()
    tally = run(catalogue, bus)
    assert by_id(bus.taken) == by_id(catalogue.sent)
    assert (tally.resources, tally.events, tally.sent, tally.broken) == (COUNT, len(catalogue.sent), len(catalogue.sent), 0)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-11-03T00:00:00.000Z", "2026-11-06T00:00:00.000Z"),
        ("2026-11-03T00:00:00.001Z", "2026-11-06T00:00:00.001Z"),
        ("2026-11-13T00:00:00.000Z", "2026-11-14T00:00:00.000Z"),
        ("2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
    ],
)
def test_only_the_events_of_that_time_are_sent(catalogue: Catalogue, since: str, until: str) -> None:
    bus = Bus()
    run(catalogue, bus, since, until)
    assert by_id(bus.taken) == by_id([envelope for envelope in catalogue.sent if since <= envelope["time"] < until])


def test_one_resource_alone(catalogue: Catalogue) -> None:
    bus = Bus()
    replay_subject(catalogue.store, PRODUCTS, catalogue.ids[3], *EVER, bus)
    assert bus.taken == [envelope for envelope in catalogue.sent if envelope["subject"] == catalogue.ids[3]]
    assert len(bus.taken) == 4


def test_what_the_bus_refuses_is_offered_again(catalogue: Catalogue) -> None:
    bus = Bus(every=3)
    run(catalogue, bus)
    assert by_id(bus.taken) == by_id(catalogue.sent)


def test_a_bus_that_takes_nothing_ends_it(catalogue: Catalogue) -> None:
    with pytest.raises(BusRefused, match="evt_"):
        run(catalogue, Bus(every=1))


def test_a_dry_run_counts(catalogue: Catalogue) -> None:
    tally = run(catalogue, None)
    assert (tally.events, tally.sent) == (len(catalogue.sent), 0)


def test_an_event_that_breaks_its_contract_is_counted_and_left_out(catalogue: Catalogue) -> None:
    catalogue.store.tables["products"][catalogue.ids[2], "v#0000000001"]["events"][0]["data"]["email"] = "x@example.com"
    bus = Bus()
    tally = run(catalogue, bus)
    assert (tally.broken, len(bus.taken)) == (1, len(catalogue.sent) - 1)


def test_the_audit_has_every_event_once_after_a_relay_that_was_down(catalogue: Catalogue) -> None:
    """The relay sent a part, the rest of its stream is gone; then everything is replayed, twice."""
    audit, bus = MemoryStore(), Bus()
    with record.testing(audit):
        for envelope in catalogue.sent[::3]:
            record(arrival(envelope), None)
        run(catalogue, bus)
        run(catalogue, bus)
        for sent in bus.taken:
            record(arrival(dict(sent)), None)
    found = sorted(row["sk"].split("#")[1] for row in audit.tables["audit"].values())
    assert found == sorted(envelope["id"] for envelope in catalogue.sent)
