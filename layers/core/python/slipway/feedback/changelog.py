"""The changelog: what came to a product, entry by entry. People write them, and an item that ships makes one.

    draft <──update──> published        any of these ──delete──> deleted, for good

Kept per entry (`log_...`): product, title, text, status, published_at (when it was published first), feedback [ids], flags
[keys], made_of (the item that made it)

What a shipped item makes has an id that follows from the item: there is one, however often it ships. It is published where the
product's changelog is public and the item has a headline; else it is a draft that waits for words: what somebody wrote to the
team is no title for everybody, and would outlive who wrote it. An item that is open again takes its entry back, unless a
person changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from slipway import roster
from slipway.access import Principal
from slipway.calls import Call, derived_id
from slipway.changes import differences, told
from slipway.feedback.item import ID as FEEDBACK_ID
from slipway.feedback.item import Prose, Title
from slipway.fields import Key, matching, published
from slipway.flags.fields import Key as FlagKey
from slipway.paging import Paging, json_bytes
from slipway.ports import Store
from slipway.problems import Fault, Invalid, NotFound
from slipway.resources import Claim, Created, Event, Shelf, Stored
from slipway.shape import Shape, absent
from slipway.tables import FEEDBACK, PRODUCTS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]
Board = Callable[[str], Mapping[str, Any]]
Status = Literal["draft", "published"]

CHANGELOG = Principal("system", "changelog")
ITEMS, FLAGS = 50, 20
SHIPPED = "shipped"

FIELDS = ("product", "title", "text", "status", "published_at", "feedback", "flags")
TOLD = ("product", "status", "published_at", "flags")

ItemId = Annotated[
    str,
    AfterValidator(matching(FEEDBACK_ID, "pattern", "Send the id of a piece of feedback.")),
    published(FEEDBACK_ID, 30, 30, examples=["fbk_5k2m8q4w7e9r0t2y6a1s3d5f7g"]),
]
ItemIds = Annotated[list[ItemId], Field(max_length=ITEMS), AfterValidator(lambda some: sorted(set(some)))]
FlagKeys = Annotated[list[FlagKey], Field(max_length=FLAGS), AfterValidator(lambda some: sorted(set(some)))]


class NewEntry(Shape):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"product": "espresso-machine", "title": "It descales itself", "status": "published"}]}
    )

    product: Annotated[Key, Field(description="the key of a product", examples=["espresso-machine"])]
    title: Title
    text: Prose = ""
    status: Status = "draft"
    feedback: ItemIds = []
    flags: FlagKeys = []


class EntryPatch(Shape):
    """A merge patch; lists are replaced."""

    title: Title = Field(default_factory=absent)
    text: Prose | None = Field(default_factory=absent)
    status: Status = Field(default_factory=absent)
    feedback: ItemIds | None = Field(default_factory=absent)
    flags: FlagKeys | None = Field(default_factory=absent)


class EntryView(Shape):
    id: str
    product: str
    title: str
    text: str
    status: Status
    published_at: str | None
    feedback: list[str]
    flags: list[str]
    made_of: str | None = Field(description="the item that made it when it shipped; null: a person did")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


class EntryListing(Paging):
    product: Key | None = None
    status: Status | None = None

    def takes(self, stored: Stored) -> bool:
        data = stored.data
        wanted = all(getattr(self, name) in (None, data[name]) for name in ("product", "status"))
        return wanted and data["status"] != "deleted"


def view(stored: Stored) -> Data:
    """An EntryView."""
    data = stored.data
    return {
        "id": stored.id,
        **{name: data[name] for name in ("product", "title", "text", "status", "feedback", "flags")},
        **{name: data.get(name) for name in ("published_at", "made_of")},
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Data]:
    return differences(before, after, FIELDS)


class Changelog:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.shelf = Shelf(
            store,
            FEEDBACK,
            kind="changelog",
            schema=newest("changelog"),
            upgrade=upgrader("changelog"),
            indexed=lambda data: {name: data[name] for name in ("product", "status")},
            begins="log_",
        )

    def read(self, id: str) -> Stored:
        """Raises NotFound."""
        stored = self.shelf.find(id)
        if stored is None or stored.data["status"] == "deleted":
            raise NotFound(f"There is no changelog entry {id!r}.")
        return stored

    def page(self, query: EntryListing) -> tuple[list[Stored], str | None]:
        """In the order in which they were made, and the cursor of what follows. Raises BadCursor."""
        parts = ["changelog.list", query.product, query.status]
        found, more = roster.page(
            roster.indexed(self.shelf),
            query.takes,
            query.limit,
            roster.start(query.cursor, parts, self.shelf.kind, "log_"),
            size=lambda stored: json_bytes(view(stored)),
        )
        return found, roster.cursor(parts, more)

    def create(self, call: Call, new: NewEntry) -> Created:
        """Raises Invalid, IdempotencyMismatch."""
        id = call.new_id("log_")
        if standing := self.shelf.made(call, id):
            return Created(standing, True)
        if self.store.get(PRODUCTS, Claim(new.product).pk, "key") is None:
            detail = f"There is no product with the key {new.product!r}."
            raise Invalid(detail, errors=[Fault("/product", "unknown_product", detail)])
        data = _dated(call, {name: getattr(new, name) for name in NewEntry.model_fields})
        return self.shelf.create(call, id, data, [_event(1, {}, data)])

    def update(self, call: Call, id: str, version: int | None, patch: EntryPatch) -> Stored:
        """What changes nothing makes no version. Raises NotFound, PreconditionFailed."""
        given = {name: getattr(patch, name) for name in patch.model_fields_set}
        given = {name: _EMPTY[name] if value is None else value for name, value in given.items()}
        return self._change(call, id, version, given)

    def delete(self, call: Call, id: str, version: int | None) -> Stored:
        """For good: an item that ships again makes no other. Raises NotFound, PreconditionFailed."""
        return self._change(call, id, version, {"status": "deleted"})

    def follow(self, call: Call, item: Stored, board: Mapping[str, Any]) -> Stored | None:
        """The entry of an item, as the item stands now: safe to repeat and in any order."""
        id = derived_id("log_", item.id)
        standing, shipped = self.shelf.find(id), item.data["status"] == SHIPPED
        if standing is None and shipped:
            data = _of(call, item, board)
            return self.shelf.create(call, id, data, [_event(1, {}, data)]).stored
        if standing is None or standing.actor != call.cause["actor"]:
            return standing  # none is asked for, or a person has had it in hand
        wanted = _of(call, item, board)["status"] if shipped else "draft"
        return standing if standing.data["status"] == wanted else self._change(call, id, None, {"status": wanted})

    # --- inside ---

    def _change(self, call: Call, id: str, version: int | None, given: Data) -> Stored:
        def attempt(before: Stored) -> Stored:
            data = _dated(call, before.data | given)
            if data == before.data:
                return before
            return self.shelf.update(call, before, data, [_event(before.version + 1, before.data, data)])

        return self.shelf.change(lambda: self.read(id), version, attempt)


_EMPTY: Data = {"text": "", "feedback": [], "flags": []}


def _of(call: Call, item: Stored, board: Mapping[str, Any]) -> Data:
    headline, product = item.data.get("headline"), item.data["product"]
    status = "published" if headline and board.get("changelog") else "draft"
    flags = sorted({link["flag"] for link in item.data.get("links", ())})
    words = {"title": headline or f"Shipped in {product}: {item.data['type']}", "text": item.data.get("reply", "")}
    return _dated(
        call, {"product": product, **words, "status": status, "feedback": [item.id], "flags": flags, "made_of": item.id}
    )


def _dated(call: Call, data: Data) -> Data:
    return {"published_at": call.stamp, **data} if data["status"] == "published" else data


def _event(version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    move = "updated" if before else "created"
    if after["status"] != before.get("status") and after["status"] in ("published", "deleted"):
        move = after["status"]
    listed = [told(change, TOLD) for change in changes(before, after)]
    return f"changelog.{move}.v1", {
        "version": version,
        "changes": listed,
        "product": after["product"],
        "status": after["status"],
    }
