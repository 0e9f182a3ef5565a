"""The bus: on the embedded AWS through a rule into a queue, and what the service may answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from slipway.adapters.client import Refused
from slipway.adapters.eventbus import BYTES, ENTRIES, EventBus
from tests import backends


def envelope(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{number:026d}",
        "source": "slipway.products",
        "type": "product.updated.v1",
        "time": "2026-11-23T12:00:00.000Z",
        "sequence": number,
        "data": {"version": number, "name": "Ünïcode ✓", "half": Decimal("0.5"), "whole": Decimal("3")},
        **more,
    }


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with backends.ministack() as url:
        yield url


def test_every_envelope_arrives_as_it_was(endpoint: str) -> None:
    events, queues = backends.boto_client("events", endpoint), backends.boto_client("sqs", endpoint)
    events.create_event_bus(Name="slipway")
    queue = queues.create_queue(QueueName="all")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["slipway.products"], "detail-type": ["product.updated.v1"]})
    events.put_rule(Name="all", EventBusName="slipway", EventPattern=pattern)
    events.put_targets(Rule="all", EventBusName="slipway", Targets=[{"Id": "queue", "Arn": arn}])
    sent = [envelope(number) for number in range(1, 26)]
    bus = EventBus("slipway", events)
    assert bus.send(sent) == []
    assert bus.counts.calls == 3
    got: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + 30
    while len(got) < len(sent) and time.monotonic() < deadline:
        for message in queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            event = json.loads(message["Body"])
            got[event["detail"]["id"]] = event
    assert [event["detail"]["sequence"] for event in sorted(got.values(), key=lambda e: e["detail"]["id"])] == [*range(1, 26)]
    one = got[sent[0]["id"]]
    assert one["detail"] == {**sent[0], "data": {"version": 1, "name": "Ünïcode ✓", "half": 0.5, "whole": 3}}
    assert (one["source"], one["detail-type"]) == ("slipway.products", "product.updated.v1")


@pytest.fixture
def scripted() -> Iterator[tuple[EventBus, Stubber]]:
    client = backends.boto_client("events", "http://127.0.0.1:9")
    with Stubber(client) as stubber:
        yield EventBus("slipway", client), stubber


TAKEN, FAILED = {"EventId": "x"}, {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"}


def answer(*entries: dict[str, str]) -> dict[str, Any]:
    return {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "Entries": [*entries]}


def test_an_entry_is_the_envelope_under_its_source_and_type(scripted: tuple[EventBus, Stubber]) -> None:
    bus, stubber = scripted
    entry = {
        "EventBusName": "slipway",
        "Source": "slipway.products",
        "DetailType": "product.updated.v1",
        "Time": datetime(2026, 11, 23, 12, tzinfo=UTC),
        "Detail": '{"source":"slipway.products","type":"product.updated.v1","time":"2026-11-23T12:00:00.000Z","data":{}}',
    }
    stubber.add_response("put_events", answer(TAKEN), {"Entries": [entry]})
    given = {"source": entry["Source"], "type": entry["DetailType"], "time": "2026-11-23T12:00:00.000Z", "data": {}}
    assert bus.send([given]) == []


def test_those_not_taken_are_named(scripted: tuple[EventBus, Stubber]) -> None:
    bus, stubber = scripted
    stubber.add_response("put_events", answer(*[TAKEN] * 9, FAILED), {"Entries": ANY})
    stubber.add_response("put_events", answer(FAILED, TAKEN), {"Entries": ANY})
    assert bus.send([envelope(number) for number in range(12)]) == [9, 10]
    stubber.assert_no_pending_responses()


def test_an_outage_of_one_call_leaves_its_own_behind(scripted: tuple[EventBus, Stubber]) -> None:
    bus, stubber = scripted
    stubber.add_client_error("put_events", "InternalException", http_status_code=500)
    stubber.add_response("put_events", answer(TAKEN), {"Entries": ANY})
    assert bus.send([envelope(number) for number in range(ENTRIES + 1)]) == [*range(ENTRIES)]


def test_a_permission_that_is_missing_is_told(scripted: tuple[EventBus, Stubber]) -> None:
    bus, stubber = scripted
    stubber.add_client_error("put_events", "AccessDeniedException", http_status_code=400)
    with pytest.raises(Refused, match="AccessDenied"):
        bus.send([envelope(1)])


def test_a_call_holds_at_most_its_bytes(scripted: tuple[EventBus, Stubber]) -> None:
    bus, stubber = scripted
    sent: list[int] = []
    client = bus._client
    client.meta.events.register(
        "provide-client-params.events.PutEvents",
        lambda params, **_: sent.append(sum(len(entry["Detail"].encode()) for entry in params["Entries"])),
    )
    for size in (2, 1, 1):
        stubber.add_response("put_events", answer(*[TAKEN] * size), {"Entries": ANY})
    text = "é" * (BYTES // 5)  # 400 KB each: two a call
    large = [envelope(number, text=text) for number in range(3)]
    assert bus.send([large[0], large[1], envelope(3, text="x" * (BYTES + 1)), large[2]]) == [2]
    assert bus.send([envelope(4, text="x" * (BYTES - 500))]) == []
    assert max(sent) <= BYTES
    stubber.assert_no_pending_responses()


def test_nothing_to_send_is_no_call(scripted: tuple[EventBus, Stubber]) -> None:
    bus, _ = scripted
    assert bus.send([]) == []
    assert bus.counts.calls == 0
