"""The port to objects in a bucket, and what goes wrong with any store: apart from `slipway.ports`, since the hot path needs no
more than this of it.
"""

from __future__ import annotations

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object  # `typing` is not worth its cold start for names that nobody looks at


class StoreError(Exception):
    """Something of the store's own. The edge answers 503 for `StoreUnavailable` and 500 for any other."""


class StoreUnavailable(StoreError):
    """No answer in time, or throttled, after all retries. The write may or may not have happened."""


class NotModified(Exception):
    """The blob still has the ETag that the caller holds."""


class Blob(Value):
    """`media`: the content type that it was put with."""

    body: bytes
    etag: str
    media: str = ""


class Blobs(Protocol):
    """Objects in one bucket. A put is atomic, a read after it sees it."""

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        """The object, None where there is none; raises NotModified when it still has `etag`."""

    def put(self, key: str, body: bytes, *, content_type: str, absent: bool = False, etag: str | None = None) -> str:
        """Write and return the new ETag. With `absent`, only where nothing stands; with `etag`, only over that one:
        else ConditionFailed."""

    def delete(self, key: str) -> None:
        """Gone already: nothing happens."""
