"""API keys, members, and who am I, over HTTP."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from functions.access.shapes import (
    Acting,
    IssuedKeyView,
    KeySearch,
    KeyView,
    Me,
    MemberPatch,
    MemberView,
    NewKey,
    NewMember,
    Rotation,
    key_view,
    me_view,
    member_view,
)
from slipway import keys, roster
from slipway.access import OPERATIONS, allow
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge.http import Answer, Api, Request
from slipway.environments import acting_in
from slipway.keys import Issued, Keys
from slipway.members import Members
from slipway.paging import Paging
from slipway.ports import Store
from slipway.problems import NotFound
from slipway.resources import Stored
from slipway.settings import Access as Settings
from slipway.upgrades import upgrader

_ID = re.compile(r"(key|mbr)_[0-9a-z]{26}")


@dataclass(frozen=True, slots=True)
class Access:
    keys: Keys
    members: Members


def access(store: Store) -> Access:
    return Access(Keys(store, secrets.token_bytes, upgrader("key")), Members(store, upgrader("member")))


def wire() -> Access:
    return access(connect.store(Settings.load()))


api: Api[Access] = Api("access", wire)
handler = api


# --- keys -----------------------------------------------------------------------------------------------


@api.post("/v1/keys", "keys.create", body=NewKey, answers={201: IssuedKeyView}, creates=True)
def create_key(request: Request[Access, NewKey, None]) -> Answer:
    """Make an API key.

    The answer shows the whole key, once: it is kept nowhere. The same request again, with its `Idempotency-Key`, answers
    without it. A new key works within a minute; where it was tried too early, up to half a minute later still. Nobody looks
    whether its environment is there: a key may be made first, and sees no flags until then.
    """
    body = request.body
    wish = keys.NewKey(body.name, body.kind, body.environment, body.role, body.expires_at)
    return _issued(request.call, request.use.keys.create(request.call, wish), 201)


@api.get("/v1/keys", "keys.list", query=KeySearch, answers={200: [KeyView]})
def list_keys(request: Request[Access, None, KeySearch]) -> Answer:
    """List API keys, oldest first.

    All filters that are given hold. A page may be shorter than `limit`: the list ends where `next_cursor` is missing.
    """
    query, now = request.query, request.call.stamp

    def takes(stored: Stored) -> bool:
        data = stored.data
        return (
            query.kind in (None, data["kind"])
            and query.environment in (None, data["environment"])
            and query.status in (None, keys.status(stored, now))
        )

    parts = ["keys", query.kind, query.environment, query.status]
    found, next = roster.page(
        roster.indexed(request.use.keys.shelf), takes, query.limit, roster.start(query.cursor, parts, "key", "key_")
    )
    days = request.use.keys.last_used(found)
    return Answer(
        200, {"items": [key_view(stored, now, days.get(stored.id)) for stored in found]}, next=roster.cursor(parts, next)
    )


@api.get("/v1/keys/{id}", "keys.read", answers={200: KeyView})
def read_key(request: Request[Access, None, None]) -> Answer:
    """Read an API key; never its secret."""
    stored = request.use.keys.shelf.read(_id(request.path["id"], "key"))
    view = key_view(stored, request.call.stamp, request.use.keys.last_used([stored]).get(stored.id))
    # `status` and `last_used_at` change without a version: the tag serves If-Match alone, never a 304.
    return Answer(200, view, headers={"ETag": stored.etag})


@api.post("/v1/keys/{id}/rotate", "keys.rotate", body=Rotation, answers={200: IssuedKeyView}, versioned=True)
def rotate_key(request: Request[Access, Rotation, None]) -> Answer:
    """Give a key a new secret.

    The answer shows the whole key, once. The secret before works for `overlap_seconds` more (a day unless told otherwise, a
    week at most), any older one until its own overlap ends: where the answer was lost, rotate again. With 0 all of them stop
    now. At most four earlier secrets work at a time, and a revoked or expired key takes no new one (409).
    """
    id = _id(request.path["id"], "key")
    return _issued(request.call, request.use.keys.rotate(request.call, id, request.if_match, request.body.overlap_seconds), 200)


@api.post("/v1/keys/{id}/revoke", "keys.revoke", answers={200: KeyView}, versioned=True)
def revoke_key(request: Request[Access, None, None]) -> Answer:
    """Revoke a key: within a minute no secret of it works any more. There is no way back; again changes nothing."""
    stored = request.use.keys.revoke(request.call, _id(request.path["id"], "key"), request.if_match)
    view = key_view(stored, request.call.stamp, request.use.keys.last_used([stored]).get(stored.id))
    return Answer(200, view, etag=stored.etag)


def _issued(call: Call, issued: Issued, status: int) -> Answer:
    stored = issued.stored
    view = IssuedKeyView(**key_view(stored, call.stamp, None).model_dump(), key=issued.secret)
    location = f"/v1/keys/{stored.id}" if status == 201 else None
    return Answer(status, view, location=location, etag=stored.etag, replayed=issued.replayed)


# --- members --------------------------------------------------------------------------------------------


@api.post("/v1/members", "members.invite", body=NewMember, answers={201: MemberView}, creates=True)
def invite(request: Request[Access, NewMember, None]) -> Answer:
    """Invite somebody by e-mail. The invitation, with how to sign in, goes out within a minute."""
    made = request.use.members.invite(request.call, request.body.email, request.body.role)
    stored = made.stored
    email = request.use.members.addresses([stored.id]).get(stored.id, "")
    place = f"/v1/members/{stored.id}"
    return Answer(201, member_view(stored, email), location=place, etag=stored.etag, replayed=made.replayed)


@api.get("/v1/members", "members.list", query=Paging, answers={200: [MemberView]})
def list_members(request: Request[Access, None, Paging]) -> Answer:
    """List the members, oldest first. A page may be shorter than `limit`: the list ends where `next_cursor` is missing."""
    query, parts = request.query, ["members"]
    found, next = roster.page(
        roster.indexed(request.use.members.shelf), _active, query.limit, roster.start(query.cursor, parts, "member", "mbr_")
    )
    emails = request.use.members.addresses([stored.id for stored in found])
    items = [member_view(stored, emails[stored.id]) for stored in found if stored.id in emails]
    return Answer(200, {"items": items}, next=roster.cursor(parts, next))


@api.get("/v1/members/{id}", "members.read", answers={200: MemberView})
def read_member(request: Request[Access, None, None]) -> Answer:
    """Read a member."""
    return _member(request.use.members, request.use.members.read(_id(request.path["id"], "mbr")))


@api.patch("/v1/members/{id}", "members.update", body=MemberPatch, answers={200: MemberView})
def update_member(request: Request[Access, MemberPatch, None]) -> Answer:
    """Give a member another role (JSON merge patch). It holds within a minute. The last admin stays one (409)."""
    id = _id(request.path["id"], "mbr")
    return _member(request.use.members, request.use.members.give(request.call, id, request.if_match, request.body.role))


@api.delete("/v1/members/{id}", "members.remove", answers={204: None})
def remove_member(request: Request[Access, None, None]) -> Answer:
    """Remove a member: signed out within a minute, the e-mail address forgotten. The last admin stays (409)."""
    request.use.members.remove(request.call, _id(request.path["id"], "mbr"), request.if_match)
    return Answer(204)


def _member(members: Members, stored: Stored) -> Answer:
    email = members.addresses([stored.id]).get(stored.id)
    if email is None:
        raise NotFound(f"There is no member {stored.id!r}.")
    return Answer(200, member_view(stored, email), etag=stored.etag)


def _active(stored: Stored) -> bool:
    return bool(stored.data["status"] == "active")


# --- me -------------------------------------------------------------------------------------------------


@api.get("/v1/me", "me.read", query=Acting, answers={200: Me})
def read_me(request: Request[Access, None, Acting]) -> Answer:
    """Who these credentials are, in which environment they act, and what they may do."""
    principal = request.call.principal
    environment = acting_in(principal, request.query.environment)
    email = request.use.members.addresses([principal.id]).get(principal.id) if principal.kind == "member" else None
    return Answer(200, me_view(principal, environment, email, [name for name in OPERATIONS if allow(principal, name)]))


# --- ids ------------------------------------------------------------------------------------------------


def _id(text: str, prefix: str) -> str:
    """Raises NotFound for what cannot be an id, before anything is read."""
    if not _ID.fullmatch(text) or not text.startswith(prefix):
        raise NotFound(f"There is no such {'key' if prefix == 'key' else 'member'}.")
    return text
