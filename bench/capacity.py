"""Write units that a 1 KB product costs, index writes included, as AWS's own engine counts them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.access import Principal
from slipway.adapters.boto import BotoDynamo
from slipway.adapters.dynamodb import DynamoStore
from slipway.calls import Call
from slipway.product import NewProduct, ProductPatch
from slipway.products import Products
from slipway.tables import PRODUCTS
from tests.backends import boto_client, create_table, dynamodb_local


class Metered:
    """The client, asking each answer for what it consumed, and doing AWS's published sum beside it.

    The engine on this machine leaves out rows of some transactions and doubles index entries in them; the sum does not.
    """

    def __init__(self, inner: BotoDynamo) -> None:
        self.inner, self.counts = inner, inner.counts
        self.rows: dict[str, dict[str, Any]] = {}
        self.forget()

    def forget(self) -> None:
        self.requests, self.reads, self.engine, self.sum, self.largest = 0, 0.0, 0.0, 0, 0

    def call(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self.inner.call(operation, {**request, "ReturnConsumedCapacity": "INDEXES"})
        consumed = answer.get("ConsumedCapacity", [])
        units = sum(table["CapacityUnits"] for table in (consumed if isinstance(consumed, list) else [consumed]))
        self.requests += 1
        if operation == "PutItem":
            self.engine += units
            self._write(request["Item"], 1)
        elif operation == "TransactWriteItems":
            self.engine += units
            for kind, write in (entry for item in request["TransactItems"] for entry in item.items()):
                self._write(write["Item"] if kind == "Put" else {**write["Key"], "": {"deleted": True}}, 2)
        else:
            self.reads += units
        return answer

    def _write(self, new: dict[str, Any], factor: int) -> None:
        """One unit per KB of the larger image, twice that in a transaction, and one per index entry that comes or goes."""
        place = json.dumps([new["pk"], new["sk"]])
        old = self.rows.pop(place, {})
        if "" in new:
            new = {}
        else:
            self.rows[place] = new
        size = max(_size(old), _size(new))
        self.largest = max(self.largest, size)
        self.sum += factor * math.ceil(size / 1024)
        for index in PRODUCTS.indexes:
            names = (*index.partition, *index.sort)
            before, after = ([image[name] for name in names] if set(names) <= set(image) else None for image in (old, new))
            if before != after:
                self.sum += (before is not None) + (after is not None)


def _size(item: Mapping[str, Any]) -> int:
    """Bytes as DynamoDB bills them (developer guide, "item sizes and formats")."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: Mapping[str, Any]) -> int:
    ((kind, inner),) = value.items()
    if kind == "S":
        return len(inner.encode())
    if kind == "N":
        return math.ceil(len(inner.strip("-").replace(".", "")) / 2) + 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value(item) for name, item in inner.items())
    if kind == "L":
        return 3 + sum(1 + _value(item) for item in inner)
    return 1  # BOOL, NULL


def capacity() -> None:
    print("\nWhat a product of 1 KB costs: requests, read units, write units with index writes\n")
    header = f"{'':<22}{'requests':>9}{'read':>7}{'written':>9}{'engine says':>13}{'largest row':>13}"
    print(f"{header}\n{'-' * len(header)}")
    with dynamodb_local() as endpoint:
        dynamodb = boto_client("dynamodb", endpoint)
        create_table(dynamodb, PRODUCTS, "products")
        metered = Metered(BotoDynamo(dynamodb))
        products = Products(DynamoStore(metered, {"products": "products"}))

        def line(what: str) -> None:
            print(
                f"{what:<22}{metered.requests:>9}{metered.reads:>7.1f}{metered.sum:>9}{metered.engine:>13.1f}{metered.largest:>13}"
            )
            metered.forget()

        plain = products.create(_call("1"), _product()).stored
        line("create")
        keyed = products.create(_call("2"), _product(key="mug")).stored
        line("create with a key")
        products.read(plain.id)
        line("get by id")
        products.read("mug")
        line("get by key")
        products.update(_call("3"), plain.id, 1, ProductPatch.model_validate({"stage": "discovery"}))
        line("update")
        products.update(_call("4"), plain.id, 2, ProductPatch.model_validate({"name": "Another mug"}))
        line("update of the name")
        products.update(_call("5"), keyed.id, 1, ProductPatch.model_validate({"key": "cup"}))
        line("update of the key")
        products.archive(_call("6"), plain.id, 3)
        line("archive")
        print("\nTarget: at most 6 write units, 1 write request, 1 read by id and 2 by key.")


def _product(**more: str) -> NewProduct:
    words = {"name": "Enamel mug", "description": "x" * 230, "owner": "ada", "tags": ["kitchen", "outdoor"]}
    return NewProduct.model_validate({**words, "price": "19.99", **more})


def _call(nonce: str) -> Call:
    return Call(Principal("member", "mbr_bench", "editor"), "products.create", datetime(2026, 11, 23, tzinfo=UTC), nonce)
