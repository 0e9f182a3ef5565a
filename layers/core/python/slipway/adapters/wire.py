"""HTTP/1.1 over one socket: just what a signed client of AWS needs, at a fraction of `http.client`'s cost.

A request is one write; an answer is read whole, by its Content-Length or in chunks. One that only the end of the connection
would delimit is refused: half of it could not be told from all of it. Head, body and time are bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Socket(Protocol):
        """What a connection needs of a connected socket; what it raises is an OSError."""

        def settimeout(self, seconds: float, /) -> None: ...
        def sendall(self, data: bytes, /) -> None: ...
        def recv(self, size: int, /) -> bytes: ...
        def fileno(self) -> int: ...
        def close(self) -> None: ...


HEAD_BYTES = 65_536
BODY_BYTES = 64 * 1024 * 1024
IDLE = 60.0  # seconds; what sits between may forget a connection without a word, and finding out would take a whole timeout


class Broken(Exception):
    """No whole answer. `silent`: the connection ended before the first byte of one."""

    def __init__(self, why: str, *, silent: bool = False) -> None:
        super().__init__(why)
        self.silent = silent


class Answer(Value):
    """`headers` have lower-case names; the last of a repeated one counts."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One kept-alive connection. Not for two threads at once."""

    __slots__ = ("_buffer", "_clock", "_heard", "_last", "_socket", "keep")

    def __init__(self, connected: Socket, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket = connected
        self._clock = clock
        self._buffer = b""
        self._last = clock()
        self.keep = True  # whether the peer lets it be used again

    def close(self) -> None:
        self._socket.close()

    def fresh(self) -> bool:
        """Whether an idle connection can be used: not idle for long, and the peer has sent nothing, above all no end."""
        if self._buffer or self._clock() - self._last > IDLE:
            return False
        import select  # a first request does not need it

        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def exchange(self, request: bytes, deadline: float) -> Answer:
        """Send and read the whole answer. Raises Broken, at the latest at `deadline` of the clock."""
        self._heard = False
        try:
            self._socket.settimeout(self._left(deadline))
            self._socket.sendall(request)
            answer = self._answer(deadline)
        except TimeoutError:
            raise Broken("timed out") from None
        except OSError as error:  # reset, broken pipe, a TLS fault
            raise Broken(type(error).__name__, silent=not self._heard) from None
        except (ValueError, IndexError):
            raise Broken("the answer is not HTTP") from None
        self._last = self._clock()
        return answer

    def _answer(self, deadline: float) -> Answer:
        while True:
            head = self._until(b"\r\n\r\n", HEAD_BYTES, deadline)
            first, *lines = head.decode("latin-1").split("\r\n")
            version, status_text, *_ = first.split(" ", 2)
            status = int(status_text)
            if version not in ("HTTP/1.1", "HTTP/1.0"):
                raise ValueError(version)
            if status >= 200:
                break
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self.keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return Answer(status, headers, self._body(status, headers, deadline))

    def _body(self, status: int, headers: dict[str, str], deadline: float) -> bytes:
        if status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts, total = [], 0
            while size := int(self._until(b"\r\n", 1024, deadline).partition(b";")[0], 16):
                total = _bounded(total + size)
                parts.append(self._exactly(size, deadline))
                self._exactly(2, deadline)
            while self._until(b"\r\n", HEAD_BYTES, deadline):
                pass  # trailers
            return b"".join(parts)
        if "content-length" in headers:
            return self._exactly(_bounded(int(headers["content-length"])), deadline)
        raise ValueError("no length")

    def _until(self, mark: bytes, most: int, deadline: float) -> bytes:
        while (at := self._buffer.find(mark)) < 0:
            if len(self._buffer) > most:
                raise ValueError("too long")
            self._more(deadline)
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        return found

    def _exactly(self, size: int, deadline: float) -> bytes:
        if len(self._buffer) < size:
            parts, have = [self._buffer], len(self._buffer)
            while have < size:
                self._buffer = b""
                self._more(deadline)
                parts.append(self._buffer)
                have += len(self._buffer)
            self._buffer = b"".join(parts)
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _more(self, deadline: float) -> None:
        self._socket.settimeout(self._left(deadline))
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionResetError
        self._heard = True
        self._buffer += data

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        return left


def _bounded(size: int) -> int:
    if not 0 <= size <= BODY_BYTES:
        raise ValueError("the body is too large")
    return size
