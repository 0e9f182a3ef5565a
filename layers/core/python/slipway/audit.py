"""Who did what, when, and which fields went from what to what: one row per event, kept 400 days, newest first.

<subject> / <time>#<event id>      the history of one resource
by_month (month; time, sk)         the history of everything, one month a partition: quiet times cost few reads
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from slipway import cursors
from slipway.ports import Absent, ConditionFailed, Equals, Page, Row, Span, Store
from slipway.tables import AUDIT, BY_MONTH
from slipway.upgrades import newest, upgrade

if TYPE_CHECKING:
    from slipway.events import Event  # every contract: a reader of the audit needs none

KEPT = timedelta(days=400)
READS = 16  # queries that one page may cost at most: all months kept; a page with a narrow filter may be short, or empty

SUBJECT = 300  # bytes: a subject is an id, and every id is ASCII

_SK = re.compile(r"[-0-9T:.]{23}Z#evt_[0-9a-z]{26}")


def row(event: Event) -> Row:
    """The event's row. The same event makes the same row, whenever it arrives."""
    envelope = event.envelope()
    moment = datetime.fromisoformat(event.time)
    return {
        "pk": event.subject,
        "sk": f"{event.time}#{event.id}",
        "schema": newest("audit"),
        "month": event.time[:7],
        "time": event.time,
        "type": event.type,
        "sequence": event.sequence,
        "actor": event.actor,
        "correlation_id": event.correlation_id,
        # Storage takes no binary fraction.
        "changes": json.loads(json.dumps(envelope["data"].get("changes", [])), parse_float=Decimal),
        "expires": int((moment + KEPT).timestamp()),
    }


def record(store: Store, event: Event) -> None:
    """Write the event down, once however often it arrives. A row of an older shape is written anew, as a replay makes it."""
    try:
        store.put(AUDIT, row(event), Absent())
    except ConditionFailed as stands:
        if stands.row is not None and stands.row["schema"] < newest("audit"):
            with suppress(ConditionFailed):
                store.put(AUDIT, upgrade("audit", stands.row), Equals("schema", stands.row["schema"]))


@dataclass(frozen=True, slots=True)
class Filter:
    """Everything between two days, both inclusive; `subject`, `actor` and `type` narrow it down."""

    first: date
    last: date
    subject: str | None = None
    actor: str | None = None
    type: str | None = None

    def takes(self, row: Row) -> bool:
        return (self.actor is None or row["actor"] == self.actor) and (self.type is None or row["type"] == self.type)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: on which day, and after which row of it (empty: before its newest)."""

    day: str
    pk: str = ""
    sk: str = ""

    @classmethod
    def at(cls, position: Mapping[str, Any], filter: Filter) -> Position:
        """A position that came back from outside. Raises BadCursor for one where a page of this filter cannot have ended."""
        day, pk, sk = (str(position[name]) for name in ("day", "pk", "sk"))
        try:
            sound = date.fromisoformat(day).isoformat() == day <= filter.last.isoformat() and len(pk.encode()) <= SUBJECT
        except ValueError:
            sound = False
        begun = _SK.fullmatch(sk) and sk[:10] == day and pk and filter.subject in (None, pk)
        fresh = not (pk or sk) and filter.subject is None
        if not sound or not (begun or fresh):
            raise cursors.unknown()
        return cls(day, pk, sk)


def entries(store: Store, filter: Filter, limit: int, position: Position | None = None) -> tuple[list[Row], Position | None]:
    """Up to `limit` rows, newest first, and where the next page begins (None at the end). Never a scan."""
    position = position or Position(filter.last.isoformat())
    step = _of_month if filter.subject is None else _of_subject
    found: list[Row] = []
    for _ in range(READS):
        if position.day < filter.first.isoformat():
            return found, None
        rows, position = step(store, filter, limit - len(found), position)
        found += [row for row in (upgrade("audit", row) for row in rows) if filter.takes(row)]
        if position is None or len(found) == limit:
            break
    return found, position


def _of_subject(store: Store, filter: Filter, limit: int, position: Position) -> tuple[list[Row], Position | None]:
    page = store.query(
        AUDIT,
        (str(filter.subject),),
        _days(filter),
        limit=limit,
        start={"pk": position.pk, "sk": position.sk} if position.sk else None,
        forward=False,
    )
    return page.rows, _after(page)


def _of_month(store: Store, filter: Filter, limit: int, position: Position) -> tuple[list[Row], Position | None]:
    month = position.day[:7]
    page = store.query(
        AUDIT,
        (month,),
        _days(filter),
        index=BY_MONTH,
        limit=limit,
        start={"month": month, "time": position.sk.partition("#")[0], "sk": position.sk, "pk": position.pk}
        if position.sk
        else None,
        forward=False,
    )
    rows = store.get_many(AUDIT, [(found["pk"], found["sk"]) for found in page.rows])
    ended = Position((date.fromisoformat(f"{month}-01") - timedelta(days=1)).isoformat())
    return rows, _after(page) or (ended if ended.day >= filter.first.isoformat() else None)


def _days(filter: Filter) -> Span:
    return Span(low=filter.first.isoformat(), high=f"{filter.last.isoformat()}~")  # `~` sorts after every time of that day


def _after(page: Page) -> Position | None:
    return None if page.next is None else Position(page.next["sk"][:10], page.next["pk"], page.next["sk"])
