"""Items of feedback: versioned, with what the person wrote sealed in them.

Kept per item (`data` of its rows; a field that was not given is not there):

    product, type, rating, status, state, environment, person, sealed, locale, release, consent, origin, network,
    tags, assignee, reply, headline, and what the rooms beside this one add

`sealed` holds title, text, email, targeting_key and context {url, device, session} (see `slipway.feedback.sealing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.calls import Call
from slipway.feedback import sealing
from slipway.feedback.item import view
from slipway.ports import ConditionFailed, Store, Write
from slipway.problems import Conflict
from slipway.resources import TRIES, Created, Event, Shelf, Stored
from slipway.tables import FEEDBACK
from slipway.upgrades import newest, upgrader

if TYPE_CHECKING:
    from slipway.feedback.people import People, Person
    from slipway.feedback.sealing import Aead

Data = dict[str, Any]
Sealed = dict[str, Any]

TOLD = ("product", "type", "status", "state", "environment", "origin")  # with their values in events


class Items:
    """`entropy(n)`: n random bytes."""

    def __init__(self, store: Store, people: People, aead: Aead, entropy: Callable[[int], bytes]) -> None:
        self.people = people
        self._aead, self._entropy = aead, entropy
        self.shelf = Shelf(
            store,
            FEEDBACK,
            kind="feedback",
            schema=newest("feedback"),
            upgrade=upgrader("feedback"),
            indexed=_indexed,
            begins="fbk_",
        )

    # --- reads ---

    def read(self, id: str) -> Stored:
        """Raises NotFound."""
        return self.shelf.read(id)

    def open(self, stored: Stored) -> Sealed | None:
        """What the person wrote; None where it was erased."""
        return self.open_all([stored])[0]

    def open_all(self, items: Sequence[Stored]) -> list[Sealed | None]:
        """The same of up to 100, in their order."""
        secrets = self.people.secrets(stored.data["person"] for stored in items)
        return [self._opened(stored.id, secrets.get(stored.data["person"]), stored.data["sealed"]) for stored in items]

    def open_rows(self, stored: Stored, sealed: Sequence[bytes]) -> list[Sealed | None]:
        """The same of rows beside the item, which are sealed like it."""
        secret = self.people.secrets([stored.data["person"]]).get(stored.data["person"]) if sealed else None
        return [self._opened(stored.id, secret, one) for one in sealed]

    def views(self, items: Sequence[Stored]) -> list[dict[str, Any]]:
        """FeedbackViews of up to 100, in their order."""
        from slipway.feedback.ballots import votes  # who submits needs none of it

        counted = votes(self.shelf.store, [stored.id for stored in items])
        opened = zip(items, self.open_all(items), strict=True)
        return [view(stored, sealed, counted[stored.id]) for stored, sealed in opened]

    # --- writes ---

    def create(
        self,
        call: Call,
        data: Data,
        sealed: Sealed,
        person: Callable[[], Person],
        *,
        also: Callable[[str, str], Sequence[Write]] = lambda _item, _person: (),
    ) -> Created:
        """Version 1, with what makes its person, in one write. `person` is asked again where somebody came between.

        `also`: of the item's id and the person's, rows that change with it. Raises IdempotencyMismatch; ConditionFailed when
        the condition of one of those does not hold, with its place among them."""
        id = call.new_id("fbk_")
        for attempt in range(TRIES):
            who = person()
            whole = {**data, "person": who.pid, "sealed": self.seal(id, who.secret, sealed)}
            trying = call.but(nonce=f"{call.nonce} {attempt}")  # other writes, another token
            try:
                return self.shelf.create(trying, id, whole, [submitted(whole)], also=[*who.writes, *also(id, who.pid)])
            except ConditionFailed as failed:
                if failed.index > len(who.writes):
                    raise ConditionFailed(failed.index - 1 - len(who.writes), failed.row) from None
        raise Conflict("Others keep telling something in the same name; try again.")

    def creating(self, call: Call, id: str, data: Data, sealed: Sealed, person: Person) -> list[Write]:
        """The writes of a create, for a transaction of several items."""
        whole = {**data, "person": person.pid, "sealed": self.seal(id, person.secret, sealed)}
        return [*self.shelf.creating(call, id, whole, [submitted(whole)]), *person.writes]

    def update(
        self,
        call: Call,
        id: str,
        version: int | None,
        make: Callable[[Data], Data],
        events: Callable[[int, Data, Data], list[Event]] | None = None,
        also: Callable[[Stored, Data], Sequence[Write]] = lambda _before, _data: (),
        *,
        validate_only: bool = False,
    ) -> Stored:
        """The next version, of what `make` makes of that one (None: of whatever stands); what changes nothing makes none.

        `events` of the version, before and after: `updated` unless given. Raises NotFound, PreconditionFailed, Conflict."""

        def attempt(before: Stored) -> Stored:
            data = make(before.data)
            if data == before.data:
                return before
            told = (events or updated)(before.version + 1, before.data, data)
            if validate_only:
                return self.shelf.would_be(call, before, data, told)
            return self.shelf.update(call, before, data, told, also=also(before, data))

        return self.shelf.change(lambda: self.read(id), version, attempt)

    def sealed(self, stored: Stored, fields: Sealed) -> bytes | None:
        """Other fields for the item's `sealed`; None where nobody could open them any more."""
        secret = self.people.secrets([stored.data["person"]]).get(stored.data["person"])
        return None if secret is None else self.seal(stored.id, secret, fields)

    def seal(self, id: str, secret: bytes, fields: Sealed) -> bytes:
        """Fields that belong to the item, with the secret of its person."""
        return sealing.seal(self._aead, secret, self._entropy(sealing.NONCE_BYTES), fields, id)

    # --- inside ---

    def _opened(self, id: str, secret: bytes | None, sealed: bytes) -> Sealed | None:
        return None if secret is None else sealing.opened(self._aead, secret, bytes(sealed), id)


def _indexed(data: Mapping[str, Any]) -> dict[str, str]:
    """What is held, or spam, stands under that word in the place of its status, and under no product: a flood of it lengthens
    no list of others."""
    if data["state"] == "visible":
        return {name: data[name] for name in ("product", "status", "person")}
    return {"status": data["state"], "person": data["person"]}


def submitted(data: Data) -> Event:
    facts = {"product": data["product"], "feedback_type": data["type"], "state": data["state"]}
    facts |= {"environment": data["environment"]} if "environment" in data else {}
    return "feedback.submitted.v1", {"version": 1, "changes": _changes({}, data), **facts}


def triaged(version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Event]:
    return [("feedback.triaged.v1", {"version": version, "changes": _changes(before, after), "product": after["product"]})]


def updated(version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Event]:
    """That fields changed; where the status is among them, that it did."""
    facts = {"version": version, "changes": _changes(before, after), "product": after["product"]}
    if before["status"] == after["status"]:
        return [("feedback.updated.v1", facts)]
    return [("feedback.status_changed.v1", facts | {"before": before["status"], "after": after["status"]})]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Names of the fields that differ, with values where they are words of ours; a person is no field of the item's."""
    found = []
    for field in sorted((before.keys() | after.keys()) - {"person", "network"}):
        old, new = before.get(field), after.get(field)
        if old != new:
            values = {"to": new} | ({"from": old} if before else {}) if field in TOLD else {}
            found.append({"field": field, **values})
    return found
