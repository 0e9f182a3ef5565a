"""What is only validated is refused where the write would be: also for want of room, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.calls import timestamp
from slipway.flags import ledger
from slipway.flags.change import NewChange
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.control import Control
from slipway.flags.environments import NewEnvironment
from slipway.flags.flag import FlagPatch, NewFlag
from slipway.flags.schedules import NewSchedule
from slipway.flags.segments import NewSegment, SegmentPatch
from slipway.problems import Conflict, Invalid, Problem
from slipway.tables import FLAGS
from tests.catalogue import START, a_call
from tests.flagging import BETA, configured, made, row, segment

LONG = {"in": [{"var": "email"}, [f"user-{number}@example.com" for number in range(100)]]}
LONGER: dict[str, Any] = {"description": None, "targeting": LONG}
RULE: dict[str, Any] = {"default_variant": "on", "targeting": {"if": [LONG, "on", "off"]}}
LATER: dict[str, Any] = {"flag": "checkout", "environment": "development", "change": RULE, "reason": "x"}

WRITES: dict[str, Callable[[Control, bool], Any]] = {
    "a new flag": lambda control, only: control.flags.create(
        a_call(2, operation="flags.create"), NewFlag.model_validate({"key": "new", "type": "boolean"}), validate_only=only
    ),
    "a flag": lambda control, only: control.flags.update(
        a_call(2), "checkout", None, FlagPatch.model_validate({"metadata": {"a": "b" * 100}}), validate_only=only
    ),
    "a flag that comes back": lambda control, only: control.flags.restore(a_call(2), "old", None, validate_only=only),
    "a configuration": lambda control, only: control.configurations.update(
        a_call(2), "checkout", "development", None, ConfigurationPatch.model_validate(RULE), validate_only=only
    ),
    "a new segment": lambda control, only: control.segments.create(
        a_call(2), NewSegment.model_validate({"key": "new", "targeting": LONG}), validate_only=only
    ),
    "a segment": lambda control, only: control.segments.update(
        a_call(2), "beta", None, SegmentPatch.model_validate(LONGER), validate_only=only
    ),
    "a change request": lambda control, only: control.proposals.open(
        a_call(2, operation="proposals.open"), NewChange.model_validate(LATER), validate_only=only
    ),
    "a planned change": lambda control, only: control.schedules.plan(
        a_call(2, operation="schedules.plan"),
        NewSchedule.model_validate({**LATER, "at": timestamp(START + timedelta(minutes=5))}),
        validate_only=only,
    ),
}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    control = Control(store)
    made(control)
    made(control, "old")
    control.flags.archive(a_call(1), "old", None)
    segment(control, "beta", BETA)
    configured(control, enabled=True)
    return control


def refused(store: MemoryStore, write: Callable[[Control, bool], Any], kind: type[Problem] = Invalid) -> str:
    """Both ways, in the same words."""
    before, said = {name: dict(rows) for name, rows in store.tables.items()}, []
    for only in (True, False):
        with pytest.raises(kind) as caught:
            write(Control(store), only)
        said.append(caught.value.detail)
        assert store.tables == before
    assert said[0] == said[1]
    return said[0]


@pytest.mark.parametrize("what", WRITES)
def test_an_environment_that_is_full(control: Control, store: MemoryStore, what: str) -> None:
    WRITES[what](control, True)  # there is room
    full = row(store, "revision#development", "revision")
    store.put(FLAGS, {**full, "bytes": ledger.MOST_BYTES - 10})
    assert "5,000,000 at most" in refused(store, WRITES[what])


@pytest.mark.parametrize("what", ["a new flag", "a flag that comes back"])
def test_a_catalogue_that_is_full(control: Control, store: MemoryStore, what: str) -> None:
    store.put(FLAGS, {**row(store, *ledger.CONTENTS), "flags": ledger.MOST_FLAGS})
    assert "5,000 active flags" in refused(store, WRITES[what])


def test_the_last_environment_that_there_may_be(control: Control, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_ENVIRONMENTS", 3)
    new = NewEnvironment(name="preview")
    refused(store, lambda control, only: control.environments.create(a_call(2), new, validate_only=only), Conflict)
