"""A product as the API takes and answers it. What may be done with it is in `slipway.products`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from slipway import money
from slipway.fields import (
    ID,
    Description,
    Key,
    Link,
    Links,
    Metadata,
    MetadataPatch,
    Name,
    Owner,
    Price,
    PricePatch,
    Tags,
)
from slipway.resources import Stored
from slipway.shape import Shape, absent
from slipway.stages import Stage

Status = Literal["active", "archived"]


class NewProduct(Shape):
    """What a product is made of. The server gives `id`, `created_at` and the like: sent along, they are refused."""

    name: Name
    price: Price
    key: Key | None = None
    description: Description | None = None
    stage: Stage = "idea"
    owner: Owner | None = None
    tags: Tags = []
    metadata: Metadata = {}
    links: Links = []


class ProductPatch(Shape):
    """A merge patch (RFC 7396): null takes a field away; objects are merged, lists replaced."""

    name: Name = Field(default_factory=absent)
    price: PricePatch = Field(default_factory=absent)
    key: Key | None = Field(default_factory=absent)
    description: Description | None = Field(default_factory=absent)
    stage: Stage = Field(default_factory=absent)
    owner: Owner | None = Field(default_factory=absent)
    tags: Tags | None = Field(default_factory=absent)
    metadata: MetadataPatch = Field(default_factory=absent)
    links: Links | None = Field(default_factory=absent)

    def fields(self) -> dict[str, Any]:
        """The fields that it names, as plain values."""
        return self.model_dump(exclude_unset=True)


class Batch(Shape):
    """Up to 25 products are created together or not at all; of up to 100 each one for itself."""

    items: list[NewProduct] = Field(min_length=1, max_length=100)


class PriceView(Shape):
    amount: int = Field(ge=0, le=money.MOST, description="minor units")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217")


class PricedView(PriceView):
    valid_from: str


class ProductView(Shape):
    id: str = Field(pattern=ID)
    key: str | None
    name: str
    description: str | None
    stage: Stage
    status: Status
    price: PriceView
    price_history: list[PricedView] = Field(
        description="the last ten, oldest first; for older ones read the product `as_of` the first one's `valid_from`"
    )
    owner: str | None
    tags: list[str]
    metadata: dict[str, Any]
    links: list[Link]
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


class ItemView(Shape):
    """What became of one item of a batch: a product, or the problem that stood in its way."""

    status: int
    product: ProductView | None = None
    problem: dict[str, Any] | None = None


class ItemsView(Shape):
    items: list[ItemView]


class ConflictView(Shape):
    line: int
    key: str


class ImportView(Shape):
    """`created` now, `existing` since an earlier try of the same import, `conflicts`: their keys were taken meanwhile.

    With `validate_only` nothing is written: what would be `created`, what is `existing` already, what would conflict."""

    lines: int
    created: int
    existing: int
    conflicts: list[ConflictView]


def view(stored: Stored) -> dict[str, Any]:
    """One version of a product as it is answered: a ProductView."""
    data = stored.data
    price = data["prices"][-1]
    return {
        "id": stored.id,
        "key": data.get("key"),
        "name": data["name"],
        "description": data.get("description"),
        "stage": data["stage"],
        "status": data["status"],
        "price": {"amount": price["amount"], "currency": price["currency"]},
        "price_history": data["prices"],
        "owner": data.get("owner"),
        "tags": data.get("tags", []),
        "metadata": data.get("metadata", {}),
        "links": data.get("links", []),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }
