"""One GetItem a request over boto3."""

from __future__ import annotations

import os

import boto3

dynamodb = boto3.client("dynamodb")


def handler(event: dict[str, object], context: object) -> dict[str, object]:  # noqa: ARG001 - Lambda's signature
    key = {"pk": {"S": "prd_none"}, "sk": {"S": "head"}}
    dynamodb.get_item(TableName=os.environ["BENCH_TABLE"], Key=key, ConsistentRead=True)
    return {"statusCode": 200, "body": "{}"}
