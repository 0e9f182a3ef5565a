"""A flag that is hashed otherwise: who would move is told first, and nothing else is changed by it."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.flags.control import Control
from slipway.flags.explain import flag_set
from slipway.flags.preview import sample
from slipway.flags.rehash import Rehashing, rehashed
from slipway.outbox import envelopes
from slipway.problems import Conflict, Invalid, PreconditionFailed
from tests.catalogue import a_call
from tests.flagging import configured, edited, made, segment

HALF: dict[str, Any] = {"fractional": [["on", 1], ["off", 1]]}


@pytest.fixture
def control() -> Control:
    control = Control(MemoryStore())
    made(control)
    return control


def told(control: Control, hash: str = "v2", only: bool = True, version: int | None = None) -> dict[str, Any]:
    asked = Rehashing.model_validate({"hash": hash, "reason": "Java and Node, too"})
    answer, _ = rehashed(control.configurations, a_call(5), "checkout", version, asked, validate_only=only)
    return {one["environment"]: one for one in answer["moved"]}


def variants(control: Control, environment: str = "staging") -> list[str | None]:
    flag, configuration = control.configurations.read(a_call(), "checkout", environment)
    flags = flag_set(control.configurations.gathered(flag, configuration))
    return [flags.evaluate("checkout", one, now=0).variant for one in sample("checkout")]


def test_who_is_told_to_move_is_who_moves(control: Control) -> None:
    configured(control, environment="staging", enabled=True, targeting=HALF)
    before, moved = variants(control), told(control)["staging"]
    assert variants(control) == before, "nothing was changed yet"
    assert told(control, only=False)["staging"] == moved
    pairs = [pair for pair in zip(before, variants(control), strict=True) if pair[0] != pair[1]]
    assert (moved["contexts"], moved["changed"]) == (1000, len(pairs))
    assert {(one["from"], one["to"]): one["count"] for one in moved["moves"]} == {pair: pairs.count(pair) for pair in pairs}
    assert 400 < len(pairs) < 600


def test_wherever_a_percentage_decides(control: Control) -> None:
    """In its own rule, in a segment, or in a flag that it needs; not where it is off, and not where no percentage is."""
    segment(control, "some", {"if": [{"fractional": [["yes", 1], ["no", 1]]}, True, False]})
    made(control, "base")
    configured(control, "base", "staging", enabled=True, targeting=HALF)
    configured(control, environment="staging", enabled=True, prerequisites=[{"flag": "base", "variants": ["on"]}])
    configured(control, environment="production", enabled=True, targeting={"if": [{"$ref": "some"}, "on", "off"]}, reason="x")
    configured(control, environment="development", enabled=True, default_variant="on")
    found = told(control)
    assert sorted(found) == ["production", "staging"]
    assert found["staging"]["changed"] == 0, "what it needs keeps its own buckets"
    configured(control, environment="production", enabled=False, reason="x")
    assert sorted(told(control)) == ["staging"]


def dependents(control: Control) -> tuple[list[tuple[str, str, int | None]], int]:
    asked = Rehashing.model_validate({"hash": "v2"})
    answer, _ = rehashed(control.configurations, a_call(5), "checkout", None, asked, validate_only=True)
    return [(one["flag"], one["environment"], one["moved"]) for one in answer["dependents"]], answer["more_dependents"]


def needing(control: Control, key: str, environment: str, **fields: Any) -> None:
    needs = [{"flag": "checkout", "variants": ["on"]}]
    configured(control, key, environment, enabled=True, prerequisites=needs, targeting={"if": [True, "on"]}, **fields)


def test_who_needs_it_moves_as_well(control: Control) -> None:
    for key in ("follows", "other", "old"):
        made(control, key)
    for environment in ("staging", "development"):
        configured(control, environment=environment, enabled=environment == "staging", targeting=HALF)
        needing(control, "follows", environment)
    needing(control, "old", "staging")
    control.flags.archive(a_call(1), "old", None)
    moved = told(control)["staging"]["changed"]
    assert 400 < moved < 600
    assert dependents(control) == ([("follows", "development", 0), ("follows", "staging", moved)], 0)


def test_of_many_that_need_it_some_are_named_and_fewer_counted(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(control, environment="staging", enabled=True, targeting=HALF)
    for number in range(4):
        made(control, f"follows-{number}")
        needing(control, f"follows-{number}", "staging")
    monkeypatch.setattr("slipway.flags.rehash.MOST_NAMED", 3)
    monkeypatch.setattr("slipway.flags.rehash.MOST_COUNTED", 2)
    named, more = dependents(control)
    assert ([flag for flag, _, _ in named], more) == (["follows-0", "follows-1", "follows-2"], 1)
    assert [moved is None for _, _, moved in named] == [False, False, True]


def test_what_would_take_too_long_is_not_counted(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = {"if": [{"some": [{"map": [[1, 2, 3], {"var": ""}]}, {"==": [{"var": ""}, 9]}]}, "on", "on"]}
    configured(control, environment="staging", enabled=True, targeting=HALF)
    for key in ("follows-0", "follows-1"):
        made(control, key)
        needing(control, key, "staging")
        configured(control, key, "staging", targeting=walk)
    assert all(moved for _, _, moved in dependents(control)[0])
    monkeypatch.setattr("slipway.flags.limits.MOST_STEPS_TOGETHER", 1_000)
    assert [moved for _, _, moved in dependents(control)[0]] == [None, None]


def test_it_is_a_version_with_its_event_and_nothing_takes_it_back_by_the_way(control: Control) -> None:
    edited(control, owner="ada")
    told(control, only=False)
    stored = control.flags.read("checkout")
    assert (stored.version, stored.data["hash"], stored.data["reason"]) == (3, "v2", "Java and Node, too")
    (envelope,) = envelopes(stored.row)
    assert envelope["type"] == "flag.updated.v1"
    assert envelope["data"]["changes"] == [{"field": "hash", "from": "v3", "to": "v2"}, {"field": "reason"}]
    (newest, *_), _ = control.flags.versions("checkout", below=None, limit=5)
    assert [change["field"] for change in newest.changes] == ["hash", "reason"]
    reverted = control.flags.revert(a_call(6), "checkout", None, 1)
    assert ("owner" in reverted.data, reverted.data["hash"]) == (False, "v2")
    assert control.flags.revert(a_call(6), "checkout", None, 3).data["hash"] == "v2"


def test_what_is_hashed_so_already_stays(control: Control) -> None:
    configured(control, environment="staging", enabled=True, targeting=HALF)
    assert told(control, "v3", only=False)["staging"]["changed"] == 0
    assert control.flags.read("checkout").version == 1


def test_another_version_and_an_archived_flag(control: Control) -> None:
    with pytest.raises(PreconditionFailed):
        told(control, version=7)
    control.flags.archive(a_call(1), "checkout", None)
    with pytest.raises(Conflict, match="archived"):
        told(control)


def test_what_could_not_be_answered_any_more_is_refused(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words for buckets of another hash make a rule longer: where it fits no more, it stays as it is."""
    made(control, "base")
    configured(control, "base", "staging", enabled=True, targeting=HALF)
    configured(control, environment="staging", enabled=True, prerequisites=[{"flag": "base", "variants": ["on"]}])
    monkeypatch.setattr("slipway.flags.compiler.MOST_DEPTH", 2)
    with pytest.raises(Invalid) as caught:
        told(control)
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/hash", "not_evaluable")]
