"""An import of products: a file of new ones (see `slipway.importing`).

A key that another product holds refuses the file while nothing of it stands. Once it has begun, such a line is a conflict of
its own, or was imported before its product gave the key away: so that an import can always be finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from slipway import importing
from slipway.calls import Call
from slipway.ports import ConditionFailed, Put
from slipway.problems import Fault, Invalid, KeyTaken
from slipway.products import Data, Products
from slipway.sheets import Line
from slipway.tables import PRODUCTS
from slipway.transfer import ImportedProduct

CHUNK = 25  # products that are written together: at most 50 rows

Validate = Callable[[Any], ImportedProduct]  # raises Invalid


@dataclass(frozen=True, slots=True)
class Ready:
    """A checked line: what is to be written."""

    line: int
    id: str
    data: Data
    puts: Sequence[Put]


@dataclass
class Outcome:
    """`created` now, `existing` since an earlier try of the same import, `conflicts`: lines whose key was taken meanwhile.

    Of an import that is only validated: what would be created, what exists already, which lines would conflict."""

    lines: int
    created: int = 0
    existing: int = 0
    conflicts: list[dict[str, Any]] = field(default_factory=list)


def take(
    products: Products, call: Call, body: bytes, lines: Iterable[Line], validate: Validate, *, validate_only: bool = False
) -> Outcome:
    """Check all lines, then write them. Raises TooLarge, Invalid, KeyTaken, IdempotencyMismatch; nothing is written then."""
    bound, call = call.idempotency_key is not None, importing.named(call, body)
    ready = _checked(products, call, lines, validate)
    lost = _lost(products, ready)
    outcome = Outcome(len(ready), conflicts=[_conflict(one) for one in ready if one.id in lost])
    if bound:
        importing.bind(products.shelf.store, PRODUCTS, call, validate_only)
    if validate_only:
        outcome.existing = len(_standing(products, ready))
        outcome.created = outcome.lines - outcome.existing - len(outcome.conflicts)
    else:
        for chunk in importing.parts([one for one in ready if one.id not in lost], CHUNK):
            _write(products, call, chunk, outcome)
        outcome.conflicts.sort(key=lambda conflict: conflict["line"])
    return outcome


def _checked(products: Products, call: Call, lines: Iterable[Line], validate: Validate) -> list[Ready]:
    keys: dict[str, int] = {}

    def ready(line: Line) -> Ready:
        new = validate(line.value)
        id, data = call.new_id("prd_", str(line.number)), products.made(call, new, status=new.status)
        puts, key = products.puts(call, id, data), data.get("key")
        if key is not None and keys.setdefault(key, line.number) != line.number:
            detail = f"line {keys[key]} has this key too."
            raise Invalid(detail, errors=[Fault("/key", "duplicate", detail)])
        return Ready(line.number, id, data, puts)

    return importing.checked(lines, ready, "products")


def _lost(products: Products, ready: Sequence[Ready]) -> set[str]:
    """Ids that cannot be made, since another product holds their key. Raises KeyTaken while nothing of the import stands."""
    keys = {one.data["key"]: one for one in ready if "key" in one.data}
    taken = [
        keys[key]
        for some in importing.parts(list(keys), 100)
        for key, holder in products.holders(some).items()
        if holder != keys[key].id
    ]
    if not taken:
        return set()
    standing = _standing(products, ready)
    if not standing:
        faults = [_key_taken(one) for one in taken[: importing.FAULTS]]
        raise KeyTaken("Some keys are taken; nothing was imported.", errors=faults)
    return {one.id for one in taken} - standing


def _standing(products: Products, ready: Sequence[Ready]) -> set[str]:
    """Ids of the products that an earlier try of this import made."""
    return {stored.id for some in importing.parts(ready, 100) for stored in products.shelf.read_all([one.id for one in some])}


def _key_taken(one: Ready) -> Fault:
    detail = f"Line {one.line}: another product has the key {one.data['key']!r}."
    return Fault(f"/lines/{one.line}/key", "key_taken", detail)


def _conflict(one: Ready) -> dict[str, Any]:
    return {"line": one.line, "key": one.data["key"]}


def _write(products: Products, call: Call, chunk: Sequence[Ready], outcome: Outcome) -> None:
    try:
        puts = [put for one in chunk for put in one.puts]
        products.shelf.store.transact(puts, call.new_id("", str(chunk[0].line), call.nonce))
        outcome.created += len(chunk)
    except ConditionFailed:
        standing = [stored.id for stored in products.shelf.read_all([one.id for one in chunk])]
        outcome.existing += len(standing)
        for one in chunk:
            if one.id not in standing:
                _write_one(products, call, one, outcome)


def _write_one(products: Products, call: Call, one: Ready, outcome: Outcome) -> None:
    try:
        made = products.put(call, one.id, one.data)
    except KeyTaken:
        outcome.conflicts.append(_conflict(one))
    else:
        outcome.existing += made.replayed
        outcome.created += not made.replayed
