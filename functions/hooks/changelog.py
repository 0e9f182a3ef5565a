"""The changelog over HTTP, as the team writes it."""

from __future__ import annotations

from functions.hooks.door import Hooks, api, seen
from slipway.edge.http import Answer, Request
from slipway.feedback.changelog import EntryListing, EntryPatch, EntryView, NewEntry, view

ALL = "/v1/changelog"
ONE = f"{ALL}/{{id}}"


@api.post(ALL, "changelog.create", body=NewEntry, answers={201: EntryView}, creates=True)
def create(request: Request[Hooks, NewEntry, None]) -> Answer:
    """Write an entry of a product's changelog: a draft, unless `status` says otherwise.

    Whether published entries are public is a switch of the product's board. An item that ships makes an entry by itself.
    """
    made = request.use.changelog.create(request.call, request.body)
    location = f"{ALL}/{made.stored.id}"
    return Answer(201, view(made.stored), location=location, etag=made.stored.etag, replayed=made.replayed)


@api.get(ALL, "changelog.list", query=EntryListing, answers={200: [EntryView]})
def index(request: Request[Hooks, None, EntryListing]) -> Answer:
    """List changelog entries, in the order in which they were made.

    All filters that are given hold. A page may be shorter than `limit`, or empty: the list ends where `next_cursor` is missing.
    """
    found, cursor = request.use.changelog.page(request.query)
    return Answer(200, {"items": [view(stored) for stored in found]}, next=cursor)


@api.get(ONE, "changelog.read", answers={200: EntryView})
def read(request: Request[Hooks, None, None]) -> Answer:
    """Read a changelog entry."""
    stored = request.use.changelog.read(request.path["id"])
    return seen(stored, view(stored))


@api.patch(ONE, "changelog.update", body=EntryPatch, answers={200: EntryView})
def update(request: Request[Hooks, EntryPatch, None]) -> Answer:
    """Change a changelog entry (JSON merge patch).

    An entry that an item made is a person's from then on: it stays as it is when the item opens again.
    """
    stored = request.use.changelog.update(request.call, request.path["id"], request.if_match, request.body)
    return seen(stored, view(stored))


@api.delete(ONE, "changelog.delete", answers={204: None})
def delete(request: Request[Hooks, None, None]) -> Answer:
    """Delete a changelog entry, for good. An item that made it makes no other."""
    request.use.changelog.delete(request.call, request.path["id"], request.if_match)
    return Answer(204)
