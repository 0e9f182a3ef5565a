"""Deliveries: what is sent to a webhook, each try of it, and what is to be tried again.

    whk_... / delivery#<dlv_...>     one delivery; its id follows from the event and the webhook, and sorts by the event's time
    whk_... / due#<time>#<dlv_...>   it is to be tried from then on; there is none while it is tried for the first time
    whk_... / health                 how the receiver is: see `slipway.feedback.courier`

Kept per delivery: type, event (id, of a notice its round), body (JSON text) or batch (of a notice: whom it is for is written
when it is sent), state, tries [{at, status, milliseconds, failure}], left (tries), since (when it began to wait), due, version

    waiting ──2xx──> delivered        waiting ──no tries left, or too old──> failed ──by hand──> waiting
    waiting ──everybody in it was erased──> empty

Of an answer nothing is kept but its status: what a receiver writes is nobody's business here. Deliveries are kept 30 days.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from slipway import cursors
from slipway.calls import derived_id, ordered_id, timestamp
from slipway.feedback.posting import Outcome
from slipway.feedback.webhooks import NOTICE, SCHEMA
from slipway.paging import Paging
from slipway.ports import Absent, ConditionFailed, Delete, Equals, Put, Row, Span, Store, Write
from slipway.problems import Conflict, NotFound
from slipway.shape import Shape
from slipway.tables import FEEDBACK

if TYPE_CHECKING:
    from slipway.events import Event

Data = dict[str, Any]
State = Literal["waiting", "delivered", "failed", "empty"]

KEPT = timedelta(days=30)
# After the first failed try, the second, ...: a day and three hours in all.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 600))
TRIES = len(PAUSES) + 1
TOO_OLD = timedelta(days=3)  # to be tried any more, however few tries there were
MOST_TOLD = 20  # tries that are kept of one delivery, the latest
ID = r"^dlv_[0-9a-z]{26}$"
_DELIVERY, _DUE = "delivery#", "due#"


class TryView(Shape):
    at: str
    status: int | None = Field(description="of the answer; null where there was none")
    milliseconds: int
    failure: str | None = Field(
        description="why there was no answer: `timeout`, `refused` (no connection), `tls`, `dns`, `address` (not of the public "
        "internet), `reset`, `malformed`, or `failed` (by a fault of ours)"
    )


class DeliveryView(Shape):
    id: Annotated[
        str,
        Field(
            pattern=ID, examples=["dlv_01m8ad7yhtssmt0hdfkasx4ta2"], description="the header `webhook-id`, the same in each try"
        ),
    ]
    type: str
    event: str = Field(description="the id of the event; of a notice that of its round")
    state: State
    tries: list[TryView]
    next_try: str | None
    created_at: str


def view(row: Row) -> Data:
    """A DeliveryView."""
    return {
        "id": _id(row["sk"]),
        **{name: row[name] for name in ("type", "event", "state", "created_at")},
        "tries": [{"failure": None, **one} for one in row["tries"]],
        "next_try": row.get("due"),
    }


def message(event: Event) -> str:
    """The body of an event's delivery: its envelope, with its moment where the scheme has it."""
    said = event.envelope()
    told = {name: said[name] for name in ("id", "subject", "sequence", "actor", "data")}
    return json.dumps({"type": said["type"], "timestamp": said["time"], **told}, separators=(",", ":"))


def entered(webhook: str, event: Event) -> Row:
    """The first row of the delivery of an event; the same, whenever the event arrives."""
    return _row(webhook, event.type, event.id, event.time, body=message(event))


def noticed(webhook: str, round: str, batch: int, time: str) -> Row:
    """The first row of the delivery of a batch of notices. `time`: of the event that they are about."""
    return _row(webhook, NOTICE, round, time, batch=batch)


def _row(webhook: str, type: str, event: str, time: str, **content: Any) -> Row:
    moment = datetime.fromisoformat(time)
    id = ordered_id("dlv_", moment, webhook, event, str(content.get("batch", "")))
    return {
        "pk": webhook,
        "sk": _DELIVERY + id,
        "schema": SCHEMA,
        "version": 1,
        "type": type,
        "event": event,
        "state": "waiting",
        "tries": [],
        "left": TRIES,
        "since": time,
        "created_at": time,
        "expires": int((moment + KEPT).timestamp()),
        **content,
    }


def tried(row: Row, outcome: Outcome, at: datetime) -> Row:
    """After that try."""
    one: Data = {"at": timestamp(at), "status": outcome.status, "milliseconds": outcome.milliseconds}
    one |= {"failure": outcome.failure} if outcome.failure else {}
    after = {**row, "tries": [*row["tries"], one][-MOST_TOLD:], "left": row["left"] - 1}
    if taken(outcome):
        return _ended(after, "delivered")
    if after["left"] <= 0 or outcome.status == 410:
        return _ended(after, "failed")
    return {**after, "due": timestamp(at + PAUSES[-after["left"]])}


def taken(outcome: Outcome) -> bool:
    return outcome.status is not None and 200 <= outcome.status < 300


def too_old(row: Row, now: datetime) -> bool:
    return datetime.fromisoformat(row["since"]) + TOO_OLD <= now


def _ended(row: Row, state: State) -> Row:
    return {name: value for name, value in row.items() if name != "due"} | {"state": state}


class Deliveries:
    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, webhook: str, id: str) -> Row:
        """Raises NotFound."""
        row = self.store.get(FEEDBACK, webhook, _DELIVERY + id) if re.fullmatch(ID, id) else None
        if row is None:
            raise NotFound(f"The webhook has no delivery {id!r}: they are kept {KEPT.days} days.")
        return row

    def page(self, webhook: str, query: Paging) -> tuple[list[Row], str | None]:
        """The newest first, and the cursor of what follows. Raises BadCursor."""
        parts, start = ["deliveries.list", webhook], None
        if query.cursor is not None:
            place = str(cursors.decode(query.cursor, parts, {"id": str})["id"])
            if not place.isascii() or not place.isalnum() or len(place) != 26:
                raise cursors.unknown()
            start = {"pk": webhook, "sk": f"{_DELIVERY}dlv_{place}"}
        span = Span(prefix=_DELIVERY)
        found = self.store.query(FEEDBACK, (webhook,), span, limit=query.limit, start=start, forward=False)
        after = found.next and cursors.encode(parts, {"id": _id(found.next["sk"]).removeprefix("dlv_")})
        return found.rows, after or None

    def enter(self, row: Row) -> Row:
        """Write the first row down, once; what stands there."""
        try:
            self.store.put(FEEDBACK, row, Absent())
        except ConditionFailed as failed:
            return failed.row or row
        return row

    def keep(self, before: Row, after: Row) -> bool:
        """The next version, with its place among what is due; False where another one came before."""
        after = {**after, "version": before["version"] + 1}
        writes: list[Write] = [Put(FEEDBACK, after, Equals("version", before["version"]))]
        if before.get("due") != after.get("due"):
            writes += [Delete(FEEDBACK, one["pk"], _due(one)) for one in (before,) if "due" in one]
            writes += [Put(FEEDBACK, _waits(one)) for one in (after,) if "due" in one]
        try:
            if len(writes) == 1:
                self.store.put(FEEDBACK, after, Equals("version", before["version"]))
            else:
                self.store.transact(writes, _token(after))
        except ConditionFailed:
            return False
        return True

    def wait(self, row: Row, at: datetime) -> bool:
        """Not to be tried before then; that is no try."""
        return self.keep(row, {**row, "due": timestamp(at)})

    def end(self, row: Row, state: State) -> bool:
        return self.keep(row, _ended(row, state))

    def again(self, row: Row, now: datetime) -> Row:
        """By hand: with all its tries, in whatever state it is. Raises Conflict where it is tried at this moment."""
        after = {**row, "state": "waiting", "left": TRIES, "since": timestamp(now), "due": timestamp(now)}
        if not self.keep(row, after):
            raise Conflict("It is being tried at this moment; look again.")
        return after

    def due(self, webhook: str, now: datetime, most: int) -> list[Row]:
        """Deliveries that are to be tried by now, the longest due first. Places that hold nothing any more are cleared."""
        span = Span(low=_DUE, high=f"{_DUE}{timestamp(now)}~")
        places = self.store.query(FEEDBACK, (webhook,), span, limit=most).rows
        ids = [_DELIVERY + place["sk"].rpartition("#")[2] for place in places]
        found = {row["sk"]: row for row in self.store.get_many(FEEDBACK, [(webhook, id) for id in ids])} if ids else {}
        rows = []
        for place, id in zip(places, ids, strict=True):
            row = found.get(id)
            if row is None or row["state"] != "waiting" or _due(row) != place["sk"]:
                self.store.transact([Delete(FEEDBACK, webhook, place["sk"])], _token(place))
            else:
                rows.append(row)
        return rows

    def next_due(self, webhook: str) -> datetime | None:
        """When the first of those that wait is to be tried."""
        rows = self.store.query(FEEDBACK, (webhook,), Span(prefix=_DUE), limit=1).rows
        return datetime.fromisoformat(rows[0]["sk"].split("#")[1]) if rows else None


def _id(sk: str) -> str:
    return sk.partition("#")[2]


def _due(row: Mapping[str, Any]) -> str:
    return f"{_DUE}{row.get('due')}#{_id(row['sk'])}"


def _waits(row: Row) -> Row:
    return {"pk": row["pk"], "sk": _due(row), "schema": SCHEMA, "expires": row["expires"]}


def _token(row: Row) -> str:
    """Another row is another request."""
    return derived_id("", repr(sorted(row.items())))
