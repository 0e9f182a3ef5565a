"""Rows of the flags table as the control plane writes them, for tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.adapters.memory import MemoryStore
from slipway.flags.compilation import Rows
from slipway.flags.publication import read
from slipway.ports import Delete, Put, Row, Update, Write
from slipway.tables import FLAGS

ON_OFF = {"on": True, "off": False}


def flag(key: str, variants: Any = ON_OFF, **data: Any) -> Row:
    """`variants`: an object, or text as it stands in the row."""
    text = variants if isinstance(variants, str) else json.dumps(variants)
    common = {"key": key, "type": "boolean", "hash": "v3", "client_side": False, "status": "active"}
    return {"pk": f"flag#{key}", "sk": "head", "kind": "flag", "version": 1, "data": {**common, "variants": text, **data}}


def configuration(key: str, environment: str = "production", *, targeting: Any = None, version: int = 2, **data: Any) -> Row:
    """Switched on, with "off" as default, unless told. `targeting`: a rule, or text as it stands in the row."""
    text = targeting if targeting is None or isinstance(targeting, str) else json.dumps(targeting)
    common = {"enabled": True, "default_variant": "off", "overrides": {}, "prerequisites": []}
    return {
        "pk": f"flag#{key}#{environment}",
        "sk": "head",
        "kind": "configuration",
        "version": version,
        "data": {"flag": key, "environment": environment, **common, "targeting": text, **data},
    }


def segment(key: str, targeting: Any) -> Row:
    text = targeting if isinstance(targeting, str) else json.dumps(targeting)
    return {"pk": f"segment#{key}", "sk": "head", "kind": "segment", "version": 1, "data": {"key": key, "targeting": text}}


def needs(flag: str, *variants: str) -> list[Mapping[str, Any]]:
    """One prerequisite."""
    return [{"flag": flag, "variants": list(variants)}]


def rows(flags: Sequence[Row], configurations: Sequence[Row] = (), segments: Sequence[Row] = (), revision: int = 7) -> Rows:
    return Rows("production", revision, tuple(flags), tuple(configurations), tuple(segments))


class Control:
    """Writes rows as the control plane does: each change with its lists, and one more revision where it changes answers."""

    def __init__(self, store: MemoryStore, environments: Sequence[str] = ("production", "development")) -> None:
        self.store, self.environments = store, environments
        self._tokens = 0
        self._transact([self._put({"pk": "list#environments", "sk": name}) for name in environments], ())

    def flag(self, key: str, *more: Any, **data: Any) -> None:
        self._transact([self._put(flag(key, *more, **data)), self._put({"pk": "list#flags", "sk": key})], self.environments)

    def archive(self, key: str) -> None:
        gone = [Delete(FLAGS, "list#flags", key), self._put({"pk": "list#archived", "sk": key})]
        self._transact([*gone, self._put(flag(key, status="archived"))], self.environments)

    def configure(self, key: str, environment: str = "production", **data: Any) -> None:
        self._transact([self._put(configuration(key, environment, **data))], (environment,))

    def segment(self, key: str, targeting: Any) -> None:
        self._transact([self._put(segment(key, targeting)), self._put({"pk": "list#segments", "sk": key})], self.environments)

    def rows(self, environment: str = "production") -> Rows:
        return read(self.store, environment)

    def _put(self, row: Row) -> Write:
        return Put(FLAGS, row)

    def _transact(self, writes: Sequence[Write], environments: Sequence[str]) -> None:
        self._tokens += 1
        revised = [Update(FLAGS, f"revision#{name}", "revision", add={"revision": 1}) for name in environments]
        self.store.transact([*writes, *revised], f"token-{self._tokens}")
