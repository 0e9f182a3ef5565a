"""Events of members -> the user pool. The address comes from the row, never from the event, and never gets into the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.invite.handler import handler
from infra.functions import FUNCTIONS
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.edge.consumer import Unexpected
from slipway.members import Members
from slipway.outbox import envelopes
from slipway.ports import StoreUnavailable
from slipway.resources import Stored
from slipway.upgrades import upgrader
from tests.functions.events import Context
from tests.records import arrival, matches


class Pool:
    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.sent: list[str] = []
        self.down = False

    def add(self, username: str, email: str) -> None:
        if self.down:
            raise StoreUnavailable("down")
        if username not in self.users:
            self.users[username] = email
            self.sent.append(email)

    def remove(self, username: str) -> None:
        self.users.pop(username, None)


class World:
    def __init__(self) -> None:
        self.store, self.pool, self.number = MemoryStore(), Pool(), 0
        self.members = Members(self.store, upgrader("member"))

    def call(self) -> Call:
        self.number += 1
        now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        return Call(Principal("member", "mbr_root", "admin"), "test", now, f"n{self.number}", correlation_id="c-1")

    def invite(self, email: str, role: Any = "editor") -> Stored:
        return self.members.invite(self.call(), email, role).stored

    def tell(self, stored: Stored) -> None:
        (envelope,) = envelopes(stored.row)
        event = arrival(envelope)
        (invite,) = (function for function in FUNCTIONS if function.name == "invite")
        assert invite.pattern is not None
        assert matches(invite.pattern, event)
        handler(event, Context())


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    with handler.testing((world.store, world.pool)):
        yield world


def test_an_invited_member_gets_a_user_and_one_invitation(world: World) -> None:
    stored = world.invite("Ada@Example.com")
    for _ in range(3):
        world.tell(stored)
    assert world.pool.users == {stored.id: "ada@example.com"}
    assert world.pool.sent == ["ada@example.com"]


def test_a_removed_member_loses_the_user_in_whatever_order_it_is_told(world: World) -> None:
    invited = world.invite("ada@example.com")
    removed = world.members.remove(world.call(), invited.id, None)
    for order in ((invited, removed), (removed, invited), (removed, removed, invited)):
        for stored in order:
            world.tell(stored)
        assert world.pool.users == {}


def test_another_role_changes_no_user(world: World) -> None:
    invited = world.invite("ada@example.com")
    world.tell(invited)
    world.tell(world.members.give(world.call(), invited.id, None, "viewer"))
    assert world.pool.users == {invited.id: "ada@example.com"}
    assert len(world.pool.sent) == 1


def test_a_pool_that_does_not_answer_is_asked_again(world: World) -> None:
    stored = world.invite("ada@example.com")
    world.pool.down = True
    with pytest.raises(StoreUnavailable):
        world.tell(stored)
    world.pool.down = False
    world.tell(stored)
    assert world.pool.sent == ["ada@example.com"]


def test_no_address_in_events_or_log(world: World, log_lines: list[dict[str, Any]]) -> None:
    stored = world.invite("canary@example.com")
    world.tell(stored)
    world.pool.down = True
    with pytest.raises(StoreUnavailable):
        world.tell(stored)
    assert len(log_lines) == 2
    assert "canary" not in json.dumps([log_lines, envelopes(stored.row)])


def test_another_event_is_not_taken(world: World) -> None:
    (envelope,) = envelopes(world.invite("ada@example.com").row)
    with pytest.raises(Unexpected):
        handler(arrival({**envelope, "type": "product.created.v1"}), Context())
