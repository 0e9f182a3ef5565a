"""API keys as resources: made, rotated, revoked. A secret is shown once; its verifier changes with the key, in one transaction.

    active --rotate--> active   a new secret; the one before works until the overlap ends, any older one ends now
    active --revoke--> revoked  no secret works; final, and again changes nothing

Only an admin key may expire, only an environment's key has an environment. `slipway.keyring` publishes the verifiers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from slipway.access import ROLES
from slipway.calls import Call, timestamp
from slipway.credentials import ENTROPY_BYTES, EVERYWHERE, KINDS, Credential, is_environment, mint
from slipway.ports import Absent, ConditionFailed, Delete, Put, Row, Store, Write
from slipway.problems import Conflict, Fault, Invalid, MoveNotAllowed, PreconditionFailed
from slipway.resources import Event, Shelf, Stored
from slipway.tables import ACCESS

if TYPE_CHECKING:
    from slipway.access import Role

KeyKind = Literal["client", "server", "admin"]

NAME = 100  # characters
LONGEST_OVERLAP = 7 * 24 * 3600  # seconds
MOST_LIVE = 500  # secrets of one environment; its key file is read whole
SCHEMA = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be. `environment` for client and server keys, `role` (and `expires_at`) for admin keys."""

    name: str
    kind: KeyKind
    environment: str | None = None
    role: Role | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A key and its secret: None where an earlier try of the same request has shown it already."""

    stored: Stored
    secret: str | None
    replayed: bool = False


class Keys:
    """`entropy(n)` gives n random bytes; `upgrade` turns a row of any past schema into the newest."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes], upgrade: Callable[[Row], Row]) -> None:
        self.shelf = Shelf(store, ACCESS, kind="key", schema=SCHEMA, upgrade=upgrade)
        self._entropy = entropy

    def create(self, call: Call, wish: NewKey) -> Issued:
        """Raises Invalid, IdempotencyMismatch, Conflict where an environment has too many keys."""
        _check(call, wish)
        id = call.new_id("key_")
        environment = wish.environment or EVERYWHERE
        if standing := self.shelf.made(call, id):
            return Issued(standing, None, replayed=True)
        if len(self._live(environment)) >= MOST_LIVE:
            raise Conflict(f"{environment!r} has {MOST_LIVE} live secrets; revoke keys that are not used.")
        secret, credential = mint(environment, wish.kind, self._entropy(ENTROPY_BYTES))
        data: dict[str, Any] = {
            "name": wish.name,
            "kind": wish.kind,
            "environment": wish.environment,
            "role": wish.role,
            "status": "active",
            "expires_at": None if wish.expires_at is None else timestamp(wish.expires_at),
            "selector": credential.selector,
            "previous": None,
            "revoked_at": None,
        }
        told = [field for field in ("kind", "environment", "role", "status", "expires_at") if data[field] is not None]
        changes = [{"field": "name"}, *({"field": field, "to": data[field]} for field in told)]
        event = _event("key.created.v1", 1, data, changes)
        expires = None if wish.expires_at is None else _seconds(wish.expires_at)
        created = self.shelf.create(call, id, data, [event], also=[_verifier(id, data, credential, expires)])
        return Issued(created.stored, None if created.replayed else secret, created.replayed)

    def rotate(self, call: Call, id: str, version: int | None, overlap: int) -> Issued:
        """A new secret; the present one works for `overlap` seconds more.

        Raises NotFound, PreconditionFailed, MoveNotAllowed."""
        before = self._expected(id, version)
        if (state := status(before, call.stamp)) != "active":
            raise MoveNotAllowed(f"The key is {state}: that is final; make a new one.")
        data, ends = before.data, _seconds(call.now) + overlap
        secret, credential = mint(_environment(data), data["kind"], self._entropy(ENTROPY_BYTES))
        expires = None if data["expires_at"] is None else _seconds(datetime.fromisoformat(data["expires_at"]))
        present = self._row(data, data["selector"])
        writes: list[Write] = [_verifier(id, data, credential, expires)]
        if overlap and present is not None:
            until = ends if expires is None else min(ends, expires)
            writes.append(Put(ACCESS, {**present, "expires": until}))
            previous = {"selector": data["selector"], "expires_at": timestamp(datetime.fromtimestamp(until, UTC))}
        else:
            writes.append(Delete(ACCESS, _partition(data), data["selector"]))
            previous = None
        if data["previous"] is not None:
            writes.append(Delete(ACCESS, _partition(data), data["previous"]["selector"]))
        after = {**data, "selector": credential.selector, "previous": previous}
        event = _event("key.rotated.v1", before.version + 1, after, [{"field": "secret"}])
        return Issued(self._changed(call, before, after, event, writes), secret)

    def revoke(self, call: Call, id: str, version: int | None) -> Stored:
        """No secret of the key works any more. Raises NotFound, PreconditionFailed."""
        before = self._expected(id, version)
        data = before.data
        if data["status"] == "revoked":
            return before
        after = {**data, "status": "revoked", "previous": None, "revoked_at": call.stamp}
        selectors = [data["selector"], *([data["previous"]["selector"]] if data["previous"] else [])]
        event = _event("key.revoked.v1", before.version + 1, after, [{"field": "status", "from": "active", "to": "revoked"}])
        return self._changed(call, before, after, event, [Delete(ACCESS, _partition(data), selector) for selector in selectors])

    def last_used(self, keys: Iterable[Stored]) -> dict[str, datetime]:
        """The last day of use, its first moment, by key id; keys that were never used are left out. At most 100 keys."""
        asked = [(f"used#{_environment(stored.data)}", stored.id) for stored in keys]
        rows = self.shelf.store.get_many(ACCESS, asked) if asked else []
        return {row["sk"]: _EPOCH + timedelta(days=int(row["day"])) for row in rows}

    # --- inside ---

    def _expected(self, id: str, version: int | None) -> Stored:
        before = self.shelf.read(id)
        if version is not None and version != before.version:
            raise PreconditionFailed(
                f"The key is at version {before.version}; read it and repeat the change.", headers={"ETag": before.etag}
            )
        return before

    def _changed(self, call: Call, before: Stored, after: dict[str, Any], event: Event, also: list[Write]) -> Stored:
        try:
            return self.shelf.update(call, before, after, [event], also=also)
        except ConditionFailed:
            raise Conflict("Try again: the new secret's selector is taken.") from None

    def _live(self, environment: str) -> list[Row]:
        store, found, start = self.shelf.store, list[Row](), None
        while len(found) < MOST_LIVE:
            page = store.query(ACCESS, (f"verifiers#{environment}",), limit=MOST_LIVE, start=start)
            found += page.rows
            if (start := page.next) is None:
                break
        return found

    def _row(self, data: dict[str, Any], selector: str) -> Row | None:
        return self.shelf.store.get(ACCESS, _partition(data), selector)


def status(stored: Stored, now: str) -> Literal["active", "expired", "revoked"]:
    """Of a key at this time (RFC 3339)."""
    data = stored.data
    if data["status"] == "revoked":
        return "revoked"
    return "expired" if data["expires_at"] is not None and data["expires_at"] <= now else "active"


def prefix(stored: Stored) -> str:
    """The part of the key that may be shown: enough to recognise one in a log or a leak."""
    data = stored.data
    return Credential(_environment(data), data["kind"], data["selector"], "").prefix


def _check(call: Call, wish: NewKey) -> None:
    wrong = []
    if wish.kind not in KINDS:
        wrong.append(Fault("/kind", "not_one_of", f"One of {', '.join(KINDS)}."))
    elif wish.kind == "admin":
        if wish.environment is not None:
            wrong.append(Fault("/environment", "forbidden", "An admin key belongs to no environment; leave it out."))
        if wish.role not in ROLES:
            wrong.append(Fault("/role", "required", f"An admin key has a role: {', '.join(ROLES)}."))
    else:
        if wish.role is not None:
            wrong.append(Fault("/role", "forbidden", "Only an admin key has a role; leave it out."))
        if wish.expires_at is not None:
            wrong.append(Fault("/expires_at", "forbidden", "Only an admin key expires; leave it out."))
        if wish.environment is None:
            wrong.append(Fault("/environment", "required", "A client or server key belongs to an environment."))
        elif not is_environment(wish.environment):
            detail = "Up to 32 of a-z, 0-9 and -, a letter first; `all` is taken."
            wrong.append(Fault("/environment", "pattern", detail))
    if wish.expires_at is not None and wish.expires_at <= call.now:
        wrong.append(Fault("/expires_at", "too_small", "A key must expire in the future."))
    if wrong:
        raise Invalid("No such key can be made.", errors=wrong)


def _verifier(id: str, data: dict[str, Any], credential: Credential, expires: int | None) -> Put:
    row: Row = {"pk": _partition(data), "sk": credential.selector, "schema": SCHEMA, "key": id, "kind": data["kind"]}
    row |= {"verifier": credential.verifier, "role": data["role"]}
    return Put(ACCESS, row if expires is None else {**row, "expires": expires}, Absent())


def _environment(data: dict[str, Any]) -> str:
    return str(data["environment"] or EVERYWHERE)


def _partition(data: dict[str, Any]) -> str:
    return f"verifiers#{_environment(data)}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _event(type: str, version: int, data: dict[str, Any], changes: list[dict[str, Any]]) -> Event:
    facts = {name: data[name] for name in ("kind", "environment", "role", "status") if data[name] is not None}
    return type, {"version": version, "changes": changes, **facts}
