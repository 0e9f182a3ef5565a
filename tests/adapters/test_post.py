"""Posting to receivers that are slow, huge, redirect, break off, or are not who they say: each has its end, and a word."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from slipway.adapters.post import PublicPost
from slipway.feedback.posting import Outcome, Sending

BODY = b'{"type":"feedback.updated.v1"}'


def sending(url: str) -> Sending:
    return Sending(url, "dlv_1", 1_795_435_200, "v1,c2lnbmF0dXJl", BODY)


class Receiver:
    """Takes connections one after the other; `answer` is given each when its request is whole."""

    def __init__(self, answer: Callable[[socket.socket, threading.Event], None]) -> None:
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in?token=1"

    def close(self) -> None:
        self.over.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self.over.is_set():
                connection.close()
                return
            self._threads.append(threading.Thread(target=self._one, args=(connection,)))
            self._threads[-1].start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            said = b""
            while BODY not in said:
                if not (more := connection.recv(65_536)):
                    return
                said += more
            self.requests.append(said)
            with suppress(OSError):  # who asked has gone
                self._answer(connection, self.over)


@contextmanager
def receiver(answer: Callable[[socket.socket, threading.Event], None] | bytes) -> Iterator[Receiver]:
    given = answer if callable(answer) else lambda connection, _: connection.sendall(answer)
    made = Receiver(given)
    try:
        yield made
    finally:
        made.close()


def outcome(made: Receiver, deadline: float = 10.0) -> tuple[int | None, str]:
    (found,) = PublicPost(loopback=True, deadline=deadline).send([sending(made.url)])
    return found.status, found.failure


def test_what_is_posted() -> None:
    with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as made:
        assert outcome(made) == (204, "")
        head, _, body = made.requests[0].partition(b"\r\n\r\n")
    assert body == BODY
    assert head.decode().split("\r\n") == [
        "POST /in?token=1 HTTP/1.1",
        f"host: 127.0.0.1:{made.port}",
        "user-agent: Slipway-Webhooks/1",
        "content-type: application/json",
        f"content-length: {len(BODY)}",
        "webhook-id: dlv_1",
        "webhook-timestamp: 1795435200",
        "webhook-signature: v1,c2lnbmF0dXJl",
        "connection: close",
    ]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nx", (200, "")),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n", (200, "")),
        (b"HTTP/1.0 500 \r\n\r\n", (500, "")),
        (b"HTTP/1.1 410 Gone\r\n\r\n", (410, "")),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", (201, "")),
        (b"", (None, "reset")),
        (b"HTTP/1.1 200 OK\r\n", (None, "malformed")),
        (b"220 mail.example.com ESMTP\r\n\r\n", (None, "malformed")),
        (b"HTTP/1.1 99 x\r\n\r\n", (None, "malformed")),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, (None, "malformed")),
    ],
)
def test_of_an_answer_its_status_counts(answer: bytes, found: tuple[int | None, str]) -> None:
    with receiver(answer) as made:
        assert outcome(made) == found


def test_a_redirect_is_not_followed() -> None:
    with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as elsewhere:
        answer = f"HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere.url}\r\n\r\n".encode()
        with receiver(answer) as made:
            assert outcome(made) == (307, "")
        assert elsewhere.requests == []


def _says_nothing(_: socket.socket, over: threading.Event) -> None:
    over.wait()


def _drips(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while not over.wait(0.02):
        connection.sendall(b"y")


def _hints(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


def _resets(connection: socket.socket, _: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


@pytest.mark.parametrize("answer", [_says_nothing, _drips, _hints])
def test_who_takes_for_ever_is_left_at_the_deadline(answer: Callable[[socket.socket, threading.Event], None]) -> None:
    with receiver(answer) as made:
        assert outcome(made, deadline=0.3) == (None, "timeout")


def test_who_breaks_off() -> None:
    with receiver(_resets) as made:
        assert outcome(made) == (None, "reset")


def test_one_that_hangs_delays_no_other() -> None:
    """The other's answer lets the first one go: were they tried one after the other, that would come too late."""
    answered = threading.Event()

    def waits(connection: socket.socket, _: threading.Event) -> None:
        assert answered.wait(20)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def answers(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        answered.set()

    with receiver(waits) as slow, receiver(answers) as quick:
        found = PublicPost(loopback=True).send([sending(slow.url), sending(quick.url)])
    assert [one.status for one in found] == [200, 204]


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (found,) = PublicPost(loopback=True).send([sending(f"http://127.0.0.1:{port}/")])
    assert found.failure == "refused"


# --- where it goes ---


def test_a_name_that_leads_behind_the_walls_is_not_connected_to() -> None:
    with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as made:
        post = PublicPost(resolve=lambda host, port: ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"])
        (found,) = post.send([sending(f"https://hooks.example.com:{made.port}/")])
        assert found.failure == "address"
        assert PublicPost().send([sending(made.url)])[0].failure == "address"
        assert made.requests == []


def test_a_name_that_leads_nowhere() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror("unknown")

    (found,) = PublicPost(resolve=unknown).send([sending("https://hooks.example.com/")])
    assert found.failure == "dns"


@pytest.mark.parametrize("host", ["a..de", f"{'a' * 64}.example.com"])
def test_a_name_that_no_host_can_have(host: str) -> None:
    (found,) = PublicPost().send([sending(f"https://{host}/")])
    assert found.failure == "dns"
    assert found.milliseconds < 10_000, "the time that it took"


def test_whatever_goes_wrong_is_told_as_a_failure() -> None:
    def breaks(host: str, port: int) -> list[str]:
        raise RuntimeError(host)

    found = PublicPost(resolve=breaks).send([sending("https://hooks.example.com/"), sending("no address")])
    assert [(one.status, one.failure) for one in found] == [(None, "failed")] * 2


def test_a_resolver_that_hangs_is_left_behind() -> None:
    over = threading.Event()

    def hangs(host: str, port: int) -> list[str]:
        over.wait(20)
        return []

    (found,) = PublicPost(resolve=hangs, deadline=0.1).send([sending("https://hooks.example.com/")])
    over.set()
    assert found == Outcome(None, 100, "timeout")


def test_the_name_is_resolved_once_and_the_connection_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def flips(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    went: list[object] = []

    def refuse(address: object, timeout: float) -> socket.socket:
        went.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    (found,) = PublicPost(resolve=flips).send([sending("https://hooks.example.com/")])
    assert (found.failure, asked, went) == ("refused", ["hooks.example.com"], [("93.184.216.34", 443)])


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of hooks.example.com, signed by itself."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def secured(certificate: Path) -> Iterator[int]:
    """The port of a receiver that speaks TLS and takes whatever is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        connection.settimeout(20)
        try:
            with context.wrap_socket(connection, server_side=True) as inside:
                while BODY not in inside.recv(65_536):
                    pass
                inside.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        except OSError:
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        thread.join()
        listening.close()


def _to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: real(("127.0.0.1", address[1]), timeout))


@pytest.mark.parametrize(
    ("host", "trusted", "found"),
    [
        ("hooks.example.com", True, (200, "")),
        ("hooks.example.com", False, (None, "tls")),
        ("other.example.com", True, (None, "tls")),
    ],
)
def test_a_certificate_has_to_be_trusted_and_for_that_host(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool, found: tuple[int | None, str]
) -> None:
    trust = ssl.create_default_context(cafile=str(certificate)) if trusted else None
    post = PublicPost(resolve=lambda host, port: ["93.184.216.34"], trust=trust)
    _to_loopback(monkeypatch)
    with secured(certificate) as port:
        (got,) = post.send([sending(f"https://{host}:{port}/")])
    assert (got.status, got.failure) == found
