"""Streams -> bus: what is sent, in which order, and what comes again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from functions.relay.handler import decode, handler, publish, wire
from slipway.adapters.memory import MemoryBlobs
from slipway.edge.stream import BatchFailed, Stream, Wired
from slipway.ports import Row, StoreUnavailable
from slipway.settings import BadSettings
from tests.records import record


class Bus:
    """Takes what it is not told to refuse."""

    def __init__(self) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.calls: list[int] = []
        self.refused: set[tuple[str, int]] = set()  # subject and sequence
        self.down = False

    def send(self, envelopes: Sequence[Mapping[str, Any]]) -> list[int]:
        self.calls.append(len(envelopes))
        if self.down:
            raise StoreUnavailable
        missed = [n for n, e in enumerate(envelopes) if (e["subject"], e["sequence"]) in self.refused]
        self.taken += [envelope for n, envelope in enumerate(envelopes) if n not in missed]
        return missed

    @property
    def sent(self) -> list[tuple[str, int]]:
        return [(envelope["subject"], envelope["sequence"]) for envelope in self.taken]


class Blobs(MemoryBlobs):
    down = False

    def put(self, key: str, body: bytes, *, content_type: str, absent: bool = False, etag: str | None = None) -> str:
        if self.down:
            raise StoreUnavailable
        return super().put(key, body, content_type=content_type, absent=absent, etag=etag)


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def quarantine() -> Blobs:
    return Blobs()


@pytest.fixture(autouse=True)
def wired(bus: Bus, quarantine: Blobs) -> Iterator[None]:
    with handler.testing(Wired(bus, quarantine)):
        yield


def head(id: str, version: int, *types: str) -> Row:
    return {
        "pk": id,
        "sk": "head",
        "kind": "product",
        "schema": 1,
        "version": version,
        "created_at": "2026-11-23T10:00:00.000Z",
        "updated_at": "2026-11-23T10:00:00.000Z",
        "cause": {"actor": "member:mbr_1", "correlation_id": "", "traceparent": ""},
        "events": [
            {"type": type, "data": {"version": version, "changes": [], "name": "Ada", "stage": "idea", "status": "active"}}
            for type in types or ["product.updated.v1"]
        ],
        "data": {"name": "Ada"},
    }


def batch(*changes: tuple[Row | None, Row | None]) -> dict[str, Any]:
    return {"Records": [record("products", old, new, 100 + n) for n, (old, new) in enumerate(changes)]}


def run(*changes: tuple[Row | None, Row | None]) -> list[str]:
    return [failure["itemIdentifier"] for failure in handler(batch(*changes), None)["batchItemFailures"]]


def broken(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "cause"}


A1, A2, A3, B1, C1 = head("prd_a", 1), head("prd_a", 2), head("prd_a", 3), head("prd_b", 1), head("prd_c", 1)


def test_heads_are_sent_and_their_version_rows_are_not(bus: Bus) -> None:
    assert run((None, A1), (A1, A2), (None, {**A1, "sk": "v#0000000001"}), (None, B1)) == []
    assert bus.sent == [("prd_a", 1), ("prd_a", 2), ("prd_b", 1)]


def test_a_batch_without_events_sends_nothing(bus: Bus) -> None:
    assert run((A1, {**A1, "schema": 2}), (A1, None), (None, {"pk": "key#ada", "sk": "key", "id": "prd_a"})) == []
    assert bus.calls == []


def test_ten_go_in_one_call(bus: Bus) -> None:
    assert run(*((None, head(f"prd_{n}", 1)) for n in range(25))) == []
    assert bus.calls == [10, 10, 5]


def test_the_changes_of_one_item_never_share_a_call(bus: Bus) -> None:
    assert run((None, A1), (None, B1), (A1, A2)) == []
    assert bus.calls == [2, 1]


def test_what_was_not_taken_comes_again_and_holds_back_its_item_only(bus: Bus) -> None:
    bus.refused = {("prd_a", 1)}
    changes = [(None, A1), (None, B1), (A1, A2), (None, C1), (A2, A3)]
    assert run(*changes) == ["100", "102", "104"]
    assert bus.sent == [("prd_b", 1), ("prd_c", 1)]
    bus.refused = set()
    assert run(*changes) == []  # the platform delivers again from the lowest one that failed
    assert [sequence for subject, sequence in bus.sent if subject == "prd_a"] == [1, 2, 3]


def test_the_second_event_of_a_change_waits_for_the_first(bus: Bus) -> None:
    two = head("prd_a", 1, "product.created.v1", "product.updated.v1")
    bus.refused = {("prd_a", 1)}
    assert run((None, two), (None, B1)) == ["100"]
    assert bus.sent == [("prd_b", 1)]
    bus.refused = set()
    assert run((None, two)) == []
    assert [envelope["type"] for envelope in bus.taken[1:]] == ["product.created.v1", "product.updated.v1"]


def test_when_the_bus_is_out_the_rest_is_not_tried(bus: Bus) -> None:
    bus.down = True
    assert run(*((None, head(f"prd_{n}", 1)) for n in range(25))) == [str(100 + n) for n in range(25)]
    assert bus.calls == [10]


def test_an_item_that_is_stuck_alone_does_not_stop_the_others(bus: Bus) -> None:
    bus.refused = {("prd_a", 1)}
    assert run((None, A1), (A1, A2), (None, B1)) == ["100", "101"]
    assert bus.sent == [("prd_b", 1)]


def test_when_the_bus_takes_nothing_the_rest_is_not_tried(bus: Bus) -> None:
    bus.refused = {(f"prd_{n}", 1) for n in range(25)}
    assert len(run(*((None, head(f"prd_{n}", 1)) for n in range(25)))) == 25
    assert bus.calls == [10]


@pytest.mark.parametrize(
    "poison",
    [
        broken(A1),
        {**A1, "events": [{"type": "product.created.v1", "data": {"email": "somebody@example.com"}}]},
        {**A1, "events": [{"type": "ghost.seen.v1", "data": {}}]},
        {**A1, "events": "none"},
        {**A1, "version": "one"},
    ],
    ids=["no cause", "broken contract", "unknown kind", "events no list", "version no number"],
)
def test_poison_is_put_aside_once_and_the_rest_goes_on(poison: Row, bus: Bus, quarantine: Blobs) -> None:
    for _ in range(2):
        assert run((None, poison), (None, B1), (A1, A2)) == []
    assert bus.sent == [("prd_b", 1), ("prd_a", 2)] * 2
    ((key, blob),) = quarantine.objects.items()
    assert key.startswith("records/relay/")
    assert b'"SequenceNumber": "100"' in blob.body


def test_a_record_without_images_or_of_another_type_is_poison(bus: Bus, quarantine: Blobs) -> None:
    event = batch((None, A1), (None, B1), (None, C1))
    del event["Records"][0]["dynamodb"]["NewImage"]
    event["Records"][1]["dynamodb"]["NewImage"]["data"] = {"SS": ["a"]}
    assert handler(event, None) == {"batchItemFailures": []}
    assert bus.sent == [("prd_c", 1)]
    assert len(quarantine.objects) == 2


def test_poison_that_cannot_be_put_aside_comes_again(bus: Bus, quarantine: Blobs) -> None:
    quarantine.down = True
    assert run((None, broken(A1)), (A1, A2), (None, B1)) == ["100", "101"]
    assert bus.sent == [("prd_b", 1)]


def test_where_partial_answers_are_ignored_the_batch_fails(bus: Bus, quarantine: Blobs) -> None:
    bus.refused = {("prd_a", 1)}
    with handler.testing(Wired(bus, quarantine, raise_failures=True)):
        with pytest.raises(BatchFailed, match="1 of 2 records"):
            run((None, A1), (None, B1))
        bus.refused = set()
        assert run((None, A1), (None, B1)) == []


def test_one_line_tells_how_the_batch_went(bus: Bus, log_lines: list[dict[str, Any]]) -> None:
    bus.refused = {("prd_b", 1)}
    run((None, A1), (None, B1), (None, broken(C1)), (None, {**A1, "sk": "v#0000000001"}))
    (line,) = log_lines
    assert {name: line[name] for name in ("service", "level", "source", "records", "failed", "quarantined", "error_type")} == {
        "service": "relay",
        "level": "ERROR",
        "source": "products",
        "records": 4,
        "failed": 1,
        "quarantined": 1,
        "error_type": "KeyError",
    }
    assert (line["Failures"], line["Quarantined"]) == (1, 1)
    assert line["RelayDelay"] > 0


def test_a_setting_that_is_missing_leaves_a_line(log_lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_STAGE", raising=False)
    with pytest.raises(BadSettings):
        Stream("relay", wire, decode, publish)(batch((None, A1)), None)
    (line,) = log_lines
    assert (line["service"], line["level"], line["error_type"]) == ("relay", "ERROR", "BadSettings")
    assert (line["source"], line["records"], line["Failures"]) == ("products", 1, 1)
