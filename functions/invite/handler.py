"""Events of members -> the user pool: who was invited gets a user and is told, who was removed loses it."""

from __future__ import annotations

from slipway import members
from slipway.adapters import connect
from slipway.edge.consumer import Consumer
from slipway.events.access import MemberEvent, MemberInvited, MemberRemoved, MemberUpdated
from slipway.ports import Directory, Store
from slipway.settings import Invite

Use = tuple[Store, Directory]


def wire() -> Use:
    settings = Invite.load()
    return connect.store(settings), connect.directory(settings)


def enrol(use: Use, event: MemberEvent) -> None:
    store, directory = use
    members.enrol(store, directory, event.subject)


handler: Consumer[Use, MemberEvent] = Consumer("invite", wire, enrol, MemberInvited, MemberUpdated, MemberRemoved)
