"""What changed from one version of a product to the next: for its history, and for the events that tell others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.resources import Event

FIELDS = ("key", "name", "description", "stage", "status", "price", "owner", "tags", "metadata", "links")
TOLD = ("key", "name", "stage", "status", "price", "tags")  # with their values in events; of the others only that they changed
LONG = 400  # bytes; longer values are not told either


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs, as `{"field", "from", "to"}`; `from` only if there was a before."""
    found: list[dict[str, Any]] = []
    for field in FIELDS:
        old, new = _value(before, field), _value(after, field)
        if old != new:
            start = {"from": old} if before else {}
            found.append({"field": field, **start, "to": new})
    return found


def told(change: dict[str, Any]) -> dict[str, Any]:
    """A change as an event may carry it: small, and without what people write."""
    shown = change["field"] in TOLD and all(len(str(change.get(end)).encode()) <= LONG for end in ("from", "to"))
    return change if shown else {"field": change["field"]}


def event(type: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts: dict[str, Any] = {name: after[name] for name in ("key", "name", "stage", "status") if name in after}
    return type, facts | {"version": version, "changes": [told(change) for change in changes(before, after)]}


def creation(data: Mapping[str, Any]) -> list[Event]:
    return [event("product.created.v1", 1, {}, data)]


def _value(data: Mapping[str, Any], field: str) -> Any:
    return price_in_force(data) if field == "price" and data else data.get(field)


def price_in_force(data: Mapping[str, Any]) -> dict[str, Any]:
    price = data["prices"][-1]
    return {"amount": price["amount"], "currency": price["currency"]}
