"""The deployed app as the tests see it: one HTTP client, the embedded AWS behind it, and a memory of every error."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from infra.local.emulator import CREDENTIALS, REGION

ROOT = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        return str(self.headers["ETag"])


def laptop(command: str, home: Path, port: int, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python -m infra.local <command>` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "infra.local", command],
        cwd=ROOT,
        env=environment(home, port),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **options,
    )


def environment(home: Path, port: int) -> dict[str, str]:
    return {**os.environ, "SLIPWAY_HOME": str(home), "SLIPWAY_PORT": str(port)}


def until(found: Callable[[], Found], *, within: float, what: str, every: float = 0.1) -> Found:
    """The first truthy answer. Fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(every)
    return answer


@dataclass
class Stack:
    home: Path
    port: int
    errors: list[str] = field(default_factory=list)  # the body of every answer of 400 and above
    _clients: dict[str, Any] = field(default_factory=dict)
    _settings: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def details(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "local.json").read_text()))

    @property
    def url(self) -> str:
        return str(self.details["api_url"])

    def key(self, kind: str) -> str:
        return str(self.details["keys"][kind])

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "admin",
        headers: Mapping[str, str] | None = None,
        broken: bool = False,
    ) -> Response:
        """One request. `token` is the name of one of the demo keys or a token itself; `body` is JSON unless it is bytes.

        An answer of 500 and above fails the test, unless something was `broken` on purpose."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {self.key(token) if token in ('admin', 'server', 'client') else token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            answer = Response(response.status, response.headers, response.read())
        finally:
            connection.close()
        if answer.status >= 400:
            self.errors.append(answer.body.decode(errors="replace"))
        assert answer.status < 500 or broken, f"{method} {path}: {answer.status} {answer.body!r}"
        return answer

    def follow(self, path: str) -> Iterator[Response]:
        """A list's every page, from `Link: rel="next"` to the next."""
        following: str | None = path
        while following is not None:
            answer = self.call("GET", following)
            assert answer.status == 200, answer.body
            yield answer
            link = answer.headers["Link"]
            following = link.split(">")[0].lstrip("<") if link else None

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list."""
        for answer in self.follow(path):
            page = answer.json()
            assert (answer.headers["Link"] is None) == ("next_cursor" not in page)
            yield from page["items"]

    # --- behind the API ---

    @property
    def aws(self) -> str:
        return str(json.loads((self.home / "aws.json").read_text())["endpoint"])

    def client(self, service: str) -> Any:
        """boto3, as the account's root."""
        key = f"{self.aws} {service}"
        if key not in self._clients:
            session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
            config = Config(proxies={}, retries={"max_attempts": 2}, read_timeout=60)
            self._clients[key] = session.client(service, endpoint_url=self.aws, config=config)
        return self._clients[key]

    def functions(self) -> dict[str, dict[str, Any]]:
        """Each function's configuration by its name in `infra.functions`."""
        found = {}
        for page in self.client("lambda").get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                parts = function["Handler"].split(".")
                if parts[0] == "functions":
                    found[parts[1]] = function
        return found

    def setting(self, function: str, variable: str) -> str:
        if not self._settings:
            self._settings = {name: found["Environment"]["Variables"] for name, found in self.functions().items()}
        return self._settings[function][variable]

    @contextmanager
    def changed(self, changes: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
        """With other variables in the environment of some functions for a while."""
        before = self.functions()
        for name, more in changes.items():
            self._configure(before[name], {**before[name]["Environment"]["Variables"], **more})
        try:
            yield
        finally:
            for name in changes:
                self._configure(before[name], before[name]["Environment"]["Variables"])

    def _configure(self, function: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        self.client("lambda").update_function_configuration(
            FunctionName=function["FunctionName"], Environment={"Variables": dict(variables)}
        )

    def log_lines(self) -> Iterator[tuple[str, str]]:
        """Every line of every log group, with the group's name."""
        logs = self.client("logs")
        for groups in logs.get_paginator("describe_log_groups").paginate():
            for group in groups["logGroups"]:
                name = group["logGroupName"]
                for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                    for event in page["events"]:
                        yield name, event["message"]

    def rows(self, table: str, *attributes: str) -> list[dict[str, Any]]:
        """These attributes of every row of a table, as DynamoDB's own JSON."""
        names = {f"#{number}": name for number, name in enumerate(attributes)}
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=table, ConsistentRead=True, ProjectionExpression=", ".join(names), ExpressionAttributeNames=names
            )
        )
        return [row for page in pages for row in page["Items"]]


def with_query(path: str, **parameters: str | int) -> str:
    return f"{path}?{urllib.parse.urlencode(parameters)}"
