"""What every import of a file has in common: all lines are checked before the first is written, and the import has a name.

The name is its `Idempotency-Key`, or else the digest of the file. The id of what a line makes derives from that name and the
line: so the same import again, after whatever broke it off, finishes what is missing and makes nothing twice. A row `imp_...`
keeps which file an `Idempotency-Key` belongs to: another file under it is refused before anything is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from slipway.calls import Call
from slipway.ports import Absent, ConditionFailed, Row, Store
from slipway.problems import Fault, IdempotencyMismatch, Invalid, TooLarge
from slipway.sheets import Line
from slipway.tables import Table
from slipway.upgrades import upgrade

LINES = 2_000
FAULTS = 100  # that are told
LONGEST = 500  # characters of what one of them tells: a name in a file may be as long as the file

Ready = TypeVar("Ready")
Item = TypeVar("Item")


def named(call: Call, body: bytes, *into: str) -> Call:
    """The call by the name of its import; `into`: what else makes it another one than that of the same file."""
    digest = hashlib.sha256(b"\x1f".join([*(part.encode() for part in into), body])).hexdigest()
    return call.but(idempotency_key=call.idempotency_key or f"file {digest}", digest=digest)


def checked(lines: Iterable[Line], ready: Callable[[Line], Ready], what: str) -> list[Ready]:
    """What `ready` makes of each line. Raises TooLarge, and Invalid with what is wrong of every line; `what`: its things."""
    done: list[Ready] = []
    faults: list[Fault] = []
    for count, line in enumerate(lines, 1):
        if count > LINES:
            raise TooLarge(f"A file may have {LINES:,} {what}; import the rest of it as another file.")
        try:
            if line.faults:
                raise Invalid(errors=line.faults)
            done.append(ready(line))
        except Invalid as invalid:
            for pointer, code, detail in invalid.errors:
                place, told = f"/lines/{line.number}{pointer}", f"Line {line.number}: {detail}"
                faults.append(Fault(place[:LONGEST], code, told[:LONGEST]))
    if faults:
        more = f" (the first {FAULTS} of {len(faults)} faults are told)" if len(faults) > FAULTS else ""
        raise Invalid(f"Some lines are not valid; nothing was imported{more}.", errors=faults[:FAULTS])
    if not done:
        raise Invalid(f"The file has no {what}.", errors=[Fault("", "empty", f"Send {what}, at least one.")])
    return done


def bind(store: Store, table: Table, call: Call, validate_only: bool) -> None:
    """Keep which file has this name, before anything of it is written. Raises IdempotencyMismatch."""
    kept = None
    row: Row = {"pk": call.new_id("imp_"), "sk": "import", "schema": 1, "digest": call.digest}
    if validate_only:
        kept = store.get(table, row["pk"], row["sk"])
    else:
        try:
            store.put(table, row, Absent())
        except ConditionFailed as failed:
            kept = failed.row or {}
    if kept is not None and (not kept or upgrade("import", kept)["digest"] != call.digest):
        raise IdempotencyMismatch("This Idempotency-Key was used with another file; send a new key with it.")


def parts(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + most] for start in range(0, len(items), most))
