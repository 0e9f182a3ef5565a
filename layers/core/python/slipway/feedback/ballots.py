"""From the stream of vote rows to how many people stand behind an item, each of them once.

    <item> / count    `own`      how many votes stand at the item itself
                      `last`     the sequence number of the last record that is in it
                      `union`    of an item with duplicates: how many people voted for it or for one of them
                      `quiet`    the mark of a recount, while no vote has come after it
                      `version`  one more with each write

`own` is counted record by record, a vote one more and a withdrawal one less, in one write for each item of a delivery, and only
while the row has the version that was read:

- A record whose sequence number is not above `last` was counted: the delivery came again, or a part of it.
- A write whose answer was lost fails its condition; the row then shows that its own records were counted.

`union` is never added up: somebody may have voted for several of a group. After each change of the group's votes, or of who
is in it, it is counted anew from the rows. Whoever does so reads the version first, then the members, then their votes, and
writes while that version stands, also where the number is what it was: so what was counted before the last change never stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from heapq import merge
from itertools import groupby

from slipway.feedback.groups import GROUP, Group, Groups
from slipway.ports import Absent, Condition, ConditionFailed, Equals, Row, Span, Store, StoreUnavailable, every
from slipway.tables import FEEDBACK
from slipway.upgrades import upgrade
from slipway.values import Value

SCHEMA = 1
ITEM, VOTE = "fbk_", "vote#"  # what keys begin with
COUNT, MARK = "count", "mark"  # sort keys
_TRIES = 10
_CHUNK = 100
_GIVE_UP = 2  # items that could not be written: the rest of the delivery is not tried


class Ballot(Value):
    """One change that counts. `more`: votes; `group`: who belongs to whom; `mark`: of a recount, and what it `found`."""

    item: str
    sequence: int
    more: int = 0
    group: bool = False
    mark: str | None = None
    found: int | None = None


def ballot(old: Row | None, new: Row | None, sequence: int) -> Ballot | None:
    """What a change of a row is for the counts; None for most, that of a count among them."""
    row = new if new is not None else old
    assert row is not None
    item, sk = row["pk"], row["sk"]
    if not item.startswith(ITEM):
        return None
    if sk.startswith(VOTE):
        more = (new is not None) - (old is not None)
        return Ballot(item, sequence, more) if more else None
    if sk == GROUP:
        return Ballot(item, sequence, group=True)
    if sk == MARK and new is not None:
        return Ballot(item, sequence, mark=new["mark"], found=new.get("found"))
    return None


def votes(store: Store, ids: Sequence[str]) -> dict[str, int]:
    """How many people stand behind each of up to 100 items; a duplicate has its own."""
    rows = [upgrade("count", row) for row in (store.get_many(FEEDBACK, [(id, COUNT) for id in ids]) if ids else ())]
    counted = {row["pk"]: max(0, row["union"] if "union" in row else row["own"]) for row in rows}
    return {id: counted.get(id, 0) for id in ids}


def voters(store: Store, group: Group, after: str = "") -> Iterator[Row]:
    """The earliest vote of each person for any item of the group, in the order of the persons' ids; `after` one of them."""
    span = Span(low=VOTE + after, high=f"{VOTE}~")
    rows = (every(store, FEEDBACK, id, span) for id in group.ids)
    for key, some in groupby(merge(*rows, key=_person), key=_person):
        if key != VOTE + after:
            yield min((upgrade("vote", row) for row in some), key=lambda row: (row["created_at"], row["pk"]))


class Ballots:
    def __init__(self, store: Store) -> None:
        self.store, self.groups = store, Groups(store)

    def count(self, ballots: Sequence[Ballot]) -> set[int]:
        """The indexes of those whose item, or whose group, could not be counted."""
        lanes: dict[str, list[Ballot]] = {}
        for one in ballots:
            lanes.setdefault(one.item, []).append(one)
        standing: dict[str, Row] = {}
        for chunk in _chunks(list(lanes)):
            standing |= {row["pk"]: row for row in self.store.get_many(FEEDBACK, [(id, COUNT) for id in chunk])}
        failed = _tried({id: partial(self._add, id, lanes[id], standing.get(id)) for id in lanes})
        wanted = self._unions(lanes, [id for id in lanes if id not in failed])
        for place in _tried({place: partial(self.recount, place) for place in wanted}):
            failed |= wanted[place]
        return {index for index, one in enumerate(ballots) if one.item in failed}

    def recount(self, id: str) -> bool:
        """Bring the `union` of an item to what the rows say; whether it was something else."""
        for _ in range(_TRIES):
            before = self.store.get(FEEDBACK, id, COUNT)
            group = self.groups.read(id)
            fields = _fields(before)
            stood = fields.pop("union", None)
            union = sum(1 for _ in voters(self.store, group)) if group.members else None
            try:
                self._put(id, before, fields if union is None else {**fields, "union": union})
            except ConditionFailed:
                continue
            return bool(union != stood)
        raise StoreUnavailable("others keep counting this item")

    # --- inside ---

    def _add(self, id: str, lane: Sequence[Ballot], before: Row | None) -> None:
        for _ in range(_TRIES):
            fields = _added(_fields(before), lane)
            if fields is None:
                return
            try:
                self._put(id, before, fields)
            except ConditionFailed as stands:
                before = stands.row  # another instance, a recount, or our own try whose answer was lost
                continue
            return
        raise StoreUnavailable("others keep counting this item")

    def _put(self, id: str, before: Row | None, fields: Row) -> None:
        still: Condition = Absent() if before is None else Equals("version", before["version"])
        version = 1 if before is None else before["version"] + 1
        self.store.put(FEEDBACK, {**fields, "pk": id, "sk": COUNT, "schema": SCHEMA, "version": version}, still)

    def _unions(self, lanes: Mapping[str, Sequence[Ballot]], ids: Sequence[str]) -> dict[str, set[str]]:
        """Whose union is to be counted anew, and for the sake of which items."""
        wanted: dict[str, set[str]] = {}
        for chunk in _chunks(ids):
            for id, group in self.groups.roots(chunk).items():
                if group.members and any(one.more for one in lanes[id]):
                    wanted.setdefault(group.id, set()).add(id)
                if any(one.group for one in lanes[id]):
                    wanted.setdefault(id, set()).add(id)
        return wanted


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[first : first + _CHUNK] for first in range(0, len(ids), _CHUNK))


def _tried(jobs: Mapping[str, Callable[[], object]]) -> set[str]:
    """Those that could not be done."""
    failed: set[str] = set()
    for id, job in jobs.items():
        try:
            if len(failed) >= _GIVE_UP:
                raise StoreUnavailable("the table does not take writes")
            job()
        except StoreUnavailable:
            failed.add(id)
    return failed


def _fields(row: Row | None) -> Row:
    return {"own": 0, "last": "0"} if row is None else dict(upgrade("count", row))


def _added(fields: Row, lane: Iterable[Ballot]) -> Row | None:
    """With these in it; None where all of them are."""
    last = int(fields["last"])
    new = {one.sequence: one for one in lane if one.sequence > last}
    if not new:
        return None
    own, quiet = fields["own"], fields.get("quiet")
    for one in new.values():
        if one.more:
            own, quiet = own + one.more, None
        elif one.found is None:
            quiet = one.mark or quiet
        elif one.mark == quiet:
            own, quiet = one.found, None
    kept = {name: value for name, value in fields.items() if name != "quiet"} | ({} if quiet is None else {"quiet": quiet})
    return {**kept, "own": own, "last": str(max(new))}  # of up to 40 digits: more than a number of the table holds


def _person(row: Row) -> str:
    return str(row["sk"])
