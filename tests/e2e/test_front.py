"""The port in front of the embedded gateway: what goes in comes out the other side, unchanged but for the host."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.local.emulator import free_port
from infra.local.front import AT_ONCE, MAX_BODY, Front

pytestmark = pytest.mark.e2e


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"
    under_way, most_under_way = 0, 0
    lock = threading.Lock()
    gate: threading.Event | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with Echo.lock:
            Echo.under_way += 1
            Echo.most_under_way = max(Echo.most_under_way, Echo.under_way)
        if Echo.gate is not None and self.path == "/slow":
            Echo.gate.wait(10)
        with Echo.lock:
            Echo.under_way -= 1
        status = int(self.headers.get("X-Status", "200"))
        seen = {"method": self.command, "path": self.path, "headers": self.headers.items(), "size": len(body)}
        content = b"" if status in (204, 304) else json.dumps(seen).encode()
        self.send_response_only(status)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Location", "/v1/things/1")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None: ...


def serving(server: ThreadingHTTPServer) -> ThreadingHTTPServer:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    upstream = serving(ThreadingHTTPServer(("127.0.0.1", 0), Echo))
    front = Front(0, upstream.server_address[1], "abc123")
    serving(front)
    yield front
    for server in (front, upstream):
        server.shutdown()
        server.server_close()


@pytest.fixture
def connection(front: Front) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", int(front.server_address[1]), timeout=10)
    yield connection
    connection.close()


def test_method_path_query_headers_and_body_arrive_as_sent(connection: http.client.HTTPConnection) -> None:
    path = "/v1/a%2Fb/%E2%82%AC?q=a+b&q=%20c&empty=&x=%00"
    connection.request("PATCH", path, body=b"\x00\xff" * 5, headers={"X-One": "1", "Authorization": "Bearer x", "Host": "evil"})
    seen = json.loads(connection.getresponse().read())
    headers = dict(seen["headers"])
    assert (seen["method"], seen["path"], seen["size"]) == ("PATCH", path, 10)
    assert headers["X-One"] == "1"
    assert headers["Authorization"] == "Bearer x"
    assert headers["Host"].startswith("abc123.execute-api.localhost:")


def test_one_connection_serves_many_requests_and_methods(connection: http.client.HTTPConnection) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "QUERY"):
        connection.request(method, "/")
        assert json.loads(connection.getresponse().read())["method"] == method
    connection.request("HEAD", "/")
    response = connection.getresponse()
    assert int(response.headers["Content-Length"]) > 0
    assert response.read() == b""
    connection.request("GET", "/after")
    assert json.loads(connection.getresponse().read())["path"] == "/after"


@pytest.mark.parametrize("status", [201, 204, 304, 404, 412, 503])
def test_status_and_headers_come_back_as_answered(connection: http.client.HTTPConnection, status: int) -> None:
    connection.request("GET", "/", headers={"X-Status": str(status)})
    response = connection.getresponse()
    response.read()
    assert response.status == status
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["Location"] == "/v1/things/1"


def test_chunked_and_large_bodies_arrive_whole(connection: http.client.HTTPConnection) -> None:
    connection.request(
        "POST", "/", body=iter([b"a" * 70_000, b"b" * 3]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    assert json.loads(connection.getresponse().read())["size"] == 70_003
    connection.request("POST", "/", body=b"x" * MAX_BODY)
    assert json.loads(connection.getresponse().read())["size"] == MAX_BODY


def test_a_body_beyond_the_gateways_limit_is_refused_as_the_gateway_does(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/", body=b"x" * (MAX_BODY + 1))
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())) == (413, {"message": "Request Entity Too Large"})


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
    ],
)
def test_what_cannot_be_forwarded_is_refused(front: Front, request_text: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(front.server_address[1])), 10) as client:
        client.sendall(request_text)
        assert client.recv(4096).split(b" ")[1] == status


def test_a_client_that_goes_away_harms_nobody(front: Front, connection: http.client.HTTPConnection) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", int(front.server_address[1])), 10) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    connection.request("GET", "/")
    assert connection.getresponse().status == 200


def test_no_more_than_the_laptop_bears_is_under_way_at_once(front: Front) -> None:
    Echo.gate, Echo.most_under_way = threading.Event(), 0
    statuses: list[int] = []

    def ask() -> None:
        client = http.client.HTTPConnection("127.0.0.1", int(front.server_address[1]), timeout=20)
        client.request("GET", "/slow")
        statuses.append(client.getresponse().status)
        client.close()

    clients = [threading.Thread(target=ask) for _ in range(3 * AT_ONCE)]
    for client in clients:
        client.start()
    while Echo.under_way < AT_ONCE:
        threading.Event().wait(0.01)
    Echo.gate.set()
    for client in clients:
        client.join()
    assert statuses == [200] * len(clients)
    assert Echo.most_under_way == AT_ONCE


def test_a_dead_upstream_is_a_503(front: Front) -> None:
    lonely = Front(0, free_port(), "abc123")
    serving(lonely)
    try:
        client = http.client.HTTPConnection("127.0.0.1", int(lonely.server_address[1]), timeout=10)
        client.request("GET", "/")
        response = client.getresponse()
        assert (response.status, json.loads(response.read())) == (503, {"message": "Service Unavailable"})
        client.close()
    finally:
        lonely.shutdown()
        lonely.server_close()


def test_only_loopback_is_served(front: Front) -> None:
    assert front.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError, match="in use"):
        Front(int(front.server_address[1]), 1, "abc123")
