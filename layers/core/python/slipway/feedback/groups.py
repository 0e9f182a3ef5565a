"""Which items are duplicates of which: one row an item, and none of an item that never had to do with another.

    <item> / group    of a root         `members`: each duplicate, however deep -> the item that it was merged into
                      of a duplicate    `into`: the item that it was merged into
                      `change`: what made the row; no two changes of items have the same

A root's row holds the whole tree below it, so all who change one group meet in one row. An item without `into` is a root.
"""

from __future__ import annotations

from slipway.ports import Absent, Equals, Put, StoreUnavailable
from slipway.tables import FEEDBACK
from slipway.upgrades import upgrade
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from slipway.ports import Condition, Row, Store

SCHEMA = 1
GROUP = "group"  # sort key
MOST = 100  # items of one group: as many as one read takes


class Group(Value):
    """An item and its duplicates; of a duplicate `members` is empty, and `into` where it belongs."""

    id: str
    members: Mapping[str, str]
    into: str | None
    change: str | None  # None: there is no row

    @property
    def ids(self) -> list[str]:
        """All of it, the root first."""
        return [self.id, *sorted(self.members)]

    def below(self, id: str) -> dict[str, str]:
        """The members that were merged into this one, however deep."""
        found: dict[str, str] = {}
        wanted = [id]
        for place in wanted:
            direct = [child for child, parent in self.members.items() if parent == place]
            found |= dict.fromkeys(direct, place)
            wanted += direct
        return found

    def put(self, change: str, **fields: Any) -> Put:
        """The next row, where this one still stands."""
        still: Condition = Absent() if self.change is None else Equals("change", self.change)
        return Put(FEEDBACK, {"pk": self.id, "sk": GROUP, "schema": SCHEMA, "change": change, **fields}, still)


class Groups:
    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, id: str) -> Group:
        """Of this item, be it a root or not."""
        return _group(id, self.store.get(FEEDBACK, id, GROUP))

    def root(self, id: str) -> Group:
        """The group that this item belongs to."""
        return self.roots([id])[id]

    def roots(self, ids: Iterable[str]) -> dict[str, Group]:
        """The group of each of up to 100 items; one read for all of them, and one more for each step that any is deep.

        The steps are not of one moment: who must know that nothing changed meanwhile looks at `change`."""
        found: dict[str, Group] = {}
        at = {id: id for id in ids}  # where the way of each has come to
        for _ in range(MOST):
            if not at:
                return found
            places = list(dict.fromkeys(at.values()))
            rows = {row["pk"]: row for row in self.store.get_many(FEEDBACK, [(place, GROUP) for place in places])}
            groups = {place: _group(place, rows.get(place)) for place in places}
            found |= {id: groups[place] for id, place in at.items() if groups[place].into is None}
            at = {id: into for id, place in at.items() if (into := groups[place].into) is not None}
        if at:
            raise StoreUnavailable("others keep merging these items")
        return found


def _group(id: str, row: Row | None) -> Group:
    if row is None:
        return Group(id, {}, None, None)
    known = upgrade("group", row)
    return Group(id, known.get("members", {}), known.get("into"), known["change"])
