"""Merging: an item becomes the duplicate of another, with all that was merged into it; and the way back.

One transaction: the item's next version, its own group row and that of the root where it goes, or comes from, each only where
it is what was read. Who is merged and where it goes were roots, and still are when it is written: so no way from a duplicate
ever leads back to it, whoever merges what at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipway.calls import Call
from slipway.feedback.groups import GROUP, MOST, Group, Groups
from slipway.feedback.statuses import MERGED
from slipway.ports import ConditionFailed, Delete, Equals, Write
from slipway.problems import Conflict, Fault, Invalid
from slipway.resources import TRIES, Event, Shelf, Stored
from slipway.tables import FEEDBACK


class Merging:
    """`shelf`: of the items."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.groups = shelf, Groups(shelf.store)

    def merge(self, call: Call, id: str, version: int | None, into: str) -> Stored:
        """Make it a duplicate of `into`, or of what that is a duplicate of; if it is one already, nothing happens.

        Raises NotFound, Invalid, PreconditionFailed, Conflict (another product, a duplicate of another, a group too large)."""

        def attempt(before: Stored) -> tuple[dict[str, Any], Event, list[Write]] | None:
            own, target = self.groups.read(id), self.groups.root(into)
            if own.into is not None and (root := self.groups.root(id).id) != target.id:
                raise Conflict(f"It is a duplicate of {root}; unmerge it first.")
            if own.into is not None:
                return None
            if target.id == id:
                raise _wrong(Conflict, "own_duplicate", f"{into} is a duplicate of {id}: unmerge that first.")
            stays = self.shelf.find(target.id)
            if stays is None:
                raise _wrong(Invalid, "unknown_item", f"There is no feedback {into}.")
            if (mine := before.data["product"]) != (other := stays.data["product"]):
                detail = f"It is about {mine!r}, {into} about {other!r}: each product's inbox is its own; merge within one."
                raise _wrong(Conflict, "another_product", detail)
            members = {**target.members, **own.members, id: target.id}
            if len(members) >= MOST:
                detail = f"Together they would be {len(members) + 1} items of {MOST} at most; unmerge some, or merge less."
                raise _wrong(Conflict, "group_full", detail)
            change = _change(before)
            kept = {"merged_into": target.id, "status_before": before.data["status"]}
            data = {**before.data, **kept, "status": MERGED}
            writes: list[Write] = [own.put(change, into=target.id), target.put(change, members=members)]
            return data, ("feedback.merged.v1", {"into": target.id}), writes

        if into == id:
            raise _wrong(Invalid, "itself", "Name another item: this is the one that is merged.")
        return self._change(call, id, version, attempt)

    def unmerge(self, call: Call, id: str, version: int | None) -> Stored:
        """Make it an item of its own again, with what was merged into it and the status that it had; if it is, nothing happens.

        Raises NotFound, Conflict, PreconditionFailed."""

        def attempt(before: Stored) -> tuple[dict[str, Any], Event, list[Write]] | None:
            own = self.groups.read(id)
            if own.into is None:
                return None
            root = self.groups.root(id)
            if id not in root.members:
                raise ConditionFailed  # it was moved between the two reads
            mine = root.below(id)
            rest = {child: parent for child, parent in root.members.items() if child != id and child not in mine}
            change = _change(before)
            data = {name: value for name, value in before.data.items() if name not in ("merged_into", "status_before")}
            if data["status"] == MERGED:
                data["status"] = before.data["status_before"]
            return data, ("feedback.unmerged.v1", {"from": own.into}), [_next(own, change, mine), _next(root, change, rest)]

        return self._change(call, id, version, attempt)

    def _change(
        self,
        call: Call,
        id: str,
        version: int | None,
        attempt: Callable[[Stored], tuple[dict[str, Any], Event, list[Write]] | None],
    ) -> Stored:
        def changed(before: Stored) -> Stored:
            wanted = attempt(before)
            if wanted is None:
                return before
            data, (type, facts), writes = wanted
            status = {"field": "status", "from": before.data["status"], "to": data["status"]}
            told = {"version": before.version + 1, "changes": [status], "product": data["product"], **facts}
            return self.shelf.update(trying, before, data, [(type, told)], also=writes)

        for number in range(TRIES):
            trying = call.but(nonce=f"{call.nonce} {number}")  # other writes, another token
            try:
                return self.shelf.change(lambda: self.shelf.read(id), version, changed)
            except ConditionFailed:
                continue  # others merged at the same moment
        raise Conflict("Others keep merging these items; try again.")


def _change(before: Stored) -> str:
    """What names the change: each makes another version of an item."""
    return f"{before.id}#{before.version + 1}"


def _next(group: Group, change: str, members: dict[str, str]) -> Write:
    """The row of a root; there is none without duplicates."""
    if members:
        return group.put(change, members=members)
    return Delete(FEEDBACK, group.id, GROUP, Equals("change", group.change or ""))


def _wrong(problem: type[Conflict] | type[Invalid], code: str, detail: str) -> Conflict | Invalid:
    return problem(detail, errors=[Fault("/into", code, detail)])
