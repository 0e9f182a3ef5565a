"""The boto3 twin of `aws.py`, and the boto3 clients of what runs off the request path."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError

from slipway.adapters.client import Counts, Refused, Reply
from slipway.blobs import StoreUnavailable

_BROKEN = (
    ResponseParserError,
    exceptions.ChecksumError,
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
)
THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

_METHODS = {
    "GetItem": "get_item",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "Query": "query",
    "TransactWriteItems": "transact_write_items",
    "BatchGetItem": "batch_get_item",
}


def client(service: str, **config: Any) -> Any:
    """A boto3 client with the time limits of the small client. Endpoint, region and credentials come from the environment."""
    retries = {"mode": "standard", "total_max_attempts": 4}
    region = os.environ.get("AWS_REGION")  # boto3 itself looks for AWS_DEFAULT_REGION only
    return boto3.client(service, region, config=Config(connect_timeout=1, read_timeout=3, retries=retries, **config))


def call(operation: str, method: Callable[..., Any], counts: Counts, /, **request: Any) -> Any:
    """One call with its errors translated. Raises Refused, StoreUnavailable."""
    counts.calls += 1
    try:
        answer = method(**request)
    except exceptions.ClientError as error:
        response: dict[str, Any] = dict(error.response)
        metadata, code = response.get("ResponseMetadata", {}), response.get("Error", {}).get("Code", "")
        counts.retries += metadata.get("RetryAttempts", 0)
        if code in THROTTLED or metadata.get("HTTPStatusCode", 0) >= 500:
            raise StoreUnavailable(f"{operation}: {code}") from None
        raise Refused(operation, code, response.get("Error", {}).get("Message", ""), response) from None
    except _BROKEN as error:
        raise StoreUnavailable(f"{operation}: {type(error).__name__}") from None
    except exceptions.BotoCoreError as error:
        raise Refused(operation, type(error).__name__) from None
    counts.retries += answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    return answer


class BotoDynamo:
    def __init__(self, dynamodb: Any = None) -> None:
        self.counts = Counts()
        self._client = dynamodb or client("dynamodb")

    def call(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = call(operation, getattr(self._client, _METHODS[operation]), self.counts, **request)
        return answer


class BotoDeliveries:
    def __init__(self, firehose: Any = None) -> None:
        self.counts = Counts()
        self._client = firehose or client("firehose")

    def put_record(self, stream: str, record: bytes) -> None:
        request = {"DeliveryStreamName": stream, "Record": {"Data": record}}
        call("PutRecord", self._client.put_record, self.counts, **request)


class BotoObjects:
    def __init__(self, s3: Any = None) -> None:
        self.counts = Counts()
        self._client = s3 or client("s3")

    def get_object(self, bucket: str, key: str, *, unless: str | None) -> Reply:
        request = {"Bucket": bucket, "Key": key} | ({"IfNoneMatch": unless} if unless is not None else {})
        try:
            answer = call("GetObject", self._client.get_object, self.counts, **request)
            return Reply(200, answer["ETag"], answer["Body"].read(), answer["ContentType"])
        except _BROKEN as error:  # the body is read after the call
            raise StoreUnavailable(f"GetObject: {type(error).__name__}") from None
        except Refused as refused:
            return _expected(refused, 304, 404)

    def put_object(self, bucket: str, key: str, body: bytes, *, content_type: str, absent: bool, match: str | None) -> Reply:
        request: dict[str, Any] = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": content_type}
        if absent:
            request["IfNoneMatch"] = "*"
        if match is not None:
            request["IfMatch"] = match
        try:
            return Reply(200, call("PutObject", self._client.put_object, self.counts, **request)["ETag"], b"")
        except Refused as refused:
            return _expected(refused, 404 if match is not None else 412, 409, 412)

    def delete_object(self, bucket: str, key: str) -> None:
        try:
            call("DeleteObject", self._client.delete_object, self.counts, Bucket=bucket, Key=key)
        except Refused as refused:
            _expected(refused, 404)


def _expected(refused: Refused, *statuses: int) -> Reply:
    status = refused.body.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status not in statuses or refused.code == "NoSuchBucket":
        raise refused
    return Reply(status, "", b"")
