"""The people who may sign in: invited, given another role, removed.

A member's address stands in one row of its own (`mbr_...`/email), which goes when the member does: no version, no event and no
log has it. A claim on its SHA-256 keeps it unique. One row counts the admins, and changes in the same transaction as a member
that becomes one or is none any more: two admins who remove each other at the same moment cannot both succeed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from slipway.access import ROLES
from slipway.calls import Call
from slipway.ports import Absent, ConditionFailed, Delete, Directory, Equals, Put, Row, Store, StoreUnavailable, Write
from slipway.problems import Conflict, Fault, Invalid, KeyTaken, NotFound, Unavailable
from slipway.resources import Claim, Created, Event, Shelf, Stored
from slipway.tables import ACCESS
from slipway.upgrades import upgrade

if TYPE_CHECKING:
    from slipway.access import Role

Done = TypeVar("Done")

SCHEMA = 1
EMAIL = "email"  # sort key of the row that has the address
_ADMINS = ("members", "admins")  # the row that counts them
_TRIES = 8  # of a change that met another one of the number of admins

_LOCAL = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@({_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]")


def normalised(address: str) -> str:
    """The address without surrounding space, in lower case. Raises Invalid; never repeats it.

    The dot-atom form of RFC 5321 in ASCII: quoted local parts, address literals and unencoded domains are refused."""
    trimmed = address.strip().lower() if len(address) <= 1000 else ""
    if len(trimmed) > 254 or len(trimmed.partition("@")[0]) > 64 or not _ADDRESS.fullmatch(trimmed):
        detail = "Write an address such as ada@example.com; a domain with other letters in its xn-- form."
        raise Invalid("The e-mail address is not valid.", errors=[Fault("/email", "pattern", detail)])
    return trimmed


class Members:
    """`upgrade` turns a row of any past schema into the newest."""

    def __init__(self, store: Store, upgrade: Callable[[Row], Row]) -> None:
        self.shelf = Shelf(store, ACCESS, kind="member", schema=SCHEMA, upgrade=upgrade)

    def read(self, id: str) -> Stored:
        """A present member. Raises NotFound."""
        stored = self.shelf.read(id)
        if stored.data["status"] != "active":
            raise NotFound(f"There is no member {id!r}.")
        return stored

    def addresses(self, ids: Sequence[str]) -> dict[str, str]:
        """By id, for up to 100 ids; a removed member has none."""
        rows = self.shelf.store.get_many(ACCESS, [(id, EMAIL) for id in ids]) if ids else []
        return {row["pk"]: upgrade("address", row)["email"] for row in rows}

    def invite(self, call: Call, email: str, role: Role) -> Created:
        """A new member; the directory hears of it from the event. Raises Invalid, KeyTaken, IdempotencyMismatch."""
        address = normalised(email)
        _known(role)
        id, call = call.new_id("mbr_"), call.but(digest=_keyed(call))
        data = {"role": role, "status": "active"}
        changes = [{"field": "email"}, {"field": "role", "to": role}, {"field": "status", "to": "active"}]
        event = _event("member.invited.v1", 1, data, changes)
        written = Put(ACCESS, {"pk": id, "sk": EMAIL, "schema": SCHEMA, "email": address}, Absent())

        def attempt(call: Call) -> Created:
            counted = self._counted(1) if role == "admin" else []
            return self.shelf.create(call, id, data, [event], [_claim(address)], also=[written, *counted])

        try:
            return _persistently(call, attempt)
        except KeyTaken:
            raise KeyTaken("A member has this e-mail address already; change that member's role instead.") from None

    def give(self, call: Call, id: str, version: int | None, role: Role) -> Stored:
        """Another role; the same one again changes nothing.

        Raises NotFound, PreconditionFailed, Conflict for the last admin."""
        _known(role)

        def given(call: Call, before: Stored) -> Stored:
            present = before.data["role"]
            if present == role:
                return before
            counted = self._counted((role == "admin") - (present == "admin"))
            after = {**before.data, "role": role}
            changes = [{"field": "role", "from": present, "to": role}]
            event = _event("member.updated.v1", before.version + 1, after, changes)
            return self.shelf.update(call, before, after, [event], also=counted)

        return self._change(call, id, version, given)

    def remove(self, call: Call, id: str, version: int | None) -> Stored:
        """The member is out, and its address forgotten. Raises NotFound, PreconditionFailed, Conflict for the last admin."""

        def removed(call: Call, before: Stored) -> Stored:
            address = _address(self.shelf.store, id)
            if address is None:
                raise NotFound(f"There is no member {id!r}.")
            after = {**before.data, "status": "removed"}
            changes = [{"field": "email"}, {"field": "status", "from": "active", "to": "removed"}]
            event = _event("member.removed.v1", before.version + 1, after, changes)
            counted = self._counted(-1) if before.data["role"] == "admin" else []
            forgotten = Delete(ACCESS, id, EMAIL)
            return self.shelf.update(call, before, after, [event], release=[_claim(address)], also=[forgotten, *counted])

        return self._change(call, id, version, removed)

    # --- inside ---

    def _change(self, call: Call, id: str, version: int | None, make: Callable[[Call, Stored], Stored]) -> Stored:
        def attempt(call: Call) -> Stored:
            return self.shelf.change(lambda: self.read(id), version, lambda before: make(call, before))

        return _persistently(call, attempt)

    def _counted(self, more: int) -> list[Write]:
        """The write that keeps the number of admins. Raises Conflict where none would be left."""
        if more == 0:
            return []
        row = self.shelf.store.get(ACCESS, *_ADMINS)
        count = 0 if row is None else int(upgrade("admins", row)["count"])
        if count + more < 1:
            raise Conflict("This is the last admin: make another member admin first.")
        pk, sk = _ADMINS
        after = {"pk": pk, "sk": sk, "schema": SCHEMA, "count": count + more}
        return [Put(ACCESS, after, Absent() if row is None else Equals("count", count))]


def enrol(store: Store, directory: Directory, id: str) -> None:
    """Bring the directory up to one member's row, which alone decides: safe to repeat and in any order.

    Raises Conflict where a user that is no member's has the address, StoreUnavailable."""
    for _ in range(_TRIES):
        if (address := _address(store, id)) is None:
            directory.remove(id)
            return
        holder = directory.add(id, address)
        if holder == id:
            break
        if not holder.startswith("mbr_"):
            raise Conflict("A user of the directory that is no member's has the address: remove it there.")
        if _address(store, holder) is None:  # a removed member had the address before; we are told of that later
            directory.remove(holder)
    else:
        raise StoreUnavailable("the address goes from one member to another faster than the directory follows")
    if _address(store, id) is None:  # removed meanwhile: whoever was told of that may have come too early
        directory.remove(id)


def _address(store: Store, id: str) -> str | None:
    row = store.get(ACCESS, id, EMAIL)
    return None if row is None else str(upgrade("address", row)["email"])


def _persistently(call: Call, attempt: Callable[[Call], Done]) -> Done:
    """Another change of the number of admins may come between: read it again and decide again, as another transaction."""
    for tried in range(_TRIES):
        try:
            return attempt(call.but(nonce=f"{call.nonce}.{tried}"))
        except ConditionFailed:
            continue
    raise Unavailable("Too many members change at once; nothing was changed.")


def _known(role: str) -> None:
    if role not in ROLES:
        raise Invalid("There is no such role.", errors=[Fault("/role", "not_one_of", f"One of {', '.join(ROLES)}.")])


def _keyed(call: Call) -> str:
    """The request's digest, keyed with its Idempotency-Key, which nobody keeps: it stays when the member goes, and the digest
    alone would tell whoever guesses the address that it is right."""
    return hmac.new((call.idempotency_key or "").encode(), call.digest.encode(), hashlib.sha256).hexdigest()


def _claim(address: str) -> Claim:
    return Claim("email#" + hashlib.sha256(address.encode()).hexdigest())


def _event(type: str, version: int, data: dict[str, Any], changes: list[dict[str, Any]]) -> Event:
    return type, {"version": version, "changes": changes, "role": data["role"], "status": data["status"]}
