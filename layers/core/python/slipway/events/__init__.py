"""Every event contract: facts in the past tense, each with the number of its contract.

An event travels as one envelope (CloudEvents' names where it has one) in the `detail` of an EventBridge event, whose
`detail-type` is the envelope's `type` and whose `source` is its `source`. The bus delivers at least once and keeps no order:
`id` is the same on every delivery, and `sequence`, the version of the resource, tells the newer of two.

The models are the contracts. Their JSON Schemas are published in `docs/schemas/events` and never change: another shape is
another contract (`product.created.v2`), sent beside the first until nobody reads it.

Each room has its contracts in a module of its own, imported when the first of them is met: most functions meet few, and name
those from their room.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from slipway.events.envelope import AnyEvent as AnyEvent
from slipway.events.envelope import Event as Event

if TYPE_CHECKING:
    from slipway.events.access import *  # noqa: F403
    from slipway.events.feedback import *  # noqa: F403
    from slipway.events.flags import *  # noqa: F403
    from slipway.events.later import *  # noqa: F403
    from slipway.events.outward import *  # noqa: F403
    from slipway.events.products import *  # noqa: F403
    from slipway.events.rollouts import *  # noqa: F403

    CONTRACTS: Mapping[str, type[Event]]

# Where the contracts are whose type begins with that word.
ROOMS: Mapping[str, str] = {
    "product": "products",
    "key": "access",
    "member": "access",
    "flag": "flags",
    "configuration": "flags",
    "environment": "flags",
    "segment": "flags",
    "proposal": "later",
    "schedule": "later",
    "rollout": "rollouts",
    "template": "rollouts",
    "feedback": "feedback",
    "person": "feedback",
    "survey": "feedback",
    "webhook": "outward",
    "changelog": "outward",
    "board": "feedback",
}


def parse(envelope: Mapping[str, Any]) -> Event:
    """The event in an envelope. Raises KeyError for an unknown contract, pydantic's ValidationError for a broken one."""
    name = envelope["type"]
    contract: type[Event] = _room(ROOMS[name.partition(".")[0]]).ROOM[name]
    return contract.model_validate(envelope)


def schema(contract: type[Event]) -> dict[str, Any]:
    """The contract as a JSON Schema (2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **contract.model_json_schema(by_alias=True)}


def pattern(*contracts: type[Event]) -> dict[str, list[Any]]:
    """The EventBridge pattern of a rule: exactly these contracts; none named: everything that Slipway ever sends."""
    if not contracts:
        return {"source": [{"prefix": "slipway."}]}
    return {
        "source": sorted({contract.origin() for contract in contracts}),
        "detail-type": sorted(contract.name() for contract in contracts),
    }


def __getattr__(name: str) -> Any:
    """`CONTRACTS`, all of them by type; and every contract by the name of its class."""
    if name.startswith("__"):  # the machinery asks for those
        raise AttributeError(name)
    rooms = (_room(room) for room in dict.fromkeys(ROOMS.values()))
    if name == "CONTRACTS":
        return {type: contract for room in rooms for type, contract in room.ROOM.items()}
    for room in rooms:
        if hasattr(room, name):
            return getattr(room, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _room(name: str) -> Any:
    return import_module(f"slipway.events.{name}")
