"""Many at once: no version is lost, no product made twice."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.access import Principal
from slipway.adapters.aws import AwsClient
from slipway.adapters.dynamodb import DynamoStore
from slipway.calls import Call
from slipway.problems import PreconditionFailed
from slipway.product import NewProduct, ProductPatch
from slipway.products import Products
from tests.e2e.stack import Response, Stack, with_query
from tests.figures import Tell

pytestmark = pytest.mark.e2e

WRITERS = 16
EDITS = 50 if os.environ.get("SLIPWAY_PROVE") else 10
BACK_OFF = 0.2  # seconds at most before a lost race is run again, as any client does


def test_sixteen_writers_of_one_product_leave_no_gap(stack: Stack, monkeypatch: pytest.MonkeyPatch, tell: Tell) -> None:
    """Through the use case and the adapter that ships, each writer with a connection of its own, against the real stream."""
    environment = {"AWS_ENDPOINT_URL": stack.aws, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {**environment, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    tables = {"products": stack.setting("products", "SLIPWAY_TABLE_PRODUCTS")}
    with contextlib.closing(AwsClient()) as client:
        products = Products(DynamoStore(client, tables))
        product = products.create(call("writer"), NewProduct(name="Contended", price=1)).stored

    def edit(writer: int) -> int:
        conflicts = 0
        with contextlib.closing(AwsClient()) as client:
            products = Products(DynamoStore(client, tables))
            for number in range(EDITS):
                patch = ProductPatch(metadata={f"writer{writer}": number})
                while True:
                    try:
                        read = products.read(product.id)
                        products.update(call(f"writer{writer}"), product.id, read.version, patch)
                        break
                    except PreconditionFailed:
                        conflicts += 1
                        threading.Event().wait(random.uniform(0, BACK_OFF))
        return conflicts

    with ThreadPoolExecutor(WRITERS) as pool:
        conflicts = sum(pool.map(edit, range(WRITERS)))
    last = 1 + WRITERS * EDITS
    tell(f"{WRITERS} writers x {EDITS} edits: {last} versions, {conflicts} lost races tried again")
    versions = list(stack.pages(f"/v1/products/{product.id}/versions?limit=100"))
    assert [version["version"] for version in versions] == list(range(last, 0, -1))
    made = [
        (change["field"], str(change["to"])) for version in versions for change in version["changes"] if version["version"] > 1
    ]
    assert len(made) == len(set(made)) == WRITERS * EDITS


def call(nonce: str) -> Call:
    return Call(Principal("admin", "key_test", "editor"), "products.update", datetime.now(UTC), nonce + secrets.token_hex(8))


def test_one_idempotency_key_from_32_clients_makes_one_product(stack: Stack) -> None:
    tag = f"once-{secrets.token_hex(4)}"
    new: dict[str, Any] = {"name": "Only once", "price": "5.00", "tags": [tag]}
    start = threading.Barrier(32)

    def post(_: int) -> Response:
        start.wait()
        return stack.call("POST", "/v1/products", new, headers={"Idempotency-Key": tag})

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(post, range(32)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert len({(answer.headers["Location"], answer.etag) for answer in answers}) == 1
    assert sum(answer.headers["Idempotency-Replayed"] is None for answer in answers) == 1
    assert len(list(stack.pages(with_query("/v1/products", tag=tag)))) == 1
    other = stack.call("POST", "/v1/products", {**new, "price": "6.00"}, headers={"Idempotency-Key": tag})
    assert (other.status, other.json()["code"]) == (422, "idempotency_mismatch")
