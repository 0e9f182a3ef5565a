"""A wire with faults, between a function and the embedded AWS."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fate = Literal["pass", "lose the answer", "refuse"]


class Wire(ThreadingHTTPServer):
    """`fate(n)` decides over the n-th PutEvents, from 1; whatever else is asked passes. `fates` is what became of them."""

    daemon_threads = True

    def __init__(self, aws: str, fate: Callable[[int], Fate]) -> None:
        super().__init__(("127.0.0.1", 0), _Crossing)
        self.upstream = urllib.parse.urlsplit(aws).netloc
        self.fate = fate
        self.fates: list[Fate] = []
        self.arrived = 0  # events that reached the bus
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @classmethod
    @contextlib.contextmanager
    def between(cls, aws: str, fate: Callable[[int], Fate]) -> Iterator[Wire]:
        wire = cls(aws, fate)
        serving = threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield wire
        finally:
            wire.shutdown()
            serving.join()
            wire.server_close()


class _Crossing(BaseHTTPRequestHandler):
    server: Wire
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fate: Fate = "pass"
        if self.headers.get("X-Amz-Target", "").endswith(".PutEvents"):
            with self.server.lock:
                fate = self.server.fate(len(self.server.fates) + 1)
                self.server.fates.append(fate)
                self.server.arrived += 0 if fate == "refuse" else len(json.loads(body)["Entries"])
        if fate == "refuse":
            self._answer(503, {}, b"{}")
            return
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        with contextlib.closing(upstream):
            # As it was sent, the host included: that is signed.
            upstream.request("POST", self.path, body=body, headers=dict(self.headers.items()))
            response = upstream.getresponse()
            content = response.read()
        if fate == "lose the answer":
            self.close_connection = True
            return
        self._answer(response.status, {"Content-Type": response.getheader("Content-Type", "")}, content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None: ...
