"""Items that ship with their flags: what people asked for is there when its flag gives it to everybody, and is not when it does
not.

    list#link#<flag>#<environment> / fbk_...    items by the flags that they are linked to, written with the item

Kept in an item: links [{flag, environment}], and by link (`<flag>#<environment>`) in `reached` {at, to, instead, on}: what
happened there last, and which variant everybody got in which one's place; in `shipped_by` {flag, environment, event, before}:
that the item was shipped by this rule, and what it was before. The rule is a switch of the product's board, `ship_with_flags`.

A flag gives something to everybody when a rollout of it comes to 100 %, with nobody held back; or, of a boolean flag, when an
edit turns it on for all: enabled, no rule, no rollout, the default is the variant that is true, and it was not so before. It
takes it back when the rollout is stepped back, when it is switched off, or when its default is the variant of before. An item
ships when every one of its links is reached, and opens again when one is not any more. What a person decided after that moment
stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from slipway.access import Principal
from slipway.calls import Call
from slipway.feedback import items as told
from slipway.feedback.items import Items
from slipway.feedback.statuses import OPEN
from slipway.flags import jsontext
from slipway.ports import Row, Store, every
from slipway.resources import HEAD, Event, Stored, version_sk
from slipway.sweep import each
from slipway.tables import FEEDBACK, FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.events.flags import ConfigurationUpdated
    from slipway.events.rollouts import RolloutEvent

Data = dict[str, Any]
Board = Callable[[str], Mapping[str, Any]]

SHIPPING = Principal("system", "shipping")
WHOLE = 100_000  # of a share
SHIPPED = "shipped"
LOOKED_AT = 100  # versions of an item, for the last decision on its status


class Cause(NamedTuple):
    """What became of a flag somewhere. `on`: it gives `to` to everybody, where `instead` was; else it does not any more."""

    flag: str
    environment: str
    event: str
    at: str
    correlation_id: str
    on: bool
    to: str = ""
    instead: str = ""

    @property
    def link(self) -> str:
        return f"{self.flag}#{self.environment}"


def linked_to(flag: str, environment: str) -> str:
    """The partition of the items that are linked to a flag there."""
    return f"list#link#{flag}#{environment}"


class Shipping:
    """`board(product)`: its switches."""

    def __init__(self, items: Items, board: Board) -> None:
        self.items, self.board = items, board
        self.store: Store = items.shelf.store

    def rollout(self, event: RolloutEvent, now: datetime) -> None:
        """Moved, or rolled back. Safe to repeat and in any order."""
        data, on = event.data, event.type != "rollout.rolled_back.v1"
        if on and data.share != WHOLE:
            return
        linked = self._linked(data.flag, data.environment)
        row = self._head(event.subject) if linked else None
        if row is not None:
            named = {"to": row["data"]["to"], "instead": row["data"]["from"]}
            self._follow(
                linked,
                Cause(data.flag, data.environment, event.id, event.time, event.correlation_id, on, **named),
                now,
                lambda _: not on,
            )

    def configuration(self, event: ConfigurationUpdated, now: datetime) -> None:
        """Edited, by whomever. Safe to repeat and in any order."""
        flag, environment = event.data.flag, event.data.environment
        linked = self._linked(flag, environment)
        if not linked:
            return
        id = f"flag#{flag}#{environment}"
        after, before = self._version(id, event.sequence), self._version(id, event.sequence - 1)
        if after is None:
            return
        cause = Cause(flag, environment, event.id, event.time, event.correlation_id, False)
        to, was = _given(after), None if before is None else _given(before)
        if to is not None and to != was and self._is_true(flag, to):
            instead = after["default_variant"] if before is None else before["default_variant"]
            self._follow(linked, cause._replace(on=True, to=to, instead=instead if instead != to else ""), now, lambda _: False)
        else:
            self._follow(linked, cause, now, lambda reached: _taken_back(after, reached))

    # --- inside ---

    def _linked(self, flag: str, environment: str) -> list[str]:
        return [row["sk"] for row in every(self.store, FEEDBACK, linked_to(flag, environment))]

    def _follow(self, linked: Sequence[str], cause: Cause, now: datetime, back: Callable[[Mapping[str, Any]], bool]) -> None:
        """`back`: whether what was reached is not any more. Raises the first error, after the other items."""
        each(linked, lambda item: self._move(item, cause, now, back))

    def _move(self, id: str, cause: Cause, now: datetime, back: Callable[[Mapping[str, Any]], bool]) -> None:
        stored = self.items.shelf.find(id)
        if stored is None or not self.board(stored.data["product"]).get("ship_with_flags", True):
            return
        call = Call(SHIPPING, "feedback.ship", now, f"{cause.event} {id}", correlation_id=cause.correlation_id)

        def attempt(before: Stored) -> Stored:
            data = self._moved(before, cause, back)
            if data == before.data:
                return before
            trying = call.but(nonce=f"{call.nonce} {before.version}")
            return self.items.shelf.update(trying, before, data, _events(before, data, cause))

        self.items.shelf.change(lambda: self.items.read(id), None, attempt)

    def _moved(self, before: Stored, cause: Cause, back: Callable[[Mapping[str, Any]], bool]) -> Data:
        data, reached = before.data, dict(before.data.get("reached", {}))
        known = reached.get(cause.link)
        if cause.link not in _links(data) or (known is not None and known["at"] >= cause.at):
            return data  # unlinked meanwhile; or this, or something newer, is known
        if cause.on:
            reached[cause.link] = {"at": cause.at, "on": True, "to": cause.to, "instead": cause.instead}
        elif known is not None and known["on"] and (not cause.to or cause.to == known["to"]) and back(known):
            reached[cause.link] = {**known, "at": cause.at, "on": False}
        else:
            return data
        whole = all(reached.get(link, {}).get("on") for link in _links(data))
        data = {**data, "reached": reached}
        if whole and data["status"] in OPEN and not _decided_since(self._last_move(before), cause.at):
            by = {"flag": cause.flag, "environment": cause.environment, "event": cause.event, "before": data["status"]}
            return {**data, "status": SHIPPED, "shipped_by": by}
        if not whole and data["status"] == SHIPPED and "shipped_by" in data and _by_rule(self._last_move(before)):
            status = data.pop("shipped_by")["before"]
            return {**data, "status": status}
        return data

    def _last_move(self, item: Stored) -> Stored | None:
        """The version that gave the item its status; None for one that is too long ago to matter."""
        found = self.items.shelf.versions(item.id, limit=LOOKED_AT)
        for one, before in zip(found, [*found[1:], None], strict=True):
            if before is None:
                return one if one.version == 1 else None
            if one.data["status"] != before.data["status"]:
                return one
        return None

    def _head(self, id: str) -> Row | None:
        return self.store.get(FLAGS, id, HEAD)

    def _version(self, id: str, version: int) -> Data | None:
        head = self._head(id)
        if head is not None and head["version"] != version:
            head = self.store.get(FLAGS, id, version_sk(version)) if version > 0 else None
        return None if head is None else head["data"]

    def _is_true(self, flag: str, variant: str) -> bool:
        head = self._head(f"flag#{flag}")
        return head is not None and jsontext.read(head["data"]["variants"]).get(variant) is True


def _by_rule(move: Stored | None) -> bool:
    """Whether it was this rule that gave an item its status."""
    return move is not None and move.actor == f"{SHIPPING.kind}:{SHIPPING.id}"


def _decided_since(move: Stored | None, at: str) -> bool:
    """Whether a person gave an item its status after that moment."""
    return move is not None and not _by_rule(move) and move.updated_at > at


def _links(data: Mapping[str, Any]) -> list[str]:
    return [f"{one['flag']}#{one['environment']}" for one in data.get("links", ())]


def _given(configuration: Mapping[str, Any]) -> str | None:
    """The one variant that everybody gets, but for who is named; None where there is no such one."""
    if not configuration["enabled"] or configuration.get("targeting") is not None or configuration.get("rollout") is not None:
        return None
    return str(configuration["default_variant"])


def _taken_back(configuration: Mapping[str, Any], reached: Mapping[str, Any]) -> bool:
    rollout = configuration.get("rollout")
    if not configuration["enabled"]:
        return True
    if rollout is not None:
        return bool(rollout["to"] == reached["to"] and rollout["share"] < WHOLE)
    given = _given(configuration)
    return given is not None and given != reached["to"] and given == (reached["instead"] or given)


def _events(before: Stored, data: Data, cause: Cause) -> list[Event]:
    """Of any change; where that of the status is among them, with what caused it."""
    why = {"field": "shipped_by", "to": {"flag": cause.flag, "environment": cause.environment, "event": cause.event}}
    return [
        (type, {**facts, "changes": [why if one["field"] == "shipped_by" else one for one in facts["changes"]]})
        for type, facts in told.updated(before.version + 1, before.data, data)
    ]
