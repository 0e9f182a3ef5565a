"""flagd's HTTP sync, as its source has it: what it sends, what it takes for an answer, and what it makes of it."""

from __future__ import annotations

import gzip
import http.client
import json
from pathlib import PurePosixPath
from typing import Any


class HttpSync:
    """Asks for `path` of that port with `authorization` as it stands. `document`: the last one that it got."""

    def __init__(self, port: int, path: str, authorization: str) -> None:
        self._port, self._path, self._authorization = port, path, authorization
        self._etag = ""
        self.document: dict[str, Any] = {}

    def fetch(self, *, whole: bool = False) -> bool:
        """Whether it got a document; not when it has not changed. Raises OSError for any other answer.

        It sends the ETag of the answer before, save at the start and when it is to get the `whole` anew."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.putrequest("GET", self._path, skip_accept_encoding=True)
            for accepted in ("application/json", "application/yaml"):
                connection.putheader("Accept", accepted)
            connection.putheader("Authorization", self._authorization)
            connection.putheader("Accept-Encoding", "gzip")  # by Go's own client, which unpacks it
            if self._etag and not whole:
                connection.putheader("If-None-Match", self._etag)
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status == 304:
            return False
        if not 200 <= answer.status < 300:
            raise OSError(f"{answer.status}: {body[:200]!r}")
        self._etag = answer.headers["ETag"] or self._etag
        if answer.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        # The path's extension tells the form, and where there is none the media type.
        form = PurePosixPath(self._path.partition("?")[0]).suffix or answer.headers.get_content_type()
        assert form == "application/json", form
        self.document = json.loads(body)
        return True
