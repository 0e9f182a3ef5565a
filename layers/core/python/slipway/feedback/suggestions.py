"""What others told already that is like what somebody writes: for the team, and where a board says so for everybody who writes.

A duplicate leads to what it is a duplicate of. Each answer is checked against what stands in the table: nothing that is held,
spam, or gone since the instance heard of it is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from slipway import text
from slipway.access import Principal
from slipway.feedback.item import ID, TITLE
from slipway.feedback.similar import Hit
from slipway.feedback.switches import Switches
from slipway.feedback.titles import Titles, partition
from slipway.fields import Key, cleaned, published
from slipway.ports import Row
from slipway.problems import Forbidden
from slipway.resources import Shelf, Stored
from slipway.shape import Shape
from slipway.tables import FEEDBACK

MOST, SPARE = 10, 3  # of an answer; how many times as many are looked at, since some will not do
STEPS = 5  # from a duplicate to what it is a duplicate of, at most


def _limit(limit: int) -> int:
    return min(max(limit, 1), MOST)


class Asked(Shape):
    product: Key
    text: Annotated[
        str,
        AfterValidator(cleaned(text.line, TITLE)),
        published(text.LINE, TITLE, description="a title, as far as it is written", examples=["export to exc"]),
    ]
    limit: Annotated[int, AfterValidator(_limit), Field(description=f"1 to {MOST}")] = 5


class SimilarView(Shape):
    id: str = Field(pattern=ID, examples=["fbk_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    title: str | None
    status: str
    votes: int = Field(ge=0)
    score: float = Field(ge=0, le=1, description="1: the same text")


class SimilarList(Shape):
    items: list[SimilarView]


class Suggestions:
    """`votes(ids)`: how many each has."""

    def __init__(self, shelf: Shelf, switches: Switches, votes: Callable[[Sequence[str]], dict[str, int]]) -> None:
        self.shelf, self.titles = shelf, Titles(shelf.store)
        self._switches, self._votes = switches, votes

    def allow(self, principal: Principal, product: str, now: datetime) -> None:
        """Raises Forbidden for whom the board shows none."""
        if not _member(principal) and not self._switches.of(product, now.timestamp()).suggestions:
            raise Forbidden("The board of this product shows no suggestions; an editor can turn them on there.")

    def find(self, principal: Principal, asked: Asked, now: datetime) -> list[dict[str, Any]]:
        """SimilarViews, the nearest first, for who is allowed."""
        member = _member(principal)
        hits = self.titles.ranked(asked.product, asked.text, asked.limit * SPARE, now)
        rows, heads = self._standing(asked.product, [hit.id for hit in hits])
        found: dict[str, dict[str, Any]] = {}
        for hit in hits:
            root = self._root(hit, rows, heads)
            if hit.id not in rows:
                self.titles.forget(asked.product, hit.id)
            if root is None or root.id in found or len(found) == asked.limit:
                continue
            written, headline = rows.get(root.id, {}).get("shown") or None, root.data.get("headline")
            title = written or headline if member else headline or (None if root.data["type"] == "bug" else written)
            if title is not None or member:
                status = {"title": title, "status": root.data["status"]}
                found[root.id] = {"id": root.id, **status, "votes": 0, "score": round(hit.score, 3)}
        votes = self._votes(list(found))
        return [{**view, "votes": votes[id]} for id, view in found.items()]

    def _standing(self, product: str, ids: Sequence[str]) -> tuple[dict[str, Row], dict[str, Stored]]:
        """The index rows and heads of these, and of what they are duplicates of."""
        rows: dict[str, Row] = {}
        heads: dict[str, Stored] = {}
        wanted = list(ids)
        for _ in range(STEPS):
            if not wanted:
                break
            keys = [(partition(product), id) for id in wanted]
            rows |= {row["sk"]: row for row in self.shelf.store.get_many(FEEDBACK, keys)}
            heads |= {stored.id: stored for stored in self.shelf.read_all(wanted)}
            roots = [heads[id].data.get("merged_into") for id in wanted if id in heads]
            wanted = list(dict.fromkeys(id for id in roots if id is not None and id not in heads))
        return rows, heads

    def _root(self, hit: Hit, rows: dict[str, Row], heads: dict[str, Stored]) -> Stored | None:
        """What it is to be shown as; None where it is not to be shown."""
        at = heads.get(hit.id) if hit.id in rows else None
        for _ in range(STEPS):
            if at is None or at.data["state"] != "visible":
                return None
            if "merged_into" not in at.data:
                return at
            at = heads.get(at.data["merged_into"])
        return None


def _member(principal: Principal) -> bool:
    return principal.kind not in ("client", "server")
