"""Feature flags: their use cases. What a flag answers in each environment is in `slipway.flags.configurations`.

Kept per flag (`flag#<key>`; a field that was not given is not there):

    key, type, variants (JSON text), hash, client_side, status, description, owner, tags, product, metadata (JSON text)

A flag is active or archived. An archived one keeps its key, answers nowhere, and takes no change but its restoring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from slipway import history
from slipway.calls import Call
from slipway.changes import told
from slipway.fields import EXACT
from slipway.flags import flag, jsontext, ledger
from slipway.flags.beside import Beside, create, settled, taken, update
from slipway.flags.checks import escaped, faults, in_words, wrong
from slipway.flags.environments import Environments, Known
from slipway.flags.fields import METADATA, METADATA_BYTES, VALUES_BYTES, VARIANTS
from slipway.flags.flag import FlagPatch, NewFlag
from slipway.flags.segments import Segments
from slipway.ports import Absent, Check, Store
from slipway.problems import Conflict, Fault, Invalid
from slipway.resources import HEAD, Created, Event, Shelf, Stored
from slipway.tables import FLAGS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

ANSWERED = ("type", "hash", "client_side", "variants", "metadata", "status")  # what an environment answers from


def flag_id(key: str) -> str:
    return f"flag#{key}"


class Flags:
    def __init__(self, store: Store, environments: Environments, segments: Segments) -> None:
        self.store, self.environments, self.segments = store, environments, segments
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
        data = _made(new)
        events = [_event("flag.created.v1", 1, {}, data)]
        if validate_only:
            if self.shelf.find(id):
                raise taken("flag", "key")
            (head,) = self.shelf.creating(call, id, data, events)
            return Created(Stored(head.row), False)

        def attempt(call: Call) -> Created:
            beside = [*ledger.moved([], _places(data)), *self._answers(self.environments.all(call), {}, data)]
            return create(self.shelf, call, id, data, events, beside, "key")

        return settled(call, None, attempt)

    def update(self, call: Call, key: str, version: int | None, patch: FlagPatch, *, validate_only: bool = False) -> Stored:
        """Merge the patch into that version (None: whatever stands). What changes nothing makes no version.

        Raises NotFound, PreconditionFailed, Conflict (archived), Invalid."""
        return self._change(
            call, key, version, lambda before: _patched(before.data, patch.fields()), "flag.updated.v1", validate_only
        )

    def revert(self, call: Call, key: str, version: int | None, to: int, *, validate_only: bool = False) -> Stored:
        """A new version that says what an older one said. Raises NotFound, PreconditionFailed, Conflict (archived), Invalid."""

        def reverted(before: Stored) -> Data:
            past = before if to == before.version else self.shelf.past(before.id, to)
            return {**past.data, "status": before.data["status"]}

        return self._change(call, key, version, reverted, "flag.updated.v1", validate_only)

    def archive(self, call: Call, key: str, version: int | None, *, validate_only: bool = False) -> Stored:
        """Put away; if it is already, nothing happens. Raises NotFound, PreconditionFailed, Conflict while it is needed."""
        return self._change(
            call, key, version, lambda before: {**before.data, "status": "archived"}, "flag.archived.v1", validate_only
        )

    def restore(self, call: Call, key: str, version: int | None, *, validate_only: bool = False) -> Stored:
        """Bring back; if it is active, nothing happens. Raises NotFound, PreconditionFailed, Invalid where there is no room."""
        return self._change(
            call, key, version, lambda before: {**before.data, "status": "active"}, "flag.restored.v1", validate_only
        )

    # --- inside ---

    def _change(
        self,
        call: Call,
        key: str,
        version: int | None,
        make: Callable[[Stored], Data],
        type: str,
        validate_only: bool,
    ) -> Stored:
        def attempt(call: Call) -> Stored:
            before = self.read(key)
            if version is not None and version != before.version:
                raise self.shelf.elsewhere(before)
            if type == "flag.updated.v1" and before.data["status"] == "archived":
                raise Conflict("The flag is archived; restore it first.")
            data = make(before)
            if data == before.data:
                return before
            events = [_event(type, before.version + 1, before.data, data)]
            known = self.environments.all(call)
            beside = [
                *ledger.moved(_places(before.data), _places(data)),
                *self._answers(known, before.data, data),
                *self._still_served(known, before, data),
            ]
            if validate_only:
                return self.shelf.would_be(call, before, data, events)
            return update(self.shelf, call, before, data, events, beside)

        return settled(call, version, attempt)

    def _answers(self, known: Known, before: Mapping[str, Any], after: Data) -> list[Beside]:
        """What tells every environment that it has to answer something else, and keeps their sizes."""
        if all(before.get(name) == after.get(name) for name in ANSWERED):
            return []
        more, flags = _bytes(after) - _bytes(before), _active(after) - _active(before)
        revised = [ledger.revised(name, more) for name in known.names]
        return [*revised, ledger.counted(flags, more), known.unchanged]

    def _still_served(self, known: Known, before: Stored, after: Data) -> list[Beside]:
        """Whoever refers to the flag goes on to find what it refers to. Raises Invalid, Conflict."""
        key, old = before.data["key"], before.data
        gone = jsontext.read(old["variants"]).keys() - jsontext.read(after["variants"]).keys()
        leaves = _active(old) and not _active(after)
        found: list[Beside] = []
        if gone or leaves:
            counter = ledger.count_of("flag", key)
            changes = ledger.number(self.store, counter, "changes")
            users = ledger.users(self.store, "flag", key, known.names)
            if leaves:
                ledger.refused_while_used(f"The flag {key!r}", users)
            self._check_wanted(key, users, gone)
            found.append(ledger.still(counter, "changes", changes))
        if after["variants"] != old["variants"]:
            for name in known.names:
                standing = self.configured.find(f"{before.id}#{name}")
                if standing is None:
                    found.append(Beside(Check(FLAGS, f"{before.id}#{name}", HEAD, Absent())))
                    continue
                if lost := faults(after, standing.data, self.segments.rules(standing.data["targeting"])):
                    raise wrong([Fault("/variants", "in_use", f"In {name}: {fault.detail}") for fault in lost])
                found.append(ledger.unchanged(standing))
        return found

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


def _made(new: NewFlag) -> Data:
    given = new.model_dump()
    variants, metadata = given.pop("variants"), given.pop("metadata")
    if variants is None:
        if new.type != "boolean":
            detail = "Give the flag its variants: values by name. A boolean flag alone has `on` and `off` by itself."
            raise Invalid(detail, errors=[Fault("/variants", "required", detail)])
        variants = flag.BOOLEAN
    texts = {"variants": _typed(new.type, variants), "metadata": _metadata_text(metadata)}
    return _without_empty({**given, **texts, "status": "active"})


def _patched(data: Data, fields: Mapping[str, Any]) -> Data:
    result = {**data, **{name: value for name, value in fields.items() if name not in ("variants", "metadata")}}
    if "variants" in fields:
        merged = {**jsontext.read(data["variants"]), **fields["variants"]}
        result["variants"] = _typed(data["type"], {name: value for name, value in merged.items() if value is not None})
    if "metadata" in fields:
        merged = {} if fields["metadata"] is None else {**flag.metadata(data), **fields["metadata"]}
        result["metadata"] = _metadata_text({name: value for name, value in merged.items() if value is not None})
    return _without_empty(result)


def _metadata_text(metadata: Mapping[str, Any]) -> str:
    """Empty for none. Raises Invalid where what is there and what comes are too much together."""
    if not metadata:
        return ""
    text = jsontext.written(metadata)
    if len(metadata) > METADATA or len(text.encode()) > METADATA_BYTES:
        detail = f"A flag has at most {METADATA} names of metadata, and {METADATA_BYTES:,} bytes of it."
        raise Invalid(detail, errors=[Fault("/metadata", "too_large", detail)])
    return text


_KINDS: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "string": (str,),
    "integer": (int, float),
    "float": (int, float),
    "object": (dict,),
}


def _typed(type: str, variants: Mapping[str, Any]) -> str:
    """The text that is kept: integers without a fraction, floats with one. Raises Invalid."""
    faults, found = [], {}
    for name, value in variants.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = isinstance(value, _KINDS[type]) and (number or type not in ("integer", "float"))
        if not fits or (type == "integer" and value != int(value)):
            pointer = f"/variants/{escaped(name)}"
            faults.append(Fault(pointer, "mixed_types", f"Every variant of this flag is of the type {type}."))
        elif type == "integer" and abs(value) > EXACT:
            detail = "A variant of an integer flag is at most 2^53 - 1; a float flag has larger numbers."
            faults.append(Fault(f"/variants/{escaped(name)}", "out_of_range", detail))
        elif number:
            found[name] = int(value) if type == "integer" else float(value)
        else:
            found[name] = value
    if faults:
        raise wrong(faults)
    text = jsontext.written(found)
    if not found or len(found) > VARIANTS:
        detail = f"A flag has 1 to {VARIANTS} variants; with this there would be {len(found)}."
        raise Invalid(detail, errors=[Fault("/variants", "too_long" if found else "too_short", detail)])
    if len(text.encode()) > VALUES_BYTES:
        detail = f"The variants take {len(text.encode()):,} bytes of {VALUES_BYTES:,} at most."
        raise Invalid(detail, errors=[Fault("/variants", "too_large", detail)])
    return text


def _without_empty(data: Data) -> Data:
    return {name: value for name, value in data.items() if value not in (None, "", [])}


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


def _event(type: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts = {name: after[name] for name in ("key", "type", "status")}
    return type, facts | {"version": version, "changes": [told(change, flag.TOLD) for change in flag.changes(before, after)]}
