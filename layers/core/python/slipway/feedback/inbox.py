"""The inbox: which items, in what order, page by page.

One order drives a list: of what is searched for in a product (`index#<product>` / <item>), of the items whose senders had one
variant of a flag (`list#flag#<flag>#<variant>` / <created_at>#<item>), of those of a status, of a product, or of all. What it
finds is read strongly, and the other filters look at that: a page may be short, or even empty, while more follow.

In the order of creation an item that is in the list throughout appears exactly once, whatever happens to it or to others
between two pages: neither its time nor its id ever changes. A search goes by the ids, so there it is the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field

from slipway import cursors, roster, text
from slipway.feedback import titles
from slipway.feedback.fields import MemberId
from slipway.feedback.item import ID, Sentiment, State, Type
from slipway.feedback.items import Items
from slipway.feedback.statuses import Status
from slipway.fields import Key, Prefix, Tag, cleaned, published
from slipway.flags.fields import Key as FlagKey
from slipway.paging import Paging, json_bytes
from slipway.ports import Row
from slipway.problems import Fault, Invalid
from slipway.resources import Shelf, Stored
from slipway.tables import BY_PRODUCT, BY_STATUS, FEEDBACK

WORDS, VARIANT = 200, 64  # characters
WIDTH = 1_000  # rows that are looked at for words at a time: they are small

Words = Annotated[str, AfterValidator(cleaned(text.line, WORDS)), published(text.LINE, WORDS)]
Variant = Annotated[str, AfterValidator(cleaned(text.line, VARIANT)), published(text.LINE, VARIANT)]
Rating = Annotated[int | None, Field(ge=0, le=10)]


class FeedbackListing(Paging):
    """Filters; all that are given must hold. Without `state` only what is visible is listed."""

    product: Key | None = None
    status: Status | None = None
    state: State = "visible"
    type: Type | None = None
    tag: Tag | None = None
    assignee: MemberId | None = None
    sentiment: Sentiment | None = None
    flag: FlagKey | None = Field(default=None, description="that the sender was served; with its `variant`")
    variant: Variant | None = None
    min_rating: Rating = None
    max_rating: Rating = None
    title_prefix: Prefix | None = Field(
        default=None, description="the beginning of the title; with a `product`; case does not matter"
    )
    words: Words | None = Field(default=None, description="that all stand in the title or the text; with a `product`")

    def takes(self, stored: Stored) -> bool:
        data = stored.data
        rating, served = data.get("rating"), data.get("flags", {}).get(self.flag, {})
        return (
            self.state == data["state"]
            and self.product in (None, data["product"])
            and self.status in (None, data["status"])
            and self.type in (None, data["type"])
            and (self.tag is None or self.tag in data.get("tags", ()))
            and self.assignee in (None, data.get("assignee"))
            and self.sentiment in (None, data.get("sentiment", {}).get("label", "unknown"))
            and (self.flag is None or served.get("variant") == self.variant)
            and (self.min_rating is None or (rating is not None and rating >= self.min_rating))
            and (self.max_rating is None or (rating is not None and rating <= self.max_rating))
        )

    @property
    def searches(self) -> bool:
        return self.title_prefix is not None or self.words is not None

    @property
    def given(self) -> set[str]:
        """The filters that hold something."""
        return {name for name, value in self._filters().items() if value is not None} - {"state"}

    def parts(self) -> list[str | None]:
        """What a cursor is bound to."""
        return ["feedback.list", *(None if value is None else str(value) for value in self._filters().values())]

    def check(self) -> None:
        """Raises Invalid."""
        faults = []
        if (self.flag is None) != (self.variant is None):
            missing = "variant" if self.variant is None else "flag"
            faults.append(Fault(f"/query/{missing}", "required", "Name the flag and its variant."))
        if self.searches and self.product is None:
            faults.append(Fault("/query/product", "required", "Name the product whose feedback is searched."))
        if self.min_rating is not None and self.max_rating is not None and self.min_rating > self.max_rating:
            faults.append(Fault("/query/min_rating", "above_max", "No rating is that: `min_rating` is not above `max_rating`."))
        if faults:
            raise Invalid("This cannot be looked for; see `errors`.", errors=faults)

    def _filters(self) -> dict[str, Any]:
        return self.model_dump(exclude={"limit", "cursor"})


class Order(NamedTuple):
    """`drives`: the filters that hold for all of it; `at`: what a place in it has beside time and id."""

    read: roster.Reader
    drives: set[str] = set()
    at: Mapping[str, str] = {}


def page(items: Items, listing: FeedbackListing) -> tuple[list[Stored], str | None]:
    """The items of one page, and the cursor of the next (None at the end). Raises Invalid, BadCursor."""
    listing.check()
    parts, shelf = listing.parts(), items.shelf
    if listing.searches:
        read, start = _searched(shelf, listing), _from(listing, parts)
        found, more = roster.page(read, listing.takes, listing.limit, start, size=_size)
        return found, None if more is None else cursors.encode(parts, {"id": more["sk"]})
    order, start = _order(shelf, listing), roster.start(listing.cursor, parts, shelf.kind, "fbk_")
    start = None if start is None else {**start, **order.at}
    round = listing.limit if listing.given <= order.drives else 100
    found, more = roster.page(order.read, listing.takes, listing.limit, start, round=round, size=_size)
    return found, roster.cursor(parts, more)


def _order(shelf: Shelf, listing: FeedbackListing) -> Order:
    if listing.flag is not None:
        return Order(_served(shelf, f"list#flag#{listing.flag}#{listing.variant}"), {"flag", "variant"})
    if listing.state != "visible":  # stands in the index in the place of a status
        return Order(roster.indexed(shelf, BY_STATUS, within=[listing.state]), at={"status": listing.state})
    if listing.status is not None:
        return Order(roster.indexed(shelf, BY_STATUS, within=[listing.status]), {"status"}, {"status": listing.status})
    if listing.product is not None:
        return Order(roster.indexed(shelf, BY_PRODUCT, within=[listing.product]), {"product"}, {"product": listing.product})
    return Order(roster.indexed(shelf))


def _served(shelf: Shelf, partition: str) -> roster.Reader:
    def read(limit: int, start: roster.Position | None) -> tuple[list[roster.Entry], roster.Position | None]:
        key = None if start is None else {"pk": partition, "sk": f"{start['created_at']}#{start['pk']}"}
        rows = shelf.store.query(FEEDBACK, (partition,), limit=limit, start=key)
        places = [_place(row["sk"]) for row in rows.rows]
        heads = {stored.id: stored for stored in shelf.read_all([place["pk"] for place in places])}
        return [(place, heads.get(place["pk"])) for place in places], None if rows.next is None else _place(rows.next["sk"])

    return read


def _place(key: str) -> Row:
    at, _, id = key.partition("#")
    return {"created_at": at, "pk": id}


def _searched(shelf: Shelf, listing: FeedbackListing) -> roster.Reader:
    partition = titles.partition(listing.product or "")
    prefix, words = text.folded(listing.title_prefix or ""), {*titles.terms(listing.words or "")}

    def read(limit: int, start: roster.Position | None) -> tuple[list[roster.Entry], roster.Position | None]:
        rows = shelf.store.query(FEEDBACK, (partition,), limit=WIDTH, start=start)
        hits = [row for row in rows.rows if row["title"].startswith(prefix) and words <= {*row["words"]}]
        heads = {stored.id: stored for stored in shelf.read_all([row["sk"] for row in hits[:limit]])}
        next = {"pk": partition, "sk": hits[limit - 1]["sk"]} if len(hits) > limit else rows.next
        return [({"pk": partition, "sk": row["sk"]}, heads.get(row["sk"])) for row in hits[:limit]], next

    return read


def _from(listing: FeedbackListing, parts: list[str | None]) -> roster.Position | None:
    """Where a search goes on. A made-up cursor may name any item."""
    if listing.cursor is None:
        return None
    id = str(cursors.decode(listing.cursor, parts, {"id": str})["id"])
    if not re.fullmatch(ID, id):
        raise cursors.unknown()
    return {"pk": titles.partition(listing.product or ""), "sk": id}


def _size(stored: Stored) -> int:
    """About the bytes that it takes in the answer: what is sealed is JSON, and a little more."""
    plain = {name: value for name, value in stored.data.items() if name != "sealed"}
    return len(stored.data["sealed"]) + json_bytes(plain)
