"""A proxy in front of a real backend that spoils answers as told: what a network and a busy service do."""

from __future__ import annotations

import http.client
import json
import socketserver
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from enum import Enum
from typing import NamedTuple


class Fault(Enum):
    """`applied`: whether the backend had taken the request when it went wrong."""

    NONE = "nothing", True
    DROPPED_BEFORE = "the connection ends, the request was not seen", False
    DROPPED_AFTER = "the connection ends, the request took effect", True
    HALF_HEAD = "the answer ends within its head", True
    HALF_BODY = "the answer ends within its body", True
    HALF_CHUNK = "the answer ends within a chunk", True
    NOT_HTTP = "the answer is not HTTP", True
    NO_LENGTH = "only the end of the connection ends the answer", True
    TOO_LONG = "the answer claims more than any can have", True
    WRONG_CRC = "the answer does not fit its checksum", True
    SILENT_BEFORE = "no answer, the request was not seen", False
    SILENT_AFTER = "no answer, the request took effect", True
    ERROR_BEFORE = "500, the request was not seen", False
    ERROR_AFTER = "500, the request took effect", True
    THROTTLED = "throttled", False
    SLOW_DOWN = "503 SlowDown, as S3 throttles", False
    # What is no fault, but not the common answer either.
    CLOSES = "the connection ends after the answer, which says so", True
    CLOSES_UNSAID = "the connection ends after the answer, which does not say so", True
    CHUNKED = "the answer comes in chunks", True
    CONTINUED = "100 Continue comes first", True

    @property
    def applied(self) -> bool:
        return bool(self.value[1])

    @property
    def answers(self) -> bool:
        return self in (Fault.NONE, Fault.CLOSES, Fault.CLOSES_UNSAID, Fault.CHUNKED, Fault.CONTINUED)


FAULTS = [fault for fault in Fault if not fault.answers]
ANSWERS = [fault for fault in Fault if fault.answers and fault is not Fault.NONE]


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Proxy:
    """`faults` are used up one a request; then all goes well. `seen` are the requests, `applied` how many the backend took."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream.removeprefix("http://")
        self.faults: deque[Fault] = deque()
        self.clock = time.time  # a service whose clock is this one refuses stamps more than 5 minutes off
        self.seen: list[Seen] = []
        self.connections = 0
        self.applied = 0
        self.url = ""

    def spoil(self, faults: Iterable[Fault]) -> None:
        """These next, whatever an answer without a body has left over."""
        self.faults.clear()
        self.faults.extend(faults)

    def forward(self, request: Seen) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.upstream, timeout=10)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()
            self.applied += 1


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    it = Proxy(upstream)
    stopping = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        timeout = 20

        def handle(self) -> None:
            it.connections += 1
            while (request := self._request()) and self._answer(request):
                pass

        def _request(self) -> Seen | None:
            try:
                first = self.rfile.readline().decode()
            except OSError:
                return None
            if not first:
                return None
            method, path, _ = first.split(" ", 2)
            headers = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            request = Seen(method, path, headers, self.rfile.read(int(headers.get("content-length", "0"))))
            it.seen.append(request)
            return request

        def _answer(self, request: Seen) -> bool:
            """Whether the connection goes on."""
            fault = it.faults.popleft() if it.faults else Fault.NONE
            now = it.clock()
            if _stamp(request.headers["x-amz-date"]) - now > 300 or now - _stamp(request.headers["x-amz-date"]) > 300:
                self._send(*_refusal(403, "RequestTimeTooSkewed", now))
                return True
            refusals = {
                Fault.ERROR_BEFORE: (500, "InternalServerError"),
                Fault.ERROR_AFTER: (500, "InternalServerError"),
                Fault.THROTTLED: (400, "ThrottlingException"),
                Fault.SLOW_DOWN: (503, "SlowDown"),
            }
            status, headers, body = it.forward(request) if fault.applied else (200, [], b"")
            if fault in refusals:
                self._send(*_refusal(*refusals[fault], now))
                return True
            if fault in (Fault.SILENT_BEFORE, Fault.SILENT_AFTER):
                stopping.wait(3)  # longer than any client waits here
                return False
            if fault in (Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER):
                return False
            self._spoiled(fault, status, headers, body)
            return fault in (Fault.NONE, Fault.CHUNKED, Fault.CONTINUED, Fault.WRONG_CRC)

        def _spoiled(self, fault: Fault, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            dropped = {"connection", "transfer-encoding", "content-length", "x-amz-crc32"}
            kept = [(name, value) for name, value in headers if name.lower() not in dropped]
            if fault is Fault.NOT_HTTP:
                self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            elif fault is Fault.HALF_HEAD:
                self.wfile.write(f"HTTP/1.1 {status} OK\r\ncontent-le".encode())
            elif fault is Fault.NO_LENGTH:
                self._send(status, kept, body, length=None)
            elif fault is Fault.TOO_LONG:
                self._send(status, kept, body, length=10**12)
            elif fault is Fault.HALF_BODY:
                self._send(status, kept, body[: len(body) // 2], length=len(body) + 1)
            elif fault is Fault.WRONG_CRC:
                self._send(status, [*kept, ("x-amz-crc32", "1")], body)
            elif fault in (Fault.CHUNKED, Fault.HALF_CHUNK):
                half = len(body) // 2
                parts = [part for part in (body[:half], body[half:]) if part]
                chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nx-trailer: 1\r\n\r\n"
                chunks = chunks if fault is Fault.CHUNKED else chunks[: len(chunks) // 2]
                self._send(status, [*kept, ("transfer-encoding", "chunked")], chunks, length=None)
            else:
                if fault is Fault.CONTINUED:
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                said = [("connection", "close")] if fault is Fault.CLOSES else []
                self._send(status, [*kept, *said], body, length=None if status == 304 else len(body))

        def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = -1) -> None:
            lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers)]
            if length is not None:
                lines.append(f"content-length: {len(body) if length == -1 else length}")
            self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that gave up is no error here."""

    with Server(("127.0.0.1", 0), Handler) as server:
        it.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield it
        stopping.set()
        server.shutdown()


def _refusal(status: int, code: str, now: float) -> tuple[int, list[tuple[str, str]], bytes]:
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "as told"}).encode()
    return status, [("date", formatdate(now, usegmt=True))], body


def _stamp(text: str) -> float:
    return time.mktime(time.strptime(text + " UTC", "%Y%m%dT%H%M%SZ %Z")) - time.timezone
