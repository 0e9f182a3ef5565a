"""What everybody may read of a product: its roadmap and its changelog, where its board says so.

The roadmap has what is visible, merged into nothing, and planned, in progress, or shipped and touched in the last SHIPPED days.
Its title is the headline that the team gave it, or else the one in the search index, which goes when its person is forgotten:
no key of a person is read here. The changelog has the published entries.

Each is put together from at most MOST rows of each list and kept for FRESH seconds, so that a crowd costs what one reader does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from slipway.calls import timestamp
from slipway.feedback.ballots import votes
from slipway.feedback.statuses import label
from slipway.ports import Span
from slipway.resources import HEAD, Claim, Shelf
from slipway.tables import BY_PRODUCT, BY_STATUS, FEEDBACK, PRODUCTS
from slipway.upgrades import newest, upgrader
from slipway.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from typing import Any

    from slipway.feedback.statuses import Status
    from slipway.ports import Row, Store
    from slipway.resources import Stored
    from slipway.tables import Index

    Board = dict[str, Any]

Some = TypeVar("Some")

STATUSES: tuple[Status, ...] = ("in_progress", "planned", "shipped")  # in this order
SHIPPED = timedelta(days=90)
MOST = 1_000  # rows of a list that are looked at, the newest
FRESH = timedelta(seconds=30)
KEPT = 64  # answers in memory
_CHUNK = 100


class Wish(Value):
    """An item on the roadmap."""

    id: str
    title: str
    status: Status
    label: str
    votes: int
    reply: str | None
    created_at: str
    updated_at: str


class Entry(Value):
    """Of the changelog."""

    id: str
    title: str
    text: str
    published_at: str
    updated_at: str


class Shown(Value):
    """`name`: of the product; `changed_at`: the newest change of anything in it, or else of the board; `beside`: what else of
    the product is public."""

    product: str
    name: str
    parts: tuple[Wish | Entry, ...]
    changed_at: str
    beside: frozenset[str]


class Public:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._items, self._entries, self._boards, self._products = (
            Shelf(store, table, kind=kind, schema=newest(kind), upgrade=upgrader(kind))
            for table, kind in ((FEEDBACK, "feedback"), (FEEDBACK, "changelog"), (FEEDBACK, "board"), (PRODUCTS, "product"))
        )
        self._kept: dict[tuple[str, str], tuple[datetime, Shown | None]] = {}

    def roadmap(self, product: str, now: datetime) -> Shown | None:
        """None where there is none for everybody, be it that there is no such product."""
        return self._remembered("roadmap", product, now, self._wishes)

    def changelog(self, product: str, now: datetime) -> Shown | None:
        """The same of the changelog, the newest first."""
        return self._remembered("changelog", product, now, self._published)

    # --- inside ---

    def _remembered(
        self, kind: str, product: str, now: datetime, read: Callable[[str, Board, datetime], Sequence[Wish | Entry]]
    ) -> Shown | None:
        until, shown = self._kept.get((kind, product), (now, None))
        if until <= now:
            shown = self._read(kind, product, now, read)
            self._kept.pop((kind, product), None)
            if len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[kind, product] = now + FRESH, shown
        return shown

    def _read(
        self, kind: str, product: str, now: datetime, read: Callable[[str, Board, datetime], Sequence[Wish | Entry]]
    ) -> Shown | None:
        board = self._boards.find(f"board#{product}")
        if board is None or not board.data.get(kind):
            return None
        id = self._products.holder(Claim(product))
        named = None if id is None else self._products.find(id)
        if named is None:
            return None
        parts = tuple(read(product, board.data, now))
        changed = max((part.updated_at for part in parts), default=board.updated_at)
        beside = frozenset(name for name in ("roadmap", "changelog") if board.data.get(name))
        return Shown(product, str(named.data["name"]), parts, changed, beside)

    def _wishes(self, product: str, board: Board, now: datetime) -> list[Wish]:
        least = timestamp(now - SHIPPED)
        labels = board.get("labels") or {}
        found = list[Wish]()
        for status in STATUSES:
            for stored in self._newest(self._items, BY_STATUS, status):
                data = stored.data
                shown = data["product"] == product and data["status"] == status and data["state"] == "visible"
                if shown and (status != "shipped" or stored.updated_at >= least):
                    told = label(status, labels), 0, data.get("reply"), stored.created_at, stored.updated_at
                    found.append(Wish(stored.id, data.get("headline") or "", status, *told))
        return sorted(self._told(product, found), key=_order)

    def _told(self, product: str, wishes: Sequence[Wish]) -> Iterator[Wish]:
        """Those that have a title, with it and with their votes."""
        for some in _chunks(wishes):
            untitled = [(f"index#{product}", wish.id) for wish in some if not wish.title]
            rows: list[Row] = self._store.get_many(FEEDBACK, untitled) if untitled else []
            written = {row["sk"]: str(row["shown"]) for row in rows}
            counted = votes(self._store, [wish.id for wish in some])
            for wish in some:
                if title := wish.title or written.get(wish.id):
                    shown = title, wish.status, wish.label, counted[wish.id], wish.reply, wish.created_at, wish.updated_at
                    yield Wish(wish.id, *shown)

    def _published(self, product: str, _board: Board, _now: datetime) -> list[Entry]:
        entries = [
            Entry(stored.id, stored.data["title"], stored.data["text"], stored.data["published_at"], stored.updated_at)
            for stored in self._newest(self._entries, BY_PRODUCT, product)
            if stored.data["product"] == product and stored.data["status"] == "published"
        ]
        return sorted(entries, key=lambda entry: (entry.published_at, entry.id), reverse=True)

    def _newest(self, shelf: Shelf, index: Index, value: str) -> Iterator[Stored]:
        """As they stand now; an index may be behind."""
        rows = self._store.query(FEEDBACK, (shelf.kind, value), Span(), index=index, limit=MOST, forward=False).rows
        for some in _chunks([row["pk"] for row in rows if row["sk"] == HEAD]):
            yield from shelf.read_all(some)


def _order(wish: Wish) -> tuple[int, int, str, str]:
    return STATUSES.index(wish.status), -wish.votes, wish.created_at, wish.id


def _chunks(some: Sequence[Some]) -> Iterator[Sequence[Some]]:
    return (some[first : first + _CHUNK] for first in range(0, len(some), _CHUNK))
