"""How much one network may send with one client key: a bucket of tokens for each pair, so that a flood empties its own alone.

    bucket#<key>#<network> / tokens     `full`: when the bucket is full again, in milliseconds; `by`: the request that took last
    bucket#<key>#<network> / suggestions   the same, of a bucket that typing empties: what is told has its own

One number says all (the theoretical arrival time of ITU-T I.371's GCRA): a token is there unless the bucket would be full later
than its size in tokens from now. Taking one is a write of its own, on condition of what was read, before the item's: a refused
request has written nothing, and one that is tried again takes another token, never the same twice.

Where the table does not answer, nothing is taken and nobody is let in: the item goes into the same table, and a bucket that is
written too fast for it belongs to a flood.
"""

from __future__ import annotations

from slipway.feedback.ahead import Ahead
from slipway.ports import Absent, ConditionFailed, Equals
from slipway.problems import TooManyRequests
from slipway.tables import FEEDBACK
from slipway.upgrades import upgrade
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.calls import Call
    from slipway.ports import Row, Store

SCHEMA = 1
MOST = 20  # tokens of a full bucket: what comes in one burst
EVERY = 3_000  # milliseconds to the next one
TRIES = 5  # against others of the same network at the same moment
MOST_BUCKETS = 512  # in memory


class Size(Value):
    """`name`: of the row; `most` tokens, and one more `every` so many milliseconds."""

    name: str
    most: int
    every: int


TELLING = Size("tokens", MOST, EVERY)
SUGGESTIONS = Size("suggestions", 120, 500)  # a question for each pause of who types


class Buckets:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[tuple[str, str], Row] = {}

    def place(self, call: Call, network: str) -> tuple[str, str] | None:
        """Of the row that `take` will ask for; None where it will ask for none."""
        place = _place(call, network, TELLING)
        return None if place in self._seen else place

    def take(self, call: Call, network: str, ahead: Ahead | None = None, size: Size = TELLING) -> None:
        """A token of the calling key's bucket for that network. Raises TooManyRequests, which says when there is one."""
        place, now = _place(call, network, size), int(call.now.timestamp() * 1000)
        row = self._seen.get(place) or (ahead or Ahead(self._store)).get(place)
        for _ in range(TRIES):
            full = max(now, 0 if row is None else int(upgrade("bucket", row)["full"])) + size.every
            if (wait := full - now - size.most * size.every) > 0:
                self._keep(place, row)
                raise refused(-(-wait // 1000))
            mine: Row = {"pk": place[0], "sk": place[1], "schema": SCHEMA, "full": full, "by": call.nonce}
            mine["expires"] = full // 1000 + 3600
            try:
                self._store.put(FEEDBACK, mine, Absent() if row is None else Equals("full", row["full"]))
            except ConditionFailed as stands:
                row = stands.row
                if row is None or row["by"] != call.nonce:
                    continue  # somebody else was faster; where it is ours, its acknowledgement was lost
            self._keep(place, mine)
            return
        raise refused(1)

    def _keep(self, place: tuple[str, str], row: Row | None) -> None:
        if row is not None:
            if len(self._seen) >= MOST_BUCKETS:
                self._seen.clear()
            self._seen[place] = row


def _place(call: Call, network: str, size: Size) -> tuple[str, str]:
    return f"bucket#{call.principal.id}#{network}", size.name


def refused(seconds: int) -> TooManyRequests:
    detail = f"Too much comes from here at once; send it again in {seconds} s. Nothing of it was kept."
    return TooManyRequests(detail, headers={"Retry-After": str(seconds)})
