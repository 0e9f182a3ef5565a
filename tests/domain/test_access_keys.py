"""API keys as resources: shown once, their verifiers always in step, every change an event."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call, timestamp
from slipway.credentials import parse
from slipway.events import parse as parse_event
from slipway.keys import LONGEST_OVERLAP, MOST_EARLIER, MOST_LIVE, Keys, NewKey, prefix, status
from slipway.outbox import envelopes
from slipway.ports import Row
from slipway.problems import Conflict, IdempotencyMismatch, Invalid, MoveNotAllowed, NotFound, PreconditionFailed
from slipway.resources import TRIES
from slipway.tables import ACCESS
from slipway.upgrades import upgrader

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Principal("member", "mbr_root", "admin")
SERVER = NewKey("web", "server", "prod")
ADMIN = NewKey("ci", "admin", role="editor")


class Overtaken(MemoryStore):
    """Before each transaction the next of these happens, whole."""

    def __init__(self) -> None:
        super().__init__()
        self.overtake: list[Callable[[], Any]] = []
        self.busy = False

    def transact(self, writes: Any, token: str) -> None:
        if self.overtake and not self.busy:
            self.busy = True
            self.overtake.pop()()
            self.busy = False
        super().transact(writes, token)


class Desk:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store, self.number, self.now = store or MemoryStore(), 0, NOW
        self.keys = Keys(self.store, self._entropy, upgrader("key"))

    def _entropy(self, size: int) -> bytes:
        self.number += 1
        return self.number.to_bytes(size, "little")

    def call(self, **more: Any) -> Call:
        self.number += 1
        return Call(principal=ROOT, operation="keys.test", now=self.now, nonce=f"n{self.number}", **more)

    def verifiers(self, partition: str = "verifiers#prod") -> dict[str, Row]:
        return {row["sk"]: row for row in self.store.query(ACCESS, (partition,)).rows}

    def opens(self, secret: str | None) -> bool:
        """Whether this text would be let in now."""
        credential = parse(secret or "")
        assert credential is not None
        row = self.verifiers(f"verifiers#{credential.environment}").get(credential.selector)
        return row is not None and row["verifier"] == credential.verifier and self.now.timestamp() < row.get("expires", 1e12)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_new_key_opens_and_its_verifier_came_with_it(desk: Desk) -> None:
    issued = desk.keys.create(desk.call(), SERVER)
    assert desk.opens(issued.secret)
    assert issued.secret is not None
    assert issued.secret.startswith(prefix(issued.stored) + "_")
    assert status(issued.stored, timestamp(NOW)) == "active"
    assert desk.verifiers() == {
        issued.stored.data["selector"]: {
            "pk": "verifiers#prod",
            "sk": issued.stored.data["selector"],
            "schema": 1,
            "key": issued.stored.id,
            "kind": "server",
            "verifier": parse(issued.secret).verifier,  # type: ignore[union-attr]
            "role": None,
        }
    }


def test_an_admin_keys_verifier_has_its_role_and_expiry(desk: Desk) -> None:
    wish = NewKey("ci", "admin", role="viewer", expires_at=NOW + timedelta(days=1))
    issued = desk.keys.create(desk.call(), wish)
    (row,) = desk.verifiers("verifiers#all").values()
    assert (row["role"], row["expires"]) == ("viewer", int(NOW.timestamp()) + 86400)
    assert status(issued.stored, timestamp(NOW + timedelta(days=1))) == "expired"


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        (NewKey("x", "server"), "/environment"),
        (NewKey("x", "server", "Prod"), "/environment"),
        (NewKey("x", "server", "all"), "/environment"),
        (NewKey("x", "client", "prod", role="admin"), "/role"),
        (NewKey("x", "client", "prod", expires_at=NOW + timedelta(days=1)), "/expires_at"),
        (NewKey("x", "admin"), "/role"),
        (NewKey("x", "admin", "prod", role="admin"), "/environment"),
        (NewKey("x", "admin", role="admin", expires_at=NOW), "/expires_at"),
        (NewKey("x", "admin", role="root"), "/role"),  # type: ignore[arg-type]
        (NewKey("x", "root", "prod"), "/kind"),  # type: ignore[arg-type]
    ],
)
def test_what_no_key_can_be_is_refused_and_leaves_nothing(desk: Desk, wish: NewKey, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        desk.keys.create(desk.call(), wish)
    assert [fault.pointer for fault in refused.value.errors] == [pointer]
    assert not desk.store.tables.get("access")


def test_the_same_request_again_answers_the_same_key_without_its_secret(desk: Desk) -> None:
    first = desk.keys.create(desk.call(idempotency_key="k", digest="d"), SERVER)
    again = desk.keys.create(desk.call(idempotency_key="k", digest="d"), SERVER)
    assert (again.stored.id, again.secret, again.replayed) == (first.stored.id, None, True)
    assert len(desk.verifiers()) == 1
    desk.keys.rotate(desk.call(), first.stored.id, None, 0)
    assert desk.keys.create(desk.call(idempotency_key="k", digest="d"), SERVER).stored.version == 1
    with pytest.raises(IdempotencyMismatch):
        desk.keys.create(desk.call(idempotency_key="k", digest="other"), SERVER)


def test_an_expired_key_is_answered_again_as_it_was_made(desk: Desk) -> None:
    wish = NewKey("ci", "admin", role="viewer", expires_at=NOW + timedelta(seconds=60))
    first = desk.keys.create(desk.call(idempotency_key="k", digest="d"), wish)
    desk.now += timedelta(days=1)
    again = desk.keys.create(desk.call(idempotency_key="k", digest="d"), wish)
    assert (again.stored.id, again.secret, again.replayed) == (first.stored.id, None, True)


def test_an_environment_takes_no_more_secrets_than_its_file_can_hold(desk: Desk) -> None:
    for number in range(MOST_LIVE):
        desk.store.put(ACCESS, {"pk": "verifiers#prod", "sk": f"s{number}", "key": "key_x"})
    with pytest.raises(Conflict):
        desk.keys.create(desk.call(), SERVER)
    desk.keys.create(desk.call(), NewKey("web", "server", "dev"))


def test_a_rotation_adds_no_more_secrets_than_the_file_can_hold(desk: Desk) -> None:
    id = desk.keys.create(desk.call(), SERVER).stored.id
    for number in range(MOST_LIVE - 1):
        desk.store.put(ACCESS, {"pk": "verifiers#prod", "sk": f"s{number}", "key": "key_x"})
    with pytest.raises(Conflict):
        desk.keys.rotate(desk.call(), id, None, 60)
    desk.keys.rotate(desk.call(), id, None, 0)
    assert len(desk.store.tables["access"]) == MOST_LIVE + 2


def test_a_rotation_without_overlap_ends_the_secret_at_once(desk: Desk) -> None:
    first = desk.keys.create(desk.call(), SERVER)
    second = desk.keys.rotate(desk.call(), first.stored.id, 1, 0)
    assert (desk.opens(first.secret), desk.opens(second.secret)) == (False, True)
    assert second.stored.version == 2


@pytest.mark.parametrize("overlap", [1, 3600, LONGEST_OVERLAP])
def test_a_rotation_with_overlap_ends_it_to_the_second(desk: Desk, overlap: int) -> None:
    first = desk.keys.create(desk.call(), SERVER)
    second = desk.keys.rotate(desk.call(), first.stored.id, 1, overlap)
    desk.now += timedelta(seconds=overlap - 1)
    assert desk.opens(first.secret)
    assert desk.opens(second.secret)
    desk.now += timedelta(seconds=1)
    assert not desk.opens(first.secret)
    assert desk.opens(second.secret)


def test_an_overlap_does_not_outlive_the_keys_own_expiry(desk: Desk) -> None:
    wish = NewKey("ci", "admin", role="viewer", expires_at=NOW + timedelta(seconds=60))
    first = desk.keys.create(desk.call(), wish)
    second = desk.keys.rotate(desk.call(), first.stored.id, None, 3600)
    desk.now += timedelta(seconds=60)
    assert not desk.opens(first.secret)
    assert not desk.opens(second.secret)


def test_a_rotation_whose_answer_was_lost_is_done_again_and_the_secret_in_use_keeps_its_overlap(desk: Desk) -> None:
    issued = [desk.keys.create(desk.call(), SERVER)]
    for overlap in (3600, 60, 60):
        issued.append(desk.keys.rotate(desk.call(), issued[0].stored.id, None, overlap))
    assert all(desk.opens(one.secret) for one in issued)
    desk.now += timedelta(seconds=60)
    assert [desk.opens(one.secret) for one in issued] == [True, False, False, True]
    desk.now += timedelta(seconds=3600 - 60)
    assert [desk.opens(one.secret) for one in issued] == [False, False, False, True]
    desk.keys.rotate(desk.call(), issued[0].stored.id, None, 60)
    assert len(desk.verifiers()) == 2, "the ended ones are cleared away"


def test_the_secrets_of_a_key_are_bounded_and_one_rotation_ends_them_all(desk: Desk) -> None:
    issued = [desk.keys.create(desk.call(), SERVER)]
    id = issued[0].stored.id
    issued += [desk.keys.rotate(desk.call(), id, None, 3600) for _ in range(MOST_EARLIER)]
    with pytest.raises(Conflict, match="still work"):
        desk.keys.rotate(desk.call(), id, None, 3600)
    assert all(desk.opens(one.secret) for one in issued)
    last = desk.keys.rotate(desk.call(), id, None, 0)
    assert [desk.opens(one.secret) for one in (*issued, last)] == [False] * len(issued) + [True]
    assert len(desk.verifiers()) == 1


def test_a_key_that_was_rotated_before_there_were_older_secrets_is_rotated_and_revoked(desk: Desk) -> None:
    first = desk.keys.create(desk.call(), SERVER)
    desk.keys.rotate(desk.call(), first.stored.id, None, 3600)
    del desk.store.tables["access"][first.stored.id, "head"]["data"]["older"]
    desk.keys.rotate(desk.call(), first.stored.id, None, 3600)
    assert desk.opens(first.secret)
    desk.keys.revoke(desk.call(), first.stored.id, None)
    assert desk.verifiers() == {}


def test_a_revoked_key_has_no_verifier_and_stays_revoked(desk: Desk) -> None:
    first = desk.keys.create(desk.call(), SERVER)
    second = desk.keys.rotate(desk.call(), first.stored.id, None, 3600)
    revoked = desk.keys.revoke(desk.call(), first.stored.id, 2)
    assert desk.verifiers() == {}
    assert not desk.opens(first.secret)
    assert not desk.opens(second.secret)
    assert desk.keys.revoke(desk.call(), first.stored.id, None).version == revoked.version == 3
    with pytest.raises(MoveNotAllowed):
        desk.keys.rotate(desk.call(), first.stored.id, None, 0)
    assert desk.verifiers() == {}


def test_an_expired_key_is_not_rotated_but_can_be_revoked(desk: Desk) -> None:
    wish = NewKey("ci", "admin", role="viewer", expires_at=NOW + timedelta(seconds=60))
    id = desk.keys.create(desk.call(), wish).stored.id
    desk.now += timedelta(seconds=60)
    with pytest.raises(MoveNotAllowed):
        desk.keys.rotate(desk.call(), id, None, 0)
    assert desk.keys.revoke(desk.call(), id, None).data["status"] == "revoked"


def test_another_version_changes_nothing(desk: Desk) -> None:
    first = desk.keys.create(desk.call(), SERVER)
    before = dict(desk.store.tables["access"])
    for change in (
        lambda v: desk.keys.rotate(desk.call(), first.stored.id, v, 0),
        lambda v: desk.keys.revoke(desk.call(), first.stored.id, v),
    ):
        for version in (0, 2, -1):
            with pytest.raises(PreconditionFailed) as refused:
                change(version)
            assert refused.value.headers["ETag"] == '"1"'
    assert desk.store.tables["access"] == before
    with pytest.raises(NotFound):
        desk.keys.revoke(desk.call(), "key_none", None)


def test_of_two_rotations_at_once_one_wins_whole(desk: Desk) -> None:
    first = desk.keys.create(desk.call(), SERVER)
    other = Keys(desk.store, lambda size: bytes([7]) * size, upgrader("key"))
    winner: list[Any] = []

    def overtaken(size: int) -> bytes:
        if not winner:
            winner.append(other.rotate(desk.call(), first.stored.id, None, 0))
        return bytes([9]) * size

    with pytest.raises(PreconditionFailed):
        Keys(desk.store, overtaken, upgrader("key")).rotate(desk.call(), first.stored.id, 1, 0)
    assert len(desk.verifiers()) == 1
    assert desk.opens(winner[0].secret)


@pytest.mark.parametrize("change", ["rotate", "revoke"])
def test_a_change_of_whatever_stands_is_made_of_the_newer_version_that_came_between(change: str) -> None:
    store = Overtaken()
    desk = Desk(store)
    issued = desk.keys.create(desk.call(), SERVER)
    id, between = issued.stored.id, []
    store.overtake = [lambda: between.append(desk.keys.rotate(desk.call(), id, None, 3600))] * 2
    if change == "rotate":
        last = desk.keys.rotate(desk.call(), id, None, 3600)
        assert last.stored.version == 4
        assert all(desk.opens(one.secret) for one in (issued, *between, last))
    else:
        assert desk.keys.revoke(desk.call(), id, None).version == 4
        assert desk.verifiers() == {}


def test_a_key_that_others_never_stop_changing_is_told() -> None:
    store = Overtaken()
    desk = Desk(store)
    id = desk.keys.create(desk.call(), SERVER).stored.id
    store.overtake = [lambda: desk.keys.rotate(desk.call(), id, None, 0)] * 9
    with pytest.raises(Conflict, match="Others keep changing this key"):
        desk.keys.revoke(desk.call(), id, None)
    assert len(store.overtake) == 9 - TRIES


def test_every_change_is_an_event_that_says_no_secret(desk: Desk) -> None:
    first = desk.keys.create(desk.call(), NewKey("canary-name", "server", "prod"))
    second = desk.keys.rotate(desk.call(), first.stored.id, None, 60)
    revoked = desk.keys.revoke(desk.call(), first.stored.id, None)
    sent = [event for stored in (first.stored, second.stored, revoked) for event in envelopes(stored.row)]
    assert [event["type"] for event in sent] == ["key.created.v1", "key.rotated.v1", "key.revoked.v1"]
    assert [parse_event(event).sequence for event in sent] == [1, 2, 3]
    text = json.dumps(sent)
    for issued in (first, second):
        assert issued.secret is not None
        secret = issued.secret.rsplit("_", 1)[1]
        assert secret not in text
        assert parse(issued.secret).verifier not in text  # type: ignore[union-attr]
        assert issued.stored.data["selector"] not in text
    assert "canary-name" not in text


def test_no_secret_is_stored(desk: Desk) -> None:
    issued = desk.keys.create(desk.call(), ADMIN)
    assert issued.secret is not None
    assert issued.secret.rsplit("_", 1)[1][:43] not in repr(desk.store.tables)


class Lives(RuleBasedStateMachine):
    """Whatever is done to a few keys, in whatever order: exactly the secrets that should open do."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.model: dict[str, list[tuple[str, datetime | None]]] = {}  # live secrets: text, until when
        self.dead: list[str] = []

    @precondition(lambda self: len(self.model) < 3)
    @rule()
    def create(self) -> None:
        issued = self.desk.keys.create(self.desk.call(), SERVER)
        self.model[issued.stored.id] = [(str(issued.secret), None)]

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data(), overlap=st.sampled_from([0, 60, 3600, 3600, 3600]))
    def rotate(self, data: st.DataObject, overlap: int) -> None:
        id = data.draw(st.sampled_from(sorted(id for id, live in self.model.items() if live)))
        *older, (present, _) = self.model[id]
        kept = [(text, until) for text, until in older if overlap and until is not None and self.desk.now < until]
        if len(kept) == MOST_EARLIER:
            with pytest.raises(Conflict):
                self.desk.keys.rotate(self.desk.call(), id, None, overlap)
            return
        issued = self.desk.keys.rotate(self.desk.call(), id, None, overlap)
        self.dead += [text for text, until in older if (text, until) not in kept]
        if overlap:
            kept.append((present, self.desk.now + timedelta(seconds=overlap)))
        else:
            self.dead.append(present)
        self.model[id] = [*kept, (str(issued.secret), None)]

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.model)))
        self.desk.keys.revoke(self.desk.call(), id, None)
        self.dead += [text for text, _ in self.model[id]]
        self.model[id] = []

    @rule(seconds=st.sampled_from([1, 59, 60, 3600]))
    def wait(self, seconds: int) -> None:
        self.desk.now += timedelta(seconds=seconds)

    @invariant()
    def exactly_the_live_ones_open(self) -> None:
        for live in self.model.values():
            for text, until in live:
                assert self.desk.opens(text) is (until is None or self.desk.now < until)
        assert not any(self.desk.opens(text) for text in self.dead)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
