"""Connecting, with or without TLS. Trusts the roots that Amazon publishes (amazontrust.com/repository), kept beside this file,
each under the hash of its name as `openssl rehash` writes it: OpenSSL reads the one that a server's chain leads to. Reading all
five costs a cold start three times as much, a system's bundle of 140 many times.

Built on the interpreter's own `_socket` and `_ssl`, which `socket` and `ssl` wrap: the wrappers build enumerations of every
constant, and cost a cold start six times what they wrap. `tests/adapters/test_tls.py` holds the settings equal to `ssl`'s.
"""

from __future__ import annotations

import _socket
import time
from collections.abc import Callable, Mapping

from slipway.adapters.client import Counts
from slipway.adapters.wire import Broken, Connection
from slipway.settings import BadSettings
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _ssl
    from typing import Any

ROOTS = __file__.rpartition("/")[0] + "/amazon-roots"


class Endpoint(Value):
    """Where a service listens. `host` is the Host header too, with the port unless it is the scheme's own."""

    secure: bool
    name: str
    port: int
    host: str


def endpoint(url: str) -> Endpoint:
    """From `https://name[:port]`; `http` on loopback alone. Raises BadSettings."""
    scheme, _, rest = url.partition("://")
    host = rest.rstrip("/")
    name, _, port = host.rpartition(":") if host.rpartition(":")[2].isdigit() else (host, "", "")
    name = name.strip("[]")
    sound = url.isascii() and name and "/" not in host and "@" not in host and len(port) <= 5 and int(port or 0) <= 65_535
    if scheme not in ("http", "https") or not sound:
        raise BadSettings(f"{url!r} is not an endpoint; write https://host or https://host:port.")
    if scheme == "http" and name not in ("localhost", "::1") and not _loopback(name):
        raise BadSettings(f"{url!r} would send credentials in the clear; http:// is for 127.0.0.1 only.")
    return Endpoint(scheme == "https", name, int(port or (443 if scheme == "https" else 80)), host)


def _loopback(name: str) -> bool:
    parts = name.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdigit() for part in parts)


class Plain(_socket.socket):
    """A socket that can be referred to weakly, as TLS over it does."""

    __slots__ = ("__weakref__",)


class Connector:
    """Opens connections. A certificate that the shipped roots do not verify gets one more chance with the system's bundle;
    with AWS_CA_BUNDLE that file alone is trusted."""

    def __init__(self, environ: Mapping[str, str], counts: Counts, timeout: float, clock: Callable[[], float] = time.monotonic):
        self._bundle = environ.get("AWS_CA_BUNDLE") or None
        self._counts = counts
        self._timeout = timeout
        self._clock = clock
        self._context: _ssl._SSLContext | None = None
        self._system = False

    def connect(self, to: Endpoint) -> Connection:
        """Raises Broken."""
        if not to.secure:
            return Connection(self._tcp(to), self._clock)
        import _ssl  # the laptop does not need it

        while True:
            plain = self._tcp(to)
            try:
                secured = Secured(plain, self._trust(), to.name)
            except _ssl.SSLCertVerificationError as error:
                plain.close()
                if self._bundle is not None or self._system:
                    raise Broken(f"the certificate is not trusted: {error.verify_message}") from None
                self._system, self._context = True, None
                continue
            except OSError as error:
                plain.close()
                raise Broken(f"no TLS: {type(error).__name__}") from None
            self._counts.system_roots += self._system
            return Connection(secured, self._clock)

    def _tcp(self, to: Endpoint) -> Plain:
        """Connected to the first address of the name that takes it."""
        failed: OSError | None = None
        try:
            # As bytes: of a str the library makes IDNA, and loads that codec for it.
            found = _socket.getaddrinfo(to.name.encode("ascii"), to.port, 0, _socket.SOCK_STREAM)
        except OSError as error:
            found, failed = [], error
        for family, kind, protocol, _, address in found:
            plain = None
            try:
                plain = Plain(family, kind, protocol)
                plain.settimeout(self._timeout)
                plain.connect(address)
                plain.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                return plain
            except OSError as error:  # of the socket itself, too: a host may know no such family
                if plain is not None:
                    plain.close()
                failed = error
        raise Broken(f"no connection: {type(failed).__name__}")

    def _trust(self) -> _ssl._SSLContext:
        if self._context is None:
            context = secure_context()
            if self._system:
                context.set_default_verify_paths()
            elif self._bundle is not None:
                context.load_verify_locations(self._bundle)
            else:
                context.load_verify_locations(None, ROOTS)
            self._context = context
        return self._context


def secure_context() -> _ssl._SSLContext:
    """Verifies the certificate and the name in it; TLS 1.2 at least."""
    import _ssl

    context = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = True, _ssl.CERT_REQUIRED  # as it is from the start; said for the reader
    context.minimum_version = _ssl.PROTO_TLSv1_2
    return context


class Secured:
    """A TLS connection over a connected socket, whose timeout holds for each step. Raises OSError when the handshake fails."""

    __slots__ = ("_plain", "_tls")

    def __init__(self, plain: Plain, context: _ssl._SSLContext, name: str) -> None:
        self._plain = plain  # the library itself holds it by a weak reference only
        self._tls: Any = context._wrap_socket(plain, False, name)  # type: ignore[attr-defined]
        self._tls.do_handshake()

    def settimeout(self, seconds: float) -> None:
        self._plain.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]

    def recv(self, size: int) -> bytes:
        data: bytes = self._tls.read(size)
        return data

    def fileno(self) -> int:
        return self._plain.fileno()

    def close(self) -> None:
        self._plain.close()
