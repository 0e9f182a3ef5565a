"""From the Authorization header to a principal: what is taken, what it costs, and how fast a change is felt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.access import OPERATIONS, Principal, allow
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.authentication import LONGEST_HEADER, MARK_PAUSE, Authentication, bearer
from slipway.calls import Call
from slipway.credentials import mint
from slipway.keyring import Keyring, publish
from slipway.keys import Issued, Keys, NewKey
from slipway.members import Members
from slipway.people import person
from slipway.ports import Blob, StoreUnavailable, Update
from slipway.tables import ACCESS
from slipway.upgrades import upgrader

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Principal("admin", "key_root", "admin")


class Down(StoreUnavailable):
    pass


class Table(MemoryStore):
    """Counts what it is asked; `down` makes it silent."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.down = False

    def get(self, *positional: Any, **named: Any) -> Any:
        return self._asked(super().get, *positional, **named)

    def put(self, *positional: Any, **named: Any) -> None:
        self._asked(super().put, *positional, **named)

    def _asked(self, call: Callable[..., Any], *positional: Any, **named: Any) -> Any:
        self.asked += 1
        if self.down:
            raise Down("down")
        return call(*positional, **named)


class Bucket(MemoryBlobs):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.down = False

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        self.asked += 1
        if self.down:
            raise Down("down")
        return super().get(key, etag=etag)


class Users:
    """Stands for the pool: a token `<member id>.token.good` is that member's."""

    asked = 0

    def username(self, token: str, now: float) -> str | None:
        self.asked += 1
        id, _, rest = token.partition(".")
        return id if rest == "token.good" else None


class World:
    """A deployment with a clock of its own; publication takes `published_after` seconds."""

    def __init__(self, published_after: float = 0) -> None:
        self.table, self.bucket, self.users = Table(), Bucket(), Users()
        self.now = START
        self.published_after = published_after
        self.due: list[tuple[datetime, str]] = []
        self.table.listen(self._changed)
        self.number = 0
        self.keys = Keys(self.table, self._entropy, upgrader("key"))
        self.members = Members(self.table, upgrader("member"))
        self.use = self.instance()

    def instance(self) -> Authentication:
        return Authentication(Keyring(self.bucket), lambda: self.table, lambda: self.users)  # type: ignore[arg-type, return-value]

    def _entropy(self, size: int) -> bytes:
        self.number += 1
        return self.number.to_bytes(size, "little")

    def _changed(self, table: str, old: Any, new: Any) -> None:
        family, _, environment = (new or old)["pk"].partition("#")
        if table == "access" and family in ("verifiers", "used") and environment != "all":
            self.due.append((self.now + timedelta(seconds=self.published_after), environment))

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        ready = {environment for moment, environment in self.due if moment <= self.now}
        self.due = [(moment, environment) for moment, environment in self.due if moment > self.now]
        for environment in ready:
            publish(self.table, self.bucket, environment)

    def call(self) -> Call:
        self.number += 1
        return Call(principal=ROOT, operation="test", now=self.now, nonce=f"n{self.number}")

    def key(self, kind: Any = "server", **wish: Any) -> Issued:
        wish = wish or ({"role": "editor"} if kind == "admin" else {"environment": "prod"})
        issued = self.keys.create(self.call(), NewKey("test", kind, **wish))
        self.pass_time(self.published_after)
        return issued

    def who(self, token: str | None, use: Authentication | None = None) -> Principal | None:
        return (use or self.use).principal(f"Bearer {token}", self.now.timestamp())


# --- bearer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER abc", "Bearer  abc", " Bearer abc "])
def test_the_scheme_is_taken_in_any_case(header: str) -> None:
    assert bearer(header) == "abc"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "abc", "Basic abc", "Bearer a b", "Bearer a,b", "Bearer a\tb", "Bearer\tabc", "Bearer ä"],
)
def test_anything_else_is_none(header: str) -> None:
    assert bearer(header) is None
    assert bearer("Bearer " + "a" * LONGEST_HEADER) is None


ODD = st.one_of(
    st.text(max_size=200),
    st.text(max_size=100).map(lambda text: f"Bearer {text}"),
    st.text(alphabet="slp_adminervtoc0123456789.-", max_size=150).map(lambda text: f"Bearer slp_{text}"),
    st.binary(max_size=100).map(lambda raw: "Bearer " + raw.decode("latin-1")),
    st.integers(8000, 9000).map(lambda size: "Bearer slp_" + "a" * size),
)


@settings(deadline=None, max_examples=500)
@given(ODD)
def test_rubbish_names_nobody_and_asks_nobody(header: str) -> None:
    world = World()
    assert world.use.principal(header, START.timestamp()) is None
    assert (world.table.asked, world.bucket.asked) == (0, 0)


@settings(deadline=None)
@given(st.binary(min_size=43, max_size=43), st.sampled_from(["client", "server", "admin"]))
def test_a_well_formed_key_that_nobody_made_names_nobody(entropy: bytes, kind: str) -> None:
    world = World()
    world.key()
    text, _ = mint("all" if kind == "admin" else "prod", kind, entropy)
    assert world.who(text) is None


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["client", "server"])
def test_an_environments_key_names_itself(kind: str) -> None:
    world = World()
    issued = world.key(kind)
    assert world.who(issued.secret) == Principal(kind, issued.stored.id, environment="prod")  # type: ignore[arg-type]


def test_an_admin_key_names_itself_and_its_role() -> None:
    world = World()
    issued = world.key("admin", role="viewer")
    assert world.who(issued.secret) == Principal("admin", issued.stored.id, "viewer")


def test_an_admin_key_names_who_was_shown_its_secret() -> None:
    world = World()
    bob, ada = Principal("member", "mbr_bob", "admin"), Principal("member", "mbr_ada", "admin")
    first = world.keys.create(world.call().but(principal=bob), NewKey("ci", "admin", role="admin"))
    bobs = world.who(first.secret)
    assert bobs is not None
    assert (bobs.maker, person(bobs)) == ("member:mbr_bob", "member:mbr_bob")
    of_the_key = world.keys.create(world.call().but(principal=bobs), NewKey("more", "admin", role="admin"))
    rotated = world.keys.rotate(world.call().but(principal=ada), first.stored.id, None, 3600)
    found = [world.who(issued.secret) for issued in (of_the_key, rotated, first)]
    assert [one and one.maker for one in found] == ["member:mbr_bob", "member:mbr_ada", "member:mbr_bob"]
    assert person(ada) == "member:mbr_ada"


def test_the_right_selector_with_a_wrong_secret_names_nobody() -> None:
    world = World()
    for kind, environment in (("server", "prod"), ("admin", "all")):
        issued = world.key(kind)
        row = world.table.get(ACCESS, f"verifiers#{environment}", issued.stored.data["selector"])
        assert row is not None
        world.table.put(ACCESS, {**row, "verifier": "0" * 64})
        world.pass_time(20)
        assert world.who(issued.secret) is None


def test_a_key_speaks_for_its_kind_only() -> None:
    """A file that says another kind than the key does is believed in nothing."""
    world = World()
    issued = world.key("client")
    row = world.table.get(ACCESS, "verifiers#prod", issued.stored.data["selector"])
    assert row is not None
    world.table.put(ACCESS, {**row, "kind": "server"})
    world.pass_time(20)
    assert world.who(issued.secret) is None


def test_an_expired_admin_key_names_nobody_though_its_row_still_stands() -> None:
    world = World()
    issued = world.key("admin", role="admin", expires_at=START + timedelta(seconds=10))
    world.pass_time(9)
    assert world.who(issued.secret) is not None
    world.pass_time(1)
    assert world.who(issued.secret) is None


@pytest.mark.parametrize("kind", ["client", "server"])
def test_keys_of_environments_work_while_the_table_is_down(kind: str) -> None:
    world = World()
    issued = world.key(kind)
    world.table.down = True
    for use in (world.use, world.instance()):
        assert world.who(issued.secret, use) is not None


def test_what_cannot_be_told_is_raised_not_refused() -> None:
    world = World()
    admin, member = world.key("admin"), world.members.invite(world.call(), "ada@example.com", "admin").stored.id
    world.table.down = True
    with pytest.raises(Down):
        world.who(admin.secret)
    with pytest.raises(Down):
        world.who(f"{member}.token.good")


# --- the last day of use --------------------------------------------------------------------------------


def test_the_first_use_of_a_day_is_marked_once() -> None:
    world = World()
    issued = world.key()
    before = world.table.asked
    for _ in range(10):
        world.who(issued.secret)
    assert world.table.asked - before == 1
    assert world.keys.last_used([issued.stored]) == {issued.stored.id: datetime(2026, 11, 23, tzinfo=UTC)}
    world.pass_time(24 * 3600)
    world.who(issued.secret)
    assert world.keys.last_used([issued.stored]) == {issued.stored.id: datetime(2026, 11, 24, tzinfo=UTC)}
    mark = world.table.tables["access"]["used#prod", issued.stored.id]
    assert mark["expires"] == datetime(2027, 12, 29, tzinfo=UTC).timestamp(), "the table forgets it after 400 days without use"


def test_another_instance_knows_from_the_file_that_the_day_is_marked() -> None:
    world = World()
    issued = world.key()
    world.who(issued.secret)
    world.pass_time(1)  # the mark is published
    before = world.table.asked
    assert world.who(issued.secret, world.instance()) is not None
    assert world.table.asked == before


def test_a_late_mark_never_turns_the_day_back() -> None:
    world = World()
    issued = world.key()
    late = world.instance()
    world.pass_time(24 * 3600)
    world.who(issued.secret)
    late.principal(f"Bearer {issued.secret}", START.timestamp())
    assert world.keys.last_used([issued.stored]) == {issued.stored.id: datetime(2026, 11, 24, tzinfo=UTC)}


def test_a_mark_that_fails_is_not_tried_for_every_request() -> None:
    world = World()
    issued = world.key()
    world.table.down = True
    before = world.table.asked
    for _ in range(50):
        assert world.who(issued.secret) is not None
    assert world.table.asked - before == 1
    world.table.down = False
    world.pass_time(MARK_PAUSE)
    world.who(issued.secret)
    assert world.keys.last_used([issued.stored])


def test_authentication_writes_nothing_but_marks() -> None:
    """What its role may write, and no more: `used#...`, by a plain put."""
    written: list[str] = []

    class Watched(Table):
        def put(self, table: Any, row: Any, condition: Any = None) -> None:
            written.append(row["pk"])
            super().put(table, row, condition)

        def update(self, write: Update) -> None:
            raise AssertionError

        def transact(self, writes: Any, token: str) -> None:
            raise AssertionError

    world = World()
    issued, admin = world.key(), world.key("admin")
    member = world.members.invite(world.call(), "ada@example.com", "viewer").stored.id
    watched = Watched()
    watched.tables = world.table.tables
    use = Authentication(Keyring(world.bucket), lambda: watched, lambda: world.users)  # type: ignore[arg-type, return-value]
    for token in (issued.secret, admin.secret, f"{member}.token.good"):
        assert world.who(token, use) is not None
    assert written == ["used#prod", "used#all"]


# --- members --------------------------------------------------------------------------------------------


def test_a_member_has_the_role_of_its_row() -> None:
    world = World()
    id = world.members.invite(world.call(), "ada@example.com", "editor").stored.id
    assert world.who(f"{id}.token.good") == Principal("member", id, "editor")
    assert world.who(f"{id}.token.bad") is None
    assert world.who("mbr_unknown.token.good") is None


@pytest.mark.parametrize("name", ["verifiers#prod", "ada", "used#all", "Mbr_1", ""])
def test_of_whoever_cannot_be_a_member_no_row_is_read(name: str) -> None:
    """The authorizer may read members and nothing else: a user of the pool who is none is refused, not a fault."""
    world = World()
    before = world.table.asked
    assert world.who(f"{name}.token.good") is None
    assert world.table.asked == before


def test_a_role_is_read_once_in_fifteen_seconds() -> None:
    world = World()
    id = world.members.invite(world.call(), "ada@example.com", "editor").stored.id
    before = world.table.asked
    for _ in range(10):
        world.who(f"{id}.token.good")
    assert world.table.asked - before == 1


# --- within a minute ------------------------------------------------------------------------------------


class Gateway:
    """Remembers an answer for 30 s by the header alone, as the HTTP API does, and lets `allow` decide behind it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: dict[str, tuple[Principal | None, datetime]] = {}

    def lets(self, token: str | None, operation: str) -> bool:
        header = f"Bearer {token}"
        principal, until = self.answers.get(header, (None, START - timedelta(days=1)))
        if self.world.now >= until:
            principal = self.world.use.principal(header, self.world.now.timestamp())
            self.answers[header] = (principal, self.world.now + timedelta(seconds=30))
        return principal is not None and allow(principal, operation)


def last_yes(world: World, gateway: Gateway, token: str | None, operation: str, change: Callable[[], object]) -> float:
    """Seconds from the change to the last request that was let in, with requests all the time."""
    for _ in range(40):  # every cache is warm, at every phase
        assert gateway.lets(token, operation)
        world.pass_time(1)
    change()
    changed, last = world.now, -1.0
    for _ in range(300):
        if gateway.lets(token, operation):
            last = (world.now - changed).total_seconds()
        world.pass_time(0.5)
    return last


@pytest.mark.parametrize("warm", range(0, 45, 5))
@pytest.mark.parametrize("kind", ["client", "server", "admin"])
def test_a_revoked_key_stops_within_a_minute(kind: str, warm: int) -> None:
    world = World(published_after=5)
    gateway, issued = Gateway(world), world.key(kind, **({"role": "admin"} if kind == "admin" else {}))
    world.pass_time(warm)
    gateway.lets(issued.secret, "me.read")
    assert (
        last_yes(world, gateway, issued.secret, "me.read", lambda: world.keys.revoke(world.call(), issued.stored.id, None)) < 60
    )


@pytest.mark.parametrize("kind", ["server", "admin"])
def test_a_rotated_secret_stops_within_a_minute_of_its_overlap(kind: str) -> None:
    world = World(published_after=5)
    gateway, issued = Gateway(world), world.key(kind)
    overlap = 40
    rotated: list[Issued] = []

    def rotate() -> None:
        rotated.append(world.keys.rotate(world.call(), issued.stored.id, None, overlap))

    last = last_yes(world, gateway, issued.secret, "me.read", rotate)
    assert overlap <= last < overlap + 60
    assert gateway.lets(rotated[0].secret, "me.read")


def test_a_lowered_role_and_a_removal_are_felt_within_a_minute() -> None:
    world = World()
    gateway = Gateway(world)
    world.members.invite(world.call(), "root@example.com", "admin")
    id = world.members.invite(world.call(), "ada@example.com", "admin").stored.id
    token = f"{id}.token.good"
    assert last_yes(world, gateway, token, "keys.create", lambda: world.members.give(world.call(), id, None, "viewer")) < 60
    assert last_yes(world, gateway, token, "products.list", lambda: world.members.remove(world.call(), id, None)) < 60


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(["viewer", "editor", "admin"]), st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=1, max_size=8))
def test_an_answer_remembered_from_one_route_opens_no_other(role: str, operations: list[str]) -> None:
    """The answer says who, never what: each operation is decided for itself, in whatever order they come."""
    world = World()
    gateway, issued = Gateway(world), world.key("admin", role=role)
    expected = Principal("admin", issued.stored.id, role)  # type: ignore[arg-type]
    assert [gateway.lets(issued.secret, operation) for operation in operations] == [
        allow(expected, operation) for operation in operations
    ]
