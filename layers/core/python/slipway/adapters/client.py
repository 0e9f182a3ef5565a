"""What the stores need of a client of AWS. `aws.py` is the small signed one, `boto.py` its boto3 twin.

Requests and answers have the shapes of the services' own JSON: attribute values such as `{"S": "a"}`, with bytes under `B`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from slipway.blobs import StoreError
from slipway.counts import Counts as Counts  # part of what a client is
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol
else:
    Protocol = object


class Refused(StoreError):
    """The service understood and said no: a permission, a name or a value is wrong. Trying again does not help."""

    def __init__(self, operation: str, code: str, message: str = "", body: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{operation}: {code}: {message}" if message else f"{operation}: {code}")
        self.code = code
        self.body = body or {}


class Reply(Value):
    """An object store's answer: 200, 204, 304, 404, 409 or 412; the object's ETag, its bytes and what they are."""

    status: int
    etag: str
    body: bytes
    media: str = ""


class Dynamo(Protocol):
    counts: Counts

    def call(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """One DynamoDB operation. Raises Refused, StoreUnavailable."""


class Deliveries(Protocol):
    counts: Counts

    def put_record(self, stream: str, record: bytes) -> None:
        """One record for a delivery stream of Firehose. Raises Refused, StoreUnavailable."""


class Objects(Protocol):
    counts: Counts

    def get_object(self, bucket: str, key: str, *, unless: str | None) -> Reply:
        """The object, or 304 when its ETag is `unless`. Raises Refused, StoreUnavailable."""

    def put_object(self, bucket: str, key: str, body: bytes, *, content_type: str, absent: bool, match: str | None) -> Reply:
        """Write; `absent`: only where nothing stands, `match`: only over that ETag. Raises Refused, StoreUnavailable."""

    def delete_object(self, bucket: str, key: str) -> None:
        """Also where there is none. Raises Refused, StoreUnavailable."""


def fraction() -> float:
    """A random number in [0, 1), without the cost of importing `random`."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


class Backoff:
    """Capped exponential backoff with full jitter: after try n, a random part of min(cap, base * 2**n) seconds.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    __slots__ = ("_fraction", "_sleep", "base", "cap")

    def __init__(
        self,
        base: float = 0.05,
        cap: float = 1.0,
        *,
        sleep: Callable[[float], None] = time.sleep,
        fraction: Callable[[], float] = fraction,
    ) -> None:
        self.base, self.cap = base, cap
        self._sleep, self._fraction = sleep, fraction

    def wait(self, tried: int) -> None:
        """Sleep after try number `tried` (from 0)."""
        self._sleep(self._fraction() * min(self.cap, self.base * 2**tried))
