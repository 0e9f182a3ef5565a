"""The public keys of a user pool, over the same connections as AWS itself: two tries, bounded time and size."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from slipway.adapters.client import Counts
from slipway.adapters.tls import Connector, endpoint
from slipway.adapters.wire import Broken
from slipway.blobs import StoreUnavailable

MOST_BYTES = 65_536
CONNECT, READ = 1.0, 2.0  # seconds


class PoolDocument:
    """`<issuer>/.well-known/jwks.json`; with AWS_ENDPOINT_URL, of the same pool there."""

    def __init__(self, issuer: str, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        scheme, _, rest = issuer.partition("://")
        host, _, pool = rest.partition("/")
        self.counts = Counts()
        self._at = endpoint(environ.get("AWS_ENDPOINT_URL") or f"{scheme}://{host}")
        self._path = f"/{pool}/.well-known/jwks.json"
        self._connector = Connector(environ, self.counts, CONNECT)

    def __call__(self) -> bytes:
        """The document. Raises StoreUnavailable."""
        request = f"GET {self._path} HTTP/1.1\r\nhost: {self._at.host}\r\nconnection: close\r\n\r\n".encode()
        why = ""
        for _ in range(2):
            self.counts.calls += 1
            try:
                connection = self._connector.connect(self._at)
                try:
                    answer = connection.exchange(request, time.monotonic() + READ)
                finally:
                    connection.close()
            except Broken as broken:
                why = str(broken)
                continue
            if answer.status == 200 and len(answer.body) <= MOST_BYTES:
                return answer.body
            why = f"status {answer.status}"
        raise StoreUnavailable(f"the pool's keys: {why}")
