"""The titles of a product's feedback: a small row beside each item, and all of them in the memory of an instance.

    index#<product> / <item>    `title`  folded, for what begins so; "" where it has none
                                `shown`  the title as it was written
                                `words`  of title and text, folded, in order, each once
                                `version`  of the item that it was written from
                                `created_at`  when the row was written

The rows are plain: they go with the item's person. Whether one stands is read with each answer, so that what is gone from the
table is shown no more, whatever the memory holds; what is new there comes by the index of products, within seconds.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slipway.calls import timestamp
from slipway.feedback.people import KEY
from slipway.feedback.similar import Hit, Index
from slipway.ports import Below, Check, Delete, Equals, Put, Span
from slipway.tables import BY_PRODUCT, FEEDBACK
from slipway.text import folded
from slipway.upgrades import newest, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from slipway.ports import Row, Store, Write
    from slipway.resources import Stored

KIND = "index"
WORDS, LEADING = 150, 30  # words kept; of these, the ones that stand for a title where there is none
LONGEST = 40  # letters of a word
MOST, MOST_PRODUCTS = 20_000, 16  # titles in memory; products
FRESH, OLD = timedelta(seconds=3), timedelta(hours=1)  # for which the memory is believed; after which it is made anew
SETTLED = timedelta(seconds=60)  # after which a row stands where its time says
_PAGE, _CHUNK = 1_000, 100  # rows of one query, keys of one read


def partition(product: str) -> str:
    return f"index#{product}"


def terms(raw: str) -> list[str]:
    """The words of a text as they are looked for: folded, in order, each once."""
    return list(dict.fromkeys(word[:LONGEST] for word in re.findall(r"\w+", folded(raw))))


def listed(item: Stored, sealed: Mapping[str, Any], now: datetime) -> list[Write]:
    """What puts an item's row where it belongs. It fails where the row of a later version stands, or the person was erased.

    `sealed`: what the person wrote."""
    title, product = sealed.get("title") or "", item.data["product"]
    row: Row = {
        "pk": partition(product),
        "sk": item.id,
        "schema": newest(KIND),
        "kind": KIND,
        "product": product,
        "version": item.version,
        "created_at": timestamp(now),
        "title": folded(title),
        "shown": title,
        "words": terms(f"{title}\n{sealed.get('text') or ''}")[:WORDS],
    }
    return [
        Put(FEEDBACK, row, Below("version", item.version + 1)),
        Check(FEEDBACK, item.data["person"], KEY, Equals("pk", item.data["person"])),
    ]


def unlisted(product: str, id: str) -> Delete:
    """What takes it away again."""
    return Delete(FEEDBACK, partition(product), id)


def said(row: Row) -> str:
    """The title; where there is none, what the text begins with."""
    known = upgrade(KIND, row)
    return str(known["shown"] or " ".join(known["words"][:LEADING]))


class Titles:
    """Of the products that this instance was asked for."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held: dict[str, _Held] = {}  # what was asked for last is last

    def ranked(self, product: str, text: str, limit: int, now: datetime) -> list[Hit]:
        """The items whose titles are most like it, the nearest first."""
        return self._fresh(product, now).index.ranked(text, limit)

    def forget(self, product: str, id: str) -> None:
        """One that turned out to be gone."""
        self._held[product].drop(id)

    def _fresh(self, product: str, now: datetime) -> _Held:
        held = self._held.pop(product, None)
        if held is None or now - held.loaded >= OLD:
            held = _Held(now)
            held.take(self._all(product))
        elif now - held.asked >= FRESH:
            held.take(self._since(product, held))
            held.asked = now
        self._held[product] = held
        while len(self._held) > MOST_PRODUCTS or (len(self._held) > 1 and sum(map(len, self._held.values())) > MOST):
            del self._held[next(iter(self._held))]
        return held

    def _all(self, product: str) -> Iterator[Row]:
        start: Mapping[str, Any] | None = None
        for _ in range(MOST // _PAGE):
            page = self.store.query(FEEDBACK, (partition(product),), limit=_PAGE, start=start)
            yield from page.rows
            if (start := page.next) is None:
                return

    def _since(self, product: str, held: _Held) -> Iterator[Row]:
        start: Mapping[str, Any] | None = None
        span = Span(low=timestamp(held.asked - SETTLED))
        while True:
            page = self.store.query(FEEDBACK, (KIND, product), span, index=BY_PRODUCT, limit=_PAGE, start=start)
            new = [(row["pk"], row["sk"]) for row in page.rows if held.stamps.get(row["sk"]) != row["created_at"]]
            for at in range(0, len(new), _CHUNK):
                yield from self.store.get_many(FEEDBACK, new[at : at + _CHUNK])
            if (start := page.next) is None:
                return


class _Held:
    """One product's. `stamps`: when the row of each was written."""

    def __init__(self, now: datetime) -> None:
        self.index, self.stamps = Index(), dict[str, str]()
        self.loaded = self.asked = now

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Iterator[Row]) -> None:
        for row in rows:
            if len(self.index) >= MOST and row["sk"] not in self.index:
                return
            self.index.add(row["sk"], said(row))
            self.stamps[row["sk"]] = row["created_at"]

    def drop(self, id: str) -> None:
        self.index.remove(id)
        self.stamps.pop(id, None)
