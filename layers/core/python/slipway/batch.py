"""Many new products in one request. Every item is checked before any is written."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.calls import Call
from slipway.ports import ConditionFailed, Put
from slipway.problems import Fault, Invalid, KeyTaken
from slipway.product import NewProduct
from slipway.products import Data, Products, taken
from slipway.resources import HEAD, Created, Stored

ATOMIC = 25  # products that are created together or not at all: at most 50 rows
FAULTS = 100  # that are told

Item = tuple[str, Data, Sequence[Put]]  # id, data, rows


def create_all(products: Products, call: Call, items: Sequence[NewProduct]) -> list[Created]:
    """All of them or none, in one transaction. The same idempotent call answers them again as they were.

    Raises Invalid, KeyTaken, IdempotencyMismatch."""
    ready = _checked(products, call, items)
    puts = [put for _, _, rows in ready for put in rows]
    try:
        products.shelf.store.transact(puts, call.new_id("", "all", call.nonce))
    except ConditionFailed as failed:
        standing = [products.shelf.made(call, id) for id, _, _ in ready]
        if None in standing:
            raise _taken(ready, str(puts[failed.index].row["id"])) from None
        return [Created(one, call.idempotency_key is not None) for one in standing if one]
    return [Created(Stored(put.row), False) for put in puts if put.row["sk"] == HEAD]


def create_each(products: Products, call: Call, items: Sequence[NewProduct]) -> list[Created | KeyTaken]:
    """Each by itself; for one whose key is taken the problem stands in its place. Raises Invalid, IdempotencyMismatch."""
    ready, done = _checked(products, call, items), list[Created | KeyTaken]()
    for id, data, _ in ready:
        try:
            done.append(products.put(call, id, data))
        except KeyTaken:
            done.append(_taken(ready, id))
    return done


def would_create(products: Products, call: Call, items: Sequence[NewProduct]) -> list[Created]:
    """What would be created. Raises Invalid, KeyTaken."""
    ready = _checked(products, call, items)
    keys = {data["key"]: id for id, data, _ in ready if "key" in data}
    for key, holder in products.holders(list(keys)).items():
        if holder != keys[key]:
            raise _taken(ready, keys[key])
    return [Created(Stored(rows[0].row), False) for _, _, rows in ready]


def _checked(products: Products, call: Call, items: Sequence[NewProduct]) -> list[Item]:
    """Raises Invalid with the faults of every item; a key that stands twice is one."""
    ready: list[Item] = []
    faults: list[Fault] = []
    keys: dict[str, int] = {}
    for number, new in enumerate(items):
        try:
            id, data = call.new_id("prd_", str(number)), products.made(call, new)
            ready.append((id, data, products.puts(call, id, data)))
        except Invalid as invalid:
            faults += [fault._replace(pointer=f"/items/{number}{fault.pointer}") for fault in invalid.errors]
        if new.key is not None and keys.setdefault(new.key, number) != number:
            faults.append(Fault(f"/items/{number}/key", "duplicate", f"Item {keys[new.key]} has this key too."))
    if faults:
        raise Invalid("Some items are not valid; nothing was written.", errors=faults[:FAULTS])
    return ready


def _taken(ready: Sequence[Item], id: str) -> KeyTaken:
    number = next(number for number, item in enumerate(ready) if item[0] == id)
    return taken(ready[number][1]["key"], f"/items/{number}/key")
