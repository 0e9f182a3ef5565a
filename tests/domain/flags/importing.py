"""Flags of another product, brought in as the API brings them in, for comparing them with that product's own engine."""

from __future__ import annotations

import json
from typing import Any

from slipway.adapters.memory import MemoryStore
from slipway.adapters.rehearsal import Rehearsal
from slipway.edge.validation import body as validate
from slipway.flags.bundle import Bundle
from slipway.flags.compilation import compiled
from slipway.flags.control import Control
from slipway.flags.evaluation import FlagSet
from slipway.flags.imports import Order, take
from slipway.flags.publication import read
from tests.catalogue import a_call
from tests.flagging import disagreements


def imported(bundle: Bundle) -> tuple[FlagSet, dict[str, Any]]:
    """The flags as evaluation has them, and the answer."""
    store = MemoryStore()
    control, call = Control(store), a_call(operation="flags.import")
    done: dict[str, Any] = {"left": 1}
    while done["left"]:
        done = take(control, Control(Rehearsal(store)), call, Order(bundle, "development", "create", None, "digest"), validate)
    assert disagreements(store) == []
    document = json.loads(compiled(read(store, "development")).body)
    assert not document["slipway"]["faults"]
    flags = {**document["flags"], **document["slipway"]["flags"]}
    rules = {**document["$evaluators"], **document["slipway"]["evaluators"]}
    return FlagSet.parse({"flags": flags, "$evaluators": rules}), done
