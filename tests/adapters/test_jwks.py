"""The pool's public keys over real sockets: where they are asked for, and what an answer may be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from slipway.adapters.jwks import MOST_BYTES, PoolDocument
from slipway.ports import StoreUnavailable
from slipway.settings import BadSettings

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool"


class Server(ThreadingHTTPServer):
    """Answers with what is planned, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list[tuple[int, bytes]] = [(200, b'{"keys":[]}')]
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.plan.pop(0) if len(self.server.plan) > 1 else self.server.plan[0]
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/evil")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def document(server: Server) -> PoolDocument:
    return PoolDocument(ISSUER, {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"})


def test_the_document_of_the_pool_is_asked_for(server: Server) -> None:
    assert document(server)() == b'{"keys":[]}'
    assert server.asked == ["/eu-west-1_pool/.well-known/jwks.json"]


def test_a_lost_connection_is_tried_once_more(server: Server) -> None:
    server.plan = [(0, b""), (200, b"{}")]
    fetch = document(server)
    assert fetch() == b"{}"
    assert fetch.counts.calls == 2


@pytest.mark.parametrize("answer", [(0, b""), (500, b"{}"), (403, b"{}"), (302, b""), (200, b"x" * (MOST_BYTES + 1))])
def test_anything_else_is_unavailable_after_two_tries(server: Server, answer: tuple[int, bytes]) -> None:
    server.plan = [answer]
    with pytest.raises(StoreUnavailable):
        document(server)()
    assert len(server.asked) == 2


def test_nobody_there_is_unavailable() -> None:
    with Server() as gone:
        port = gone.server_port
    with pytest.raises(StoreUnavailable):
        PoolDocument(ISSUER, {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"})()


def test_keys_never_come_in_the_clear_from_elsewhere() -> None:
    with pytest.raises(BadSettings):
        PoolDocument("http://cognito.example/pool", {})
