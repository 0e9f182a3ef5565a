"""Endpoints and trust, with a real TLS server."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from infra.packaging import compiler
from slipway.adapters.aws import TRIES, AwsClient
from slipway.adapters.client import Backoff, Counts
from slipway.adapters.tls import ROOTS, Connector, Endpoint, Plain, Secured, endpoint, secure_context
from slipway.adapters.wire import Broken, Connection
from slipway.ports import StoreUnavailable
from slipway.settings import BadSettings
from tests.backends import ENVIRON

CORE = Path(__file__).parents[2] / "layers" / "core" / "python"
# SHA-256 of each root's subject public key, as Amazon Trust Services publishes them (amazontrust.com/repository).
PUBLISHED = {
    "Amazon Root CA 1": "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
    "Amazon Root CA 2": "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
    "Amazon Root CA 3": "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
    "Amazon Root CA 4": "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
    "Starfield Services Root Certificate Authority - G2": "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
}


def test_the_roots_are_those_that_amazon_publishes() -> None:
    found = [ssl.PEM_cert_to_DER_cert(path.read_text()) for path in Path(ROOTS).iterdir()]
    assert {hashlib.sha256(_public_key(der)).hexdigest() for der in found} == set(PUBLISHED.values())


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # one of them is numbered 0
@pytest.mark.parametrize("path", sorted(Path(ROOTS).iterdir()), ids=lambda path: path.name)
def test_each_root_is_found_by_its_name(path: Path, tmp_path: Path) -> None:
    """What claims to be signed by it fails on its signature, for which it is read; not for want of an issuer."""
    impostor = Authority(tmp_path, x509.load_pem_x509_certificate(path.read_bytes())).context("127.0.0.1")
    with served(impostor) as url:
        refused(url, "certificate is not trusted")
        context = secure_context()
        context.load_verify_locations(None, ROOTS)
        assert _reason(url, context) == "certificate signature failure"
        assert _reason(url, secure_context()) == "unable to get local issuer certificate"


def _reason(url: str, context: Any) -> str:
    """Why the handshake fails."""
    to = endpoint(url)
    with closing(Plain(socket.AF_INET, socket.SOCK_STREAM)) as plain:
        plain.connect((to.name, to.port))
        with pytest.raises(ssl.SSLCertVerificationError) as failed:
            Secured(plain, context, to.name)
    return failed.value.verify_message


def _public_key(certificate: bytes) -> bytes:
    """The DER of the subject public key: in tbsCertificate after version, serial, algorithm, issuer, validity, subject."""
    _, inside, _ = _element(certificate, 0)
    _, at, _ = _element(certificate, inside)
    for _ in range(6):
        at = _element(certificate, at)[2]
    return certificate[at : _element(certificate, at)[2]]


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Where the element at this place begins, where its content does, and where it ends."""
    length, content = der[at + 1], at + 2
    if length & 0x80:
        content += length & 0x7F
        length = int.from_bytes(der[at + 2 : content], "big")
    return at, content, content + length


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://dynamodb.eu-west-1.amazonaws.com",
            (True, "dynamodb.eu-west-1.amazonaws.com", 443, "dynamodb.eu-west-1.amazonaws.com"),
        ),
        ("https://host:8443/", (True, "host", 8443, "host:8443")),
        ("http://127.0.0.1:4566", (False, "127.0.0.1", 4566, "127.0.0.1:4566")),
        ("http://127.1.2.3", (False, "127.1.2.3", 80, "127.1.2.3")),
        ("http://localhost:1", (False, "localhost", 1, "localhost:1")),
        ("http://[::1]:1", (False, "::1", 1, "[::1]:1")),
    ],
)
def test_an_endpoint(url: str, expected: tuple[bool, str, int, str]) -> None:
    assert endpoint(url) == Endpoint(*expected)


@pytest.mark.parametrize(
    "url",
    [
        "http://dynamodb.eu-west-1.amazonaws.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://127.example",
        "http://localhost.example.com",
        "http://user@127.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "https://",
        "https://host/path",
        "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example",
        "https://host:\N{SUPERSCRIPT TWO}",
        "https://host:65536",
        "https://host:" + "9" * 5000,
        "",
    ],
)
def test_what_is_no_endpoint(url: str) -> None:
    with pytest.raises(BadSettings):
        endpoint(url)


@pytest.mark.parametrize("missing", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_missing_settings_are_named(missing: str) -> None:
    with pytest.raises(BadSettings, match=missing):
        AwsClient({name: value for name, value in ENVIRON.items() if name != missing})


def test_the_settings_are_those_of_the_library() -> None:
    """Of `ssl`, whose job this does at a sixth of its cost."""
    ours, library = secure_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    library.minimum_version = ssl.TLSVersion.TLSv1_2
    for setting in ("check_hostname", "verify_mode", "verify_flags", "options", "minimum_version", "maximum_version"):
        assert getattr(ours, setting) == int(getattr(library, setting)), setting
    assert ours.get_ciphers() == library.get_ciphers()
    assert (ours.check_hostname, ours.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_the_name_is_matched_as_the_library_matches_it() -> None:
    assert secure_context()._host_flags == ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)._host_flags  # type: ignore[attr-defined]


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Authority:
    """A certificate authority of the test's own, and a server that it vouches for."""

    def __init__(self, folder: Path, like: x509.Certificate | None = None) -> None:
        """`like`: one whose name and kind of key it takes."""
        self._key: Key = ec.generate_private_key(ec.SECP256R1())
        if like is not None and isinstance(like.public_key(), rsa.RSAPublicKey):
            self._key = rsa.generate_private_key(65_537, 2048)
        self._name = _name("Test root") if like is None else like.subject
        self._root = _certificate(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.bundle = folder / "root.pem"
        self.bundle.write_bytes(self._root.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        self._folder = folder

    def context(self, address: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate = _certificate(_name("server"), self._name, key).add_extension(names, critical=False)
        path = self._folder / f"{address}.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def served(context: ssl.SSLContext) -> Iterator[str]:
    """A TLS server that answers every request with an empty document; each connection takes two."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as secured:
                        for _ in range(2):
                            if not secured.recv(65536):
                                break
                            secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                except OSError:
                    plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@contextmanager
def client(url: str, **environ: str) -> Iterator[AwsClient]:
    it = AwsClient({**ENVIRON, "AWS_ENDPOINT_URL": url, **environ}, backoff=Backoff(sleep=lambda _: None))
    yield it
    it.close()


def test_a_bundle_of_the_deployer_s_own_is_trusted(authority: Authority) -> None:
    with served(authority.context("127.0.0.1")) as url, client(url, AWS_CA_BUNDLE=str(authority.bundle)) as trusting:
        for _ in range(5):
            assert trusting.call("GetItem", {}) == {}
        assert (trusting.counts.calls, trusting.counts.system_roots) == (5, 0)


def test_the_system_s_bundle_takes_over_and_is_counted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with served(authority.context("127.0.0.1")) as url, client(url) as falling:
        for _ in range(5):
            assert falling.call("GetItem", {}) == {}
        assert (falling.counts.calls, falling.counts.system_roots) == (5, 3)  # one a connection


def refused(url: str, why: str, **environ: str) -> None:
    with client(url, **environ) as it, pytest.raises(StoreUnavailable, match=why):
        it.call("GetItem", {})


def test_a_certificate_that_nobody_vouches_for_is_refused(authority: Authority) -> None:
    with served(authority.context("127.0.0.1")) as url:
        refused(url, "certificate is not trusted")
        refused(url, "certificate is not trusted", AWS_CA_BUNDLE=f"{ROOTS}/ce5e74ef.0")


def test_a_bundle_of_the_deployer_s_own_is_the_only_one(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with served(authority.context("127.0.0.1")) as url:
        refused(url, "certificate is not trusted", AWS_CA_BUNDLE=f"{ROOTS}/ce5e74ef.0")


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with served(authority.context("127.0.0.2")) as url:
        refused(url, "certificate is not trusted", AWS_CA_BUNDLE=str(authority.bundle))


@pytest.mark.filterwarnings("ignore:ssl.OP_NO")
def test_an_old_protocol_is_refused(authority: Authority) -> None:
    context = authority.context("127.0.0.1")
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    with served(context) as url:
        refused(url, "no TLS", AWS_CA_BUNDLE=str(authority.bundle))


def test_a_server_that_speaks_no_tls_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(TRIES):
                plain, _ = listener.accept()
                plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        refused(f"https://127.0.0.1:{listener.getsockname()[1]}", "no TLS")
        thread.join(10)


# --- what only happens over TLS ---------------------------------------------------------------------------


Serve = Callable[[ssl.SSLSocket], None]


@contextmanager
def serving(context: ssl.SSLContext, serve: Serve) -> Iterator[str]:
    """A TLS server that does this with each of its connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as secured:
                    serve(secured)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def connected(url: str, authority: Authority, timeout: float = 5.0) -> Connection:
    return Connector({"AWS_CA_BUNDLE": str(authority.bundle)}, Counts(), timeout).connect(endpoint(url))


def request(body: bytes) -> bytes:
    return b"PUT / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def test_a_large_body_arrives_whole_at_a_slow_reader(authority: Authority) -> None:
    body, digests = bytes(range(256)) * 32_768, list[bytes]()

    def slowly(secured: ssl.SSLSocket) -> None:
        read, wanted = b"", len(request(body))
        while len(read) < wanted:
            read += secured.recv(4096)
        digests.append(hashlib.sha256(read).digest())
        secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    with serving(authority.context("127.0.0.1"), slowly) as url:
        connection = connected(url, authority)
        answer = connection.exchange(request(body), time.monotonic() + 30)
        connection.close()
    assert (answer.status, digests) == (200, [hashlib.sha256(request(body)).digest()])


def test_an_answer_that_is_cut_off_is_no_answer(authority: Authority) -> None:
    def cut(secured: ssl.SSLSocket) -> None:
        secured.recv(65536)
        secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

    with serving(authority.context("127.0.0.1"), cut) as url:
        connection = connected(url, authority)
        with pytest.raises(Broken) as broken:
            connection.exchange(request(b"{}"), time.monotonic() + 30)
        connection.close()
    assert not broken.value.silent


def test_a_silent_peer_is_left_at_the_deadline(authority: Authority) -> None:
    done = threading.Event()

    def silent(secured: ssl.SSLSocket) -> None:
        secured.recv(65536)
        done.wait(30)

    with serving(authority.context("127.0.0.1"), silent) as url:
        connection = connected(url, authority)
        with pytest.raises(Broken, match="timed out"):
            connection.exchange(request(b"{}"), time.monotonic() + 0.2)
        connection.close()
        done.set()


def test_the_first_address_that_takes_it_is_used(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that the host does not know, a port where nobody listens, and then the right one."""
    with served(authority.context("127.0.0.1")) as url:
        to = endpoint(url)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()
        stream = socket.SOCK_STREAM
        found = [
            (255, stream, 0, "", ("::1", 1)),
            *((socket.AF_INET, stream, 6, "", at) for at in (nobody, (to.name, to.port))),
        ]
        monkeypatch.setattr("_socket.getaddrinfo", lambda *_: found)
        connected(url, authority).close()
        monkeypatch.setattr("_socket.getaddrinfo", lambda *_: found[:1])
        with pytest.raises(Broken, match="no connection: OSError"):
            connected(url, authority)


ON_THE_RUNTIME = """
import sys, time
from slipway.adapters.client import Counts
from slipway.adapters.tls import Connector, endpoint
from slipway.adapters.wire import Broken
good, other, bundle = sys.argv[1:]
connector = Connector({"AWS_CA_BUNDLE": bundle}, Counts(), 10.0)
answer = connector.connect(endpoint(good)).exchange(b"GET / HTTP/1.1\\r\\n\\r\\n", time.monotonic() + 10)
assert answer.body == b"{}"
try:
    connector.connect(endpoint(other))
except Broken as broken:
    print(broken)
"""


def test_it_speaks_tls_on_the_python_that_lambda_runs(authority: Authority) -> None:
    """It stands on parts of the interpreter that have no public name: so on the very version that ships, where it is here."""
    python = compiler() or sys.executable
    with served(authority.context("127.0.0.1")) as good, served(authority.context("127.0.0.2")) as other:
        done = subprocess.run(
            [
                python,
                "-I",
                "-c",
                f"import sys; sys.path.insert(0, {str(CORE)!r}){ON_THE_RUNTIME}",
                good,
                other,
                authority.bundle,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert "certificate is not trusted" in done.stdout, done.stderr
