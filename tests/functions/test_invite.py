"""Events of members -> the user pool. The address comes from the row, never from the event, and never gets into the log."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.invite.handler import handler
from infra.functions import FUNCTIONS
from slipway.access import Principal
from slipway.adapters.memory import MemoryDirectory, MemoryStore
from slipway.calls import Call
from slipway.edge.consumer import Unexpected
from slipway.members import Members
from slipway.outbox import envelopes
from slipway.ports import StoreUnavailable
from slipway.problems import Conflict
from slipway.resources import Stored
from slipway.upgrades import upgrader
from tests.functions.events import Context
from tests.records import arrival, matches


class Pool(MemoryDirectory):
    down = False

    def add(self, username: str, email: str) -> str:
        if self.down:
            raise StoreUnavailable("down")
        return super().add(username, email)


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
    assert world.pool.invited == [stored.id]


def test_a_removed_member_loses_the_user_in_whatever_order_it_is_told(world: World) -> None:
    invited = world.invite("ada@example.com")
    removed = world.members.remove(world.call(), invited.id, None)
    for order in ((invited, removed), (removed, invited), (removed, removed, invited)):
        for stored in order:
            world.tell(stored)
        assert world.pool.users == {}


def test_an_address_that_comes_back_is_the_new_members_in_whatever_order_it_is_told(world: World) -> None:
    for order in itertools.permutations(range(3)):
        before = world.invite("ada@example.com")
        world.tell(before)
        removed = world.members.remove(world.call(), before.id, None)
        after = world.invite("ada@example.com")
        for number in order:
            world.tell((before, removed, after)[number])
        assert world.pool.users == {after.id: "ada@example.com"}
        assert world.pool.invited[-2:] == [before.id, after.id]
        world.tell(world.members.remove(world.call(), after.id, None))


def test_a_user_that_no_member_has_is_left_alone_and_told(world: World) -> None:
    world.pool.users["by-hand"] = "canary@example.com"
    with pytest.raises(Conflict) as refused:
        world.tell(world.invite("canary@example.com"))
    assert "canary" not in str(refused.value)
    assert world.pool.users == {"by-hand": "canary@example.com"}


def test_another_role_changes_no_user(world: World) -> None:
    invited = world.invite("ada@example.com")
    world.tell(invited)
    world.tell(world.members.give(world.call(), invited.id, None, "viewer"))
    assert world.pool.users == {invited.id: "ada@example.com"}
    assert world.pool.invited == [invited.id]


def test_a_pool_that_does_not_answer_is_asked_again(world: World) -> None:
    stored = world.invite("ada@example.com")
    world.pool.down = True
    with pytest.raises(StoreUnavailable):
        world.tell(stored)
    world.pool.down = False
    world.tell(stored)
    assert world.pool.invited == [stored.id]


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
