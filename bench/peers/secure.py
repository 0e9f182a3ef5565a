"""The floor of whatever reads one object: an empty handler, and one request over a new TLS connection by the interpreter's own
`_socket` and `_ssl`, checked as everywhere, with nothing around it.
"""

from __future__ import annotations

import _socket
import os


class Plain(_socket.socket):
    """What TLS refers to weakly."""

    __slots__ = ("__weakref__",)


def handler(event: dict[str, object], context: object) -> dict[str, object]:  # noqa: ARG001 - Lambda's signature
    import _ssl

    name, _, port = os.environ["AWS_ENDPOINT_URL"].rpartition("/")[2].partition(":")
    trust = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(os.environ["AWS_CA_BUNDLE"])
    plain = Plain(_socket.AF_INET, _socket.SOCK_STREAM)
    plain.connect((name, int(port)))
    secured = trust._wrap_socket(plain, False, name)  # type: ignore[attr-defined]
    secured.do_handshake()
    secured.write(f"GET /bench/flags/none HTTP/1.1\r\nhost: {name}\r\n\r\n".encode())
    found = secured.read(65_536)
    plain.close()
    return {"statusCode": 200 if found.startswith(b"HTTP/1.1 ") else 500, "body": "{}"}
