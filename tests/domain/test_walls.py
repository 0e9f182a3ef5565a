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


CONTRACTS = {
    rule["name"]: rule for rule in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
# What talks to AWS over boto3 or to others, what seals, and the twins in memory.
LARGE_ADAPTERS = {
    *("aead", "alarms", "boto", "connect", "directory", "eventbus", "jwks", "memory", "rehearsal", "scheduler"),
    *("post", "ses"),
    *("comprehend", "lexicon"),
}
# What may be known of the product where it is deployed.
CONSTANTS = {"credentials", "events", "money", "settings", "tables"}


def modules(folder: str = "") -> set[str]:
    """Modules and packages of the domain, or the modules of another folder."""
    assert slipway.__file__ is not None
    root = Path(slipway.__file__).parent / folder
    packages = {path.parent.name for path in root.glob("*/__init__.py")} - {"adapters", "edge"}
    return packages | {path.stem for path in root.glob("*.py")} - {"__init__"}


def test_every_module_of_the_domain_is_inside_the_walls() -> None:
    pure = CONTRACTS["The domain is pure"]
    assert set(pure["source_modules"]) == {f"slipway.{name}" for name in modules() - {"settings"}}


def test_every_adapter_of_the_hot_path_is_inside_the_walls() -> None:
    small = CONTRACTS["The small client of AWS is standard library only"]
    assert set(small["source_modules"]) == {f"slipway.adapters.{name}" for name in modules("adapters") - LARGE_ADAPTERS}


def test_infrastructure_knows_constants_only() -> None:
    (deployed,) = (rule for name, rule in CONTRACTS.items() if name.startswith("What is deployed"))
    domain = {f"slipway.{name}" for name in modules() - CONSTANTS}
    assert set(deployed["forbidden_modules"]) == {"functions", "ops", "slipway.adapters", "slipway.edge", *domain}


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
