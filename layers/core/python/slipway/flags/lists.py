"""Lists of flags, segments and environments: in the order of their keys, page by page.

One list kept beside the resources drives (`slipway.flags.ledger`): the narrowest that is asked for. Its rows are read
strongly, and so is whatever the other filters look at: a page is never behind, and costs the same among 5,000 flags as among
50. A page may be short, or even empty, while more follow. A flag that is listed throughout appears exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from slipway import cursors, roster
from slipway.fields import EnvironmentName, Owner, Tag
from slipway.fields import Key as ProductKey
from slipway.flags import ledger
from slipway.flags.fields import Prefix
from slipway.flags.flag import Status
from slipway.paging import Paging, json_bytes
from slipway.ports import Span
from slipway.problems import BadCursor, Fault, Invalid
from slipway.resources import Shelf, Stored
from slipway.tables import FLAGS

_KEY = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Listing(Paging):
    """All that are given must hold."""

    prefix: Prefix | None = Field(default=None, description="the beginning of the key; case matters")


class FlagListing(Listing):
    """`state` and `stale` are those in an `environment`."""

    tag: Tag | None = None
    owner: Owner | None = None
    product: ProductKey | None = None
    status: Status = "active"
    environment: EnvironmentName | None = None
    state: Literal["on", "off"] | None = Field(default=None, description="of the switch there")
    stale: bool | None = Field(default=None, description="whether nobody needs it there any more, as far as can be told")

    def takes(self, stored: Stored) -> bool:
        """By what stands in the flag itself."""
        data = stored.data
        return (
            data["status"] == self.status
            and (self.tag is None or self.tag in data.get("tags", ()))
            and self.owner in (None, data.get("owner"))
            and self.product in (None, data.get("product"))
        )

    @property
    def kept(self) -> list[tuple[str, bool]]:
        """Lists that say what does not stand in the flag, and whether it has to be in them. Raises Invalid."""
        if self.environment is None:
            if self.state is not None or self.stale is not None:
                detail = "Name the environment whose state is asked for."
                raise Invalid(detail, errors=[Fault("/query/environment", "required", detail)])
            return []
        on = [] if self.state is None else [(ledger.switched_on(self.environment), self.state == "on")]
        return on if self.stale is None else [*on, (ledger.stale(self.environment), self.stale)]

    @property
    def driver(self) -> str:
        """The list that is read; the others filter what it has."""
        fields = [("product", self.product), ("owner", self.owner), ("tag", self.tag)]
        lists = [f"list#{name}#{value}" for name, value in fields if value is not None and self.status == "active"]
        narrow = [*lists, *(name for name, wanted in reversed(self.kept) if wanted)]
        return narrow[0] if narrow else ledger.ACTIVE if self.status == "active" else ledger.ARCHIVED

    def parts(self) -> list[str | None]:
        """What a cursor is bound to."""
        flags = [None if one is None else str(one) for one in (self.environment, self.state, self.stale)]
        return ["flags.list", self.prefix, self.tag, self.owner, self.product, self.status, *flags]


def flags(shelf: Shelf, listing: FlagListing) -> tuple[list[Stored], str | None]:
    """The flags of one page, and the cursor of the next (None at the end). Raises Invalid, BadCursor."""
    return _page(shelf, listing, listing.driver, listing.parts(), listing)


def segments(shelf: Shelf, listing: Listing) -> tuple[list[Stored], str | None]:
    """The same for segments."""
    return _page(shelf, listing, ledger.SEGMENTS, ["segments.list", listing.prefix])


def templates(shelf: Shelf, listing: Listing) -> tuple[list[Stored], str | None]:
    """The same for rollout templates."""
    return _page(shelf, listing, ledger.TEMPLATES, ["templates.list", listing.prefix])


def environments(shelf: Shelf, listing: Paging) -> tuple[list[Stored], str | None]:
    """The same for environments."""
    return _page(shelf, Listing(limit=listing.limit, cursor=listing.cursor), ledger.ENVIRONMENTS, ["environments.list"])


def _page(
    shelf: Shelf, query: Listing, driver: str, parts: Sequence[str | None], filters: FlagListing | None = None
) -> tuple[list[Stored], str | None]:
    kept = [] if filters is None else [(name, wanted) for name, wanted in filters.kept if name != driver]

    def read(limit: int, start: roster.Position | None) -> tuple[list[roster.Entry], roster.Position | None]:
        page = shelf.store.query(FLAGS, (driver,), Span(prefix=query.prefix), limit=limit, start=start)
        keys = [row["sk"] for row in page.rows]
        for name, wanted in kept:
            rows = shelf.store.get_many(FLAGS, [(name, key) for key in keys]) if keys else []
            inside = {row["sk"] for row in rows}
            keys = [key for key in keys if (key in inside) == wanted]
        heads = {stored.id: stored for stored in shelf.read_all([f"{shelf.kind}#{key}" for key in keys])}
        return [(row, heads.get(f"{shelf.kind}#{row['sk']}")) for row in page.rows], page.next

    takes = (lambda stored: stored.data["status"] != "deleted") if filters is None else filters.takes
    round = (
        100 if kept or driver not in (ledger.ACTIVE, ledger.SEGMENTS, ledger.TEMPLATES, ledger.ENVIRONMENTS) else query.limit
    )
    found, more = roster.page(
        read, takes, query.limit, _start(query, driver, parts), round=round, size=lambda stored: json_bytes(stored.data)
    )
    return found, None if more is None else cursors.encode(parts, {"key": more["sk"]})


def _start(query: Listing, driver: str, parts: Sequence[str | None]) -> dict[str, Any] | None:
    """The key to go on from. A made-up one may name any place of the list."""
    if query.cursor is None:
        return None
    key = str(cursors.decode(query.cursor, parts, {"key": str})["key"])
    if not _KEY.fullmatch(key) or not key.startswith(query.prefix or ""):
        raise BadCursor("Use next_cursor of the page before; without a cursor a list starts anew.")
    return {"pk": driver, "sk": key}
