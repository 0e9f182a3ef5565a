"""One loopback port whose `/` is the API's root: a reverse proxy to the embedded API Gateway.

The emulator knows an API by a host name that Python and Node do not resolve; here every client reaches it by address.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 10 * 1024 * 1024  # as an HTTP API takes at most
TIMEOUT = 40.0  # seconds; the gateway itself gives up after 30
# The emulator starts a process for each call of a function that is under way: more than this only swaps.
AT_ONCE = 8
_HOP_BY_HOP = ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer")
_OURS = (*_HOP_BY_HOP, "transfer-encoding", "upgrade", "host", "content-length", "expect")


class Front(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, upstream_port: int, api: str) -> None:
        """Binds at once; raises OSError when the port is taken. `api` is the id of the HTTP API."""
        self.upstream_port = upstream_port
        self.upstream_host = f"{api}.execute-api.localhost:{upstream_port}"
        self.pages: dict[str, tuple[Mapping[str, str], bytes]] = {}  # of the laptop's own: headers and body by path
        self.turns = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(("127.0.0.1", port), _Exchange)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def server_bind(self) -> None:
        # Not the parent's, which asks the resolver for this machine's name: that can take seconds.
        super(ThreadingHTTPServer, self).server_bind()
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class _Exchange(BaseHTTPRequestHandler):
    server: Front
    protocol_version = "HTTP/1.1"
    timeout = 75.0  # seconds that an idle connection is kept
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._serve  # every method: which ones exist is for the API to say
        raise AttributeError(name)

    def _serve(self) -> None:
        try:
            body = self._body()
            if self.command == "GET" and (own := self.server.pages.get(self.path)) is not None:
                self._show(*own)
                return
            with self.server.turns:
                self._forward(body)
        except _Refused as refused:
            self._refuse(refused)
        except ConnectionError:
            self.close_connection = True

    def _forward(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port, timeout=TIMEOUT)
        with contextlib.closing(upstream):
            try:
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                upstream.putheader("Host", self.server.upstream_host)
                for name, value in self.headers.items():
                    if name.lower() not in _OURS:
                        upstream.putheader(name, value.encode("latin-1"))
                if body or self.command in ("POST", "PUT", "PATCH"):
                    upstream.putheader("Content-Length", str(len(body)))
                upstream.endheaders(body or None)
                response = upstream.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, http.client.InvalidURL):
                    raise _Refused(400, "Bad Request") from None
                raise _Refused(503, "Service Unavailable") from None
            except ValueError:  # a header or path that cannot be sent on
                raise _Refused(400, "Bad Request") from None
        self._answer(response, content)

    def _answer(self, response: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in (*_HOP_BY_HOP, "transfer-encoding", "content-length"):
                self.send_header(name, value)
        if response.status not in (204, 304):
            length = response.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)

    def _show(self, headers: Mapping[str, str], page: bytes) -> None:
        self.send_response_only(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit():
            raise _Refused(400, "Bad Request")
        if len(length) > 12 or int(length) > MAX_BODY:
            raise _Refused(413, "Request Entity Too Large")
        return self._read(int(length))

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size_line = self.rfile.readline(1024).split(b";")[0].strip()
            if not size_line or not all(letter in b"0123456789abcdefABCDEF" for letter in size_line):
                raise _Refused(400, "Bad Request")
            size = int(size_line, 16)
            if len(body) + size > MAX_BODY:
                raise _Refused(413, "Request Entity Too Large")
            if size == 0:
                while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
                    pass  # trailers
                return bytes(body)
            body += self._read(size)
            self.rfile.readline(16)

    def _read(self, size: int) -> bytes:
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionError("the client went away in mid-request")
        return body

    def _refuse(self, refused: _Refused) -> None:
        """As API Gateway itself refuses. What of the request is still to come is thrown away, so that the answer is read."""
        self.close_connection = True
        body = f'{{"message":"{refused.message}"}}'.encode()
        with contextlib.suppress(OSError):
            self.send_response_only(refused.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1.0)
            left = 4 * MAX_BODY
            while left > 0 and (rubbish := self.connection.recv(65536)):
                left -= len(rubbish)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the function's own log line says more."""
