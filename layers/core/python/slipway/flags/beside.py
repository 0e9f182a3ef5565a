"""Rows that change together with a resource, each with what it means that its condition does not hold.

What is only validated meets the same conditions, of what stands now: it is refused where the write would be.

`idm_...` / request keeps which request an `Idempotency-Key` belongs to, where what is made has a name of its own: another name
under the same key is another request, and refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from slipway.calls import Call
from slipway.ports import Absent, ConditionFailed, Put, Row, Store, Write, holds, key_of
from slipway.problems import Conflict, Fault, IdempotencyMismatch, KeyTaken, PreconditionFailed
from slipway.resources import TRIES, Created, Event, Shelf, Stored

Done = TypeVar("Done")


class Moved(Exception):
    """Something that was read has changed since: read again, and decide again."""


def _moved(_: Row | None) -> Exception:
    return Moved()


class Beside(NamedTuple):
    """`failed` makes the error of the row that stood in the way."""

    write: Write
    failed: Callable[[Row | None], Exception] = _moved


def create(
    shelf: Shelf,
    call: Call,
    id: str,
    data: Mapping[str, Any],
    events: Sequence[Event],
    beside: Sequence[Beside],
    field: str,
    *,
    validate_only: bool = False,
) -> Created:
    """`field`: the one that holds the name. Raises KeyTaken, IdempotencyMismatch, and what `failed` makes."""
    if shelf.named and call.idempotency_key is not None:
        beside = [*beside, _bound(shelf, call)]
    if validate_only:
        if shelf.find(id):
            raise taken(shelf.kind, field)
        check(shelf.store, beside)
        return Created(Stored(shelf.creating(call, id, data, events)[0].row), False)
    try:
        return shelf.create(call, id, data, events, also=[one.write for one in beside])
    except ConditionFailed as failed:
        raise beside[failed.index - 1].failed(failed.row) from None
    except KeyTaken:
        raise taken(shelf.kind, field) from None


def _bound(shelf: Shelf, call: Call) -> Beside:
    row = {"pk": call.new_id("idm_"), "sk": "request", "schema": 1, "digest": call.digest}

    def other(standing: Row | None) -> Exception:
        if standing is not None and standing.get("digest") == call.digest:
            return Moved()  # the same request, a moment ago
        return IdempotencyMismatch("This Idempotency-Key was used with another request; send a new key with a new request.")

    return Beside(Put(shelf.table, row, Absent()), other)


def taken(kind: str, field: str) -> KeyTaken:
    detail = f"There is, or was, another {kind} of this name; choose another one."
    return KeyTaken(detail, errors=[Fault(f"/{field}", "key_taken", detail)])


def update(
    shelf: Shelf,
    call: Call,
    before: Stored,
    data: Mapping[str, Any],
    events: Sequence[Event],
    beside: Sequence[Beside],
    *,
    validate_only: bool = False,
) -> Stored:
    """Raises PreconditionFailed, and what `failed` makes."""
    if validate_only:
        check(shelf.store, beside)
        return shelf.would_be(call, before, data, events)
    try:
        return shelf.update(call, before, data, events, also=[one.write for one in beside])
    except ConditionFailed as failed:
        raise beside[failed.index - 2].failed(failed.row) from None


def check(store: Store, beside: Sequence[Beside]) -> None:
    """Raises what `failed` makes where a condition does not hold now; at most 100 of them, all of one table."""
    asked = [(one, one.write.condition) for one in beside if one.write.condition is not None]
    if not asked:
        return
    rows = store.get_many(asked[0][0].write.table, [key_of(one.write) for one, _ in asked])
    standing = {(row["pk"], row["sk"]): row for row in rows}
    for one, condition in asked:
        row = standing.get(key_of(one.write))
        if not holds(condition, row):
            raise one.failed(row)


def settled(call: Call, version: int | None, attempt: Callable[[Call], Done]) -> Done:
    """What `attempt` makes, which begins with reading, and again when another change came between; each as a call of its own.

    `version`: the one that is wanted, None for whatever stands. Raises Conflict where others never stop."""
    for tried in range(TRIES):
        try:
            return attempt(call.but(nonce=f"{call.nonce}.{tried}"))
        except Moved:
            continue
        except PreconditionFailed:
            if version is not None:
                raise
    raise Conflict("Others keep changing what this change looks at; try again.")
