"""What happens to products."""

from __future__ import annotations

from typing import Literal

from slipway.events.envelope import Changed, Event, Name, by_name


class ProductFacts(Changed):
    key: Name | None = None
    name: Name
    stage: Name
    status: Name


class ProductEvent(Event):
    source: Literal["slipway.products"]
    version: Literal[1]
    data: ProductFacts


class ProductCreated(ProductEvent):
    """A product stands in the catalogue."""

    type: Literal["product.created.v1"]


class ProductUpdated(ProductEvent):
    """Fields of a product changed."""

    type: Literal["product.updated.v1"]


class ProductArchived(ProductEvent):
    """A product was put away; it can be restored."""

    type: Literal["product.archived.v1"]


class ProductRestored(ProductEvent):
    """An archived product is active again."""

    type: Literal["product.restored.v1"]


ROOM = by_name(
    ProductCreated,
    ProductUpdated,
    ProductArchived,
    ProductRestored,
)
