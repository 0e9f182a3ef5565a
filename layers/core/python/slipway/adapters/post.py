"""`slipway.feedback.posting.Post` over HTTPS, to receivers that nobody here knows.

A host is resolved once, and the connection goes to an address that was looked at; its certificate is checked against the
system's roots, for the host's name. Of the answer the status is read and no more: no redirect is followed, no body waited for.
Each try has one deadline for all that it does; a thread that hangs in a resolver is left behind.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence

from slipway.feedback.posting import Outcome, Sending
from slipway.feedback.reach import Place, may_reach, place

DEADLINE = 10.0  # seconds for one try, the look-up of the name included
HEAD_BYTES = 16_384
_GRACE = 0.5  # seconds more before a thread is left behind

Resolve = Callable[[str, int], Sequence[str]]


class Failed(Exception):
    """No answer; the word for why."""


class PublicPost:
    """`loopback`: http to this machine as well. `trust`: of the receivers' certificates."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        deadline: float = DEADLINE,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._loopback, self._deadline, self._resolve = loopback, deadline, resolve or _resolved
        self._trust = trust

    def send(self, sendings: Sequence[Sending]) -> list[Outcome]:
        """Each in a thread of its own, so that none waits for another."""
        late = Outcome(None, int(self._deadline * 1000), "timeout")
        outcomes = [late] * len(sendings)

        def one(number: int) -> None:
            outcomes[number] = self._sent(sendings[number])

        threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(len(sendings))]
        for thread in threads:
            thread.start()
        end = time.monotonic() + self._deadline + _GRACE
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return list(outcomes)

    def _sent(self, sending: Sending) -> Outcome:
        began = time.monotonic()
        try:
            status, failure = self._status(sending, began + self._deadline), ""
        except Failed as failed:
            status, failure = None, str(failed)
        except TimeoutError:
            status, failure = None, "timeout"
        except ssl.SSLError:
            status, failure = None, "tls"
        except OSError:
            status, failure = None, "reset"
        except Exception:  # a thread that dies would be told as a timeout that never was
            status, failure = None, "failed"
        return Outcome(status, int((time.monotonic() - began) * 1000), failure)

    def _status(self, sending: Sending, end: float) -> int:
        there = place(sending.url)
        with self._connected(there, end) as plain:
            if not there.secure:
                return _asked(plain, _request(sending, there), end)
            plain.settimeout(_left(end))
            with self._context().wrap_socket(plain, server_hostname=there.host) as secured:
                return _asked(secured, _request(sending, there), end)

    def _connected(self, there: Place, end: float) -> socket.socket:
        try:
            found = self._resolve(there.host, there.port)
        except (OSError, ValueError):  # a UnicodeError is of a name that no host can have
            raise Failed("dns") from None
        addresses = [address for address in found if may_reach(there, address, loopback=self._loopback)]
        if not addresses:
            raise Failed("address")
        for address in addresses:
            try:
                return socket.create_connection((address, there.port), timeout=_left(end))
            except TimeoutError:
                raise
            except OSError:
                continue
        raise Failed("refused")

    def _context(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return self._trust


def _request(sending: Sending, there: Place) -> bytes:
    port = "" if there.port == (443 if there.secure else 80) else f":{there.port}"
    lines = (
        f"POST {there.path} HTTP/1.1",
        f"host: {there.host}{port}",
        "user-agent: Slipway-Webhooks/1",
        "content-type: application/json",
        f"content-length: {len(sending.body)}",
        f"webhook-id: {sending.id}",
        f"webhook-timestamp: {sending.timestamp}",
        f"webhook-signature: {sending.signature}",
        "connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + sending.body


def _asked(connected: socket.socket, request: bytes, end: float) -> int:
    """The status of the final answer."""
    connected.settimeout(_left(end))
    connected.sendall(request)
    said = b""
    while True:
        head, found, rest = said.partition(b"\r\n\r\n")
        if found:
            status = _status_of(head)
            if status >= 200:
                return status
            said = rest  # one that says that another one comes
            continue
        if len(said) > HEAD_BYTES:
            raise Failed("malformed")
        connected.settimeout(_left(end))
        more = connected.recv(HEAD_BYTES)
        if not more:
            raise Failed("malformed" if said else "reset")
        said += more


def _status_of(head: bytes) -> int:
    version, _, rest = head.partition(b"\r\n")[0].partition(b" ")
    code = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not code.isdigit() or len(code) != 3:
        raise Failed("malformed")
    return int(code)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _resolved(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
