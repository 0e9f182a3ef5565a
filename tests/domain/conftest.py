"""The domain is pure: its tests speak to nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

_REACHING_OUT = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
_watching = False


def _refuse(event: str, _: object) -> None:
    if _watching and event in _REACHING_OUT:
        raise AssertionError(f"a test of the domain wants to reach the network: {event}")


# Below every module: `slipway.adapters.tls` does not go through `socket`. It stays, so it has a switch.
sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    global _watching
    _watching = True
    try:
        yield
    finally:
        _watching = False
