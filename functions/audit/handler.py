"""`GET /v1/audit`: who did what, when, and which fields from what to what."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from slipway import cursors
from slipway.adapters import connect
from slipway.audit import KEPT, Filter, Position, entries
from slipway.edge.http import Answer, Api, Request
from slipway.paging import Limit
from slipway.ports import Row, Store
from slipway.problems import Fault, Invalid
from slipway.settings import Audit
from slipway.shape import Shape

# An id of ours; of what has only a name, its kind and the name: `flag#checkout`, `environment#production`.
SUBJECT = r"[a-z]{3}_[0-9a-z]{26}|[a-z]+#[!-~]+"
RECENT = timedelta(days=13)  # before today: what is shown of everything when no first day is named


def _day(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("write the day as 2026-11-23")
    return text


def _subject(text: str) -> str:
    if not re.fullmatch(SUBJECT, text):
        raise PydanticCustomError(
            "pattern", "Send the id of a resource (prd_..., key_..., mbr_...) as its answer has it, not its key."
        )
    return text


Day = Annotated[date, BeforeValidator(_day)]


class Search(Shape):
    subject: Annotated[
        Annotated[str, AfterValidator(_subject)] | None,
        Field(min_length=1, max_length=300, description="the id of a resource: `prd_...`, `key_...`, `mbr_...`"),
    ] = None
    actor: Annotated[str | None, Field(min_length=1, max_length=300, description="`kind:id` of who did it")] = None
    type: Annotated[str | None, Field(pattern=r"^[a-z]+\.[a-z_]+\.v[0-9]+$", max_length=100)] = None
    first: Annotated[Day | None, Field(alias="from", description="first day, UTC; two weeks back, or all of a subject")] = None
    last: Annotated[Day | None, Field(alias="to", description="last day, UTC; today")] = None
    limit: Limit = 50
    cursor: Annotated[str | None, Field(description="`next_cursor` of the page before")] = None

    @property
    def parts(self) -> list[str | None]:
        days = (None if day is None else day.isoformat() for day in (self.first, self.last))
        return ["audit", self.subject, self.actor, self.type, *days]

    def filter(self, now: datetime) -> Filter:
        """Nothing is older than the audit keeps, nothing younger than now. Raises Invalid."""
        if self.first and self.last and self.first > self.last:
            detail = "`from` is a later day than `to`."
            raise Invalid(detail, errors=[Fault("/query/from", "after_to", detail)])
        today = now.date()
        oldest = today - KEPT
        last = min(self.last or today, today)
        first = self.first or (oldest if self.subject or last < oldest else last - RECENT)
        return Filter(max(first, oldest), last, self.subject, self.actor, self.type)


class FieldChange(BaseModel):
    """Without `from` and `to` the value is free text or long, and stays in the resource."""

    model_config = ConfigDict(defer_build=True)

    field: str
    from_: JsonValue = Field(default=None, alias="from")
    to: JsonValue = None


class Entry(BaseModel):
    model_config = ConfigDict(defer_build=True)

    id: Annotated[str, Field(description="of the event", examples=["evt_5k2m8q4w7e9r0t2y6a1s3d5f7g"])]
    time: str
    type: str
    subject: str
    sequence: Annotated[int, Field(description="the version of the subject that this made")]
    actor: str
    correlation_id: str
    changes: list[FieldChange]


def wire() -> Store:
    return connect.store(Audit.load())


api: Api[Store] = Api("audit", wire)
handler = api


@api.get("/v1/audit", "audit.list", query=Search, answers={200: [Entry]})
def list_audit(request: Request[Store, None, Search]) -> Answer:
    """Who did what, newest first.

    One entry per event: the actor, the subject, and each field that changed, from what to what. Entries are kept 400 days.
    A page may be short, or empty, before the end: the end is where there is no `next_cursor`.
    """
    search = request.query
    filter, position = search.filter(request.call.now), None
    if search.cursor is not None:
        position = Position.at(cursors.decode(search.cursor, search.parts, {"day": str, "pk": str, "sk": str}), filter)
    rows, position = entries(request.use, filter, search.limit, position)
    next = None if position is None else cursors.encode(search.parts, asdict(position))
    return Answer(200, {"items": [entry(row) for row in rows]}, next=next)


def entry(row: Row) -> dict[str, Any]:
    """As `Entry` has it; a change without values stays without them."""
    same = {name: row[name] for name in ("time", "type", "sequence", "actor", "correlation_id", "changes")}
    return {"id": row["sk"].partition("#")[2], "subject": row["pk"], **same}
