"""The published document of an environment as one instance of a function reads it (`slipway.flags.compilation` writes it)."""

from __future__ import annotations

import json

from slipway.flags.evaluation import FlagSet
from slipway.flags.ofrep import Bulk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from slipway.rollouts.audience import Audience


def path(environment: str) -> str:
    return f"flags/{environment}/current.json"


class Snapshot:
    """`flags`: all of them, those with our own operators too; `client_side`: the keys that browsers may see; `rollouts`: of
    the flags that have one, by key."""

    def __init__(self, document: Any, body: bytes) -> None:
        ours, metadata = document["slipway"], document["metadata"]
        self.body = body
        self.client_side = frozenset(ours["client_side"])
        self.rollouts = ours.get("rollouts", {})  # documents were written before there were any
        self._evaluators, self._needs = {**document["$evaluators"], **ours["evaluators"]}, ours.get("needs", {})
        self.flags = FlagSet.parse(
            {
                "flags": _asking({**document["flags"], **ours["flags"]}, self._needs),
                "$evaluators": self._evaluators,
                "metadata": {name: metadata[name] for name in ("flagSetId", "version")},
            }
        )
        self._bulk: dict[bool, Bulk] = {}
        self._audience: Audience | None = None

    @classmethod
    def read(cls, body: bytes, before: Snapshot | None = None) -> Snapshot:
        """`before`: the one that this one replaces: what it compiled, and did not change, serves on.

        Raises ValueError for what is no published document."""
        try:
            found = cls(json.loads(body), body)
            if before is not None:
                found.flags.succeed(before.flags)
            return found
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("not a published document") from error

    @classmethod
    def empty(cls, environment: str) -> Snapshot:
        """Of an environment of which nothing was ever published."""
        slipway: dict[str, Any] = {"client_side": [], "flags": {}, "evaluators": {}}
        document = {"flags": {}, "$evaluators": {}, "metadata": {"flagSetId": environment, "version": "0"}, "slipway": slipway}
        return cls(document, b"")

    def bulk(self, client: bool) -> Bulk:
        """All flags for one audience: a browser's, or everybody else's."""
        if client not in self._bulk:
            visible = self.client_side if client else None
            self._bulk[client] = Bulk(self.flags, self.flags.metadata["version"], visible=visible, rolled=self.rollouts)
        return self._bulk[client]

    @property
    def audience(self) -> Audience:
        """Of the rollouts; loaded where there is one."""
        from slipway.rollouts.audience import Audience

        if self._audience is None:
            self._audience = Audience(self.flags, self.rollouts, self._evaluators, self._needs)
        return self._audience


def _asking(flags: dict[str, Any], needs: Mapping[str, Any]) -> dict[str, Any]:
    """The flags; those that need others ask them by name, not by the steps at the head of their rule."""
    for key, wanted in needs.items():
        rest = {"if": flags[key]["targeting"]["if"][2 * len(wanted) :]}
        flags[key] = {**flags[key], "targeting": rest, "prerequisites": wanted}
    return flags
