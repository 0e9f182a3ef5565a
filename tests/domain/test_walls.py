"""The import rules name every module of the domain, so that a new one is inside the walls from its first day; and there is no
way out of its tests."""

from __future__ import annotations

import _socket
import socket
import tomllib
from pathlib import Path

import pytest

import slipway
from slipway.adapters.tls import Plain

ROOT = Path(__file__).parents[2]


def test_every_module_of_the_domain_is_inside_the_walls() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (pure,) = (rule for rule in config["tool"]["importlinter"]["contracts"] if rule["name"] == "The domain is pure")
    assert slipway.__file__ is not None
    modules = {f"slipway.{path.stem}" for path in Path(slipway.__file__).parent.glob("*.py")}
    assert set(pure["source_modules"]) == modules - {"slipway.__init__", "slipway.settings"}


@pytest.mark.parametrize("kind", [socket.socket, _socket.socket, Plain])
def test_nothing_here_reaches_the_network(kind: type[_socket.socket]) -> None:
    one = kind(socket.AF_INET, socket.SOCK_STREAM)
    try:
        for reach in (one.connect, one.connect_ex):
            with pytest.raises(AssertionError, match=r"socket\.connect"):
                reach(("127.0.0.1", 9))
    finally:
        one.close()
    for module in (socket, _socket):
        with pytest.raises(AssertionError, match=r"socket\.getaddrinfo"):
            module.getaddrinfo("127.0.0.1", 9)
