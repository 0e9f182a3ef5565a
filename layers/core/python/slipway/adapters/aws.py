"""The small signed client: GetItem, PutItem, UpdateItem, Query, TransactWriteItems, BatchGetItem; S3 Get and Put; Firehose
PutRecord. Nothing else.

Standard library only, and little of it: what a request costs here is what every request of the product costs.

Every operation is tried again after a lost connection, a timeout, a broken answer, a 5xx or throttling, because a repeat is
safe: reads change nothing; a conditional write whose first try took effect fails its condition and shows the row that stands
there; an unconditional one writes the same again; a transaction carries its token; a lake's reader drops what it has met.
(`UpdateItem` with ADD would double: the store refuses it.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from json import JSONEncoder, loads

from slipway.adapters.client import Backoff, Counts, Refused, Reply
from slipway.adapters.sigv4 import Credentials, Signer, encode_path
from slipway.adapters.tls import Connector, Endpoint, endpoint
from slipway.adapters.wire import Answer, Broken, Connection
from slipway.blobs import StoreUnavailable
from slipway.digests import hexdigest
from slipway.settings import BadSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPERATIONS = frozenset({"GetItem", "PutItem", "UpdateItem", "Query", "TransactWriteItems", "BatchGetItem"})
TRIES = 4
SKEW = 60.0  # seconds between the clocks from which on a refused signature is blamed on them

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
    }
)
_CLOCK = frozenset(
    {
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # the SHA-256 of nothing
_LARGE = 65_536  # bytes from which on OpenSSL's hash is worth its import
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class AwsClient:
    """`client.Dynamo`, `client.Objects` and `client.Deliveries`. Region, credentials and endpoints come from the environment.

    `connect` and `read` limit one try, `budget` all tries of one call: seconds.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        connect: float = 1.0,
        read: float = 3.0,
        budget: float = 8.0,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        environ = os.environ if environ is None else environ
        self.counts = Counts()
        credentials, self._region = identity(environ)
        self._dynamodb = Signer(credentials, self._region, "dynamodb")
        self._s3 = Signer(credentials, self._region, "s3")
        self._firehose = Signer(credentials, self._region, "firehose")
        self._domain = domain(self._region)
        everywhere = environ.get("AWS_ENDPOINT_URL")
        self._tables_at = endpoint(everywhere or f"https://dynamodb.{self._region}.{self._domain}")
        self._deliveries_at = endpoint(everywhere or f"https://firehose.{self._region}.{self._domain}")
        objects = objects_at(environ)
        self._objects_at = endpoint(objects) if objects else None
        self._connector = Connector(environ, self.counts, connect, monotonic)
        self._idle: dict[Endpoint, list[Connection]] = {}
        self._read, self._budget = read, budget
        self._backoff = backoff or Backoff()
        self._clock, self._monotonic = clock, monotonic
        self._offset = 0.0  # of the service's clock from ours

    def close(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            while connections:
                connections.pop().close()

    # --- operations ---

    def call(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation not in OPERATIONS:
            raise ValueError(f"{operation} is not one of this client's operations")
        return self._asked(self._tables_at, self._dynamodb, "1.0", "DynamoDB_20120810", operation, request)

    def put_record(self, stream: str, record: bytes) -> None:
        request = {"DeliveryStreamName": stream, "Record": {"Data": record}}
        self._asked(self._deliveries_at, self._firehose, "1.1", "Firehose_20150804", "PutRecord", request)

    def get_object(self, bucket: str, key: str, *, unless: str | None) -> Reply:
        headers = [] if unless is None else [("if-none-match", unless)]
        return self._object("GetObject", "GET", bucket, key, headers, b"", (304, 404))

    def put_object(self, bucket: str, key: str, body: bytes, *, content_type: str, absent: bool, match: str | None) -> Reply:
        headers = [("content-type", content_type)]
        if absent:
            headers.append(("if-none-match", "*"))
        if match is not None:
            headers.append(("if-match", match))
        return self._object("PutObject", "PUT", bucket, key, headers, body, (409, 412) if match is None else (404, 409, 412))

    def delete_object(self, bucket: str, key: str) -> None:
        self._object("DeleteObject", "DELETE", bucket, key, [], b"", (204, 404))

    def _asked(
        self, to: Endpoint, signer: Signer, version: str, service: str, operation: str, request: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """One operation of a service that speaks JSON."""
        body = _ENCODER.encode(request).encode()
        headers = [
            ("content-type", f"application/x-amz-json-{version}"),
            ("host", to.host),
            ("x-amz-target", f"{service}.{operation}"),
        ]
        answer = self._tried(operation, to, signer, "POST", "/", headers, body, _payload(body))
        document: dict[str, Any] = loads(answer.body.decode())
        return document

    def _object(
        self,
        operation: str,
        method: str,
        bucket: str,
        key: str,
        headers: list[tuple[str, str]],
        body: bytes,
        statuses: Collection[int],
    ) -> Reply:
        if self._objects_at is None:
            to, path = endpoint(f"https://{bucket}.s3.{self._region}.{self._domain}"), encode_path(f"/{key}")
        else:
            to, path = self._objects_at, encode_path(f"/{bucket}/{key}")
        payload = _payload(body)
        headers = [*headers, ("host", to.host), ("x-amz-content-sha256", payload)]
        answer = self._tried(operation, to, self._s3, method, path, headers, body, payload, statuses)
        if answer.status == 404 and b"<Code>NoSuchBucket</Code>" in answer.body:
            raise Refused(operation, "NoSuchBucket")
        found = answer.body if answer.status == 200 else b""
        return Reply(answer.status, answer.headers.get("etag", ""), found, answer.headers.get("content-type", ""))

    # --- tries ---

    def _tried(
        self,
        operation: str,
        to: Endpoint,
        signer: Signer,
        method: str,
        path: str,
        headers: list[tuple[str, str]],
        body: bytes,
        payload: str,
        statuses: Collection[int] = (),
    ) -> Answer:
        """The first whole answer that is a success or one of `statuses`. Raises Refused, StoreUnavailable."""
        self.counts.calls += 1
        end = self._monotonic() + self._budget
        why = ""
        for tried in range(TRIES):
            if tried:
                self._backoff.wait(tried - 1)
                if self._monotonic() >= end:
                    break
                self.counts.retries += 1
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock() + self._offset))
            signed = signer.sign(method, path, headers, payload, stamp)
            lines = "".join([f"{name}: {value}\r\n" for name, value in signed])
            request = f"{method} {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body
            try:
                answer = self._exchange(to, request, end)
            except Broken as broken:
                why = str(broken)
                continue
            if not _checked(answer):
                why = "wrong checksum"
                continue
            if answer.status == 200 or answer.status in statuses:
                return answer
            code, message, document = _error(answer)
            why = code
            if answer.status >= 500 or answer.status == 429 or code in _THROTTLED:
                continue
            if code in _CLOCK and self._corrected(answer.headers.get("date", "")):
                continue
            raise Refused(operation, code, message, document)
        raise StoreUnavailable(f"{operation}: {why}")

    def _exchange(self, to: Endpoint, request: bytes, end: float) -> Answer:
        idle = self._idle.setdefault(to, [])
        while idle:
            connection = idle.pop()
            if not connection.fresh():
                connection.close()
                continue
            try:
                return self._on(connection, idle, request, end)
            except Broken as broken:
                if not broken.silent:
                    raise
                # The peer closed it as we wrote: no fault of the service's, so a new connection is not a new try.
                self.counts.retries += 1
                break
        return self._on(self._connector.connect(to), idle, request, end)

    def _on(self, connection: Connection, idle: list[Connection], request: bytes, end: float) -> Answer:
        try:
            answer = connection.exchange(request, min(end, self._monotonic() + self._read))
        except BaseException:
            connection.close()
            raise
        if connection.keep:
            idle.append(connection)
        else:
            connection.close()
        return answer

    def _corrected(self, date: str) -> bool:
        """Take over the service's clock from its Date header; whether that is worth another try."""
        try:
            theirs = _seconds(date)
        except (ValueError, IndexError):
            return False
        offset = theirs - self._clock()
        if abs(offset - self._offset) < SKEW:
            return False
        self._offset = offset
        return True


def identity(environ: Mapping[str, str]) -> tuple[Credentials, str]:
    """Who signs, and in which region. Raises BadSettings."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if not region or not environ.get("AWS_ACCESS_KEY_ID") or not environ.get("AWS_SECRET_ACCESS_KEY"):
        raise BadSettings("Set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.")
    token = environ.get("AWS_SESSION_TOKEN") or None
    return Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], token), region


def domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def objects_at(environ: Mapping[str, str]) -> str:
    """Where S3 is when it is not where it belongs; else empty."""
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        from binascii import b2a_base64

        return b2a_base64(value, newline=False).decode()
    raise TypeError(f"{type(value).__name__} cannot be sent")


_ENCODER = JSONEncoder(separators=(",", ":"), default=_base64, check_circular=False)


def _payload(body: bytes) -> str:
    """The body's SHA-256 in hex."""
    if not body:
        return _EMPTY
    if len(body) < _LARGE:
        return hexdigest(body)
    from hashlib import sha256

    return sha256(body).hexdigest()


def _checked(answer: Answer) -> bool:
    given = answer.headers.get("x-amz-crc32")
    if given is None:
        return True
    from zlib import crc32  # DynamoDB alone tells it

    return given == str(crc32(answer.body))


def _error(answer: Answer) -> tuple[str, str, Mapping[str, Any]]:
    """Code, message and document of an answer that is no success."""
    text = answer.body.decode("utf-8", "replace")
    if text.startswith("{"):
        try:
            document = loads(text)
        except ValueError:
            document = {}
        code = str(document.get("__type", "")).rpartition("#")[2]
        return code or str(answer.status), str(document.get("message") or document.get("Message") or ""), document
    code, message = (text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0] for tag in ("Code", "Message"))
    return code or str(answer.status), message, {}


def _seconds(date: str) -> float:
    """`Mon, 23 Nov 2026 17:57:15 GMT` since the epoch."""
    from calendar import timegm

    _, day, month, year, hours, _ = date.split(" ")
    hour, minute, second = hours.split(":")
    return float(timegm((int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))))
