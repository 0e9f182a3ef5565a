"""Lists of flags, segments and environments: in the order of their keys, page by page.

Lists kept beside the resources (`slipway.flags.ledger`) are merged: keys that all of those have which are asked for. They are
read strongly, and so is what they name: a page is never behind, and costs about the same among 5,000 flags as among 50,
whatever is asked for. A page may be short, or even empty, while more follow. A flag that is listed throughout appears exactly
once. Of archived flags there is one list; the owner, the product and tags are looked for in its flags, up to 300 a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from slipway import cursors, roster
from slipway.fields import EnvironmentName, Owner, Tag
from slipway.fields import Key as ProductKey
from slipway.flags import ledger
from slipway.flags.fields import Prefix
from slipway.flags.flag import Status
from slipway.paging import Paging, json_bytes
from slipway.ports import Span, Store
from slipway.problems import Fault, Invalid
from slipway.resources import Shelf, Stored
from slipway.tables import FLAGS

WIDTH = 1_000  # rows that are read of each list at a time: they are small
_KEY = re.compile(r"[A-Za-z0-9._-]{1,129}")


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
    def lists(self) -> tuple[list[str], list[str]]:
        """Those that a flag has to be in, one at least, and those in which it must not be. Raises Invalid."""
        fields = [("product", self.product), ("owner", self.owner), ("tag", self.tag)]
        inside = [f"list#{name}#{value}" for name, value in fields if value is not None and self.status == "active"]
        inside += [name for name, wanted in self.kept if wanted]
        whole = ledger.ACTIVE if self.status == "active" else ledger.ARCHIVED
        return inside or [whole], [name for name, wanted in self.kept if not wanted]

    def parts(self) -> list[str | None]:
        """What a cursor is bound to."""
        flags = [None if one is None else str(one) for one in (self.environment, self.state, self.stale)]
        return ["flags.list", self.prefix, self.tag, self.owner, self.product, self.status, *flags]


def flags(shelf: Shelf, listing: FlagListing) -> tuple[list[Stored], str | None]:
    """The flags of one page, and the cursor of the next (None at the end). Raises Invalid, BadCursor."""
    return _page(shelf, listing, *listing.lists, listing.parts(), listing.takes)


def segments(shelf: Shelf, listing: Listing) -> tuple[list[Stored], str | None]:
    """The same for segments."""
    return _page(shelf, listing, [ledger.SEGMENTS], [], ["segments.list", listing.prefix])


def templates(shelf: Shelf, listing: Listing) -> tuple[list[Stored], str | None]:
    """The same for rollout templates."""
    return _page(shelf, listing, [ledger.TEMPLATES], [], ["templates.list", listing.prefix])


def environments(shelf: Shelf, listing: Paging) -> tuple[list[Stored], str | None]:
    """The same for environments."""
    return _page(shelf, Listing(**listing.model_dump()), [ledger.ENVIRONMENTS], [], ["environments.list"])


def _stands(stored: Stored) -> bool:
    return bool(stored.data["status"] != "deleted")


def _page(
    shelf: Shelf,
    query: Listing,
    inside: list[str],
    outside: list[str],
    parts: Sequence[str | None],
    takes: Callable[[Stored], bool] = _stands,
) -> tuple[list[Stored], str | None]:
    alone = [*inside, *outside] in ([ledger.ACTIVE], [ledger.SEGMENTS], [ledger.TEMPLATES], [ledger.ENVIRONMENTS])

    def read(limit: int, start: roster.Position | None) -> tuple[list[roster.Entry], roster.Position | None]:
        keys, low = _agreed(shelf.store, inside, outside, first if start is None else start["low"], last, limit)
        heads = {stored.id: stored for stored in shelf.read_all([f"{shelf.kind}#{key}" for key in keys])}
        entries = [({"low": _after(key)}, heads.get(f"{shelf.kind}#{key}")) for key in keys]
        return entries, None if low is None else {"low": low}

    first, last = _start(query, parts), f"{query.prefix or ''}~"  # which sorts after every letter of a key
    found, more = roster.page(
        read, takes, query.limit, None, round=query.limit if alone else 100, size=lambda stored: json_bytes(stored.data)
    )
    return found, None if more is None else cursors.encode(parts, {"key": more["low"]})


def _agreed(
    store: Store, inside: list[str], outside: list[str], low: str, high: str, limit: int
) -> tuple[list[str], str | None]:
    """Up to `limit` keys from `low` on that are in all lists `inside` and in none `outside`, and from where to go on (None at
    the end). Each list is read once: what lies between two keys of the sparsest is leapt over by the next reading."""
    width = limit if len(inside) + len(outside) == 1 else WIDTH
    pages = [store.query(FLAGS, (name,), Span(low=low, high=high), limit=width) for name in (*inside, *outside)]
    known = min((page.rows[-1]["sk"] for page in pages if page.next is not None), default=None)  # as far as all were read
    read = [[row["sk"] for row in page.rows] for page in pages]
    agreed = set[str].intersection(*map(set, read[: len(inside)])).difference(*read[len(inside) :])
    keys = sorted(key for key in agreed if known is None or key <= known)
    if len(keys) > limit:
        return keys[:limit], _after(keys[limit - 1])
    if known is None:
        return keys, None
    follows = [
        next((key for key in read if key > known), None if page.next is None else _after(known))
        for page, read in zip(pages[: len(inside)], read, strict=False)
    ]
    return keys, None if None in follows else max(filter(None, follows))


def _after(key: str) -> str:
    """The first key that may follow."""
    return f"{key}-"


def _start(query: Listing, parts: Sequence[str | None]) -> str:
    """The key to begin with. A made-up cursor may name any place of the list."""
    if query.cursor is None:
        return query.prefix or "-"
    key = str(cursors.decode(query.cursor, parts, {"key": str})["key"])
    if not _KEY.fullmatch(key) or not key.startswith(query.prefix or ""):
        raise cursors.unknown()
    return key
