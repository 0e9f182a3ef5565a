"""Flags to test with: a control plane over a store in memory, and short words for what is done with it."""

from __future__ import annotations

from typing import Any

from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.control import Control
from slipway.flags.environments import EnvironmentPatch, NewEnvironment
from slipway.flags.flag import FlagPatch, NewFlag
from slipway.flags.segments import NewSegment, SegmentPatch
from slipway.ports import Row, Store
from slipway.resources import Stored
from slipway.tables import FLAGS
from tests.catalogue import a_call

STAFF = {"in": [{"var": "email"}, ["a@example.com"]]}
BETA = {"if": [{"==": [{"var": "plan"}, "beta"]}, "on", "off"]}


def made(control: Control, key: str = "checkout", seconds: float = 0, **fields: Any) -> Stored:
    new = NewFlag.model_validate({"key": key, "type": "boolean", **fields})
    return control.flags.create(a_call(seconds, operation="flags.create"), new).stored


def edited(control: Control, key: str = "checkout", version: int | None = None, seconds: float = 1, **fields: Any) -> Stored:
    return control.flags.update(a_call(seconds), key, version, FlagPatch.model_validate(fields))


def configured(
    control: Control,
    key: str = "checkout",
    environment: str = "development",
    version: int | None = None,
    seconds: float = 1,
    **fields: Any,
) -> Stored:
    patch = ConfigurationPatch.model_validate(fields)
    return control.configurations.update(a_call(seconds), key, environment, version, patch)


def segment(control: Control, key: str = "staff", rule: Any = None) -> Stored:
    new = NewSegment.model_validate({"key": key, "targeting": rule or STAFF})
    return control.segments.create(a_call(operation="segments.create"), new).stored


def resegmented(control: Control, key: str = "staff", **fields: Any) -> Stored:
    return control.segments.update(a_call(1), key, None, SegmentPatch.model_validate(fields))


def environment(control: Control, name: str, **fields: Any) -> Stored:
    new = NewEnvironment.model_validate({"name": name, **fields})
    return control.environments.create(a_call(operation="environments.create"), new).stored


def ruled(control: Control, name: str, **fields: Any) -> Stored:
    return control.environments.update(a_call(1), name, None, EnvironmentPatch.model_validate(fields))


def listed(store: Store, name: str) -> list[str]:
    return [str(row["sk"]) for row in store.query(FLAGS, (name,)).rows]


def row(store: Store, pk: str, sk: str) -> Row:
    found = store.get(FLAGS, pk, sk)
    assert found is not None, (pk, sk)
    return found


def revision(store: Store, environment: str) -> int:
    return int(row(store, f"revision#{environment}", "revision")["revision"])
