"""What a cold start pays for: counted in modules, which a busy machine does not change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LAYER = Path(__file__).parents[2] / "layers" / "core" / "python"

# Each of these costs more than all modules of the client together.
DEAR = {
    "asyncio",
    "base64",
    "boto3",
    "botocore",
    "dataclasses",
    "datetime",
    "decimal",
    "email",
    "http",
    "inspect",
    "logging",
    "pydantic",
    "random",
    "ssl",
    "typing",
    "urllib",
}

CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from slipway.adapters.connect import blobs, store
from slipway.settings import Products
from slipway.ports import StoreUnavailable
from slipway.tables import PRODUCTS

for use in (
    lambda: store(Products(stage="test", table_products="t")).get(PRODUCTS, "a", "b"),
    lambda: blobs(Products(stage="test", table_products="t"), "b").get("key"),
):
    try:
        use()
    except StoreUnavailable:
        pass
print(*sys.modules)
"""


def test_a_call_without_tls_imports_nothing_dear() -> None:
    environ = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"  # nobody listens there
    command = [sys.executable, "-S", "-c", CODE, str(LAYER)]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60)
    modules = set(ran.stdout.split())
    assert {"slipway.adapters.aws", "slipway.adapters.dynamodb", "slipway.adapters.s3"} <= modules
    assert modules & DEAR == set()
