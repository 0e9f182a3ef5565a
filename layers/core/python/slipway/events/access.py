"""What happens to keys and members."""

from __future__ import annotations

from typing import Literal

from slipway.events.envelope import Changed, Event, Name, by_name


class KeyFacts(Changed):
    kind: Name
    environment: Name | None = None
    role: Name | None = None
    status: Name


class KeyEvent(Event):
    source: Literal["slipway.access"]
    version: Literal[1]
    data: KeyFacts


class KeyCreated(KeyEvent):
    """An API key was made."""

    type: Literal["key.created.v1"]


class KeyRotated(KeyEvent):
    """An API key has a new secret; the old one works until the overlap ends."""

    type: Literal["key.rotated.v1"]


class KeyRevoked(KeyEvent):
    """An API key stopped working."""

    type: Literal["key.revoked.v1"]


class MemberFacts(Changed):
    role: Name
    status: Name


class MemberEvent(Event):
    """The address of a member stays in its row: whoever needs it reads it there."""

    source: Literal["slipway.access"]
    version: Literal[1]
    data: MemberFacts


class MemberInvited(MemberEvent):
    """Somebody was invited and has to be told."""

    type: Literal["member.invited.v1"]


class MemberUpdated(MemberEvent):
    """A member's role changed."""

    type: Literal["member.updated.v1"]


class MemberRemoved(MemberEvent):
    """A member may no longer sign in."""

    type: Literal["member.removed.v1"]


ROOM = by_name(
    KeyCreated,
    KeyRotated,
    KeyRevoked,
    MemberInvited,
    MemberUpdated,
    MemberRemoved,
)
