"""HTTP framing: whatever the split of the bytes, the answer is the same; whatever the bytes, nothing but Broken."""

from __future__ import annotations

import itertools
import os
import socket
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway.adapters.wire import BODY_BYTES, HEAD_BYTES, IDLE, Broken, Connection

EXAMPLES = 3000 if os.environ.get("SLIPWAY_PROVE") == "1" else 300


def exchange(parts: list[bytes], *, seconds: float = 1.0, times: int = 1) -> list[tuple[int, dict[str, str], bytes]]:
    """What the client makes of these bytes, of which each is one read."""
    ours, theirs = socket.socketpair()
    connection = Connection(_Split(ours, parts))
    try:
        answers = [connection.exchange(b"GET / HTTP/1.1\r\n\r\n", time.monotonic() + seconds) for _ in range(times)]
        return [(answer.status, answer.headers, answer.body) for answer in answers]
    finally:
        connection.close()
        theirs.close()


class _Split(socket.socket):
    """Gives its bytes part by part, then the end of the connection."""

    def __init__(self, real: socket.socket, parts: list[bytes]) -> None:
        super().__init__(fileno=real.detach())
        self._parts = [part for part in parts if part]

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._parts.pop(0) if self._parts else b""


def chunked(body: bytes, cuts: list[int]) -> bytes:
    edges = [0, *sorted({cut % (len(body) + 1) for cut in cuts}), len(body)]
    parts = [body[a:b] for a, b in itertools.pairwise(edges) if a < b]
    return b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
    in_chunks=st.booleans(),
    interim=st.booleans(),
)
def test_the_split_of_the_bytes_does_not_matter(bodies: list[bytes], cuts: list[int], in_chunks: bool, interim: bool) -> None:
    wire = b""
    for body in bodies:
        wire += b"HTTP/1.1 100 Continue\r\n\r\n" * interim
        frame = b"Transfer-Encoding: chunked" if in_chunks else b"content-length:%d" % len(body)
        wire += b'HTTP/1.1 200 OK\r\nETag:  "x" \r\n' + frame + b"\r\n\r\n" + (chunked(body, cuts) if in_chunks else body)
    edges = [0, *sorted({cut % (len(wire) + 1) for cut in cuts}), len(wire)]
    answers = exchange([wire[a:b] for a, b in itertools.pairwise(edges)], times=len(bodies))
    assert [(status, headers["etag"], body) for status, headers, body in answers] == [(200, '"x"', body) for body in bodies]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.binary(max_size=400)
    | st.builds(
        lambda status, lines, rest: b"HTTP/1.1 " + status + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + rest,
        st.sampled_from([b"200 OK", b"200", b"", b"x", b"-1 No", b"99999999999999999999 y"]),
        st.lists(
            st.sampled_from(
                [
                    b"content-length: 3",
                    b"content-length: -1",
                    b"content-length: 0x3",
                    b"content-length: \xb2",
                    b"transfer-encoding: chunked",
                    b"transfer-encoding: gzip",
                    b"no colon",
                    b": empty",
                ]
            ),
            max_size=3,
        ),
        st.binary(max_size=20) | st.sampled_from([b"3\r\nabc\r\n0\r\n\r\n", b"-3\r\n", b"g\r\n", b"3;x\r\nab"]),
    )
)
@example(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n")
@example(b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n")
def test_rubbish_is_broken_and_nothing_else(wire: bytes) -> None:
    try:
        ((status, _, _),) = exchange([wire])
    except Broken:
        return
    assert status >= 200


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * HEAD_BYTES,
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (BODY_BYTES + 1),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % (BODY_BYTES + 1),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1" * 2000,
        b"HTTP/1.1 200 OK\r\n\r\nno length",
        b"HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n",
    ],
    ids=["head", "length", "chunk", "chunk head", "no length", "version"],
)
def test_what_is_not_taken(wire: bytes) -> None:
    with pytest.raises(Broken):
        exchange([wire[i : i + 1000] for i in range(0, len(wire), 1000)])


def test_the_last_byte_has_the_same_deadline_as_the_first() -> None:
    """A peer that drips keeps nobody waiting longer."""
    now = 0.0

    class Dripping(_Split):
        def recv(self, size: int, flags: int = 0) -> bytes:
            nonlocal now
            now += 0.1
            return super().recv(size, flags)

    ours, theirs = socket.socketpair()
    drops = [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *[b"x"] * 1000]
    connection = Connection(Dripping(ours, drops), lambda: now)
    with pytest.raises(Broken, match="timed out") as broken:
        connection.exchange(b"GET", 3.0)
    assert not broken.value.silent
    assert 3.0 <= now < 3.2
    connection.close()
    theirs.close()


def test_a_peer_that_does_not_read_keeps_nobody_waiting() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    begun = time.monotonic()
    with pytest.raises(Broken, match="timed out"):
        connection.exchange(b"x" * 20_000_000, begun + 0.2)
    assert time.monotonic() - begun < 5
    connection.close()
    theirs.close()


def test_a_connection_that_was_idle_for_long_is_not_trusted() -> None:
    now = 0.0
    ours, theirs = socket.socketpair()
    connection = Connection(ours, lambda: now)
    theirs.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    now = 50.0
    connection.exchange(b"GET", 60.0)
    now = 50.0 + IDLE
    assert connection.fresh()
    now += 1
    assert not connection.fresh()
    connection.close()
    theirs.close()


def test_an_ended_or_talking_peer_makes_an_idle_connection_unfit() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    assert connection.fresh()
    theirs.send(b"x")
    assert not connection.fresh()
    connection.close()
    theirs.close()
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    theirs.close()
    assert not connection.fresh()
    with pytest.raises(Broken) as broken:
        connection.exchange(b"GET", time.monotonic() + 1)
    assert broken.value.silent
    connection.close()
