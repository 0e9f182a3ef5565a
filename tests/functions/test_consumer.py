"""Behind a rule: typed, and once however often an event comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from functions.record import handler as record
from slipway.adapters.memory import MemoryStore
from slipway.edge.consumer import Consumer, Unexpected, once
from slipway.events import AnyEvent, MemberInvited, MemberRemoved, ProductCreated
from slipway.ports import Absent, ConditionFailed, Equals, Put, Update
from slipway.settings import BadSettings
from slipway.tables import Table
from tests.functions.events import Context
from tests.records import arrival

TALLY = Table("tally", ttl="expires")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def envelope(type: str = "member.invited.v1", **changed: Any) -> dict[str, Any]:
    return {
        "id": "evt_" + "0" * 26,
        "source": "slipway.access",
        "type": type,
        "version": 1,
        "sequence": 1,
        "time": "2026-11-23T10:00:00.000Z",
        "subject": "mbr_1",
        "actor": "member:mbr_0",
        "correlation_id": "c-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": {"version": 1, "changes": [], "role": "viewer", "status": "active"},
        **changed,
    }


def consumer(*contracts: Any) -> tuple[Consumer[str, Any], list[Any]]:
    seen: list[Any] = []
    made = Consumer("invite", lambda: "wired", lambda use, event: seen.append((use, event)), *contracts)
    return made, seen


def test_an_event_comes_as_its_own_type() -> None:
    handler, seen = consumer(MemberInvited, MemberRemoved)
    handler(arrival(envelope()), Context())
    handler(arrival(envelope("member.removed.v1")), Context())
    assert [(use, type(event)) for use, event in seen] == [("wired", MemberInvited), ("wired", MemberRemoved)]


def test_an_event_that_the_rule_should_have_kept_out_fails_loudly() -> None:
    handler, seen = consumer(ProductCreated)
    with pytest.raises(Unexpected, match=r"invite does not take member\.invited\.v1"):
        handler(arrival(envelope()), Context())
    assert seen == []


def test_a_broken_envelope_fails_loudly_even_where_any_event_is_taken() -> None:
    handler, seen = consumer(AnyEvent)
    with pytest.raises(ValidationError):
        handler(arrival(envelope(sequence="one")), Context())
    assert seen == []


@pytest.mark.parametrize("place", [("sequence",), ("subject",), ("data", "role"), ("data", "changes", 0, "field"), ("more",)])
def test_what_it_raises_says_no_value(place: tuple[Any, ...]) -> None:
    data = {"version": 1, "changes": [{"field": "role"}], "role": "viewer", "status": "active"}
    broken = envelope(data=data)
    inside: Any = broken
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = ["canary@example.com"]
    for contract in (MemberInvited, AnyEvent):
        handler, _ = consumer(contract)
        if contract is AnyEvent and place[0] == "data":
            continue  # its data may be anything
        with pytest.raises(ValidationError) as error:
            handler(arrival(broken), Context())
        assert "canary" not in str(error.value) + repr(error.value)


def test_it_is_wired_on_the_first_event_and_once() -> None:
    wired: list[int] = []
    handler = Consumer("invite", lambda: wired.append(1), lambda use, event: None, AnyEvent)
    assert wired == []
    with pytest.raises(ValidationError):
        handler(arrival(envelope(id="no")), Context())
    assert wired == [1]


def test_its_line_tells_which_event_it_was(log_lines: list[dict[str, Any]]) -> None:
    handler, _ = consumer(MemberInvited)
    handler(arrival(envelope()), Context())
    (line,) = log_lines
    assert {name: line[name] for name in ("service", "source", "event_type", "correlation_id", "trace_id", "level")} == {
        "service": "invite",
        "source": "slipway.access",
        "event_type": "member.invited.v1",
        "correlation_id": "c-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "level": "INFO",
    }


def test_a_setting_that_is_missing_leaves_a_line(log_lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_STAGE", raising=False)
    with pytest.raises(BadSettings):
        Consumer("record", record.wire, lambda use, event: None, AnyEvent)(arrival(envelope()), Context())
    (line,) = log_lines
    assert (line["service"], line["level"], line["error_type"]) == ("record", "ERROR", "BadSettings")
    assert (line["event_type"], line["Failures"]) == ("member.invited.v1", 1)


def event() -> AnyEvent:
    return AnyEvent.model_validate(envelope())


def one_more() -> Update:
    return Update(TALLY, "total", "all", add={"events": 1})


def test_a_change_happens_once_and_is_remembered_for_35_days() -> None:
    store = MemoryStore()
    for later in range(3):
        once(store, TALLY, "tally", event(), NOW + timedelta(minutes=later), [one_more()])
    assert store.tables["tally"]["total", "all"]["events"] == 1
    assert store.tables["tally"]["seen#tally", event().id]["expires"] == int(NOW.timestamp()) + 35 * 24 * 3600


def test_two_consumers_do_not_know_of_each_other() -> None:
    store = MemoryStore()
    once(store, TALLY, "one", event(), NOW, [one_more()])
    once(store, TALLY, "other", event(), NOW, [one_more()])
    assert store.tables["tally"]["total", "all"]["events"] == 2


def test_a_change_that_may_not_be_is_told_and_nothing_is_remembered() -> None:
    store = MemoryStore()
    store.put(TALLY, {"pk": "total", "sk": "all", "schema": 1, "events": 5})
    with pytest.raises(ConditionFailed) as failed:
        once(store, TALLY, "tally", event(), NOW, [Put(TALLY, {"pk": "total", "sk": "all"}, Absent())])
    assert failed.value.index == 1
    assert ("seen#tally", event().id) not in store.tables["tally"]


def test_a_second_try_that_found_another_state_may_write_something_else() -> None:
    """Within ten minutes a token belongs to one request: another one needs its own."""
    store = MemoryStore()
    put = Put(TALLY, {"pk": "total", "sk": "all", "events": 1}, Equals("events", 0))
    with pytest.raises(ConditionFailed):
        once(store, TALLY, "tally", event(), NOW, [put])
    once(store, TALLY, "tally", event(), NOW, [Put(put.table, put.row, Absent())])
    assert store.tables["tally"]["total", "all"]["events"] == 1
