"""`slipway.ports.Blobs` over S3, with either client of `slipway.adapters.client`.

The role needs `s3:ListBucket` on the bucket beside `s3:GetObject`: without it S3 answers 403 for a key where nothing stands.
"""

from __future__ import annotations

from slipway.adapters.client import Backoff, Counts, Objects, Reply
from slipway.blobs import Blob, NotModified, StoreUnavailable

_TRIES = 4  # of a put that met another one of the same key


class S3Blobs:
    def __init__(self, client: Objects, bucket: str, backoff: Backoff | None = None) -> None:
        self.client = client
        self.bucket = bucket
        self._backoff = backoff or Backoff()

    @property
    def counts(self) -> Counts:
        return self.client.counts

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        reply = self.client.get_object(self.bucket, key, unless=etag)
        if reply.status == 304:
            raise NotModified
        return None if reply.status == 404 else Blob(reply.body, reply.etag, reply.media)

    def put(self, key: str, body: bytes, *, content_type: str, absent: bool = False, etag: str | None = None) -> str:
        for tried in range(_TRIES):
            if tried:
                self.counts.retries += 1
                self._backoff.wait(tried)
            reply: Reply = self.client.put_object(self.bucket, key, body, content_type=content_type, absent=absent, match=etag)
            if reply.status == 200:
                return reply.etag
            if reply.status != 409:  # 412, and 404 where a put with an ETag finds nothing to replace
                from slipway.ports import ConditionFailed  # the hot path puts nothing

                raise ConditionFailed
        raise StoreUnavailable("PutObject: other writers held the key through all tries")

    def delete(self, key: str) -> None:
        self.client.delete_object(self.bucket, key)
