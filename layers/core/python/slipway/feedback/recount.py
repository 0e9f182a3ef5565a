"""The recount of votes: it repairs the counts of items, and says whether there was something to repair.

What it finds at an item holds for one moment, and what the stream has brought by then nobody knows. So where a count differs it
puts a mark, looks again, and puts what it found. The stream brings both in their places: with no vote between them, that is how
many there were at that place, and who counts takes it (see `slipway.feedback.ballots`). Where people vote at this moment
nothing happens, and another day does it.

    recounted#votes / place    after which item the next day goes on; absent: from the first
    <item> / mark              `mark`, and once it has looked `found`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from slipway.feedback.ballots import COUNT, MARK, SCHEMA, VOTE, Ballots
from slipway.feedback.groups import GROUP
from slipway.ports import ConditionFailed, Equals, Row, Span, Store, StoreUnavailable, every
from slipway.tables import BY_CREATED, FEEDBACK

MOST = 20_000  # items that a day looks at
_CHUNK = 100
_PLACE = ("recounted#votes", "place")


class Recount:
    """`token()`: something that was never there."""

    def __init__(self, store: Store, token: Callable[[], str]) -> None:
        self.store, self.ballots, self._token = store, Ballots(store), token

    def sweep(self, most: int = MOST) -> tuple[list[str], list[StoreUnavailable]]:
        """Look at the next items: whose counts were not right, and what could not be looked at."""
        wrong: list[str] = []
        errors: list[StoreUnavailable] = []
        place = self.store.get(FEEDBACK, *_PLACE)
        start = None if place is None else place["after"]
        for _ in range(max(1, most // _CHUNK)):
            page = self.store.query(FEEDBACK, ("feedback",), index=BY_CREATED, limit=_CHUNK, start=start)
            self._look([row["pk"] for row in page.rows], wrong, errors)
            if (start := page.next) is None:
                break
        self.store.put(FEEDBACK, {"pk": _PLACE[0], "sk": _PLACE[1], "schema": SCHEMA, "after": start})
        return wrong, errors

    def mark(self, id: str) -> None:
        """Have the stream bring the number of an item's votes to where it belongs."""
        row: Row = {"pk": id, "sk": MARK, "schema": SCHEMA, "mark": self._token()}
        self.store.put(FEEDBACK, row)
        with suppress(ConditionFailed):  # another recount has begun since
            self.store.put(FEEDBACK, {**row, "found": self._found(id)}, Equals("mark", row["mark"]))

    def _look(self, ids: Sequence[str], wrong: list[str], errors: list[StoreUnavailable]) -> None:
        asked = [(id, sk) for id in ids for sk in (COUNT, GROUP)]
        rows = [row for some in (asked[:_CHUNK], asked[_CHUNK:]) if some for row in self.store.get_many(FEEDBACK, some)]
        own = {row["pk"]: row["own"] for row in rows if row["sk"] == COUNT}
        unions = {row["pk"] for row in rows if "union" in row or "members" in row}
        for id in ids:
            try:
                differs = self._found(id) != own.get(id, 0)
                if differs:
                    self.mark(id)
                if (id in unions and self.ballots.recount(id)) or differs:
                    wrong.append(id)
            except StoreUnavailable as error:
                errors.append(error)

    def _found(self, id: str) -> int:
        return sum(1 for _ in every(self.store, FEEDBACK, id, Span(prefix=VOTE)))
