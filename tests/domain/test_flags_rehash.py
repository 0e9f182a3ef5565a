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
