"""Environments as data: where flags are answered, and what is asked of those who change them there.

Kept per environment (`environment#<name>`): name, description, protected, approval, status, reason (of this version, where one
was given)

`protected`: a change of what it serves gives its reason. `approval`: it takes a second person. So does taking these two away.
The first three are put there by whoever first asks. The name of a deleted one never comes back: keys, histories and what needed
flags in it go on meaning what they meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field, StrictBool

from slipway import history
from slipway.access import SYSTEM
from slipway.calls import Call
from slipway.changes import differences
from slipway.fields import Description, EnvironmentName
from slipway.flags import ledger, protection
from slipway.flags.beside import Beside, create, settled, update
from slipway.flags.fields import Reason
from slipway.flags.protection import Plan, reasoned
from slipway.ports import Absent, ConditionFailed, Equals, Put, Store, Update
from slipway.problems import Conflict, Fault, NotFound
from slipway.resources import Created, Event, Shelf, Stored
from slipway.shape import Shape, absent
from slipway.tables import FLAGS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

FIRST: tuple[Data, ...] = (
    {"name": "development", "protected": False, "approval": False, "status": "active"},
    {"name": "production", "protected": True, "approval": False, "status": "active"},
    {"name": "staging", "protected": False, "approval": False, "status": "active"},
)
FIELDS = ("name", "description", "protected", "approval", "status", "reason")
TOLD = ("name", "protected", "approval", "status")


class NewEnvironment(Shape):
    name: Annotated[EnvironmentName, Field(examples=["preview"])]
    description: Description | None = None
    protected: StrictBool = Field(default=False, description="whether a change of what it serves has to give its reason")
    approval: StrictBool = Field(default=False, description="whether a change of what it serves takes a second person")


class EnvironmentPatch(Shape):
    """A merge patch."""

    description: Description | None = Field(default_factory=absent)
    protected: StrictBool = Field(default_factory=absent)
    approval: StrictBool = Field(default_factory=absent)
    reason: Reason | None = Field(default_factory=absent, description="of this change; taking protection away has to give it")

    def fields(self) -> dict[str, Any]:
        """The fields that it names, as plain values; the reason is not of the environment."""
        return self.model_dump(exclude_unset=True, exclude={"reason"})


class EnvironmentView(Shape):
    name: str
    description: str | None
    protected: bool
    approval: bool
    reason: str | None = Field(description="that was given for this version")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


def view(stored: Stored) -> dict[str, Any]:
    """One version of an environment as it is answered: an EnvironmentView."""
    data = stored.data
    return {
        "name": data["name"],
        "description": data.get("description"),
        "protected": data["protected"],
        "approval": data["approval"],
        "reason": data.get("reason"),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return differences(before, after, FIELDS)


class Known(NamedTuple):
    """The environments that there are, by name, and the number of their set: a change of their protection counts, too."""

    each: list[Stored]
    number: int

    @property
    def names(self) -> list[str]:
        return [stored.data["name"] for stored in self.each]

    @property
    def unchanged(self) -> Beside:
        return ledger.still(ledger.ENVIRONMENT_SET, "version", self.number)


class Environments:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.shelf = Shelf(
            store, FLAGS, kind="environment", schema=newest("environment"), upgrade=upgrader("environment"), named=True
        )

    def all(self, call: Call) -> Known:
        """Those that there are; the first three are made where nobody asked before."""
        number = ledger.number(self.store, ledger.ENVIRONMENT_SET, "version")
        if number == 0:
            self._seed(call)
            number = ledger.number(self.store, ledger.ENVIRONMENT_SET, "version")
        names = [row["sk"] for row in self.store.query(FLAGS, (ledger.ENVIRONMENTS,)).rows]
        return Known(self.shelf.read_all([_id(name) for name in names]), number)

    def read(self, call: Call, name: str) -> Stored:
        """Raises NotFound."""
        stored = self.shelf.find(_id(name))
        if stored is None and _is_first(name):
            self.all(call)
            stored = self.shelf.find(_id(name))
        if stored is None or stored.data["status"] == "deleted":
            raise NotFound(f"There is no environment {name!r}.")
        return stored

    def check(self, name: str, *, ever: bool = False) -> None:
        """For who makes none: the first three are there before anybody asked. `ever`: one that was deleted will do.

        Raises NotFound."""
        stored = self.shelf.find(_id(name))
        if stored.data["status"] == "deleted" and not ever if stored is not None else not _is_first(name):
            raise NotFound(f"There is no environment {name!r}.")

    def faults(self, name: str, pointer: str, *, ever: bool = False) -> list[Fault]:
        """The same, for who collects what is wrong."""
        try:
            self.check(name, ever=ever)
        except NotFound as missing:
            return [Fault(pointer, "unknown_environment", missing.detail)]
        return []

    def create(self, call: Call, new: NewEnvironment, *, validate_only: bool = False) -> Created:
        """Every flag is off in it. Raises Invalid, KeyTaken, IdempotencyMismatch."""
        id = _id(new.name)
        if standing := self.shelf.made(call, id):
            return Created(standing, call.idempotency_key is not None)
        data = _without_empty({**new.model_dump(), "status": "active"})
        events = [_event("environment.created.v1", 1, {}, data)]

        def attempt(call: Call) -> Created:
            known = self.all(call)
            if len(known.each) >= ledger.MOST_ENVIRONMENTS:
                raise Conflict(f"There are {len(known.each)} environments, and no more can be; delete one that is not needed.")
            changes = ledger.number(self.store, ledger.CONTENTS, "changes")
            size = ledger.number(self.store, ledger.CONTENTS, "bytes")
            beside = [
                *ledger.moved([], [(ledger.ENVIRONMENTS, new.name)]),
                Beside(Put(FLAGS, _revision(new.name, size), Absent())),
                ledger.advanced(ledger.ENVIRONMENT_SET, known.number),
                ledger.still(ledger.CONTENTS, "changes", changes),
            ]
            return create(self.shelf, call, id, data, events, beside, "name", validate_only=validate_only)

        return settled(call, None, attempt)

    def versions(self, call: Call, name: str, *, below: int | None, limit: int) -> tuple[list[history.Version], int | None]:
        """Newest first. Raises NotFound."""
        if self.shelf.find(_id(name)) is None:
            self.read(call, name)  # one of the first three may not be made yet
        return history.versions(self.shelf, _id(name), changes, below=below, limit=limit)

    def update(
        self, call: Call, name: str, version: int | None, patch: EnvironmentPatch, *, validate_only: bool = False
    ) -> Stored:
        """What changes nothing makes no version.

        Raises NotFound, PreconditionFailed; Invalid and Conflict where protection is taken away."""

        return protection.made(
            call,
            version,
            lambda call: self.planned(call, name, version, patch.fields(), patch.reason),
            patch.reason,
            validate_only=validate_only,
        )

    def planned(self, call: Call, name: str, version: int | None, change: Mapping[str, Any], reason: str | None) -> Plan:
        """What a change would be; nothing is written. `change`: the fields of an EnvironmentPatch.

        Raises NotFound, PreconditionFailed."""
        before, number = self.read(call, name), ledger.number(self.store, ledger.ENVIRONMENT_SET, "version")
        if version is not None and version != before.version:
            raise self.shelf.elsewhere(before)
        data = reasoned(_without_empty({**before.data, **change}), reason)
        if reasoned(before.data, reason) == data:
            return Plan(self.shelf, before, before, [], [], [])
        events = [_event("environment.updated.v1", before.version + 1, before.data, data)]
        # Whoever changes what environments serve relies on the number: who has to agree may not change meanwhile.
        beside = (
            [ledger.advanced(ledger.ENVIRONMENT_SET, number)] if protection.counts("environment", before.data, data) else []
        )
        less = any(before.data[name] and not data[name] for name in ("protected", "approval"))
        after = self.shelf.would_be(call, before, data, events)
        return Plan(self.shelf, before, after, events, beside, [before] if less else [])

    def delete(
        self, call: Call, name: str, version: int | None, reason: str | None = None, *, validate_only: bool = False
    ) -> Stored:
        """For good. Raises NotFound, PreconditionFailed, Invalid where it is protected and no reason is given, Conflict for the
        last one, while a flag is on in it, and while a change in it takes a second person."""

        def attempt(call: Call) -> Stored:
            before, known = self.read(call, name), self.all(call)
            if version is not None and version != before.version:
                raise self.shelf.elsewhere(before)
            if len(known.each) == 1:
                raise Conflict("This is the last environment: make another one first.")
            revision = ledger.number(self.store, (f"revision#{name}", "revision"), "revision")
            on = self.store.query(FLAGS, (ledger.switched_on(name),), limit=5).rows
            if on:
                raise Conflict(f"Flags are on in {name!r}: switch off {', '.join(row['sk'] for row in on)} first.")
            if before.data["approval"]:
                detail = f"A change in {name!r} takes a second person: have `approval` taken away first, by a change request."
                raise Conflict(detail, errors=[Fault("", "approval_needed", detail)])
            protection.check([before], reason, "/query/reason")
            data = reasoned({**before.data, "status": "deleted"}, reason)
            same = Equals("revision", revision)
            beside = [
                *ledger.moved([(ledger.ENVIRONMENTS, name)], []),
                Beside(Update(FLAGS, f"revision#{name}", "revision", add={"revision": 1}, condition=same)),
                ledger.advanced(ledger.ENVIRONMENT_SET, known.number),
            ]
            events = [_event("environment.deleted.v1", before.version + 1, before.data, data)]
            return update(self.shelf, call, before, data, events, beside, validate_only=validate_only)

        return settled(call, version, attempt)

    def _seed(self, call: Call) -> None:
        """All three or none; somebody else may have been faster."""
        call = call.but(principal=SYSTEM, operation="environments.seed", idempotency_key=None)
        writes: list[Any] = [
            Put(FLAGS, {"pk": pk, "sk": sk, "schema": 1, "version": 1}, Absent()) for pk, sk in [ledger.ENVIRONMENT_SET]
        ]
        for data in FIRST:
            name = data["name"]
            writes += self.shelf.creating(call, _id(name), data, [_event("environment.created.v1", 1, {}, data)])
            writes += [one.write for one in ledger.moved([], [(ledger.ENVIRONMENTS, name)])]
            writes.append(Put(FLAGS, _revision(name, 0), Absent()))
        try:
            self.store.transact(writes, call.new_id("seed_"))
        except ConditionFailed:
            return


def _is_first(name: str) -> bool:
    return any(name == first["name"] for first in FIRST)


def _id(name: str) -> str:
    return f"environment#{name}"


def _revision(name: str, size: int) -> Data:
    return {"pk": f"revision#{name}", "sk": "revision", "schema": 1, "revision": 1, "bytes": size}


def _without_empty(data: Data) -> Data:
    return {name: value for name, value in data.items() if value not in (None, "")}


def _event(type: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts = {name: after[name] for name in ("name", "protected", "approval", "status")}
    return type, facts | {"version": version, "changes": protection.told(changes(before, after), after, TOLD)}
