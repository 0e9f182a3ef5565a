"""One GetItem a request over the small signed client."""

from __future__ import annotations

import os

from slipway.adapters.aws import AwsClient

client = AwsClient()


def handler(event: dict[str, object], context: object) -> dict[str, object]:  # noqa: ARG001 - Lambda's signature
    key = {"pk": {"S": "prd_none"}, "sk": {"S": "head"}}
    client.call("GetItem", {"TableName": os.environ["BENCH_TABLE"], "Key": key, "ConsistentRead": True})
    return {"statusCode": 200, "body": "{}"}
