"""API keys as resources: made, rotated, revoked. A secret is shown once; its verifier changes with the key, in one transaction.

    active --rotate--> active   a new secret; the one before works until the overlap ends, and any older one until its own does:
                                whoever rotates again, because an answer was lost, ends nothing that is in use.
                                Without an overlap all of them end now
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
from slipway.credentials import ENTROPY_BYTES, EVERYWHERE, KINDS, Credential, mint
from slipway.environments import is_environment
from slipway.people import person
from slipway.ports import Absent, ConditionFailed, Delete, Put, Row, Store, Write
from slipway.problems import Conflict, Fault, Invalid, MoveNotAllowed
from slipway.resources import Event, Shelf, Stored
from slipway.tables import ACCESS
from slipway.upgrades import upgrade

if TYPE_CHECKING:
    from slipway.access import Role

KeyKind = Literal["client", "server", "admin"]

NAME = 100  # characters
LONGEST_OVERLAP = 7 * 24 * 3600  # seconds
MOST_EARLIER = 4  # secrets of one key in their overlap
# Secrets of one environment, those in their overlap too: its key file is read whole. Counted before a secret is added, so that
# those added at the same moment may exceed it by their number.
MOST_LIVE = 500
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
        id = call.new_id("key_")
        if standing := self.shelf.made(call, id):  # before anything that time may have changed
            return Issued(standing, None, replayed=True)
        _check(call, wish)
        environment = wish.environment or EVERYWHERE
        self._check_room(environment)
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
            "older": [],
            "revoked_at": None,
        }
        told = [field for field in ("kind", "environment", "role", "status", "expires_at") if data[field] is not None]
        changes = [{"field": "name"}, *({"field": field, "to": data[field]} for field in told)]
        event = _event("key.created.v1", 1, data, changes)
        expires = None if wish.expires_at is None else _seconds(wish.expires_at)
        created = self.shelf.create(call, id, data, [event], also=[_verifier(call, id, data, credential, expires)])
        return Issued(created.stored, None if created.replayed else secret, created.replayed)

    def rotate(self, call: Call, id: str, version: int | None, overlap: int) -> Issued:
        """A new secret; the present one works for `overlap` seconds more, any older one as long as it would have. With 0, none.

        Raises NotFound, PreconditionFailed, MoveNotAllowed, Conflict where too many secrets would work."""
        return self.shelf.change(lambda: self.shelf.read(id), version, lambda before: self._rotated(call, before, overlap))

    def revoke(self, call: Call, id: str, version: int | None) -> Stored:
        """No secret of the key works any more. Raises NotFound, PreconditionFailed."""

        def revoked(before: Stored) -> Stored:
            data = before.data
            if data["status"] == "revoked":
                return before
            after = {**data, "status": "revoked", "previous": None, "older": [], "revoked_at": call.stamp}
            changes = [{"field": "status", "from": "active", "to": "revoked"}]
            event = _event("key.revoked.v1", before.version + 1, after, changes)
            return self._changed(call, before, after, event, _ended(data, [data["selector"], *_selectors(earlier(data))]))

        return self.shelf.change(lambda: self.shelf.read(id), version, revoked)

    def last_used(self, keys: Iterable[Stored]) -> dict[str, datetime]:
        """The last day of use, its first moment, by key id; keys that were never used are left out. At most 100 keys."""
        asked = [(f"used#{_environment(stored.data)}", stored.id) for stored in keys]
        rows = self.shelf.store.get_many(ACCESS, asked) if asked else []
        return {row["sk"]: _EPOCH + timedelta(days=int(upgrade("use", row)["day"])) for row in rows}

    # --- inside ---

    def _rotated(self, call: Call, before: Stored, overlap: int) -> Issued:
        if (state := status(before, call.stamp)) != "active":
            raise MoveNotAllowed(f"The key is {state}: that is final; make a new one.")
        data = before.data
        expires = None if data["expires_at"] is None else _seconds(datetime.fromisoformat(data["expires_at"]))
        older = [one for one in earlier(data) if overlap and one["expires_at"] > call.stamp]
        ended = [selector for selector in _selectors(earlier(data)) if selector not in _selectors(older)]
        writes: list[Write] = []
        previous = None
        present = self.shelf.store.get(ACCESS, _partition(data), data["selector"])
        if overlap and present is not None:
            until = _seconds(call.now) + overlap if expires is None else min(_seconds(call.now) + overlap, expires)
            writes.append(Put(ACCESS, {**upgrade("verifier", present), "expires": until}))
            previous = {"selector": data["selector"], "expires_at": timestamp(datetime.fromtimestamp(until, UTC))}
        else:
            ended.append(data["selector"])
        if previous is not None and len(older) == MOST_EARLIER:
            soonest = min(one["expires_at"] for one in older)
            detail = f"{MOST_EARLIER} earlier secrets of this key still work, one of them until {soonest}"
            raise Conflict(f"{detail}; wait for that, or end them all: rotate without overlap.")
        if not ended:
            self._check_room(_environment(data))
        secret, credential = mint(_environment(data), data["kind"], self._entropy(ENTROPY_BYTES))
        writes += [_verifier(call, before.id, data, credential, expires), *_ended(data, ended)]
        after = {**data, "selector": credential.selector, "previous": previous, "older": older}
        event = _event("key.rotated.v1", before.version + 1, after, [{"field": "secret"}])
        return Issued(self._changed(call, before, after, event, writes), secret)

    def _changed(self, call: Call, before: Stored, after: dict[str, Any], event: Event, also: list[Write]) -> Stored:
        try:
            return self.shelf.update(call, before, after, [event], also=also)
        except ConditionFailed:
            raise Conflict("Try again: the new secret's selector is taken.") from None

    def _check_room(self, environment: str) -> None:
        """Raises Conflict where one more secret would be too many."""
        store, found, start = self.shelf.store, 0, None
        while found < MOST_LIVE:
            page = store.query(ACCESS, (f"verifiers#{environment}",), limit=MOST_LIVE - found, start=start)
            found += len(page.rows)
            if (start := page.next) is None:
                break
        if found >= MOST_LIVE:
            raise Conflict(
                f"{environment!r} has {MOST_LIVE} secrets; revoke keys that are not used, or rotate without overlap."
            )


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


def _verifier(call: Call, id: str, data: dict[str, Any], credential: Credential, expires: int | None) -> Put:
    row: Row = {"pk": _partition(data), "sk": credential.selector, "schema": SCHEMA, "key": id, "kind": data["kind"]}
    row |= {"verifier": credential.verifier, "role": data["role"]}
    if data["kind"] == "admin" and (maker := person(call.principal)):
        row["maker"] = maker  # who is shown the secret: what it asks for cannot be agreed to by the same person
    return Put(ACCESS, row if expires is None else {**row, "expires": expires}, Absent())


def earlier(data: dict[str, Any]) -> list[dict[str, str]]:
    """The secrets before the present one, each with its end; some may have ended."""
    return [*data.get("older", ()), *([data["previous"]] if data["previous"] else [])]


def _selectors(secrets: Iterable[dict[str, str]]) -> list[str]:
    return [one["selector"] for one in secrets]


def _ended(data: dict[str, Any], selectors: Iterable[str]) -> list[Write]:
    return [Delete(ACCESS, _partition(data), selector) for selector in selectors]


def _environment(data: dict[str, Any]) -> str:
    return str(data["environment"] or EVERYWHERE)


def _partition(data: dict[str, Any]) -> str:
    return f"verifiers#{_environment(data)}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _event(type: str, version: int, data: dict[str, Any], changes: list[dict[str, Any]]) -> Event:
    facts = {name: data[name] for name in ("kind", "environment", "role", "status") if data[name] is not None}
    return type, {"version": version, "changes": changes, **facts}
