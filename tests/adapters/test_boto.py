"""The boto3 twin: the same limits, the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from slipway.adapters import boto, connect
from slipway.adapters.aws import AwsClient
from slipway.adapters.boto import BotoDeliveries, BotoDynamo, BotoObjects
from slipway.adapters.client import Refused
from slipway.adapters.dynamodb import DynamoStore
from slipway.adapters.lake import FirehoseLake
from slipway.adapters.s3 import S3Blobs
from slipway.ports import ConditionFailed, StoreUnavailable
from slipway.settings import Collect, Invite, Products, Relay
from tests import backends


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a function's own: a region under one name only."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{backends.free_port()}")
    for name, value in backends.ENVIRON.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def dynamo() -> Iterator[tuple[BotoDynamo, Stubber]]:
    client = backends.boto_client("dynamodb", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        yield BotoDynamo(client), stubber


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (500, "InternalServerError", StoreUnavailable),
        (503, "ServiceUnavailable", StoreUnavailable),
        (400, "ThrottlingException", StoreUnavailable),
        (400, "ProvisionedThroughputExceededException", StoreUnavailable),
        (400, "ValidationException", Refused),
        (400, "AccessDeniedException", Refused),
    ],
)
def test_an_error_says_whether_to_try_again(
    dynamo: tuple[BotoDynamo, Stubber], status: int, code: str, expected: type[Exception]
) -> None:
    client, stubber = dynamo
    stubber.add_client_error("get_item", code, http_status_code=status)
    with pytest.raises(expected, match=code):
        client.call("GetItem", {"TableName": "table", "Key": {"pk": {"S": "a"}}})
    assert client.counts.calls == 1


def test_a_request_that_cannot_be_sent_is_no_outage() -> None:
    with pytest.raises(Refused, match="ParamValidationError"):
        BotoDynamo().call("GetItem", {"TableName": "table"})


def test_a_server_that_is_not_there_is_unavailable_in_bounded_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", slept.append)
    with pytest.raises(StoreUnavailable, match="GetItem"):
        BotoDynamo().call("GetItem", {"TableName": "table", "Key": {"pk": {"S": "a"}}})
    assert len(slept) == 3


def test_objects_of_a_bucket_that_is_not_there_are_an_error() -> None:
    client = backends.boto_client("s3", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        stubber.add_client_error("get_object", "NoSuchBucket", http_status_code=404)
        with pytest.raises(Refused, match="NoSuchBucket"):
            S3Blobs(BotoObjects(client), "bucket").get("key")
        stubber.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
        with pytest.raises(ConditionFailed):
            S3Blobs(BotoObjects(client), "bucket").put("key", b"", content_type="text/plain", absent=True)


def test_the_settings_choose_the_client_and_name_the_tables() -> None:
    for name, kind, objects in (("slipway", AwsClient, AwsClient), ("boto3", BotoDynamo, BotoObjects)):
        settings = Products(stage="test", client=name, table_products="physical")
        store: DynamoStore = connect.store(settings)
        assert isinstance(store.client, kind)
        assert dict(store.tables) == {"products": "physical"}
        assert isinstance(connect.blobs(settings, "bucket").client, objects)
    for name, deliveries in (("slipway", AwsClient), ("boto3", BotoDeliveries)):
        told: dict[str, Any] = {**dict.fromkeys(Collect.names(), "name"), "client": name}
        lake = connect.lake(Collect(**told))
        assert (lake.stream, type(lake.client)) == ("name", deliveries)


def test_a_delivery_that_is_throttled_may_be_tried_again() -> None:
    client = backends.boto_client("firehose", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        lake = FirehoseLake(BotoDeliveries(client), "stream")
        stubber.add_client_error("put_record", "ServiceUnavailableException", http_status_code=503)
        with pytest.raises(StoreUnavailable):
            lake.add(b"record")
        stubber.add_client_error("put_record", "ResourceNotFoundException", http_status_code=400)
        with pytest.raises(Refused):
            lake.add(b"record")
        stubber.add_response("put_record", {"RecordId": "1"}, {"DeliveryStreamName": "stream", "Record": {"Data": b"record"}})
        lake.add(b"record")
        assert lake.counts.calls == 3


def test_what_runs_off_the_request_path_is_connected_by_its_settings() -> None:
    relay = Relay(stage="test", bus="slipway", bucket_quarantine="bucket")
    assert connect.bus(relay).bus == "slipway"
    names: dict[str, Any] = dict.fromkeys(Invite.names(), "name")
    assert connect.directory(Invite(**names)).pool == "name"


def test_a_client_has_limits() -> None:
    config = boto.client("dynamodb").meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 3)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
