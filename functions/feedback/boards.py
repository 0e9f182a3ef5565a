"""Boards over HTTP: what each product does with feedback."""

from __future__ import annotations

from functions.feedback.door import Feedback, api
from slipway import roster
from slipway.edge.http import Answer, Request
from slipway.feedback.boards import BoardPatch, BoardView, view
from slipway.paging import Paging
from slipway.shape import Writing

ALL = "/v1/boards"
ONE = f"{ALL}/{{product}}"


@api.get(ALL, "boards.list", query=Paging, answers={200: [BoardView]})
def index(request: Request[Feedback, None, Paging]) -> Answer:
    """List the boards that somebody has changed, in the order in which they first were."""
    shelf, query = request.use.boards.shelf, request.query
    parts: list[str | None] = ["boards.list"]
    start = roster.start(query.cursor, parts, shelf.kind, "board#", "[a-z0-9_-]{1,64}")
    found, more = roster.page(roster.indexed(shelf), lambda _: True, query.limit, start, round=query.limit)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=roster.cursor(parts, more))


@api.get(ONE, "boards.read", answers={200: BoardView})
def read(request: Request[Feedback, None, None]) -> Answer:
    """Read a product's board. One that nobody has changed yet is at version 0, and says what holds by default."""
    stored = request.use.boards.read(request.path["product"])
    return Answer(200, view(stored), etag=stored.etag)


@api.patch(ONE, "boards.update", body=BoardPatch, query=Writing, answers={200: BoardView})
def update(request: Request[Feedback, BoardPatch, Writing]) -> Answer:
    """Change a product's board (JSON merge patch). Nothing of it is public until `roadmap` or `changelog` says so."""
    only, boards = request.query.validate_only, request.use.boards
    stored = boards.update(request.call, request.path["product"], request.if_match, request.body, validate_only=only)
    return Answer(200, view(stored), etag=None if only else stored.etag)
