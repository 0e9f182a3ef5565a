"""Connecting, with or without TLS. Trusts the roots that Amazon publishes (amazontrust.com/repository), kept beside this file:
loading five costs a fraction of loading a system's bundle of 140.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping

from slipway.adapters.client import Counts
from slipway.adapters.wire import Broken, Connection
from slipway.settings import BadSettings
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

ROOTS = __file__.rpartition("/")[0] + "/amazon-roots.pem"


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


class Connector:
    """Opens connections. A certificate that the shipped roots do not verify gets one more chance with the system's bundle;
    with AWS_CA_BUNDLE that file alone is trusted."""

    def __init__(self, environ: Mapping[str, str], counts: Counts, timeout: float, clock: Callable[[], float] = time.monotonic):
        self._bundle = environ.get("AWS_CA_BUNDLE") or None
        self._counts = counts
        self._timeout = timeout
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        self._system = False

    def connect(self, to: Endpoint) -> Connection:
        """Raises Broken."""
        if not to.secure:
            return Connection(self._tcp(to), self._clock)
        import ssl  # costs more than all else here, and the laptop does not need it

        while True:
            plain = self._tcp(to)
            try:
                secured = self._trust().wrap_socket(plain, server_hostname=to.name.encode("ascii"))
            except ssl.SSLCertVerificationError as error:
                plain.close()
                if self._bundle is not None or self._system:
                    raise Broken(f"the certificate is not trusted: {error.verify_message}") from None
                self._system, self._context = True, None
                continue
            except OSError as error:
                plain.close()
                raise Broken(f"no TLS: {type(error).__name__}") from None
            if secured.version() is None:  # the peer left before the handshake
                secured.close()
                raise Broken("no TLS: the connection ended")
            self._counts.system_roots += self._system
            return Connection(secured, self._clock)

    def _tcp(self, to: Endpoint) -> socket.socket:
        try:
            # As bytes, here and above: of a str the library makes IDNA, and loads that codec for it.
            connected = socket.create_connection((to.name.encode("ascii"), to.port), self._timeout)  # type: ignore[arg-type]
        except OSError as error:
            raise Broken(f"no connection: {type(error).__name__}") from None
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies, TLS 1.2 at least
            if self._system:
                context.load_default_certs()
            else:
                context.load_verify_locations(self._bundle or ROOTS)
            self._context = context
        return self._context
