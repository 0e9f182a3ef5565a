"""The product catalogue: its use cases.

What each costs at the store: create 1 write; read by id 1 strong read, by key 2; update, archive and restore 1 strong read and
1 write. Kept per product (`data` of its rows; a field that was not given is not there):

    name, stage, status, prices, key, description, owner, tags, metadata, links

`prices` ends with the price in force and holds the last ten, each with `valid_from`. A past version holds the ten that led to
it: so the whole history can be walked with `as_of`, and no row grows with the number of changes.

An archived product keeps its key and takes no change but its restoring.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from slipway import history, money, text
from slipway.calls import Call
from slipway.changes import changes, creation, event, price_in_force
from slipway.fields import METADATA
from slipway.ports import Put, Row, Store
from slipway.problems import Conflict, Fault, Invalid, KeyTaken, NotFound
from slipway.product import NewProduct, ProductPatch
from slipway.resources import Claim, Created, Shelf, Stored
from slipway.rowsize import row_bytes
from slipway.stages import move
from slipway.tables import PRODUCTS
from slipway.upgrades import newest, upgrade, upgrader

PRICES = 10  # kept in one row
ROW_BYTES = 16 * 1024
GIVEN_BYTES = ROW_BYTES - 4 * 1024  # of those, for what people give: the rest has room for all that we add at any change

Data = dict[str, Any]


class Products:
    """`currency`: of a price that does not name its own."""

    def __init__(self, store: Store, *, currency: str = "EUR") -> None:
        money.minor(0, currency)  # an unknown one is told at once
        self.currency = currency
        self.shelf = Shelf(
            store,
            PRODUCTS,
            kind="product",
            schema=newest("product"),
            upgrade=upgrader("product"),
            indexed=_indexed,
            fits=_fits,
        )

    # --- reads ---

    def read(self, ref: str) -> Stored:
        """By id or by key. Raises NotFound."""
        if ref.startswith("prd_"):
            return self.shelf.read(ref)
        id = self.shelf.holder(Claim(ref))
        stored = self.shelf.find(id) if id else None
        if stored is None or stored.data.get("key") != ref:  # the key may have moved between the two reads
            raise NotFound("There is no product with this key.")
        return stored

    def at(self, call: Call, ref: str, moment: datetime) -> Stored:
        """The version that was in force. Raises NotFound before the creation, Invalid in the future."""
        return history.at(self.shelf, call, self.read(ref), moment)

    def versions(self, ref: str, *, below: int | None = None, limit: int = 50) -> tuple[list[history.Version], int | None]:
        """Newest first, only those below `below`; and where to go on (None: that was all). Raises NotFound."""
        return history.versions(self.shelf, self._id(ref), changes, below=below, limit=limit)

    # --- writes ---

    def create(self, call: Call, new: NewProduct, *, validate_only: bool = False) -> Created:
        """Version 1. Raises Invalid, KeyTaken, IdempotencyMismatch."""
        id, data = call.new_id("prd_"), self.made(call, new)
        if validate_only:
            self._check_free(id, data)
            return Created(Stored(self.puts(call, id, data)[0].row), False)
        return self.put(call, id, data)

    def update(self, call: Call, ref: str, version: int | None, patch: ProductPatch, *, validate_only: bool = False) -> Stored:
        """Merge the patch into that version (None: whatever stands). What changes nothing makes no version.

        Raises NotFound, PreconditionFailed, Conflict (archived), MoveNotAllowed, Invalid, KeyTaken."""

        def patched(before: Stored) -> Data:
            if before.data["status"] == "archived":
                raise Conflict("The product is archived; restore it first.")
            return self._patched(before.data, patch.fields(), max(call.stamp, before.updated_at))

        return self._change(call, ref, version, patched, "product.updated.v1", validate_only)

    def archive(self, call: Call, ref: str, version: int | None, *, validate_only: bool = False) -> Stored:
        """Put away; if it is already, nothing happens. Raises NotFound, PreconditionFailed."""
        archived = lambda before: {**before.data, "status": "archived"}  # noqa: E731
        return self._change(call, ref, version, archived, "product.archived.v1", validate_only)

    def restore(self, call: Call, ref: str, version: int | None, *, validate_only: bool = False) -> Stored:
        """Bring back; if it is active, nothing happens. Raises NotFound, PreconditionFailed."""
        active = lambda before: {**before.data, "status": "active"}  # noqa: E731
        return self._change(call, ref, version, active, "product.restored.v1", validate_only)

    # --- for several at once ---

    def made(self, call: Call, new: NewProduct, *, status: str = "active") -> Data:
        """The data of a new product. Raises Invalid."""
        given = new.model_dump()
        price = {**_money(given.pop("price"), self.currency)._asdict(), "valid_from": call.stamp}
        return _without_empty({**given, "status": status, "prices": [price]})

    def put(self, call: Call, id: str, data: Data) -> Created:
        """Write a new product. Raises Invalid, KeyTaken, IdempotencyMismatch."""
        try:
            return self.shelf.create(call, id, data, creation(data), _claims(data))
        except KeyTaken:
            raise taken(data["key"], "/key") from None

    def puts(self, call: Call, id: str, data: Data) -> list[Put]:
        """What `put` writes, for a transaction of several: the product, and the row of its key. Raises Invalid."""
        return self.shelf.creating(call, id, data, creation(data), _claims(data))

    def holders(self, keys: Sequence[str]) -> dict[str, str]:
        """Which of these keys (at most 100) are held, and by which id."""
        claims = {Claim(key).pk: key for key in keys}
        rows = self.shelf.store.get_many(PRODUCTS, [(pk, "key") for pk in claims]) if claims else []
        return {claims[row["pk"]]: upgrade("claim", row)["id"] for row in rows}

    # --- inside ---

    def _id(self, ref: str) -> str:
        return ref if ref.startswith("prd_") else self.read(ref).id

    def _change(
        self,
        call: Call,
        ref: str,
        version: int | None,
        make: Callable[[Stored], Data],
        type: str,
        validate_only: bool,
    ) -> Stored:
        def attempt(before: Stored) -> Stored:
            data = make(before)
            if data == before.data:
                return before
            events = [event(type, before.version + 1, before.data, data)]
            held, wanted = set(_claims(before.data)), set(_claims(data))
            if validate_only:
                self._check_free(before.id, data)
                return self.shelf.would_be(call, before, data, events)
            try:
                return self.shelf.update(call, before, data, events, claim=wanted - held, release=held - wanted)
            except KeyTaken:
                raise taken(data["key"], "/key") from None

        return self.shelf.change(lambda: self.read(ref), version, attempt)

    def _patched(self, data: Data, fields: Mapping[str, Any], moment: str) -> Data:
        result = {**data, **{name: value for name, value in fields.items() if name not in ("price", "metadata")}}
        if "stage" in fields:
            move(data["stage"], fields["stage"])
        if "price" in fields:
            price = self._repriced(data["prices"][-1], fields["price"])
            if price != price_in_force(data):
                result["prices"] = [*data["prices"], {**price, "valid_from": moment}][-PRICES:]
        if "metadata" in fields:
            merged = {} if fields["metadata"] is None else {**data.get("metadata", {}), **fields["metadata"]}
            result["metadata"] = {name: value for name, value in merged.items() if value is not None}
            if len(result["metadata"]) > METADATA:
                detail = f"With this there would be more than {METADATA} names; take some away with null."
                raise Invalid(detail, errors=[Fault("/metadata", "too_long", detail)])
        return _without_empty(result)

    def _repriced(self, standing: Mapping[str, Any], given: Any) -> Data:
        if isinstance(given, Mapping):
            price = _money({"amount": standing["amount"], "currency": standing["currency"], **given}, self.currency)
            if "amount" not in given and price.currency != standing["currency"]:
                detail = f"Another currency needs its amount: send price.amount too, in minor units of {price.currency}."
                raise Invalid(detail, errors=[Fault("/price/amount", "amount_needed", detail)])
            return price._asdict()
        if standing["currency"] != self.currency:
            detail = f"The product is priced in {standing['currency']}: send the price as an object, with its currency."
            raise Invalid(detail, errors=[Fault("/price", "currency_needed", detail)])
        return _money(given, self.currency)._asdict()

    def _check_free(self, id: str, data: Data) -> None:
        if "key" in data and self.holders([data["key"]]).get(data["key"], id) != id:
            raise taken(data["key"], "/key")


def _claims(data: Data) -> list[Claim]:
    return [Claim(data["key"])] if "key" in data else []


def _indexed(data: Mapping[str, Any]) -> dict[str, str]:
    return {"name_key": text.sorting(data["name"])}


def _money(given: Any, currency: str) -> money.Money:
    try:
        if isinstance(given, Mapping):
            return money.minor(given["amount"], given.get("currency", currency))
        return money.major(given, currency)
    except money.BadMoney as bad:
        raise Invalid("The price is not valid.", errors=[Fault(f"/price{bad.pointer}", bad.code, str(bad))]) from None


def _without_empty(data: Data) -> Data:
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}


def taken(key: str, pointer: str) -> KeyTaken:
    detail = f"Another product has the key {key!r}; choose another one."
    return KeyTaken(detail, errors=[Fault(pointer, "key_taken", detail)])


def _fits(row: Row) -> None:
    given = {name: value for name, value in row["data"].items() if name != "status"}
    if 2 * len(json.dumps(given, default=str)) <= GIVEN_BYTES:
        return  # a row has at most twice the bytes of its JSON, and that is counted much faster
    size = row_bytes(given)
    if size > GIVEN_BYTES:
        largest = max(given, key=lambda name: row_bytes({name: given[name]}))
        field = "price" if largest == "prices" else largest
        detail = f"The product would take {size:,} bytes of {GIVEN_BYTES:,} at most; shorten {field}."
        raise Invalid(detail, errors=[Fault(f"/{field}", "too_large", detail)])
