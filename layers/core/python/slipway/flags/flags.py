"""Feature flags: their use cases. What a flag answers in each environment is in `slipway.flags.configurations`.

Kept per flag (`flag#<key>`; a field that was not given is not there):

    key, type, variants (JSON text), hash, client_side, status, description, owner, tags, product, metadata (JSON text),
    reason (of this version, where one was given), ended (rollouts that this version has ended: [{environment, id}])

A flag is active or archived. An archived one keeps its key, answers nowhere, and takes no change but its restoring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from slipway import history
from slipway.calls import Call
from slipway.flags import configuration, flag, jsontext, kept, ledger, needs, protection
from slipway.flags.beside import Beside, create, settled
from slipway.flags.checks import faults, in_words, wrong
from slipway.flags.environments import Environments, Known
from slipway.flags.flag import FlagPatch, NewFlag
from slipway.flags.protection import Plan, reasoned
from slipway.flags.segments import Segments
from slipway.ports import Absent, Check, Store
from slipway.problems import Conflict, Fault, Invalid
from slipway.resources import HEAD, Claim, Created, Event, Shelf, Stored
from slipway.rollouts import rollout
from slipway.tables import FLAGS, PRODUCTS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

_MOVED = {"archived": "flag.archived.v1", "active": "flag.restored.v1"}


def flag_id(key: str) -> str:
    return f"flag#{key}"


class Flags:
    def __init__(self, store: Store, environments: Environments, segments: Segments, *, products: bool = False) -> None:
        self.store, self.environments, self.segments, self.products = store, environments, segments, products
        self.shelf = Shelf(store, FLAGS, kind="flag", schema=newest("flag"), upgrade=upgrader("flag"), named=True)
        self.configured = Shelf(
            store, FLAGS, kind="configuration", schema=newest("configuration"), upgrade=upgrader("configuration")
        )

    # --- reads ---

    def read(self, key: str) -> Stored:
        """Raises NotFound."""
        return self.shelf.read(flag_id(key))

    def at(self, call: Call, key: str, moment: datetime) -> Stored:
        """The version that was in force. Raises NotFound before the creation, Invalid in the future."""
        return history.at(self.shelf, call, self.read(key), moment)

    def versions(self, key: str, *, below: int | None, limit: int) -> tuple[list[history.Version], int | None]:
        """Newest first. Raises NotFound."""
        return history.versions(self.shelf, flag_id(key), flag.changes, below=below, limit=limit)

    # --- writes ---

    def create(self, call: Call, new: NewFlag, *, validate_only: bool = False) -> Created:
        """Version 1, off everywhere. Raises Invalid, KeyTaken, IdempotencyMismatch."""
        id = flag_id(new.key)
        if standing := self.shelf.made(call, id):
            return Created(standing, call.idempotency_key is not None)
        data = kept.made(new)
        self._check_product(data)
        events = [_event("flag.created.v1", 1, {}, data)]

        def attempt(call: Call) -> Created:
            beside = [*ledger.moved([], _places(data)), *self._answers(self.environments.all(call), {}, data)]
            return create(self.shelf, call, id, data, events, beside, "key", validate_only=validate_only)

        return settled(call, None, attempt)

    def update(self, call: Call, key: str, version: int | None, patch: FlagPatch, *, validate_only: bool = False) -> Stored:
        """Merge the patch into that version (None: whatever stands). What changes nothing makes no version.

        Raises NotFound, PreconditionFailed, Conflict (archived, or it takes a second person), Invalid."""
        return self.change(call, key, version, patch.fields(), patch.reason, validate_only=validate_only)

    def revert(
        self, call: Call, key: str, version: int | None, to: int, reason: str | None = None, *, validate_only: bool = False
    ) -> Stored:
        """A new version that says what an older one said, but for its hash. Raises what `update` does."""
        return self.change(call, key, version, {"revert_to": to}, reason, validate_only=validate_only)

    def archive(
        self, call: Call, key: str, version: int | None, reason: str | None = None, *, validate_only: bool = False
    ) -> Stored:
        """Put away; if it is already, nothing happens. Raises what `update` does, and Conflict while it is needed."""
        change = {"status": "archived"}
        return self.change(call, key, version, change, reason, validate_only=validate_only, pointer="/query/reason")

    def restore(
        self, call: Call, key: str, version: int | None, reason: str | None = None, *, validate_only: bool = False
    ) -> Stored:
        """Bring back; if it is active, nothing happens. Raises what `update` does, Conflict where what it needs has gone, and
        Invalid where there is no room."""
        change = {"status": "active"}
        return self.change(call, key, version, change, reason, validate_only=validate_only, pointer="/query/reason")

    def change(
        self,
        call: Call,
        key: str,
        version: int | None,
        change: Mapping[str, Any],
        reason: str | None,
        *,
        validate_only: bool = False,
        pointer: str = "/reason",
    ) -> Stored:
        """`change`: the fields of a FlagChange; `pointer`: where the reason would stand. Raises what `planned` does, and
        Conflict and Invalid where a protected environment asks for more."""

        return protection.made(
            call,
            version,
            lambda call: self.planned(call, key, version, change, reason),
            reason,
            validate_only=validate_only,
            pointer=pointer,
        )

    def planned(self, call: Call, key: str, version: int | None, change: Mapping[str, Any], reason: str | None) -> Plan:
        """What a change would be, looked at from all sides; nothing is written.

        Raises NotFound, PreconditionFailed, Conflict (archived, or needed), Invalid."""
        before = self.read(key)
        if version is not None and version != before.version:
            raise self.shelf.elsewhere(before)
        data = reasoned(self._changed(before, change), reason)
        if data.get("product") != before.data.get("product") and "product" in change:
            self._check_product(data)
        if reasoned(before.data, reason) == data:
            return Plan(self.shelf, before, before, [], [], [])
        type = _MOVED[data["status"]] if data["status"] != before.data["status"] else "flag.updated.v1"
        events = [_event(type, before.version + 1, before.data, data)]
        beside = ledger.moved(_places(before.data), _places(data))
        touched: list[Stored] = []
        if protection.counts("flag", before.data, data):
            known = self.environments.all(call)
            changes = ledger.number(self.store, ledger.CONTENTS, "changes")
            served, alone = self._still_served(known, before, data)
            fits = data["variants"] != before.data["variants"] or _active(data) > _active(before.data)
            beside += [*self._answers(known, before.data, data, changes if alone or fits else None), *served]
            standing = self._configured(known, before)
            touched = [place for place, one in standing if one is not None and one.data["enabled"]]
            ending = [one for _, one in standing if one is not None and _ends(before.data, data, one.data)]
            data |= {"ended": [_named(one.data) for one in ending]} if ending else {}
            beside += [part for place, one in standing for part in self._beside(call, before, place, one, ending)]
            _check_room(beside, ending)
            if fits:
                self._check_fits(data, standing)
        return Plan(self.shelf, before, self.shelf.would_be(call, before, data, events), events, beside, touched)

    # --- inside ---

    def _check_product(self, data: Data) -> None:
        """Raises Invalid for a product that there is not; one that is archived later, or gets another key, stays named."""
        if self.products and "product" in data and self.store.get(PRODUCTS, Claim(data["product"]).pk, "key") is None:
            detail = f"There is no product with the key {data['product']!r}."
            raise Invalid(detail, errors=[Fault("/product", "unknown_product", detail)])

    def _changed(self, before: Stored, change: Mapping[str, Any]) -> Data:
        """Raises Conflict (archived), Invalid, NotFound (no such version)."""
        alone = [name for name in ("hash", "status", "revert_to") if name in change]
        if alone and len(change) > 1:
            detail = f"Change the {alone[0]} alone, and everything else by a change of its own."
            raise Invalid(detail, errors=[Fault(f"/{alone[0]}", "one_change", detail)])
        if "status" in change:
            return {**before.data, "status": change["status"]}
        if before.data["status"] == "archived":
            raise Conflict("The flag is archived; restore it first.")
        if "revert_to" in change:
            to = change["revert_to"]
            past = before if to == before.version else self.shelf.past(before.id, to)
            return {**past.data, **{name: before.data[name] for name in ("status", "hash")}}
        return kept.patched(before.data, change)

    def _answers(self, known: Known, before: Mapping[str, Any], after: Data, changes: int | None = None) -> list[Beside]:
        """What tells every environment that it has to answer something else, and keeps their sizes. `changes`: of the
        catalogue, where no other flag may have changed since."""
        more, flags = _bytes(after) - _bytes(before), _active(after) - _active(before)
        revised = [ledger.revised(name, more) for name in known.names]
        return [*revised, ledger.counted(flags, more, changes), known.unchanged]

    def _still_served(self, known: Known, before: Stored, after: Data) -> tuple[list[Beside], bool]:
        """Whoever refers to the flag, and the flag itself, go on to find what they refer to; and whether that holds only while
        no other flag is archived or restored. Raises Invalid, Conflict."""
        if _active(after) and not _active(before.data):
            return needs.restored(self.store, self.shelf, self.configured, known.names, before.data["key"]), True
        key, old = before.data["key"], before.data
        gone = jsontext.read(old["variants"]).keys() - jsontext.read(after["variants"]).keys()
        leaves = _active(old) and not _active(after)
        if not gone and not leaves:
            return [], False
        counter = ledger.count_of("flag", key)
        changes = ledger.number(self.store, counter, "changes")
        named = ledger.users(self.store, "flag", key, known.names)
        users = ledger.in_force(self.store, named)
        if leaves:
            ledger.refused_while_used(f"The flag {key!r}", users)
        self._check_wanted(key, users, gone)
        return [ledger.still(counter, "changes", changes)], len(users) < len(named)

    def _configured(self, known: Known, flag: Stored) -> list[tuple[Stored, Stored | None]]:
        """Every environment with the flag's configuration in it, None where nobody has touched it."""
        found = {
            one.data["environment"]: one for one in self.configured.read_all([f"{flag.id}#{name}" for name in known.names])
        }
        return [(place, found.get(place.data["name"])) for place in known.each]

    def _beside(self, call: Call, before: Stored, place: Stored, one: Stored | None, ending: Sequence[Stored]) -> list[Beside]:
        """The flag's configuration stays as it is; but a rollout that runs there may end."""
        if one is None or one not in ending:
            return [_as_it_was(f"{before.id}#{place.data['name']}", one)]
        plain = configuration.alone(reasoned(one.data, None), one.data["rollout"])
        writes, _token = self.configured.updating(call, one, plain, [configuration.event(one, plain)])
        return [*map(Beside, writes), *rollout.ended(self.store, call, one, "the flag")]

    def _check_fits(self, data: Data, standing: list[tuple[Stored, Stored | None]]) -> None:
        """Raises Invalid where a configuration would not be valid any more."""
        for place, one in standing:
            if one is not None and (lost := faults(data, one.data, self.segments.rules(one.data["targeting"]))):
                name = place.data["name"]
                raise wrong([Fault("/variants", "in_use", f"In {name}: {fault.detail}") for fault in lost])

    def _check_wanted(self, key: str, users: list[tuple[str, str]], gone: set[str]) -> None:
        """Raises Conflict where another flag waits for a variant that goes."""
        for first in range(0, len(users), 100):
            ids = [f"{flag_id(user)}#{environment}" for user, environment in users[first : first + 100]]
            waiting = [
                (stored.data["flag"], stored.data["environment"])
                for stored in self.configured.read_all(ids)
                for wanted in stored.data["prerequisites"]
                if wanted["flag"] == key and gone.intersection(wanted["variants"])
            ]
            ledger.refused_while_used(f"A variant of {key!r} that would go ({in_words(sorted(gone))})", waiting)


_SHOWN = ("variants", "hash", "status")  # what a rollout shows, and to whom
_ROOM = 90  # rows beside the flag's own: of 100 in a transaction, less than what a change request and a schedule add


def _ends(before: Data, after: Data, configuration: Data) -> bool:
    """Whether a rollout runs there, and what it shows changes."""
    return "rollout" in configuration and any(before[name] != after[name] for name in _SHOWN)


def _named(configuration: Data) -> Data:
    return {"environment": configuration["environment"], "id": configuration["rollout"]["id"]}


def _check_room(beside: Sequence[Beside], ending: Sequence[Stored]) -> None:
    if len(beside) > _ROOM:
        where = in_words([one.data["environment"] for one in ending])
        raise Conflict(f"This would end {len(ending)} rollouts at once ({where}): stop some of them first.")


def _active(data: Mapping[str, Any]) -> bool:
    return data.get("status") == "active"


def _bytes(data: Mapping[str, Any]) -> int:
    """What an environment has of the flag, whatever its configuration; 200 for the names and marks around it."""
    own = data["key"] + data["variants"] + data.get("metadata", "") if _active(data) else ""
    return 200 + len(own.encode()) if own else 0


def _places(data: Data) -> list[ledger.Place]:
    """The lists that the flag is in."""
    if not _active(data):
        return [(ledger.ARCHIVED, data["key"])]
    lists = [ledger.ACTIVE, *(f"list#tag#{tag}" for tag in data.get("tags", []))]
    lists += [f"list#{field}#{data[field]}" for field in ("owner", "product") if field in data]
    return [(name, data["key"]) for name in lists]


def _as_it_was(id: str, configuration: Stored | None) -> Beside:
    return Beside(Check(FLAGS, id, HEAD, Absent())) if configuration is None else ledger.unchanged(configuration)


def _event(type: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts = {name: after[name] for name in ("key", "type", "status")}
    return type, facts | {"version": version, "changes": protection.told(flag.changes(before, after), after, flag.TOLD)}
