"""Feedback in and out as files, over HTTP."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from functions.feedback.door import Feedback, api
from slipway.edge.http import Answer, Request
from slipway.feedback.imported import Importing, PostsView
from slipway.fields import Key
from slipway.paging import Cursor
from slipway.problems import Fault, Invalid, NotFound
from slipway.shape import Shape

PATH = "/v1/feedback/export"
JSONL, CSV = "application/x-ndjson", "text/csv"
MEDIA = {"jsonl": JSONL, "csv": f"{CSV}; charset=utf-8"}


class Exporting(Shape):
    format: Literal["csv", "jsonl"] = "jsonl"
    product: Key | None = None
    cursor: Cursor = None


@api.get(PATH, "feedback.export", query=Exporting, answers={200: (JSONL, CSV)})
def export(request: Request[Feedback, None, Exporting]) -> Answer:
    """Export feedback, as JSON Lines or CSV: all of it, or that of a product.

    It has what people wrote, and neither their addresses nor their targeting keys. What is held or spam is in it, with that
    `state`. A big inbox comes in pieces: follow the `Link` header, and put them one after the other; a piece may be empty. In
    CSV a cell that a spreadsheet would take for a formula has an apostrophe before it.
    """
    from slipway.feedback.transfer import written

    query = request.query
    text, cursor = written(request.use.items, query.format, query.product, query.cursor)
    if cursor is None:
        return Answer(200, text, media=MEDIA[query.format])
    next = {"format": query.format, **({"product": query.product} if query.product else {}), "cursor": cursor}
    return Answer(200, text, headers={"Link": f'<{PATH}?{urlencode(next)}>; rel="next"'}, media=MEDIA[query.format])


@api.post(
    "/v1/feedback/import",
    "feedback.import",
    query=Importing,
    answers={200: PostsView},
    creates=True,
    repeatable=True,  # without an Idempotency-Key its file names it
    media=(CSV,),
    raw=True,
    largest=4 * 1024 * 1024,
)
def import_(request: Request[Feedback, bytes, Importing]) -> Answer:
    """Import posts from a CSV export of Canny or Fider, up to 2,000.

    Every line is a new item of the `product`, of the `type`. Status and tags become ours, the number of votes is kept as
    `imported_votes`, an answer becomes the `reply`, comments become internal notes; `notes` tell what did not map, line by
    line. The addresses of those who wrote are left out unless `emails=true`. All lines are checked first: if one is wrong
    nothing is imported, and `errors` name the lines. The same import again (by the same caller, with the same
    `Idempotency-Key`, or without one the same file) finishes what was broken off and makes nothing twice. With
    `validate_only=true` nothing is written.
    """
    from slipway.edge import validation
    from slipway.feedback.transfer import ImportedPost, take

    query, use = request.query, request.use
    try:
        board = use.boards.read(query.product).data
    except NotFound as missing:
        raise Invalid(missing.detail, errors=[Fault("/query/product", "unknown_product", missing.detail)]) from None
    validate = lambda value: validation.body(ImportedPost, value)  # noqa: E731
    done = take(use.items, request.call, request.body, query, validate, scrubs=board["scrub"])
    return Answer(200, vars(done), replayed=done.existing == done.lines and not query.validate_only)
