"""One spec, every backend, through both clients. A backend that is missing here is skipped, in one line of the summary."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from moto import mock_aws

from slipway.adapters.aws import AwsClient
from slipway.adapters.boto import BotoDeliveries, BotoDynamo, BotoObjects
from slipway.adapters.client import Dynamo, Objects
from slipway.adapters.dynamodb import DynamoStore
from slipway.adapters.lake import FirehoseLake
from slipway.adapters.memory import MemoryBlobs, MemoryLake, MemoryStore
from slipway.adapters.s3 import S3Blobs
from slipway.ports import Blobs, Lake, Store
from slipway.tables import TABLES
from tests import backends

BUCKET = "slipway-port-spec"
NAMES = {table.name: f"slipway-{table.name}" for table in TABLES}
_numbers = itertools.count()


class Backend(NamedTuple):
    name: str
    client: str = ""

    def __str__(self) -> str:
        return f"{self.name}-{self.client}" if self.client else self.name


MEMORY, MOTO = Backend("memory"), Backend("moto", "boto3")
MINISTACK = [Backend("ministack", "slipway"), Backend("ministack", "boto3")]
DYNAMODB_LOCAL = [Backend("dynamodb_local", "slipway"), Backend("dynamodb_local", "boto3")]


def _params(*found: Backend) -> list[Any]:
    return [pytest.param(backend, id=str(backend)) for backend in found]


# The emulators take rows and starts that the service refuses.
EXACT = _params(MEMORY, *DYNAMODB_LOCAL)
REAL_STORES = _params(MOTO, *MINISTACK, *DYNAMODB_LOCAL)
STORES = _params(MEMORY) + REAL_STORES
BLOBS = _params(MEMORY, MOTO, *MINISTACK)


@pytest.fixture(scope="session")
def ministack() -> Iterator[str]:
    with backends.ministack() as url:
        _furnish(backends.boto_client("dynamodb", url))
        location = {"LocationConstraint": backends.REGION}
        backends.boto_client("s3", url).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield url


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    try:
        server = backends.dynamodb_local()
        with server as url:
            _furnish(backends.boto_client("dynamodb", url))
            yield url
    except backends.Missing as missing:
        pytest.skip(f"DynamoDB Local: {missing}")


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    with mock_aws():
        _furnish(boto3.client("dynamodb", region_name=backends.REGION))
        location = {"LocationConstraint": backends.REGION}
        boto3.client("s3", region_name=backends.REGION).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield


@pytest.fixture(params=EXACT)
def exact(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store that refuses what the service refuses."""
    yield from _stores(request)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    yield from _stores(request)


@pytest.fixture(params=BLOBS)
def blobs(request: pytest.FixtureRequest) -> Iterator[Blobs]:
    backend: Backend = request.param
    if backend == MEMORY:
        yield MemoryBlobs()
    elif backend == MOTO:
        request.getfixturevalue("moto")
        yield S3Blobs(BotoObjects(boto3.client("s3", region_name=backends.REGION)), BUCKET)
    else:
        yield from (S3Blobs(client, BUCKET) for client in _objects(backend, request.getfixturevalue(backend.name)))


@pytest.fixture(params=BLOBS)
def lake(request: pytest.FixtureRequest, unique: str) -> Iterator[tuple[Lake, Callable[[], list[bytes]]]]:
    """And what stands in it, in objects of the bucket."""
    backend: Backend = request.param
    if backend == MEMORY:
        memory = MemoryLake()
        yield memory, lambda: memory.records
    elif backend == MOTO:
        request.getfixturevalue("moto")
        s3, firehose = (boto3.client(service, region_name=backends.REGION) for service in ("s3", "firehose"))
        yield FirehoseLake(BotoDeliveries(firehose), _delivering(firehose, unique)), lambda: _objects_below(s3, unique)
    else:
        url = request.getfixturevalue(backend.name)
        s3, firehose = (backends.boto_client(service, url) for service in ("s3", "firehose"))
        stream = _delivering(firehose, unique)
        for client in [BotoDeliveries(firehose)] if backend.client == "boto3" else _small(url):
            yield FirehoseLake(client, stream), lambda: _objects_below(s3, unique)


@pytest.fixture
def unique() -> str:
    """A name that no other test uses: the tables and the bucket are shared."""
    return f"t{next(_numbers)}"


def _stores(request: pytest.FixtureRequest) -> Iterator[Store]:
    backend: Backend = request.param
    if backend == MEMORY:
        yield MemoryStore()
    elif backend == MOTO:
        request.getfixturevalue("moto")
        yield DynamoStore(BotoDynamo(boto3.client("dynamodb", region_name=backends.REGION)), NAMES)
    else:
        yield from (DynamoStore(client, NAMES) for client in _dynamo(backend, request.getfixturevalue(backend.name)))


def _furnish(dynamodb: Any) -> None:
    for table in TABLES:
        backends.create_table(dynamodb, table, NAMES[table.name])


def _delivering(firehose: Any, name: str) -> str:
    """A delivery stream of that name, into the bucket, below a prefix of the same name."""
    role = "arn:aws:iam::000000000000:role/firehose"
    destination = {"BucketARN": f"arn:aws:s3:::{BUCKET}", "RoleARN": role, "Prefix": f"{name}/"}
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination)
    return name


def _objects_below(s3: Any, prefix: str) -> list[bytes]:
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
    return [s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found]


def _dynamo(backend: Backend, url: str) -> Iterator[Dynamo]:
    if backend.client == "boto3":
        yield BotoDynamo(backends.boto_client("dynamodb", url))
    else:
        yield from _small(url)


def _objects(backend: Backend, url: str) -> Iterator[Objects]:
    if backend.client == "boto3":
        yield BotoObjects(backends.boto_client("s3", url))
    else:
        yield from _small(url)


def _small(url: str) -> Iterator[AwsClient]:
    client = AwsClient({**backends.ENVIRON, "AWS_ENDPOINT_URL": url}, read=30, budget=120)  # the machine may be busy
    yield client
    client.close()
