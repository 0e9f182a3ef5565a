"""Segments: rules that flags share (`{"$ref": "<key>"}` in a targeting), flagd's `$evaluators`.

Kept per segment (`segment#<key>`): key, targeting (JSON text), description, status, reason (of this version, where one was
given)

Every environment has all of them. One that is in use cannot be deleted; the key of a deleted one never comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from slipway import history
from slipway.calls import Call
from slipway.changes import differences
from slipway.fields import Description
from slipway.flags import jsontext, ledger, protection, users
from slipway.flags.beside import Beside, create, settled, update
from slipway.flags.checks import CONFIGURATION_BYTES, references, wrong
from slipway.flags.environments import Environments, Known
from slipway.flags.fields import Key, Reason, Rule
from slipway.flags.protection import Plan, reasoned
from slipway.flags.rules import evaluator_faults
from slipway.ports import Store
from slipway.problems import Fault, NotFound
from slipway.resources import Created, Event, Shelf, Stored
from slipway.shape import Shape, absent
from slipway.tables import FLAGS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

FIELDS = ("key", "description", "targeting", "status", "reason")
TOLD = ("key", "status")


class NewSegment(Shape):
    key: Key
    targeting: Rule = Field(description="JsonLogic with flagd's operators; it uses no other segment")
    description: Description | None = None


class SegmentPatch(Shape):
    """A merge patch; the rule is replaced as a whole."""

    targeting: Rule = Field(default_factory=absent)
    description: Description | None = Field(default_factory=absent)
    reason: Reason | None = Field(
        default_factory=absent, description="of this change; a protected environment that uses the segment asks for it"
    )

    def fields(self) -> dict[str, Any]:
        """The fields that it names, as plain values; the reason is not of the segment."""
        return self.model_dump(exclude_unset=True, exclude={"reason"})


class SegmentView(Shape):
    key: str
    description: str | None
    targeting: dict[str, Any]
    reason: str | None = Field(description="that was given for this version")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


class UseView(Shape):
    flag: str
    environment: str


class UsesView(Shape):
    count: int
    items: list[UseView]


def view(stored: Stored) -> dict[str, Any]:
    """One version of a segment as it is answered: a SegmentView."""
    data = stored.data
    return {
        "key": data["key"],
        "description": data.get("description"),
        "targeting": jsontext.read(data["targeting"]),
        "reason": data.get("reason"),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return differences(_plain(before), _plain(after), FIELDS)


class Segments:
    def __init__(self, store: Store, environments: Environments) -> None:
        self.store, self.environments = store, environments
        self.shelf = Shelf(store, FLAGS, kind="segment", schema=newest("segment"), upgrade=upgrader("segment"), named=True)

    def read(self, key: str) -> Stored:
        """Raises NotFound."""
        stored = self.shelf.read(segment_id(key))
        if stored.data["status"] == "deleted":
            raise NotFound(f"There is no segment {key!r}.")
        return stored

    def standing(self, keys: Iterable[str]) -> list[Stored]:
        """Those of these segments that there are; at most 100."""
        found = self.shelf.read_all([segment_id(key) for key in keys])
        return [stored for stored in found if stored.data["status"] != "deleted"]

    def rules(self, targeting: str | None) -> dict[str, Any]:
        """By key, those that this rule (JSON text) refers to, as far as there are such."""
        found = self.standing(references(jsontext.read(targeting or "null")))
        return {stored.data["key"]: jsontext.read(stored.data["targeting"]) for stored in found}

    def uses(self, call: Call, key: str) -> list[tuple[str, str]]:
        """Every (flag, environment) that uses it, in order. Raises NotFound."""
        self.read(key)
        return ledger.users(self.store, "segment", key, self.environments.all(call).names)

    def versions(self, key: str, *, below: int | None, limit: int) -> tuple[list[history.Version], int | None]:
        """Newest first. Raises NotFound."""
        return history.versions(self.shelf, segment_id(key), changes, below=below, limit=limit)

    def create(self, call: Call, new: NewSegment, *, validate_only: bool = False) -> Created:
        """Raises Invalid, KeyTaken, IdempotencyMismatch."""
        id = segment_id(new.key)
        if standing := self.shelf.made(call, id):
            return Created(standing, call.idempotency_key is not None)
        data = _kept({**new.model_dump(), "status": "active"})
        events = [_event("segment.created.v1", 1, {}, data)]

        def attempt(call: Call) -> Created:
            place = ledger.moved([], [(ledger.SEGMENTS, new.key)])
            beside = [*place, *_answers(self.environments.all(call), _bytes(data))]
            return create(self.shelf, call, id, data, events, beside, "key", validate_only=validate_only)

        return settled(call, None, attempt)

    def update(self, call: Call, key: str, version: int | None, patch: SegmentPatch, *, validate_only: bool = False) -> Stored:
        """What changes nothing makes no version.

        Raises NotFound, PreconditionFailed, Invalid, Conflict where it takes a second person."""

        return self.change(call, key, version, patch.fields(), patch.reason, validate_only=validate_only)

    def change(
        self,
        call: Call,
        key: str,
        version: int | None,
        change: Mapping[str, Any],
        reason: str | None,
        *,
        validate_only: bool = False,
    ) -> Stored:
        """`update`, with the fields of a SegmentPatch."""

        return protection.made(
            call, version, lambda call: self.planned(call, key, version, change, reason), reason, validate_only=validate_only
        )

    def planned(self, call: Call, key: str, version: int | None, change: Mapping[str, Any], reason: str | None) -> Plan:
        """What a change would be, looked at from all sides; nothing is written. `change`: the fields of a SegmentPatch.

        Raises NotFound, PreconditionFailed, Invalid, also where what uses it would not be valid any more."""
        before = self._wanted(key, version)
        data = reasoned(_kept({**before.data, **change}), reason)
        if reasoned(before.data, reason) == data:
            return Plan(self.shelf, before, before, [], [], [])
        events = [_event("segment.updated.v1", before.version + 1, before.data, data)]
        after = self.shelf.would_be(call, before, data, events)
        beside, touched = list[Beside](), list[Stored]()
        if protection.counts("segment", before.data, data):
            known, counter = self.environments.all(call), ledger.count_of("segment", key)
            # Neither a use nor a flag may come or change between the looking and the writing.
            uses, contents = (ledger.number(self.store, place, "changes") for place in (counter, ledger.CONTENTS))
            named = ledger.users(self.store, "segment", key, known.names)
            users.check(self.store, before.row, after.row, named)
            used = {environment for _, environment in named}
            touched = [place for place in known.each if place.data["name"] in used]
            more = _bytes(data) - _bytes(before.data)
            beside = [*_answers(known, more, contents), ledger.still(counter, "changes", uses)]
        return Plan(self.shelf, before, after, events, beside, touched)

    def delete(self, call: Call, key: str, version: int | None, *, validate_only: bool = False) -> Stored:
        """For good. Raises NotFound, PreconditionFailed, Conflict while it is in use."""

        def attempt(call: Call) -> Stored:
            before, known = self._wanted(key, version), self.environments.all(call)
            counter = ledger.count_of("segment", key)
            changes = ledger.number(self.store, counter, "changes")
            ledger.refused_while_used(f"The segment {key!r}", ledger.users(self.store, "segment", key, known.names))
            data = reasoned({**before.data, "status": "deleted"}, None)
            beside = [
                ledger.still(counter, "changes", changes),
                *ledger.moved([(ledger.SEGMENTS, key)], []),
                *_answers(known, -_bytes(before.data)),
            ]
            events = [_event("segment.deleted.v1", before.version + 1, before.data, data)]
            return update(self.shelf, call, before, data, events, beside, validate_only=validate_only)

        return settled(call, version, attempt)

    def _wanted(self, key: str, version: int | None) -> Stored:
        before = self.read(key)
        if version is not None and version != before.version:
            raise self.shelf.elsewhere(before)
        return before


def segment_id(key: str) -> str:
    return f"segment#{key}"


def _answers(known: Known, more: int, contents: int | None = None) -> list[Beside]:
    return [*(ledger.revised(name, more) for name in known.names), ledger.counted(0, more, contents), known.unchanged]


def _kept(data: Data) -> Data:
    """The data as they stand in the row. Raises Invalid for a rule that is none."""
    rule = data["targeting"] if isinstance(data["targeting"], dict) else jsontext.read(data["targeting"])
    text = jsontext.written(rule)
    if len(text.encode()) > CONFIGURATION_BYTES:
        detail = f"The rule takes {len(text.encode()):,} bytes of {CONFIGURATION_BYTES:,} at most."
        raise wrong([Fault("/targeting", "too_large", detail)])
    if found := evaluator_faults(rule, "/targeting"):
        raise wrong(found)
    return {name: value for name, value in {**data, "targeting": text}.items() if value not in (None, "")}


def _bytes(data: Mapping[str, Any]) -> int:
    return 20 + len(data["key"]) + len(data["targeting"].encode())


def _plain(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, "targeting": jsontext.read(data["targeting"])} if data else data


def _event(type: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts = {name: after[name] for name in ("key", "status")}
    return type, facts | {"version": version, "changes": protection.told(changes(before, after), after, TOLD)}
