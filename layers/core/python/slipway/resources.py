"""Versioned resources: a head row, one immutable row per past version, and the events of each change in the same write.

    create   one conditional put of the head (with claims of unique names: one transaction)
    update   one transaction: the new head, on condition of the version it was read at, and the old head as `v#<n>`

The table's stream carries each head's events to the relay. Nothing else publishes, nothing is written twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from slipway.calls import Call, timestamp
from slipway.ports import Absent, ConditionFailed, Delete, Equals, Put, Row, Span, Store, Write
from slipway.problems import Conflict, IdempotencyMismatch, KeyTaken, NotFound, PreconditionFailed
from slipway.tables import Table
from slipway.upgrades import upgrade
from slipway.values import Value

HEAD = "head"
TRIES = 5  # of a change to whatever version stands (`If-Match: *`)
Event = tuple[str, Mapping[str, Any]]  # type and data

Done = TypeVar("Done")


def version_sk(version: int) -> str:
    return f"v#{version:010d}"


class Stored(Value):
    """One version of a resource as it stands in its row. `data` is the domain's own part."""

    row: Row

    @property
    def id(self) -> str:
        return str(self.row["pk"])

    @property
    def version(self) -> int:
        return int(self.row["version"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.row["data"])

    @property
    def created_at(self) -> str:
        return str(self.row["created_at"])

    @property
    def updated_at(self) -> str:
        return str(self.row["updated_at"])

    @property
    def actor(self) -> str:
        return str(self.row["cause"]["actor"])

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(self.row["events"])

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class Claim(Value):
    """A name that one resource of a kind may hold: a row of its own, so that the table keeps it unique."""

    name: str

    @property
    def pk(self) -> str:
        return f"key#{self.name}"


class Created(Value):
    stored: Stored
    replayed: bool


class Shelf:
    """All resources of one kind.

    `upgrade` turns a row of any past schema into the newest (see `slipway.upgrades`); `indexed` gives the index attributes;
    `fits` raises for a head that may not be written. `named`: an id is a name that people choose, so that a standing resource
    may be somebody else's. `begins`: how every id begins; another one is not looked for, since a function may not read it.
    """

    def __init__(
        self,
        store: Store,
        table: Table,
        *,
        kind: str,
        schema: int,
        upgrade: Callable[[Row], Row],
        indexed: Callable[[Mapping[str, Any]], Mapping[str, str]] = lambda _: {},
        fits: Callable[[Row], None] = lambda _: None,
        named: bool = False,
        begins: str = "",
    ) -> None:
        self.store, self.table, self.kind, self.schema, self.named = store, table, kind, schema, named
        self._begins = begins
        self._upgrade, self._indexed, self._fits = upgrade, indexed, fits

    # --- reads ---

    def find(self, id: str) -> Stored | None:
        row = self.store.get(self.table, id, HEAD) if id.startswith(self._begins) else None
        return None if row is None or row.get("kind") != self.kind else Stored(self._upgrade(row))

    def read(self, id: str) -> Stored:
        """One strong read. Raises NotFound."""
        stored = self.find(id)
        if stored is None:
            raise NotFound(f"There is no {self.kind} {self._called(id)!r}.")
        return stored

    def read_all(self, ids: Sequence[str]) -> list[Stored]:
        """Strong reads of up to 100 heads, in the order asked; missing ones are left out."""
        rows = self.store.get_many(self.table, [(id, HEAD) for id in ids]) if ids else []
        return [Stored(self._upgrade(row)) for row in rows if row.get("kind") == self.kind]

    def holder(self, claim: Claim) -> str | None:
        """The id of the resource that holds the claim."""
        row = self.store.get(self.table, claim.pk, "key")
        return None if row is None else str(upgrade("claim", row)["id"])

    def past(self, id: str, version: int) -> Stored:
        """One past version, not the head. Raises NotFound."""
        row = self.store.get(self.table, id, version_sk(version)) if 1 <= version < 10**10 else None
        if row is None:
            raise NotFound(f"The {self.kind} has no past version {version}.")
        return Stored(self._upgrade(row))

    def versions(self, id: str, *, below: int | None = None, limit: int = 100) -> list[Stored]:
        """Newest first: the head, then past versions; with `below`, only those smaller than it. Raises NotFound."""
        found: list[Stored] = []
        if below is None or not id.startswith(self._begins):
            head = self.read(id)
            found, below = [head], head.version
        if below > 1 and limit > len(found):
            page = self.store.query(
                self.table,
                (id,),
                Span(low=version_sk(1), high=version_sk(below - 1)),
                limit=limit - len(found),
                forward=False,
            )
            found += [Stored(self._upgrade(row)) for row in page.rows]
        if not found:
            self.read(id)
        return found

    def at(self, head: Stored, moment: datetime) -> Stored:
        """The version in force at that moment, found in log2(versions) reads. Raises NotFound before creation.

        Versions have no gap, none is ever removed, and `updated_at` never falls from one to the next: so halving finds it."""
        wanted, id = timestamp(moment), head.id
        if head.updated_at <= wanted:
            return head
        found, low, high = None, 0, head.version  # `low` had begun by then (0: nothing had), `high` had not
        while high - low > 1:
            middle = self._past(id, (low + high) // 2)
            if middle.updated_at <= wanted:
                found, low = middle, middle.version
            else:
                high = middle.version
        if found is None:
            raise NotFound(f"The {self.kind} {self._called(id)!r} did not exist at {wanted}.")
        return found

    def made(self, call: Call, id: str) -> Stored | None:
        """What an earlier try of this very call created, as it was then; None where none did. Raises IdempotencyMismatch."""
        standing = self.find(id)
        return None if standing is None else self._replayed(call, standing)

    # --- writes ---

    def create(
        self,
        call: Call,
        id: str,
        data: Mapping[str, Any],
        events: Sequence[Event],
        claims: Sequence[Claim] = (),
        also: Sequence[Write] = (),
    ) -> Created:
        """Version 1. The same idempotent call again answers version 1 as it was; raises KeyTaken, IdempotencyMismatch.

        `also`: rows beside the resource that change with it; ConditionFailed when the condition of one does not hold."""
        head, *held = self.creating(call, id, data, events, claims)
        try:
            if held or also:
                self.store.transact([head, *held, *also], _token(id, "create", call.nonce))
            else:
                self.store.put(head.table, head.row, head.condition)
        except ConditionFailed as failed:
            standing = self.made(call, id)
            if standing is None and failed.index > len(claims):
                raise
            if standing is None and failed.index == 0:
                raise KeyTaken(f"Another {self.kind} has this key; choose another one.") from None
            if standing is None:
                raise KeyTaken(
                    f"Another {self.kind} has the key {claims[failed.index - 1].name!r}; choose another key."
                ) from None
            return Created(standing, call.idempotency_key is not None)
        return Created(Stored(head.row), False)

    def update(
        self,
        call: Call,
        before: Stored,
        data: Mapping[str, Any],
        events: Sequence[Event],
        *,
        claim: Iterable[Claim] = (),
        release: Iterable[Claim] = (),
        also: Sequence[Write] = (),
    ) -> Stored:
        """The next version. Raises PreconditionFailed when `before` is no longer the head, KeyTaken; `also` as in `create`."""
        writes, token = self.updating(call, before, data, events, claim=claim, release=release)
        try:
            self.store.transact([*writes, *also], token)
        except ConditionFailed as failed:
            if failed.index >= len(writes):
                raise
            if failed.index < 2:
                raise self.elsewhere(self.read(before.id)) from None
            raise KeyTaken(f"Another {self.kind} has this key; choose another key.") from None
        first = writes[0]
        assert isinstance(first, Put)
        return Stored(first.row)

    def change(self, read: Callable[[], Stored], version: int | None, attempt: Callable[[Stored], Done]) -> Done:
        """What `attempt` makes of that version; without one, of what `read` finds, and again when another change came between.

        Raises PreconditionFailed where another version stands, Conflict where others never stop, and what the two raise."""
        for _ in range(TRIES):
            before = read()
            if version is not None and version != before.version:
                raise self.elsewhere(before)
            try:
                return attempt(before)
            except PreconditionFailed:
                if version is not None:
                    raise
        raise Conflict(f"Others keep changing this {self.kind}; try again, best with the version that you have read.")

    def elsewhere(self, standing: Stored) -> PreconditionFailed:
        """What to raise where another version is wanted."""
        detail = f"The {self.kind} is at version {standing.version}; read it and repeat the change."
        return PreconditionFailed(detail, headers={"ETag": standing.etag})

    def would_be(self, call: Call, before: Stored, data: Mapping[str, Any], events: Sequence[Event]) -> Stored:
        """What an update would make; nothing is written."""
        (head, *_), _token = self.updating(call, before, data, events)
        assert isinstance(head, Put)
        return Stored(head.row)

    def creating(
        self, call: Call, id: str, data: Mapping[str, Any], events: Sequence[Event], claims: Sequence[Claim] = ()
    ) -> list[Put]:
        """The writes of a create, for a transaction of several resources."""
        head = self._head(call, id, data, events, version=1, created_at=call.stamp)
        if call.idempotency_key is not None:
            head["digest"] = call.digest
        if self.named:
            head["origin"] = call.new_id("")
        self._fits(head)
        return [Put(self.table, head, Absent()), *self._claimed(id, claims)]

    def updating(
        self,
        call: Call,
        before: Stored,
        data: Mapping[str, Any],
        events: Sequence[Event],
        *,
        claim: Iterable[Claim] = (),
        release: Iterable[Claim] = (),
    ) -> tuple[list[Write], str]:
        """The writes of an update, new head first, and their token; for a transaction that does more."""
        head = self._head(call, before.id, data, events, version=before.version + 1, created_at=before.created_at)
        head["updated_at"] = max(call.stamp, before.updated_at)  # clocks of two functions may disagree; history may not
        self._fits(head)
        past = {**before.row, "sk": version_sk(before.version)}
        for attribute in self._index_attributes(past):
            del past[attribute]  # a past version is in no list
        writes: list[Write] = [
            Put(self.table, head, Equals("version", before.version)),
            Put(self.table, past, Absent()),
            *self._claimed(before.id, claim),
            *(Delete(self.table, held.pk, "key", Equals("id", before.id)) for held in release),
        ]
        return writes, _token(before.id, str(head["version"]), call.nonce)

    # --- inside ---

    def _called(self, id: str) -> str:
        return id.partition("#")[2] if self.named else id

    def _past(self, id: str, version: int) -> Stored:
        row = self.store.get(self.table, id, version_sk(version))
        assert row is not None, "a head has all its past versions"
        return Stored(self._upgrade(row))

    def _head(
        self, call: Call, id: str, data: Mapping[str, Any], events: Sequence[Event], *, version: int, created_at: str
    ) -> Row:
        return {
            "pk": id,
            "sk": HEAD,
            "kind": self.kind,
            "schema": self.schema,
            "version": version,
            "created_at": created_at,
            "updated_at": call.stamp,
            "cause": call.cause,
            "events": [{"type": type, "data": dict(payload)} for type, payload in events],
            "data": dict(data),
            **self._indexed(data),
        }

    def _index_attributes(self, row: Row) -> list[str]:
        # `kind` is the partition of every index: without it a row is in none.
        return [name for name in {key for index in self.table.indexes for key in index.partition} if name in row]

    def _claimed(self, id: str, claims: Iterable[Claim]) -> list[Put]:
        return [Put(self.table, {"pk": claim.pk, "sk": "key", "schema": 1, "id": id}, Absent()) for claim in claims]

    def _replayed(self, call: Call, standing: Stored) -> Stored | None:
        if standing.version > 1:
            first = self._past(standing.id, 1)
            standing = Stored({**first.row, "sk": HEAD})
        if self.named and standing.row.get("origin") != call.new_id(""):
            return None
        if call.idempotency_key is not None and standing.row.get("digest") != call.digest:
            raise IdempotencyMismatch("This Idempotency-Key was used with another request; send a new key with a new request.")
        return standing


def _token(*parts: str) -> str:
    """A ClientRequestToken, at most 36 characters: equal for every try of one request, whose writes are equal byte for byte."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:36]
