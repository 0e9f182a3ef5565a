"""Lives a month through the use cases, with a clock of its own. Twice is once: every id comes from what it is the id of."""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.local.month import DAYS, Change, Story
from slipway.access import Principal
from slipway.calls import Call
from slipway.product import NewProduct, ProductPatch
from slipway.products import Products
from slipway.resources import Stored

WORKING_DAY = 480  # minutes


def call(end: datetime, principal: Principal, operation: str, day: int, name: str, step: int = 0) -> Call:
    """How step `step` in the life of `name` is called, in the working day that ends `DAYS - day` days before `end`."""
    minute = (sum(name.encode()) * 7 + step * 3) % WORKING_DAY  # spread over the day, always the same way
    identity = f"seed-{name}-{step}"
    return Call(
        principal,
        operation,
        end - timedelta(days=DAYS - day, minutes=WORKING_DAY - minute),
        nonce=f"{identity}-{end.timestamp()}",  # of this run; what makes it happen once is the key
        correlation_id=identity,
        idempotency_key=identity,
        digest=identity,
    )


def live(products: Products, end: datetime, story: Story, owner: Principal) -> Stored:
    """Bring one product to where its story ends; what happened before does not happen again."""
    name = str(story.product["key"])
    created = products.create(
        call(end, owner, "products.create", story.day, name), NewProduct(owner=story.owner, **story.product)
    )
    product = products.read(created.stored.id) if created.replayed else created.stored
    for step, (day, change) in enumerate(story.changes, start=1):
        if product.version == step:  # each change makes one version
            product = _changed(products, end, product, day, step, change, owner)
    return product


def _changed(
    products: Products, end: datetime, product: Stored, day: int, step: int, change: Change, owner: Principal
) -> Stored:
    name = str(product.data["key"])
    if change == "archive":
        return products.archive(call(end, owner, "products.archive", day, name, step), product.id, product.version)
    if change == "restore":
        return products.restore(call(end, owner, "products.restore", day, name, step), product.id, product.version)
    patch = ProductPatch(**change)
    return products.update(call(end, owner, "products.update", day, name, step), product.id, product.version, patch)
