"""What changed from one version of a resource to the next: for its history, and for the events that tell others.

The generic part, and then a product's."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from slipway.resources import Event

FIELDS = ("key", "name", "description", "stage", "status", "price", "owner", "tags", "metadata", "links")
TOLD = ("key", "name", "stage", "status", "price", "tags")  # with their values in events; of the others only that they changed
LONG = 400  # bytes; longer values are not told either


def differences(before: Mapping[str, Any], after: Mapping[str, Any], fields: Sequence[str]) -> list[dict[str, Any]]:
    """What differs as JSON (true is not 1), as `{"field", "from", "to"}`; `from` only if there was a before."""
    found: list[dict[str, Any]] = []
    for field in fields:
        old, new = before.get(field), after.get(field)
        if _written(old) != _written(new):
            start = {"from": old} if before else {}
            found.append({"field": field, **start, "to": new})
    return found


def _number(value: Any) -> int | float:
    """Of a Decimal; storage knows no 1.0."""
    return int(value) if value == int(value) else float(value)


_written = json.JSONEncoder(default=_number, sort_keys=True).encode


def told(change: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """A change as an event may carry it: small, and without what people write; values of these fields alone."""
    shown = change["field"] in fields and all(len(str(change.get(end)).encode()) <= LONG for end in ("from", "to"))
    return change if shown else {"field": change["field"]}


# --- products -------------------------------------------------------------------------------------------


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return differences(_priced(before), _priced(after), FIELDS)


def event(type: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts: dict[str, Any] = {name: after[name] for name in ("key", "name", "stage", "status") if name in after}
    return type, facts | {"version": version, "changes": [told(change, TOLD) for change in changes(before, after)]}


def creation(data: Mapping[str, Any]) -> list[Event]:
    return [event("product.created.v1", 1, {}, data)]


def _priced(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, "price": price_in_force(data)} if data else data


def price_in_force(data: Mapping[str, Any]) -> dict[str, Any]:
    price = data["prices"][-1]
    return {"amount": price["amount"], "currency": price["currency"]}
