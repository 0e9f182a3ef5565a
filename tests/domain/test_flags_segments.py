"""A change of a segment looks at whoever uses it: none of them is broken by it, however many change at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.flags import users
from slipway.flags.control import Control
from slipway.flags.segments import NewSegment
from slipway.problems import Invalid
from slipway.resources import Stored
from slipway.tables import FLAGS
from tests.catalogue import Counting, a_call
from tests.flagging import BETA, configured, disagreements, edited, made, resegmented, row, segment

PURPLE = {"if": [{"==": [{"var": "plan"}, "beta"]}, "purple", "off"]}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    made(control := Control(store))
    segment(control, "beta", BETA)
    configured(control, enabled=True, default_variant="off", targeting={"$ref": "beta"})
    return control


def deep(levels: int, inside: Any) -> Any:
    for _ in range(levels):
        inside = {"!": [inside]}
    return inside


def test_a_segment_comes_to_answer_no_variant_that_its_users_do_not_have(control: Control, store: MemoryStore) -> None:
    before = store.tables["flags"].copy()
    for only in (True, False):
        with pytest.raises(Invalid) as caught:
            control.segments.change(a_call(2), "beta", None, {"targeting": PURPLE}, None, validate_only=only)
        assert [(one.pointer, one.code) for one in caught.value.errors] == [("/targeting", "in_use")]
        assert "checkout in development" in caught.value.errors[0].detail
        assert "'purple'" in caught.value.errors[0].detail
    assert store.tables["flags"] == before
    edited(control, variants={"purple": False})
    resegmented(control, "beta", targeting=PURPLE)
    assert disagreements(store) == []
    with pytest.raises(Invalid):
        edited(control, variants={"purple": None})


def test_nor_too_deep_for_them_and_those_that_are_off_count_too(control: Control) -> None:
    segment(control, "deep", {"var": "x"})
    rule = {"if": [deep(60, {"$ref": "deep"}), "on", "off"]}
    configured(control, enabled=False, default_variant="off", targeting=rule)
    with pytest.raises(Invalid) as caught:
        resegmented(control, "deep", targeting=deep(60, {"var": "x"}))
    assert "deep" in caught.value.errors[0].detail


def test_what_was_broken_before_is_in_nobodys_way(control: Control, store: MemoryStore) -> None:
    segment(control, "other", {"var": "x"})
    configured(control, targeting={"if": [{"$ref": "other"}, "on", {"$ref": "beta"}]})
    head = row(store, "flag#checkout#development", "head")
    store.put(FLAGS, {**head, "data": {**head["data"], "default_variant": "gone"}})
    assert resegmented(control, "other", targeting={"var": "y"}).version == 2


def test_an_archived_flag_is_looked_at_when_it_comes_back(control: Control) -> None:
    control.flags.archive(a_call(2), "checkout", None)
    resegmented(control, "beta", targeting=PURPLE)
    with pytest.raises(Invalid) as caught:
        control.flags.restore(a_call(3), "checkout", None)
    assert "In development" in caught.value.errors[0].detail


def test_users_are_read_a_hundred_at_a_time_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made(control := Control(store := Counting()))
    control.segments.create(a_call(operation="segments.create"), NewSegment.model_validate({"key": "beta", "targeting": BETA}))
    for number in range(120):
        made(control, f"f{number}")
        configured(control, f"f{number}", targeting={"$ref": "beta"})
    requests = store.counted(lambda: resegmented(control, "beta", targeting={"var": "x"}))
    assert len(requests) < 15
    monkeypatch.setattr(users, "MOST", 119)
    with pytest.raises(Invalid) as caught:
        resegmented(control, "beta", targeting={"var": "y"})
    assert caught.value.errors[0].code == "too_many_uses"
    assert "at most 119" in caught.value.errors[0].detail


CHANGES: dict[str, Callable[[Control], Stored]] = {
    "the segment": lambda control: resegmented(control, "beta", targeting=PURPLE),
    "its use": lambda control: configured(control, targeting={"$ref": "beta"}),
    "the variants": lambda control: edited(control, variants={"purple": None}),
}


@pytest.mark.parametrize(
    ("late", "early"),
    [("the segment", "its use"), ("its use", "the segment"), ("the segment", "the variants"), ("the variants", "the segment")],
)
def test_two_changes_that_are_wrong_together_are_not_both_made(
    control: Control, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, late: str, early: str
) -> None:
    """Each is right while the other is not made; `early` is made between what `late` reads and what it writes."""
    if "its use" in (late, early):
        configured(control, targeting={"if": [{"$ref": "beta"}, "on", "off"]})
    else:
        edited(control, variants={"purple": True})
    write, began = store.transact, list[str]()

    def transact(writes: Any, token: str) -> None:
        if not began:
            began.append(early)
            CHANGES[early](control)
        write(writes, token)

    monkeypatch.setattr(store, "transact", transact)
    with pytest.raises(Invalid):
        CHANGES[late](control)
    assert began == [early]
