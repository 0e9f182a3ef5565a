"""Files of a bucket in the memory of one instance: the hot path reads these, and goes on while the bucket does not answer."""

from __future__ import annotations

from collections.abc import Callable

from slipway.blobs import Blobs, NotModified, StoreError, StoreUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_UNKNOWN = 256  # names remembered as having no file


class Copy:
    """`content`: what was read from the file; `asked`: when the bucket may be asked again; `good`: when it last confirmed this
    copy; `doubted`: whether it did not answer when it was asked last."""

    __slots__ = ("asked", "content", "doubted", "etag", "good")

    def __init__(self, content: Any, etag: str, now: float, fresh: float) -> None:
        self.content, self.etag = content, etag
        self.good, self.asked, self.doubted = now, now + fresh, False


class Copies:
    """Of one kind of file in one bucket."""

    # `fresh`: seconds for which a copy is believed without asking; `pause`: seconds before a bucket that did not answer is
    # asked again; `stale`: seconds for which the last good copy serves meanwhile; `most`: copies in memory.
    #
    # `hurried`, where it is given, is the same bucket with less patience: it is asked in the other's place while a copy is at
    # hand that was confirmed within `pause`, every `fresh` seconds. What is too large or too slow for it comes with the other.
    # `outlives`: whether a copy serves on when its file is gone.
    #
    # `read` makes the content of a file's bytes, and raises ValueError for what is none of its files; so does `renew`, which is
    # given the content that it replaces as well. What a caller invents costs one question at most and little memory. The
    # questions are not counted: whoever invents names fast could use the number up, and turn away those whose file is not in
    # memory yet.

    def __init__(
        self,
        blobs: Blobs,
        path: Callable[[str], str],
        read: Callable[[bytes], Any],
        *,
        fresh: float,
        pause: float,
        stale: float,
        most: int,
        hurried: Blobs | None = None,
        outlives: bool = False,
        renew: Callable[[bytes, Any], Any] | None = None,
    ) -> None:
        self._blobs, self._hurried, self._path, self._read = blobs, hurried, path, read
        self._fresh, self._pause, self._stale, self._most, self._outlives = fresh, pause, stale, most, outlives
        self._renew = renew or (lambda body, _: read(body))
        self._copies: dict[str, Copy] = {}
        self._unknown: dict[str, float] = {}  # name: until when
        self._out = 0.0  # until when the bucket is not asked for a first copy, because it did not answer

    def find(self, name: str, now: float) -> Copy | None:
        """The copy of a file; None where there is no file. `now`: epoch seconds.

        Raises StoreUnavailable when the bucket does not answer and no copy is at hand that may serve."""
        copy = self._copies.get(name)
        if copy is None:
            return self._first(name, now)
        return self._again(name, copy, now) if now >= copy.asked else copy

    def _first(self, name: str, now: float) -> Copy | None:
        if self._unknown.get(name, 0) > now:
            return None
        if now < self._out:
            raise StoreUnavailable("the bucket did not answer a moment ago")
        try:
            blob = self._blobs.get(self._path(name))
            content = None if blob is None else self._read(blob.body)
        except (StoreError, ValueError) as error:
            self._out = now + min(self._pause, self._fresh)
            raise StoreUnavailable(f"{self._path(name)} cannot be read") from error
        if blob is None:
            self._unknown.pop(name, None)
            if len(self._unknown) >= MOST_UNKNOWN:
                del self._unknown[next(iter(self._unknown))]  # the one remembered longest
            self._unknown[name] = now + self._fresh
            return None
        if len(self._copies) >= self._most:
            del self._copies[min(self._copies, key=lambda name: self._copies[name].asked)]
        copy = self._copies[name] = Copy(content, blob.etag, now, self._fresh)
        return copy

    def _again(self, name: str, copy: Copy, now: float) -> Copy | None:
        hurried = self._hurried if now - copy.good <= self._pause else None
        try:
            blob = (hurried or self._blobs).get(self._path(name), etag=copy.etag)
            if blob is None and self._outlives:
                raise StoreUnavailable("somebody took it away")
            if blob is None:
                del self._copies[name]
                return None
            copy = self._copies[name] = Copy(self._renew(blob.body, copy.content), blob.etag, now, self._fresh)
        except NotModified:
            copy.good, copy.asked, copy.doubted = now, now + self._fresh, False
        except (StoreError, ValueError):
            if now - copy.good > self._stale:
                raise StoreUnavailable(f"no good copy of {self._path(name)} for too long") from None
            copy.asked, copy.doubted = now + (self._fresh if hurried else self._pause), True
        return copy
