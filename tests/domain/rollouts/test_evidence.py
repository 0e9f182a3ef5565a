"""What a decision was made of: kept, and shown so that people and programs can read it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.flags.control import Control
from slipway.problems import NotFound
from slipway.resources import Stored
from slipway.rollouts import guard
from slipway.rollouts.evidence import EvidenceView
from slipway.rollouts.guard import Stage
from slipway.rollouts.judging import judged, shown
from slipway.rollouts.plan import NewRollout
from slipway.signals import counters
from slipway.signals.counters import WINDOW
from slipway.tables import COUNTERS
from tests.catalogue import START, a_call
from tests.flagging import configured, made

WHERE = ("checkout", "development")
LADDER = [{"share": 50, "hold": {"minutes": 60}}, {"share": 75, "hold": {"minutes": 60}}, {"share": 100}]
ERRORS = {"metric": "errors", "kind": "bad_units"}
BEGAN = int(START.timestamp() * 1000)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    control = Control(store)
    made(control)
    configured(control, enabled=True, default_variant="off")
    return control


def begun(control: Control, **fields: Any) -> Stored:
    new = NewRollout.model_validate({"from": "off", "to": "on", "ladder": LADDER, "guards": [ERRORS], **fields})
    return control.rollouts.plan(a_call(0), *WHERE, new, b"e" * 32).stored


def count(store: MemoryStore, id: str, counts: dict[str, int], minute: int = 5, shard: str = "00") -> None:
    at = BEGAN + minute * 60_000
    recent = {counters.window(at): counts}
    store.put(COUNTERS, counters.row((id, shard), None, counts, recent, 1, 0, at))


def units(stage: int, control: int, treatment: int, bad: int, worse: int, metric: str = "errors") -> dict[str, int]:
    return {
        f"exposed|{stage}|c|server": control,
        f"exposed|{stage}|t|server": treatment,
        f"met|{metric}|{stage}|c|server": bad,
        f"met|{metric}|{stage}|t|server": worse,
        f"met|*|{stage}|c|server": control // 2,
        f"met|*|{stage}|t|server": treatment // 2,
    }


def evidence(control: Control, stored: Stored, minute: int = 20) -> Any:
    found = shown(control.rollouts, a_call(60 * minute), *WHERE, stored.id)
    EvidenceView.model_validate(found)
    return json.loads(json.dumps(found, allow_nan=False, default=float))


def finding(told: Any, metric: str = "errors") -> Any:
    return next(one for one in told["findings"] if one["metric"] == metric)


def test_what_is_counted_so_far_is_judged_and_nothing_is_done(control: Control, store: MemoryStore) -> None:
    running = begun(control)
    count(store, running.id, units(0, 1_000, 1_000, 10, 40))
    before = {name: dict(rows) for name, rows in store.tables.items()}
    told = evidence(control, running)
    assert {name: dict(rows) for name, rows in store.tables.items()} == before
    now, one = told["now"], finding(told["now"])
    assert (now["action"], now["reason"], now["guard"], told["decided"]) == ("roll_back", "harm", "errors", None)
    stage = Stage(0.5, 10, 40)
    assert math.isclose(one["e"], guard.evidence([stage]))
    assert math.isclose(one["log_e"], guard.log_evidence([stage]))
    assert (one["threshold"], one["asks_for"]) == (40.0, "roll_back")  # of the guard and of the activity that it needs
    assert math.isclose(one["p"], 1 / one["e"])
    low, high = guard.confidence([stage], 0.05)
    assert math.isclose(one["low"], low)
    assert math.isclose(one["high"], high)
    assert one["stages"] == [{"stage": 0, "share": 50, "control": 10, "treatment": 40}]
    assert now["exposed"] == [{"stage": 0, "share": 50, "control": 1_000, "treatment": 1_000, "seen": 2_000, "contaminated": 0}]
    assert now["sample_ratio"]["threshold"] == 1_000
    assert now["sample_ratio"]["e"] < 1


def test_what_was_decided_stays_to_be_read(control: Control, store: MemoryStore) -> None:
    running = begun(control)
    count(store, running.id, units(0, 1_000, 1_000, 10, 40))
    live = evidence(control, running, 10)["now"]
    back = judged(control.rollouts, a_call(600), running.id)
    assert back is not None
    told = evidence(control, back, 60)
    assert (told["state"], told["share"]) == ("rolled_back", 0)
    assert told["decided"] == live
    again = control.rollouts.move(a_call(700), *WHERE, running.id, None, "resume", None, b"e" * 32)
    later = evidence(control, again, 60)
    assert later["decided"] == live
    assert (later["now"]["since"], later["now"]["findings"][0]["stages"]) == (
        again.data["stages"][1]["since"],
        [{"stage": 1, "share": 50, "control": 0, "treatment": 0}],
    )


def test_a_ratio_says_how_many_more_units_it_needs(control: Control, store: MemoryStore) -> None:
    running = begun(control)
    one = finding(evidence(control, running)["now"])
    assert (one["e"], one["needs"], one["window"]) == (1, None, None)
    assert one["outlook"] == "Too little was counted to tell how many more units it needs."
    count(store, running.id, units(0, 1_000, 1_000, 10, 15))
    one = finding(evidence(control, running)["now"])
    assert one["needs"] == math.ceil(guard.more_units([Stage(0.5, 10, 15)], 2_000, 0.05, 0, 2))
    assert one["outlook"] == f"It needs about {one['needs']:,} more units at this share."


def test_the_window_of_its_events_is_told(control: Control, store: MemoryStore) -> None:
    running = begun(control)
    count(store, running.id, units(0, 100, 100, 3, 0), minute=5)
    control.rollouts.move(a_call(30 * 60), *WHERE, running.id, None, "advance", None, b"e" * 32)
    count(store, running.id, {"met|errors|1|t|server": 2}, minute=35, shard="01")
    count(store, running.id, {"met|errors|1|c|server": 0, "met|other|1|t|server": 9}, minute=50, shard="02")
    one = finding(evidence(control, running, 60)["now"])
    assert one["window"] == {"from": "2026-11-01T00:00:00.000Z", "to": "2026-11-01T00:40:00.000Z"}
    assert WINDOW == 600_000
    assert finding(evidence(control, running, 60)["now"], "*")["window"]["to"] == "2026-11-01T00:10:00.000Z"


def test_an_e_beyond_what_a_number_holds_is_told_by_its_logarithm(control: Control, store: MemoryStore) -> None:
    running = begun(control)
    count(store, running.id, units(0, 10**6, 10**6, 0, 10**5))
    one = finding(evidence(control, running)["now"])
    assert (one["e"], one["high"], one["ratio"]) == (None, None, None)
    assert one["log_e"] > 10_000


def test_what_has_not_begun_has_none(control: Control) -> None:
    planned = begun(control, start=False)
    told = evidence(control, planned)
    assert (told["state"], told["now"], told["decided"]) == ("planned", None, None)
    with pytest.raises(NotFound):
        shown(control.rollouts, a_call(1), "checkout", "staging", planned.id)
