"""Forgetting a person: the key goes, and with it whatever the person told, in every copy of every row.

    1  one transaction: the key is gone; the head of `psn_...` stands, with the event `person.erased.v1`
    2  rows that hold words of the person's items in plain go, and the files that the person attached
    3  one transaction: the rows that lead to the person go; as long as they stand, asking again goes on where it broke off

Items, versions and votes stay, of somebody whom nobody knows. Who tells something meanwhile is a new person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.calls import Call, timestamp
from slipway.feedback.belongings import belongings
from slipway.feedback.people import ADDRESS, EMAIL, KEY, UNIT, WHO
from slipway.feedback.people import SCHEMA as LED
from slipway.feedback.tickets import prompted
from slipway.feedback.titles import unlisted
from slipway.ports import ConditionFailed, Delete, Equals, Put, every
from slipway.problems import Conflict
from slipway.resources import Shelf, Stored
from slipway.tables import FEEDBACK
from slipway.upgrades import newest, upgrade, upgrader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from slipway.feedback.items import Items
    from slipway.feedback.people import Who
    from slipway.ports import Row, Store, Write

GONE = "gone"  # sort key of the row that remembers, until all is done, what leads to the person
_PAIRS = 96  # writes of a transaction, or less
_NAMED = 100  # people, in a refusal

# Each store, what it has of a person who was erased, and for how many days more; None: for ever.
STORES: tuple[tuple[str, str, int | None], ...] = (
    ("table", "items and votes without readable words, of nobody; under a keyed hash, that an address wants no e-mails", None),
    ("past versions", "the same: what is sealed in them has no key any more", None),
    ("stream of the table", "the rows that were deleted: the key, words for the search", 1),
    ("backups of the table", "the rows that were deleted: the key, words for the search", 35),
    ("archive of events", "ids and names of fields, no words", 30),
    ("audit", "ids and names of fields, no words", 400),
    ("bucket of attachments", "nothing; for a day what somebody uploaded and never sent", 1),
    ("failure bucket", "rows that no function could handle; the key, where a batch was given up with it", 90),
    ("signals", "which variants were shown, under a hash of the day", 2),
    ("lake", "what applications told of a targeting key; of feedback its type, its rating and whether it was negative", 400),
)


class Erasure:
    """`files(items)`: takes away what was attached to them."""

    def __init__(self, items: Items, files: Callable[[Iterable[Stored]], None] = lambda _: None) -> None:
        self._people, self._items, self._files = items.people, items, files
        self._store: Store = items.people.store
        self.shelf = Shelf(self._store, FEEDBACK, kind="person", schema=newest("person"), upgrade=upgrader("person"))

    def erase(self, call: Call, who: Who) -> list[Stored]:
        """What is left of each person that is meant: by its id also of who was erased before, else of who is known alone.

        Raises Conflict, and erases nobody, where an address was given in the name of a unit or a member: anybody may."""
        pids = [*dict.fromkeys(self._people.found(who))]
        if who[0] == ADDRESS and (named := self._people.named(who, pids)):
            raise Conflict(_refusal(sorted(named)))
        erased = [self._erased(call, pid) for pid in pids]
        if who[0] == UNIT and not erased:  # a survey may have asked who never told anything
            self._delete(call, [Delete(FEEDBACK, *prompted(self._people.lookup(who)))])
        return erased

    # --- inside ---

    def _erased(self, call: Call, pid: str) -> Stored:
        stored = self.shelf.find(pid)
        if stored is None:
            row = self._store.get(FEEDBACK, pid, KEY)
            key = {} if row is None else upgrade("identity", row)
            gone: Row = {"pk": pid, "sk": GONE, "schema": LED, "who": [key["who"]] if "who" in key else []}
            also: list[Write] = [Delete(FEEDBACK, pid, KEY), Put(FEEDBACK, gone)]
            event = ("person.erased.v1", {"version": 1, "changes": []})
            stored = self.shelf.create(call, pid, {"erased_at": call.stamp}, [event], also=also).stored
        rows = {str(row["sk"]): row for row in every(self._store, FEEDBACK, pid)}  # there are no more of them without the key
        whose = rows.get(GONE, {}).get("who", [])
        for page in belongings(self._items, pid):
            owned = [one for _, one in page if isinstance(one, Stored)]
            self._files(owned)
            self._delete(call, [unlisted(item.data["product"], item.id) for item in owned])
        led = [sk.removeprefix(EMAIL) for sk in rows if sk.startswith(EMAIL)]
        pairs = [Delete(FEEDBACK, *place) for lookup in led for place in ((lookup, pid), (pid, f"{EMAIL}{lookup}"))]
        for start in range(_PAIRS, len(pairs), _PAIRS):
            self._delete(call, pairs[start : start + _PAIRS])
        last = [*pairs[:_PAIRS], Delete(FEEDBACK, pid, GONE), *(Delete(FEEDBACK, *prompted(who)) for who in whose)]
        try:
            self._delete(call, [*last, *(Delete(FEEDBACK, who, WHO, Equals("pid", pid)) for who in whose)])
        except ConditionFailed:  # it leads to somebody new
            self._delete(call, last)
        return stored

    def _delete(self, call: Call, rows: Sequence[Delete]) -> None:
        if rows:
            self._store.transact(rows, call.new_id("", *(f"{row.pk} {row.sk}" for row in rows)))


def _refusal(named: Sequence[str]) -> str:
    people = ", ".join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")
    return (
        f"Nobody was erased: that address was also given in the name of {people}, and nobody checked whose it is. "
        "See their export by `person`; erase them by `person` or `targeting_key`, and by `person` who else gave it."
    )


def certificate(stored: Stored) -> dict[str, Any]:
    """A CertificateView."""
    erased_at = stored.data["erased_at"]
    moment = datetime.fromisoformat(erased_at)
    stores = [
        {"store": store, "holds": holds, "until": None if days is None else timestamp(moment + timedelta(days=days))}
        for store, holds, days in STORES
    ]
    return {"person": stored.id, "erased_at": erased_at, "stores": stores}
