"""Members: one address each, kept in one place; never without an admin; the directory follows the rows."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.access import Principal
from slipway.adapters.memory import MemoryDirectory, MemoryStore
from slipway.calls import Call
from slipway.events import parse
from slipway.members import Members, enrol, normalised
from slipway.outbox import envelopes
from slipway.ports import ConditionFailed, StoreUnavailable
from slipway.problems import (
    Conflict,
    IdempotencyMismatch,
    Invalid,
    KeyTaken,
    NotFound,
    PreconditionFailed,
    Problem,
    Unavailable,
)
from slipway.resources import Stored
from slipway.upgrades import upgrader

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Principal("member", "mbr_root", "admin")


class Desk:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store, self.number = store or MemoryStore(), 0
        self.members = Members(self.store, upgrader("member"))

    def call(self, **more: Any) -> Call:
        self.number += 1
        return Call(principal=ROOT, operation="members.test", now=NOW, nonce=f"{id(self)}.{self.number}", **more)

    def invite(self, email: str = "ada@example.com", role: Any = "admin") -> Stored:
        return self.members.invite(self.call(), email, role).stored

    def admins(self) -> int:
        """Counted from the members themselves."""
        heads = [row for row in self.store.tables["access"].values() if row.get("kind") == "member" and row["sk"] == "head"]
        return sum(row["data"] == {"role": "admin", "status": "active"} for row in heads)


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("a@b.co", "a@b.co"),
        ("first.last+tag@sub.example.co.uk", "first.last+tag@sub.example.co.uk"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_addresses_that_are_taken(address: str, kept: str) -> None:
    assert normalised(address) == kept


NO_ADDRESSES = ["", "a", "@", "a@", "@b.co", "a@b", "a@b.", "a@.co", "a@b..co", "a@-b.co", "a@b-.co", ".a@b.co", "a.@b.co"]
NO_ADDRESSES += ["a b@c.de", "a@b.co, c@d.co", "a@b.co\nbcc: x@y.zz", "a\x00@b.co", '"a b"@c.de', "a@[127.0.0.1]", "a@b.1"]
NO_ADDRESSES += ["ä@b.co", "a@bücher.example", "a@b@c.de", "a..b@c.de", "a" * 65 + "@example.com", "a@" + "b." * 130 + "com"]
NO_ADDRESSES += ["<a@b.co>", "a@b.co" + " " * 1000]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_addresses_that_are_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalised(address)
    text = json.dumps(refused.value.body())
    assert len(address) < 5 or address not in text


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_is_too_odd_an_address(text: str) -> None:
    try:
        kept = normalised(text)
    except Invalid:
        return
    assert normalised(kept) == kept


# --- members --------------------------------------------------------------------------------------------


def test_an_invited_member_stands_there_and_its_event_is_due(desk: Desk) -> None:
    stored = desk.invite(" Ada@Example.com", "editor")
    assert desk.members.read(stored.id).data == {"role": "editor", "status": "active"}
    assert desk.members.addresses([stored.id]) == {stored.id: "ada@example.com"}
    (event,) = envelopes(stored.row)
    assert parse(event).type == "member.invited.v1"


def test_an_address_is_one_members_whatever_its_case(desk: Desk) -> None:
    desk.invite("ada@example.com")
    with pytest.raises(KeyTaken) as refused:
        desk.invite("ADA@example.com")
    assert "ada" not in json.dumps(refused.value.body()).lower()


def test_the_same_request_again_invites_nobody_twice(desk: Desk) -> None:
    first = desk.members.invite(desk.call(idempotency_key="k", digest="d"), "ada@example.com", "admin")
    again = desk.members.invite(desk.call(idempotency_key="k", digest="d"), "ada@example.com", "admin")
    assert (again.stored.id, again.replayed) == (first.stored.id, True)
    assert desk.store.tables["access"][("members", "admins")]["count"] == 1


def test_what_is_kept_of_a_request_does_not_confirm_a_guess_of_the_address(desk: Desk) -> None:
    """Anybody who reads the table can make the digest of a request with a guessed address."""
    desk.invite("root@example.com")
    digest = hashlib.sha256(b"/v1/members ada@example.com").hexdigest()
    call = desk.call(idempotency_key="7f6c", digest=digest)
    stored = desk.members.invite(call, "ada@example.com", "editor").stored
    desk.members.remove(desk.call(), stored.id, None)
    assert digest not in repr(desk.store.tables)
    assert "7f6c" not in repr(desk.store.tables)
    again = desk.call(idempotency_key="7f6c", digest=digest)
    assert desk.members.invite(again, "ada@example.com", "editor").stored.version == 1
    with pytest.raises(IdempotencyMismatch):
        desk.members.invite(again.but(digest="other"), "eve@example.com", "editor")


def test_the_address_is_in_one_row_and_leaves_with_the_member(desk: Desk) -> None:
    desk.invite("root@example.com")
    stored = desk.invite("ada@example.com", "editor")
    desk.members.give(desk.call(), stored.id, None, "viewer")
    assert [key for key, row in desk.store.tables["access"].items() if "ada" in repr(row)] == [(stored.id, "email")]
    desk.members.remove(desk.call(), stored.id, None)
    assert "ada@example.com" not in repr(desk.store.tables)
    assert desk.invite("ada@example.com").id != stored.id


def test_no_event_says_the_address(desk: Desk) -> None:
    desk.invite("root@example.com")
    first = desk.invite("canary@example.com", "editor")
    second = desk.members.give(desk.call(), first.id, 1, "viewer")
    third = desk.members.remove(desk.call(), first.id, 2)
    sent = [event for stored in (first, second, third) for event in envelopes(stored.row)]
    assert [parse(event).type for event in sent] == ["member.invited.v1", "member.updated.v1", "member.removed.v1"]
    assert "canary" not in json.dumps(sent)


def test_a_removed_member_is_not_there(desk: Desk) -> None:
    desk.invite("root@example.com")
    id = desk.invite("ada@example.com").id
    desk.members.remove(desk.call(), id, None)
    with pytest.raises(NotFound):
        desk.members.read(id)
    with pytest.raises(NotFound):
        desk.members.give(desk.call(), id, None, "admin")
    with pytest.raises(NotFound):
        desk.members.remove(desk.call(), id, None)


def test_the_same_role_again_is_no_change(desk: Desk) -> None:
    id = desk.invite().id
    assert desk.members.give(desk.call(), id, 1, "admin").version == 1


def test_another_version_changes_nothing(desk: Desk) -> None:
    id = desk.invite(role="editor").id
    with pytest.raises(PreconditionFailed) as refused:
        desk.members.give(desk.call(), id, 2, "viewer")
    assert refused.value.headers["ETag"] == '"1"'
    with pytest.raises(PreconditionFailed):
        desk.members.remove(desk.call(), id, 2)
    assert desk.members.read(id).version == 1


@pytest.mark.parametrize("role", ["", "root", "Admin"])
def test_an_unknown_role_is_refused(desk: Desk, role: Any) -> None:
    id = desk.invite(role="editor").id
    with pytest.raises(Invalid):
        desk.members.give(desk.call(), id, None, role)
    with pytest.raises(Invalid):
        desk.invite("b@example.com", role)


# --- the last admin -------------------------------------------------------------------------------------


def test_the_last_admin_stays_admin(desk: Desk) -> None:
    id = desk.invite().id
    desk.invite("ed@example.com", "editor")
    with pytest.raises(Conflict):
        desk.members.remove(desk.call(), id, None)
    with pytest.raises(Conflict):
        desk.members.give(desk.call(), id, None, "editor")
    other = desk.invite("bob@example.com").id
    desk.members.remove(desk.call(), id, None)
    with pytest.raises(Conflict):
        desk.members.remove(desk.call(), other, None)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["invite", "give", "remove"]), st.integers(0, 4), st.sampled_from(["viewer", "editor", "admin"])),
    max_size=25,
)


@settings(deadline=None, max_examples=100)
@given(CHANGES)
def test_the_count_is_right_and_never_returns_to_none(changes: list[tuple[str, int, Any]]) -> None:
    desk, ids = Desk(), []
    ids.append(desk.invite("root@example.com").id)
    for what, number, role in changes:
        try:
            if what == "invite":
                ids.append(desk.invite(f"m{number}@example.com", role).id)
            elif what == "give":
                desk.members.give(desk.call(), ids[number % len(ids)], None, role)
            else:
                desk.members.remove(desk.call(), ids[number % len(ids)], None)
        except Problem:
            pass
        assert desk.admins() == desk.store.tables["access"][("members", "admins")]["count"] >= 1


def test_admins_who_remove_each_other_at_once_leave_one() -> None:
    for _ in range(20):
        desk = Desk()
        ids = [desk.invite(f"m{number}@example.com").id for number in range(8)]
        barrier = threading.Barrier(8)
        outcomes: list[str] = []

        def remove(id: str, desk: Desk = desk, barrier: threading.Barrier = barrier, outcomes: list[str] = outcomes) -> None:
            own = Desk(desk.store)
            barrier.wait()
            try:
                own.members.remove(own.call(), id, None)
                outcomes.append("removed")
            except (Conflict, Unavailable) as refused:
                outcomes.append(refused.code)

        threads = [threading.Thread(target=remove, args=(id,)) for id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert desk.admins() == desk.store.tables["access"][("members", "admins")]["count"] >= 1
        assert outcomes.count("removed") == 8 - desk.admins()


class Overtaken(MemoryStore):
    """Just before the next transaction something else happens, whole."""

    overtake: Any = None

    def transact(self, writes: Any, token: str) -> None:
        overtake, self.overtake = self.overtake, None
        if overtake:
            overtake()
        super().transact(writes, token)


def test_two_who_read_the_same_number_cannot_both_take_one_off() -> None:
    """The decision is the table's: the second transaction is refused, read anew, and finds itself the last."""
    store = Overtaken()
    desk = Desk(store)
    one, other = desk.invite("a@example.com").id, desk.invite("b@example.com").id
    store.overtake = lambda: desk.members.remove(desk.call(), other, None)
    with pytest.raises(Conflict):
        desk.members.remove(desk.call(), one, None)
    assert desk.admins() == 1


def test_a_change_of_whatever_stands_is_made_of_the_newer_version_that_came_between() -> None:
    store = Overtaken()
    desk = Desk(store)
    desk.invite("root@example.com")
    id = desk.invite("ada@example.com", "editor").id
    store.overtake = lambda: desk.members.give(desk.call(), id, None, "admin")
    assert desk.members.give(desk.call(), id, None, "viewer").version == 3
    assert desk.admins() == desk.store.tables["access"][("members", "admins")]["count"] == 1
    store.overtake = lambda: desk.members.give(desk.call(), id, None, "admin")
    assert desk.members.remove(desk.call(), id, None).version == 5
    assert desk.admins() == desk.store.tables["access"][("members", "admins")]["count"] == 1


def test_a_change_of_the_version_that_was_read_does_not_follow_another() -> None:
    store = Overtaken()
    desk = Desk(store)
    id = desk.invite("ada@example.com", "editor").id
    store.overtake = lambda: desk.members.give(desk.call(), id, None, "admin")
    with pytest.raises(PreconditionFailed):
        desk.members.give(desk.call(), id, 1, "viewer")
    assert desk.members.read(id).data["role"] == "admin"


def test_a_number_that_never_stands_still_is_answered_as_unavailable() -> None:
    class Busy(MemoryStore):
        def transact(self, writes: Any, token: str) -> None:
            raise ConditionFailed(len(writes) - 1)

    with pytest.raises(Unavailable):
        Desk(Busy()).invite()


# --- the directory --------------------------------------------------------------------------------------


class Pool(MemoryDirectory):
    """`before_add` happens just before a user is made."""

    before_add: Any = None

    def add(self, username: str, email: str) -> str:
        if self.before_add:
            self.before_add()
        return super().add(username, email)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["invite", "remove", "told"]), st.integers(0, 1)), min_size=10, max_size=30),
    st.randoms(use_true_random=False),
)
def test_the_directory_equals_the_members_whatever_the_order_of_events(steps: list[tuple[str, int]], random: Any) -> None:
    desk, pool = Desk(), Pool()
    desk.invite("root@example.com")
    ids: dict[int, str] = {}
    untold: list[str] = []
    for what, number in steps:
        if what == "invite" and number not in ids:
            ids[number] = desk.invite(f"m{number}@example.com", "editor").id
            untold += [ids[number]] * random.randint(1, 2)
        elif what == "remove" and number in ids:
            desk.members.remove(desk.call(), ids[number], None)
            untold += [ids.pop(number)] * random.randint(1, 2)
        elif what == "told" and untold:
            enrol(desk.store, pool, untold.pop(random.randrange(len(untold))))
    random.shuffle(untold)
    for id in untold:
        enrol(desk.store, pool, id)
    assert pool.users == {id: f"m{number}@example.com" for number, id in ids.items()}


def test_a_member_removed_while_its_user_is_made_has_no_user_in_the_end() -> None:
    desk, pool = Desk(), Pool()
    desk.invite("root@example.com")
    id = desk.invite("ada@example.com", "editor").id

    def removed_meanwhile() -> None:
        pool.before_add = None
        desk.members.remove(desk.call(), id, None)
        enrol(desk.store, pool, id)

    pool.before_add = removed_meanwhile
    enrol(desk.store, pool, id)
    assert pool.users == {}


def test_a_late_hand_does_not_take_the_address_from_the_member_who_has_it_now() -> None:
    desk, pool = Desk(), Pool()
    desk.invite("root@example.com")
    before = desk.invite("ada@example.com", "editor").id
    after: list[str] = []

    def replaced_meanwhile() -> None:
        pool.before_add = None
        desk.members.remove(desk.call(), before, None)
        after.append(desk.invite("ada@example.com", "viewer").id)
        enrol(desk.store, pool, after[0])

    pool.before_add = replaced_meanwhile
    enrol(desk.store, pool, before)
    assert pool.users == {after[0]: "ada@example.com"}


def test_a_directory_that_never_follows_is_given_up_after_a_while() -> None:
    class Stubborn(Pool):
        def add(self, username: str, email: str) -> str:
            return "mbr_gone"

    desk = Desk()
    with pytest.raises(StoreUnavailable):
        enrol(desk.store, Stubborn(), desk.invite().id)


def test_a_directory_that_does_not_answer_is_asked_again() -> None:
    class Silent(Pool):
        def add(self, username: str, email: str) -> str:
            raise StoreUnavailable("down")

    desk = Desk()
    with pytest.raises(StoreUnavailable):
        enrol(desk.store, Silent(), desk.invite().id)
