"""Lists of products: which ones, in what order, page by page.

One index gives the order: by creation, or by name where a name prefix is asked. What it finds is read strongly, and the other
filters look at that, so a page may be short, or even empty, while more follow. No list ever scans the table.

In the order of creation (`created_at, id`) a product that exists throughout appears exactly once, whatever happens to it
or to others between two pages: neither of the two ever changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from slipway import cursors, roster, text
from slipway.calls import timestamp
from slipway.fields import ID, Key, Owner, Prefix, Tag
from slipway.moments import Moment
from slipway.paging import Paging, json_bytes
from slipway.problems import NotFound
from slipway.product import Status, view
from slipway.products import Products
from slipway.resources import HEAD, Stored
from slipway.stages import Stage
from slipway.tables import BY_CREATED, BY_NAME, Index

_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"


class Listing(Paging):
    """Filters; all that are given must hold. Without `status` both active and archived products are listed."""

    status: Status | None = None
    stage: Stage | None = None
    tag: Tag | None = None
    owner: Owner | None = None
    updated_after: Moment | None = Field(default=None, description="RFC 3339; later than this moment")
    name_prefix: Prefix | None = Field(default=None, description="case does not matter; the list is then in the order of names")
    key: Key | None = None

    @property
    def filtered(self) -> bool:
        """Whether a page may have to look at more products than it shows."""
        return any((self.status, self.stage, self.tag, self.owner, self.updated_after))

    def takes(self, stored: Stored) -> bool:
        data = stored.data
        return (
            self.status in (None, data["status"])
            and self.stage in (None, data["stage"])
            and (self.tag is None or self.tag in data.get("tags", ()))
            and self.owner in (None, data.get("owner"))
            and (self.updated_after is None or stored.updated_at > timestamp(self.updated_after))
            and (self.name_prefix is None or text.folded(data["name"]).startswith(text.folded(self.name_prefix)))
        )

    def parts(self) -> list[str | None]:
        """What a cursor is bound to."""
        after = timestamp(self.updated_after) if self.updated_after else None
        return ["products.list", self.status, self.stage, self.tag, self.owner, after, self.name_prefix, self.key]


def page(products: Products, listing: Listing) -> tuple[list[Stored], str | None]:
    """The products of one page, and the cursor of the next (None at the end). Raises BadCursor."""
    if listing.key is not None:
        return _by_key(products, listing), None
    parts, prefix = listing.parts(), text.sorting(listing.name_prefix) if listing.name_prefix is not None else None
    order = BY_CREATED if prefix is None else BY_NAME
    found, more = roster.page(
        roster.indexed(products.shelf, order, prefix),
        listing.takes,
        listing.limit,
        _start(order, parts, listing.cursor, prefix),
        round=100 if listing.filtered else listing.limit,
        size=lambda stored: json_bytes(view(stored)),
    )
    return found, _cursor(order, parts, more)


def walk(products: Products, parts: Sequence[str | None], cursor: str | None, most: int) -> Iterator[tuple[Stored, str | None]]:
    """Up to `most` products in the order of creation, each with the cursor of what follows it (None at the end)."""
    start = _start(BY_CREATED, parts, cursor, None)
    read = roster.indexed(products.shelf)
    while most > 0:
        entries, start = read(min(100, most), start)
        for _, stored, after in roster.followed(entries, start):
            if stored is not None:
                yield stored, _cursor(BY_CREATED, parts, after)
        most -= len(entries)
        if start is None:
            return


def _by_key(products: Products, listing: Listing) -> list[Stored]:
    try:
        stored = products.read(listing.key or "")
    except NotFound:
        return []
    return [stored] if listing.takes(stored) else []


def _cursor(order: Index, parts: Sequence[str | None], entry: roster.Position | None) -> str | None:
    return None if entry is None else cursors.encode(parts, {"at": entry[order.sort[0]], "id": entry["pk"]})


def _start(order: Index, parts: Sequence[str | None], cursor: str | None, prefix: str | None) -> Mapping[str, Any] | None:
    """The key to go on from. A made-up one may name any place of the order, but nothing that the store would choke on."""
    if cursor is None:
        return None
    place = cursors.decode(cursor, parts, {"at": str, "id": str})
    at, id = str(place["at"]), str(place["id"])
    good = re.fullmatch(_TIME, at) if prefix is None else at.startswith(prefix) and text.sorting(at) == at
    if not good or not re.fullmatch(ID, id):
        raise cursors.unknown()
    return {"kind": "product", order.sort[0]: at, "pk": id, "sk": HEAD}
