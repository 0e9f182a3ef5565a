"""What a product does with feedback about it, as switches: one board for each product.

Kept per board (`board#<product key>`): product, and the switches below

Nothing is public until somebody says so. A board that nobody has touched has no row: it is at version 0, and says the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool

from slipway import text
from slipway.calls import Call
from slipway.changes import differences, told
from slipway.feedback.statuses import Status
from slipway.feedback.switches import DEFAULTS, board_id, standing
from slipway.fields import cleaned, published, whole
from slipway.ports import Row, Store
from slipway.problems import KeyTaken, NotFound
from slipway.resources import HEAD, Claim, Event, Shelf, Stored
from slipway.shape import Shape, absent
from slipway.tables import FEEDBACK, PRODUCTS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

LABEL, SECONDS = 40, 3_600
TOLD = ("product", "roadmap", "changelog", "suggestions", "voting", "scrub", "ship_with_flags", "form")


Label = Annotated[str, AfterValidator(cleaned(text.line, LABEL)), published(text.LINE, LABEL)]
Seconds = Annotated[int, Field(ge=0, le=SECONDS), BeforeValidator(whole)]


class Form(Shape):
    token: bool = Field(description="whether a browser has to send a form's signed token")
    seconds: int = Field(ge=0, description="that a person takes at least to write something")


class FormPatch(Shape):
    token: StrictBool = Field(default_factory=absent)
    seconds: Seconds = Field(default_factory=absent)


class Notify(Shape):
    email: bool = Field(description="whether those who asked to hear of it are written to", examples=[True])


class NotifyPatch(Shape):
    model_config = ConfigDict(json_schema_extra={"examples": [{"email": True}]})

    email: StrictBool = Field(default_factory=absent)


class BoardPatch(Shape):
    """A merge patch; null takes `form`, `labels` and `notify` back to what holds by default."""

    roadmap: StrictBool = Field(default_factory=absent)
    changelog: StrictBool = Field(default_factory=absent)
    suggestions: StrictBool = Field(default_factory=absent)
    voting: StrictBool = Field(default_factory=absent)
    scrub: StrictBool = Field(default_factory=absent)
    ship_with_flags: StrictBool = Field(default_factory=absent)
    form: FormPatch | None = Field(default_factory=absent)
    labels: dict[Status, Label | None] | None = Field(default_factory=absent)
    notify: NotifyPatch | None = Field(default_factory=absent)

    def fields(self) -> Data:
        """The fields that it names, as plain values."""
        return self.model_dump(exclude_unset=True)


class BoardView(Shape):
    product: str
    roadmap: bool = Field(description="whether everybody may read what is planned, in progress and shipped")
    changelog: bool = Field(description="whether everybody may read what came when")
    suggestions: bool = Field(description="whether who writes in a browser is shown titles that are alike")
    voting: bool = Field(description="whether votes are taken")
    scrub: bool = Field(description="whether addresses, numbers and keys are taken out of what people write, before it is kept")
    ship_with_flags: bool = Field(
        description="whether an item is shipped with the flag that it is linked to, and reopened with it"
    )
    form: Form
    labels: dict[Status, str] = Field(description="own words for statuses")
    notify: Notify
    created_at: str | None
    updated_at: str | None
    version: int = Field(ge=0, description="0: nobody has changed it")


def view(stored: Stored) -> Data:
    """A BoardView."""
    return {
        **stored.data,
        "created_at": stored.row.get("created_at"),
        "updated_at": stored.row.get("updated_at"),
        "version": stored.version,
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Data]:
    return differences(before, after, ("product", *DEFAULTS))


class Boards:
    def __init__(self, store: Store) -> None:
        self.shelf = Shelf(store, FEEDBACK, kind="board", schema=newest("board"), upgrade=upgrader("board"), named=True)

    def of(self, product: str) -> Data:
        """The switches of a product, whether there is such a product or not."""
        return self._standing(product).data

    def read(self, product: str) -> Stored:
        """Raises NotFound where there is no product with this key."""
        if self.shelf.store.get(PRODUCTS, Claim(product).pk, "key") is None:
            raise NotFound(f"There is no product with the key {product!r}.")
        return self._standing(product)

    def update(
        self, call: Call, product: str, version: int | None, patch: BoardPatch, *, validate_only: bool = False
    ) -> Stored:
        """What changes nothing makes no version. Raises NotFound, PreconditionFailed."""

        def attempt(before: Stored) -> Stored:
            data = _merged(before.data, patch.fields())
            if data == before.data:
                return before
            events = [_event(before, data)]
            if before.version == 0:
                return self._first(call, before, data, events, validate_only)
            if validate_only:
                return self.shelf.would_be(call, before, data, events)
            return self.shelf.update(call, before, data, events)

        return self.shelf.change(lambda: self.read(product), version, attempt)

    def _first(self, call: Call, before: Stored, data: Data, events: list[Event], validate_only: bool) -> Stored:
        if validate_only:
            return Stored(self.shelf.creating(call, before.id, data, events)[0].row)
        try:
            return self.shelf.create(call, before.id, data, events).stored
        except KeyTaken:  # somebody else was faster
            raise self.shelf.elsewhere(self.shelf.read(before.id)) from None

    def _standing(self, product: str) -> Stored:
        id = board_id(product)
        stored = self.shelf.find(id)
        never: Row = {"pk": id, "sk": HEAD, "version": 0, "data": {"product": product}}
        row = never if stored is None else stored.row
        return Stored({**row, "data": standing(row["data"])})


def _merged(data: Data, fields: Data) -> Data:
    result = {**data, **fields}
    for name in ("form", "labels", "notify"):
        if name in fields:
            default = DEFAULTS[name]
            merged = default if fields[name] is None else {**data[name], **fields[name]}
            result[name] = {key: value for key, value in merged.items() if value is not None}
    return result


def _event(before: Stored, data: Data) -> Event:
    listed = [told(change, TOLD) for change in changes(before.data, data)]
    return "board.updated.v1", {"product": data["product"], "version": before.version + 1, "changes": listed}
