"""A deployment that collects: flags with rollouts, what signs their exposures, and callers who tell what they did."""

from __future__ import annotations

import itertools
import json
from typing import Any

from functions.collect.handler import Collecting
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryLake, MemoryStore
from slipway.flags.compilation import compiled
from slipway.flags.snapshot import path
from slipway.ports import Row
from slipway.rollouts import exposure, signing
from slipway.signals.collection import Collector, documents
from slipway.tables import SIGNALS
from tests.flag_rows import configuration, flag, rows
from tests.functions.events import Context, Handler, Reply, http_event, reply

CLIENT = Principal("client", "key_client", environment="production")
SERVER = Principal("server", "key_server", environment="production")
NOW = 1_795_435_200.0  # noon
SECRET = b"s" * 32
ROLLOUT, BY_TEAM = "rol_" + "a" * 26, "rol_" + "b" * 26
HALF = exposure.SCALE // 2
WATCH = [
    {"metric": "errors", "kind": "bad_units"},
    {"metric": "latency", "kind": "slow_units", "threshold": 250},
    {"metric": "*", "kind": "activity"},
]


def running(**changed: Any) -> dict[str, Any]:
    return {
        "id": ROLLOUT,
        "from": "off",
        "to": "on",
        "bucket_by": "targetingKey",
        "share": HALF,
        "stage": 0,
        "watch": json.dumps(WATCH),
        "generation": 1,
        **changed,
    }


def published(**changed: Any) -> bytes:
    """`checkout` has a rollout by targeting key, `team` one by what the context says, `plain` has none."""
    flags = [flag("checkout", client_side=True), flag("team"), flag("plain")]
    by_team = running(id=BY_TEAM, bucket_by="team", watch=json.dumps(WATCH[:1]))
    told = [
        configuration("checkout", rollout=running(**changed)),
        configuration("team", rollout=by_team),
        configuration("plain"),
    ]
    return compiled(rows(flags, told)).body


def token(key: str, *, share: int = HALF, stage: int = 0, flag: str = "checkout", environment: str = "production") -> str:
    """What evaluation puts into the metadata of the flag for that targeting key."""
    bucket = exposure.bucket(flag, "v3", key)
    shown = exposure.Exposure(1, ROLLOUT, stage, exposure.arm(bucket, share), bucket, unit(key))
    return exposure.sign(SECRET, environment, flag, shown)


def unit(key: str, rollout: str = ROLLOUT) -> str:
    return exposure.unit(SECRET, rollout, key)


def arm(key: str, share: int = HALF, flag: str = "checkout") -> str:
    return exposure.arm(exposure.bucket(flag, "v3", key), share)


def people(wanted: str, count: int, share: int = HALF) -> list[str]:
    """So many targeting keys in that arm."""
    keys = (f"user-{number}" for number in itertools.count())
    return list(itertools.islice((key for key in keys if arm(key, share) == wanted), count))


def exposed(key: str, id: str | None = None, environment: str = "production", **more: Any) -> dict[str, Any]:
    proof = token(key, environment=environment)
    event = {"id": id or f"x-{key}", "type": "exposure", "flag": "checkout", "exposure": proof, "targetingKey": key}
    return event | more


def outcome(key: str, name: str = "errors", id: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": id or f"o-{name}-{key}", "type": "outcome", "name": name, "targetingKey": key} | more


def rolled_out(world: Any, **changed: Any) -> None:
    """In a simulated world: an environment `beta`, of which nobody but the collector knows, with the rollouts from above."""
    secrets = MemoryStore()
    signing.begin(secrets, "beta", SECRET)
    world.flags.put(path("beta"), published(**changed), content_type="application/json")
    signing.publish(secrets, world.keys, "beta")


class Deployment:
    """`store`: of the collector, `memory` by default; `handler`: the instance; `another()`: one with nothing in its memory."""

    def __init__(self, store: Any = None, lake: Any = None, **rollout: Any) -> None:
        self.now = NOW
        self.memory, self.lake = MemoryStore(), lake or MemoryLake()
        self.store = self.memory if store is None else store
        self.flags, self.keys = MemoryBlobs(), MemoryBlobs()
        secrets = MemoryStore()
        signing.begin(secrets, "production", SECRET)
        signing.publish(secrets, self.keys, "production")
        self.publish(**rollout)
        self._numbers = itertools.count()
        self.handler: Handler
        self.another()

    def publish(self, **rollout: Any) -> None:
        self.flags.put(path("production"), published(**rollout), content_type="application/json")

    def another(self) -> None:
        copies = documents(self.flags)
        collector = Collector(self.store, self.lake, copies, signing.Secrets(self.keys), self._entropy)
        self.handler = Collecting(lambda: collector, lambda: self.now)

    def post(self, *events: Any, who: Principal | None = SERVER, address: str = "192.0.2.1", **headers: str) -> Reply:
        return self.send(json.dumps({"events": list(events)}), who, address, **headers)

    def send(self, body: Any, who: Principal | None = SERVER, address: str = "192.0.2.1", **headers: str) -> Reply:
        named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        event = http_event("POST", "/v1/events", body=body, headers=named, principal=who)
        event["requestContext"]["http"]["sourceIp"] = address
        return reply(self.handler(event, Context()))

    def rows(self, *prefixes: str) -> list[Row]:
        """Those whose partition or sort key begins so; all without."""
        found = list(self.memory.tables.get(SIGNALS.name, {}).values())
        return [
            row
            for row in found
            if not prefixes or f"{row['pk']} {row['sk']}".startswith(prefixes) or row["sk"].startswith(prefixes)
        ]

    def told(self) -> list[dict[str, Any]]:
        """What stands in the lake."""
        return [json.loads(line) for record in self.lake.records for line in record.splitlines()]

    def _entropy(self, size: int) -> bytes:
        return (next(self._numbers).to_bytes(4, "big") * size)[:size]
