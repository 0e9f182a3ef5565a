"""An import: a file of new products, all of whose lines are checked before the first is written.

The import has a name: its `Idempotency-Key`, or else the digest of the file. The id of each product derives from that name and
its line, so the same import again, after whatever broke it off, finishes what is missing and makes nothing twice. A row
`imp_...` keeps which file an `Idempotency-Key` belongs to: another file under it is refused before anything is written.

A key that another product holds refuses the file while nothing of it stands. Once it has begun, such a line is a conflict of
its own, or was imported before its product gave the key away: so that an import can always be finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from slipway.calls import Call
from slipway.ports import Absent, ConditionFailed, Put, Row
from slipway.problems import Fault, IdempotencyMismatch, Invalid, KeyTaken, TooLarge
from slipway.products import Data, Products
from slipway.sheets import Line
from slipway.tables import PRODUCTS
from slipway.transfer import ImportedProduct
from slipway.upgrades import upgrade

LINES = 2_000
FAULTS = 100  # that are told
LONGEST = 500  # characters of what one of them tells: a name in a file may be as long as the file
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
    digest, named = hashlib.sha256(body).hexdigest(), call.idempotency_key is not None
    call = call.but(idempotency_key=call.idempotency_key or f"file {digest}", digest=digest)
    ready = _checked(products, call, lines, validate)
    lost = _lost(products, ready)
    outcome = Outcome(len(ready), conflicts=[_conflict(one) for one in ready if one.id in lost])
    if named:
        _bind(products, call, validate_only)
    if validate_only:
        outcome.existing = len(_standing(products, ready))
        outcome.created = outcome.lines - outcome.existing - len(outcome.conflicts)
    else:
        for chunk in _parts([one for one in ready if one.id not in lost], CHUNK):
            _write(products, call, chunk, outcome)
        outcome.conflicts.sort(key=lambda conflict: conflict["line"])
    return outcome


def _checked(products: Products, call: Call, lines: Iterable[Line], validate: Validate) -> list[Ready]:
    ready: list[Ready] = []
    faults: list[Fault] = []
    keys: dict[str, Ready] = {}
    for count, line in enumerate(lines, 1):
        if count > LINES:
            raise TooLarge(f"A file may have {LINES:,} products; import the rest of it as another file.")
        try:
            one = _ready(products, call, line, validate)
        except Invalid as invalid:
            for pointer, code, detail in invalid.errors:
                place, told = f"/lines/{line.number}{pointer}", f"Line {line.number}: {detail}"
                faults.append(Fault(place[:LONGEST], code, told[:LONGEST]))
            continue
        ready.append(one)
        key = one.data.get("key")
        if key is not None and keys.setdefault(key, one) is not one:
            detail = f"Line {line.number}: line {keys[key].line} has this key too."
            faults.append(Fault(f"/lines/{line.number}/key", "duplicate", detail))
    if faults:
        more = f" (the first {FAULTS} of {len(faults)} faults are told)" if len(faults) > FAULTS else ""
        raise Invalid(f"Some lines are not valid; nothing was imported{more}.", errors=faults[:FAULTS])
    if not ready:
        raise Invalid("The file has no products.", errors=[Fault("", "empty", "Send at least one product.")])
    return ready


def _ready(products: Products, call: Call, line: Line, validate: Validate) -> Ready:
    if line.faults:
        raise Invalid(errors=line.faults)
    new = validate(line.value)
    id, data = call.new_id("prd_", str(line.number)), products.made(call, new, status=new.status)
    return Ready(line.number, id, data, products.puts(call, id, data))


def _lost(products: Products, ready: Sequence[Ready]) -> set[str]:
    """Ids that cannot be made, since another product holds their key. Raises KeyTaken while nothing of the import stands."""
    keys = {one.data["key"]: one for one in ready if "key" in one.data}
    taken = [
        keys[key]
        for some in _parts(list(keys), 100)
        for key, holder in products.holders(some).items()
        if holder != keys[key].id
    ]
    if not taken:
        return set()
    standing = _standing(products, ready)
    if not standing:
        faults = [_key_taken(one) for one in taken[:FAULTS]]
        raise KeyTaken("Some keys are taken; nothing was imported.", errors=faults)
    return {one.id for one in taken} - standing


def _standing(products: Products, ready: Sequence[Ready]) -> set[str]:
    """Ids of the products that an earlier try of this import made."""
    return {stored.id for some in _parts(ready, 100) for stored in products.shelf.read_all([one.id for one in some])}


def _key_taken(one: Ready) -> Fault:
    detail = f"Line {one.line}: another product has the key {one.data['key']!r}."
    return Fault(f"/lines/{one.line}/key", "key_taken", detail)


def _conflict(one: Ready) -> dict[str, Any]:
    return {"line": one.line, "key": one.data["key"]}


def _bind(products: Products, call: Call, validate_only: bool) -> None:
    """Keep which file has this name, before anything of it is written. Raises IdempotencyMismatch."""
    store, kept = products.shelf.store, None
    row: Row = {"pk": call.new_id("imp_"), "sk": "import", "schema": 1, "digest": call.digest}
    if validate_only:
        kept = store.get(PRODUCTS, row["pk"], row["sk"])
    else:
        try:
            store.put(PRODUCTS, row, Absent())
        except ConditionFailed as failed:
            kept = failed.row or {}
    if kept is not None and (not kept or upgrade("import", kept)["digest"] != call.digest):
        raise IdempotencyMismatch("This Idempotency-Key was used with another file; send a new key with it.")


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


def _parts(items: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + most] for start in range(0, len(items), most))
