"""What the measured handlers talk to: MiniStack in a process of its own, behind TLS as AWS is."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.backends import ENVIRON, REGION, ministack


class Backend(NamedTuple):
    """`plain` is the emulator itself; `env` points a process at it through TLS, with the one root that signs for it."""

    plain: str
    env: dict[str, str]


@contextmanager
def running() -> Iterator[Backend]:
    with (
        ministack() as plain,
        tempfile.TemporaryDirectory() as scratch,
        socket.create_server(("127.0.0.1", 0)) as front,
    ):
        authority, certificate = _certificate(Path(scratch))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        port = int(plain.rpartition(":")[2])
        threading.Thread(target=_serve, args=(front, context, port), daemon=True).start()
        url = f"https://127.0.0.1:{front.getsockname()[1]}"
        yield Backend(
            plain, {**ENVIRON, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": str(authority)}
        )


def _serve(front: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            client, _ = front.accept()
        except OSError:
            return
        threading.Thread(target=_forward, args=(client, context, port), daemon=True).start()


def _forward(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with (
        suppress(OSError),
        client,
        context.wrap_socket(client, server_side=True) as near,
        socket.create_connection(("127.0.0.1", port)) as far,
    ):
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """An RSA authority and, in one file with its key, a certificate for 127.0.0.1, as AWS's are: RSA 2048 and SHA-256."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bench root")])
    now = datetime.datetime.now(datetime.UTC)
    blank = x509.CertificateBuilder().not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(2))
    root = (
        blank.subject_name(root_name)
        .issuer_name(root_name)
        .public_key(root_key.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        blank.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]))
        .issuer_name(root_name)
        .public_key(key.public_key())
        .serial_number(2)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    authority, certificate = folder / "root.pem", folder / "leaf.pem"
    authority.write_bytes(root.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate.write_bytes(private + leaf.public_bytes(pem))
    return authority, certificate
