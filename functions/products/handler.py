"""The product catalogue over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from slipway import history
from slipway.adapters import connect
from slipway.batch import ATOMIC, create_all, create_each, would_create
from slipway.calls import Call
from slipway.edge.http import Answer, Api, Request
from slipway.history import Reading, VersionView
from slipway.listing import Listing, page
from slipway.paging import Cursor, Paging
from slipway.problems import KeyTaken
from slipway.product import Batch, ImportView, ItemsView, NewProduct, ProductPatch, ProductView, view
from slipway.products import Products
from slipway.resources import Created, Stored
from slipway.settings import Products as Settings
from slipway.shape import Shape, Writing


def wire() -> Products:
    settings = Settings.load()
    return Products(connect.store(settings), currency=settings.currency)


class Exporting(Shape):
    format: Literal["csv", "jsonl"] = "jsonl"
    cursor: Cursor = None


BATCH = "/v1/products/batch"
JSONL, CSV = "application/x-ndjson", "text/csv"
MEDIA = {"jsonl": JSONL, "csv": f"{CSV}; charset=utf-8"}

api: Api[Products] = Api("products", wire)
handler = api


@api.post(
    "/v1/products",
    "products.create",
    body=NewProduct,
    query=Writing,
    answers={201: ProductView, 200: ProductView},
    creates=True,
)
def create(request: Request[Products, NewProduct, Writing]) -> Answer:
    """Create a product.

    The name is trimmed. A price as a number or a string is in major units of the deployment's currency and may not have more
    decimals than that has; as an object it is in minor units. With `validate_only=true` the answer is 200 and nothing is
    written.
    """
    only = request.query.validate_only
    made = request.use.create(request.call, request.body, validate_only=only)
    if only:
        return Answer(200, view(made.stored))
    return Answer(201, view(made.stored), location=_path(made.stored), etag=made.stored.etag, replayed=made.replayed)


@api.get("/v1/products", "products.list", query=Listing, answers={200: [ProductView]})
def index(request: Request[Products, None, Listing]) -> Answer:
    """List products.

    All filters that are given hold; without `status` archived products are listed too. The order is by creation, with
    `name_prefix` by name. Only `key` and `name_prefix` find by an index: the other filters look at what the order gives, up to
    300 products a page. So a page may be shorter than `limit`, or empty: the list ends where `next_cursor` is missing.
    """
    found, cursor = page(request.use, request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.get("/v1/products/{id}", "products.read", query=Reading, answers={200: ProductView})
def read(request: Request[Products, None, Reading]) -> Answer:
    """Read a product, by id or by key.

    With `as_of` it is answered as it stood at that moment: 404 before its creation, 422 in the future.
    """
    ref, moment = request.path["id"], request.query.as_of
    stored = request.use.read(ref) if moment is None else request.use.at(request.call, ref, moment)
    return Answer(200, view(stored), etag=stored.etag)


@api.patch("/v1/products/{id}", "products.update", body=ProductPatch, query=Writing, answers={200: ProductView})
def update(request: Request[Products, ProductPatch, Writing]) -> Answer:
    """Change a product (JSON merge patch).

    Null takes an optional field away; `metadata` and a price object are merged, lists are replaced. A price in another currency
    needs its amount too. A new stage has to be one that the present one can move to (409 names them). A change that changes
    nothing makes no version. An archived product takes no changes (409).
    """
    only = request.query.validate_only
    return _changed(
        request.use.update(request.call, request.path["id"], request.if_match, request.body, validate_only=only), only
    )


@api.delete("/v1/products/{id}", "products.archive", query=Writing, answers={200: ProductView})
def archive(request: Request[Products, None, Writing]) -> Answer:
    """Archive a product.

    It stays readable, in lists with `status=archived`, and keeps its key. Archiving it again changes nothing.
    """
    only = request.query.validate_only
    return _changed(request.use.archive(request.call, request.path["id"], request.if_match, validate_only=only), only)


@api.post("/v1/products/{id}/restore", "products.restore", query=Writing, answers={200: ProductView}, versioned=True)
def restore(request: Request[Products, None, Writing]) -> Answer:
    """Bring an archived product back. Restoring an active one changes nothing."""
    only = request.query.validate_only
    return _changed(request.use.restore(request.call, request.path["id"], request.if_match, validate_only=only), only)


@api.get("/v1/products/{id}/versions", "products.versions", query=Paging, answers={200: [VersionView]})
def versions(request: Request[Products, None, Paging]) -> Answer:
    """List what every version of a product changed: who, when, which fields from what to what. Newest first.

    A page may be shorter than `limit`: the list ends where `next_cursor` is missing.
    """
    ref, query = request.path["id"], request.query
    parts = ["products.versions", ref]
    below = history.below(query, parts)
    items, next = history.page(request.use.versions(ref, below=below, limit=query.limit), parts)
    return Answer(200, {"items": items}, next=next)


@api.post(
    BATCH,
    "products.batch",
    body=Batch,
    query=Writing,
    answers={201: ItemsView, 207: ItemsView, 200: ItemsView},
    creates=True,
    largest=2 * 1024 * 1024,
)
def batch(request: Request[Products, Batch, Writing]) -> Answer:
    """Create up to 100 products.

    Up to 25 are created together or not at all (201). Of more each one is created for itself (207), and `items` tells in their
    order what became of them. In both cases nothing is written when an item is not valid. An `Idempotency-Key` covers every
    item: the same request again finishes what is missing and makes nothing twice.
    """
    use, call, items = request.use, request.call, request.body.items
    if request.query.validate_only:
        return Answer(200, {"items": [_item(one, call) for one in would_create(use, call, items)]})
    if len(items) > ATOMIC:
        done = create_each(use, call, items)
        return Answer(207, {"items": [_item(one, call) for one in done]}, replayed=_replayed(done))
    made = create_all(use, call, items)
    return Answer(201, {"items": [_item(one, call) for one in made]}, replayed=_replayed(made))


@api.get("/v1/products/export", "products.export", query=Exporting, answers={200: (JSONL, CSV)})
def export(request: Request[Products, None, Exporting]) -> Answer:
    """Export all products, as JSON Lines or CSV.

    A big catalogue comes in pieces: follow the `Link` header, and put them one after the other. In CSV a cell that a
    spreadsheet would take for a formula has an apostrophe before it. Into a catalogue that does
    not have its keys it can be imported: as new products, at version 1, each with its latest price alone.
    """
    from slipway.transfer import written  # with the import below: rare, and not needed by the others

    format = request.query.format
    text, cursor = written(request.use, format, request.query.cursor)
    link = {"Link": f'</v1/products/export?format={format}&cursor={cursor}>; rel="next"'} if cursor else {}
    return Answer(200, text, headers=link, media=MEDIA[format])


@api.post(
    "/v1/products/import",
    "products.import",
    query=Writing,
    answers={200: ImportView},
    creates=True,
    repeatable=True,  # without an Idempotency-Key its file names it
    media=(JSONL, CSV),
    raw=True,
    largest=4 * 1024 * 1024,
)
def import_(request: Request[Products, bytes, Writing]) -> Answer:
    """Import products from JSON Lines or CSV, up to 2,000.

    The first line of CSV names the columns, at least `name` and `price`; what only the server gives (`id`, `created_at`,
    `updated_at`, `version`) may be there and is not taken. Every line is a new product. All lines are checked first: if one
    is wrong, or its key is taken, nothing is imported, and `errors` names the lines. Then they are written in groups of 25.
    The same import again (by the same caller, with the same `Idempotency-Key`, or without one the same file) finishes what was
    broken off and makes nothing twice; lines whose key somebody took since it had begun are told in `conflicts`. From another
    caller, another API key too, it is another import. With `validate_only=true` the answer counts what would be `created` and
    what is `existing` already, and nothing is written.
    """
    from slipway.edge import json as strict
    from slipway.edge import validation
    from slipway.imports import take
    from slipway.transfer import ImportedProduct, read_csv, read_jsonl

    body, only = request.body, request.query.validate_only
    reader = read_csv if request.media == CSV else read_jsonl
    done = take(
        request.use,
        request.call,
        body,
        reader(body, strict.read),
        lambda value: validation.body(ImportedProduct, value),
        validate_only=only,
    )
    return Answer(200, vars(done), replayed=done.existing == done.lines and not only)


def _changed(stored: Stored, only_validated: bool) -> Answer:
    """With the ETag of its version, unless that is none yet."""
    return Answer(200, view(stored), etag=None if only_validated else stored.etag)


def _path(stored: Stored) -> str:
    return f"/v1/products/{stored.id}"


def _replayed(done: Sequence[Created | KeyTaken]) -> bool:
    """Whether an earlier request made all that is made."""
    made = [one.replayed for one in done if isinstance(one, Created)]
    return bool(made) and all(made)


def _item(one: Created | KeyTaken, call: Call) -> dict[str, Any]:
    if isinstance(one, KeyTaken):
        return {"status": one.status, "problem": one.body(instance=BATCH, request_id=call.request_id)}
    return {"status": 201, "product": view(one.stored)}
