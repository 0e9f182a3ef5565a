"""A rollout under way, what is counted of it, and who judges it: in memory, by a clock of the test's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from functions.guard.handler import Use
from functions.guard.handler import handler as guard
from functions.ramp.handler import Use as Ramp
from functions.ramp.handler import handler as ramp
from slipway.adapters.memory import MemoryAlarms, MemoryBlobs, MemorySchedules, MemoryStore
from slipway.calls import Call
from slipway.edge.stream import Wired
from slipway.flags.control import Control
from slipway.outbox import envelopes
from slipway.resources import Stored
from slipway.rollouts.plan import NewRollout
from slipway.rollouts.states import Event
from slipway.signals.counters import packed
from slipway.tables import COUNTERS
from tests.catalogue import EDITOR, START
from tests.flagging import configured, made
from tests.functions.events import Context
from tests.records import arrival, record

ENTROPY = b"e" * 32
LADDER = [{"share": 5, "hold": {"minutes": 10}}, {"share": 50, "hold": {"minutes": 10}}, {"share": 100}]
ERRORS = {"metric": "errors", "kind": "bad_units"}
ALARM = {"metric": "checkout-5xx", "kind": "alarm"}


class Rolling:
    """Over a store that may fail."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = MemoryStore() if store is None else store
        self.control, self.quarantine = Control(self.store), MemoryBlobs()
        self.shots, self.alarms = MemorySchedules(), MemoryAlarms()
        self.now = START + timedelta(hours=9)
        self.records: list[dict[str, Any]] = []
        self._calls = 0
        self.store.listen(self._changed)
        self.flag("checkout")

    def flag(self, key: str) -> None:
        made(self.control, key)
        configured(self.control, key, "production", enabled=True, default_variant="off", reason="R")

    def begin(self, flag: str = "checkout", **fields: Any) -> str:
        told = {"from": "off", "to": "on", "ladder": LADDER, "guards": [ERRORS], "reason": "R", **fields}
        new = NewRollout.model_validate(told)
        return self.control.rollouts.plan(self.call("rollouts.create"), flag, "production", new, ENTROPY).stored.id

    def move(self, id: str, event: Event) -> Stored:
        stored = self.find(id)
        return self.control.rollouts.move(
            self.call(), stored.data["flag"], "production", id, stored.version, event, "R", ENTROPY
        )

    def touch(self, id: str) -> None:
        """One more version, which changes nothing."""
        stored = self.find(id)
        self.control.rollouts.shelf.update(self.call(), stored, stored.data, [])

    def count(self, id: str, counts: Mapping[str, int], shard: str = "00") -> None:
        """What stands in one shard from now on; names as `slipway.signals.counters` has them."""
        before = self.store.get(COUNTERS, id, shard)
        version = 1 if before is None else before["version"] + 1
        row = {"pk": id, "sk": shard, "schema": 1, "version": version, "last": "1", "floor": 0, **packed(counts), "recent": {}}
        self.store.put(COUNTERS, row)

    def harm(self, id: str, stage: int = 0, metric: str = "errors") -> None:
        """Nine units in treatment, none in control, by server keys."""
        self.count(id, seen(stage) | {f"met|{metric}|{stage}|t|server": 9})

    def find(self, id: str) -> Stored:
        return self.control.rollouts.shelf.read(id)

    def state(self, id: str) -> str:
        return str(self.find(id).data["state"])

    def why(self, id: str) -> str:
        return str(self.find(id).data["why"]["code"])

    # --- who judges ---

    def deliver(self, records: Sequence[Mapping[str, Any]] | None = None, *, raising: bool = False) -> list[str]:
        """The sequence numbers that are to come again."""
        use = Use(self.control.rollouts, lambda: self.now)
        with guard.testing(Wired(use, self.quarantine, raising)):
            answer = guard({"Records": list(self.records if records is None else records)}, Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def ring(self, *records: Mapping[str, Any]) -> None:
        use = Use(self.control.rollouts, lambda: self.now)
        with guard.testing(Wired(use, self.quarantine)):
            guard({"Records": list(records or [notification()])}, Context())

    def step(self, event: Mapping[str, Any]) -> None:
        with ramp.testing(Ramp(self.control.rollouts, self.alarms, lambda: self.now)):
            ramp(event, Context())

    def first(self, id: str) -> dict[str, Any]:
        """The envelope of its beginning."""
        (envelope,) = envelopes(self.control.rollouts.shelf.past(id, 1).row)
        return envelope

    def told(self, id: str) -> None:
        """The ramp is told of the last move, by the bus."""
        for envelope in envelopes(self.find(id).row):
            self.step(arrival(envelope))

    def later(self, **time: int) -> datetime:
        self.now += timedelta(**time)
        return self.now

    def call(self, operation: str = "test") -> Call:
        self._calls += 1
        return Call(EDITOR, operation, self.now, f"{operation} {self._calls}")

    def _changed(self, table: str, old: Any, new: Any) -> None:
        if table == COUNTERS.name:
            self.records.append(record(table, old, new, 10**20 + len(self.records)))


def seen(stage: int = 0, control: int = 950, treatment: int = 50) -> dict[str, int]:
    return {f"exposed|{stage}|c|server": control, f"exposed|{stage}|t|server": treatment}


def notification(
    alarm: str = "checkout-5xx", state: str = "ALARM", at: datetime = START + timedelta(hours=9, seconds=70), **changed: Any
) -> dict[str, Any]:
    """What a topic delivers when an alarm of CloudWatch has changed its state, at that moment."""
    topic = "arn:aws:sns:eu-west-1:111122223333:slipway-rollout-alarms"
    dimension = {"value": "checkout", "name": "ApiName"}
    message = {
        "AlarmName": alarm,
        "AlarmDescription": "The shop answers 5xx",
        "AWSAccountId": "111122223333",
        "AlarmConfigurationUpdatedTimestamp": "2026-11-01T08:00:00.000+0000",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint [7.0 (01/11/26 09:00:00)] was greater than the threshold (5.0).",
        "StateChangeTime": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0000",
        "Region": "EU (Ireland)",
        "AlarmArn": f"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:{alarm}",
        "OldStateValue": "OK" if state == "ALARM" else "ALARM",
        "OKActions": [topic],
        "AlarmActions": [topic],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "5XXError",
            "Namespace": "AWS/ApiGateway",
            "StatisticType": "Statistic",
            "Statistic": "SUM",
            "Unit": None,
            "Dimensions": [dimension],
            "Period": 60,
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 5.0,
            "TreatMissingData": "missing",
            "EvaluateLowSampleCountPercentile": "",
        },
    }
    told = {
        "Type": "Notification",
        "MessageId": "f2a4f2a8-0001-5e7a-9d39-a3f0b0c0d0e0",
        "TopicArn": topic,
        "Subject": f'{state}: "{alarm}" in EU (Ireland)',
        "Message": json.dumps(message),
        "Timestamp": "2026-11-01T09:01:10.200Z",
        "SignatureVersion": "1",
        "Signature": "none",
        "SigningCertUrl": "https://sns.example.com/certificate.pem",
        "UnsubscribeUrl": "https://sns.example.com/unsubscribe",
        "MessageAttributes": {},
        **changed,
    }
    return {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": f"{topic}:1", "Sns": told}
