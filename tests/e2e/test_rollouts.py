"""The closed loop, with IAM enforced: what people are shown, what happens to them, and the flag that is back by itself."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.demo import ENVIRONMENT
from slipway.adapters.attributes import marshal_row
from slipway.rollouts import exposure
from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e

PROMISE = 10  # seconds from the event that decides
PATIENCE = 60
HOLD = {"minutes": 1}
Tell = Callable[[str], None]


class Rollout:
    """Of a flag of its own."""

    def __init__(self, stack: Stack, share: float, *guards: dict[str, Any]) -> None:
        self.stack, self.flag = stack, f"rolled-{secrets.token_hex(4)}"
        assert stack.call("POST", "/v1/flags", {"key": self.flag, "type": "boolean", "client_side": True}).status == 201
        self.place = f"/v1/flags/{self.flag}/environments/{ENVIRONMENT}"
        merge = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
        on = {"enabled": True, "default_variant": "off"}
        assert stack.call("PATCH", self.place, on, headers=merge).status == 200
        ladder = [{"share": share, "hold": HOLD}, {"share": 100}]
        course = {"from": "off", "to": "on", "ladder": ladder, "guards": list(guards)}
        begun = stack.call("POST", f"{self.place}/rollouts", course)
        assert begun.status == 201, begun.body
        self.id, self.path = begun.json()["id"], f"{self.place}/rollouts/{begun.json()['id']}"
        self.parts = int(share * exposure.SCALE / 100)
        until(lambda: self.answer("anybody")[1], within=PATIENCE, what="an answer proves an exposure")

    def people(self, arm: str, count: int) -> list[str]:
        named = (f"{self.flag}-{number}" for number in range(10_000))
        found = (who for who in named if exposure.arm(exposure.bucket(self.flag, "v3", who), self.parts) == arm)
        return [next(found) for _ in range(count)]

    def answer(self, who: str) -> tuple[str, str | None]:
        """The variant, and the proof of it, as an OFREP client gets them."""
        path = f"/ofrep/v1/evaluate/flags/{self.flag}"
        told = self.stack.call("POST", path, {"context": {"targetingKey": who}}, token="client").json()
        return told.get("variant", ""), told.get("metadata", {}).get("exposure")

    def shown(self, people: list[str]) -> None:
        """The server that shows it tells so, until who collects has heard of the rollout and everybody is counted."""
        events = [{"id": f"x-{who}", "type": "exposure", "flag": self.flag, "context": {"targetingKey": who}} for who in people]

        def counted() -> bool:
            if self._tell(events):
                return False  # it has not heard of the flag
            now = self.stack.call("GET", f"{self.path}/evidence").json()["now"]
            return sum(int(one["control"] + one["treatment"]) for one in now["exposed"]) == len(people)

        until(counted, within=PATIENCE, what="everybody is counted", every=1)

    def happened(self, people: list[str], name: str = "failed") -> None:
        events = [{"id": f"{name}-{who}", "type": "outcome", "name": name, "targetingKey": who} for who in people]
        assert self._tell(events) == []

    def _tell(self, events: list[dict[str, Any]]) -> list[Any]:
        """Those that were rejected."""
        told = self.stack.call("POST", "/v1/events", {"events": events}, token="server")
        assert told.status == 202, told.body
        return list(told.json()["rejected"])

    def read(self) -> dict[str, Any]:
        return dict(self.stack.call("GET", self.path).json())

    def move(self, event: str) -> None:
        moved = self.stack.call("POST", f"{self.path}/{event}", {}, headers={"If-Match": "*"})
        assert moved.status == 200, moved.body

    def becomes(self, state: str) -> None:
        until(lambda: self.read()["state"] == state, within=PATIENCE, what=f"the rollout is {state}")


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> None:
    name = stack.functions()[function]["FunctionName"]
    ran = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    assert "FunctionError" not in ran, ran["Payload"].read()


@pytest.fixture(scope="module")
def ladder(stack: Stack) -> Rollout:
    """Begun first, as its minute is long."""
    rollout = Rollout(stack, 50, {"metric": "failed", "kind": "bad_units"})
    treated, others = rollout.people("t", 3), rollout.people("c", 3)
    rollout.shown([*treated, *others])
    rollout.happened([*treated[:2], *others[:1]])
    return rollout


def test_a_harmful_rollout_is_back_by_itself(stack: Stack, ladder: Rollout, tell: Tell) -> None:
    rollout = Rollout(stack, 5, {"metric": "failed", "kind": "bad_units"})
    treated, others = rollout.people("t", 6), rollout.people("c", 6)
    rollout.shown([*treated, *others])
    assert [rollout.answer(who)[0] for who in (treated[0], others[0])] == ["on", "off"]
    rollout.happened(others[:1])
    rollout.happened(treated[:-1])
    rollout.happened(treated[-1:])
    decided = time.monotonic()
    until(lambda: rollout.answer(treated[0]) == ("off", None), within=3 * PROMISE, what="the flag is back")
    tell(f"the flag is back for OFREP clients {time.monotonic() - decided:.1f} s after the deciding event")
    found = rollout.read()
    assert (found["state"], found["share"], found["why"]["code"]) == ("rolled_back", 0, "harm")
    decision = stack.call("GET", f"{rollout.path}/evidence").json()["decided"]
    assert (decision["action"], decision["guard"]) == ("roll_back", "failed")
    assert decision["findings"][0]["e"] >= decision["findings"][0]["threshold"]
    tried = stack.call("POST", f"{rollout.path}/dry-run", {})
    assert (tried.status, tried.json()["outcome"]) == (200, "roll_back"), tried.body

    def heard() -> list[str]:
        return [one["type"] for one in stack.call("GET", f"/v1/audit?subject={rollout.id}").json()["items"]]

    until(lambda: "rollout.rolled_back.v1" in heard(), within=PATIENCE, what="the bus has told of it")
    assert heard() == ["rollout.rolled_back.v1", "rollout.started.v1"]


def made(stack: Stack, alarm: str, *topics: str) -> None:
    stack.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        AlarmActions=list(topics),
        MetricName="5xx",
        Namespace="Shop",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
    )


@pytest.fixture
def alarm(stack: Stack) -> Iterator[str]:
    """One that tells nobody."""
    name = f"shop-{secrets.token_hex(4)}"
    made(stack, name)
    yield name
    stack.client("cloudwatch").delete_alarms(AlarmNames=[name])


def test_an_alarm_takes_a_rollout_back(stack: Stack, alarm: str) -> None:
    """By CloudWatch and the topic that it is sent to."""
    rollout = Rollout(stack, 50, {"metric": alarm, "kind": "alarm"})
    topics = [one["TopicArn"] for one in stack.client("sns").list_topics()["Topics"]]
    [topic] = [arn for arn in topics if arn.endswith("-rollout-alarms")]
    made(stack, alarm, topic)
    stack.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    rollout.becomes("rolled_back")
    assert rollout.read()["why"]["code"] == "alarm"


def test_an_alarm_that_rings_already_does_so_too(stack: Stack, alarm: str) -> None:
    """It tells nobody; who resumes is asked for it."""
    rollout = Rollout(stack, 50, {"metric": alarm, "kind": "alarm"})
    stack.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    rollout.move("pause")
    rollout.move("resume")
    rollout.becomes("rolled_back")
    assert rollout.read()["why"]["code"] == "alarm"


def test_a_row_that_nobody_can_judge_by_is_put_aside(stack: Stack) -> None:
    dynamodb, strange = stack.client("dynamodb"), f"rol_strange{secrets.token_hex(4)}"
    head = {"pk": strange, "sk": "head", "kind": "rollout", "schema": 1, "version": 1, "events": []}
    head |= dict.fromkeys(("created_at", "updated_at"), "2026-11-01T00:00:00.000Z")
    head |= {"cause": {}, "data": {"state": "running", "stage": 0}}
    counter = {"pk": strange, "sk": "00", "schema": 1, "version": 1, "last": "1", "floor": 0, "counts": {}, "recent": {}}
    for table, row in (("FLAGS", head), ("COUNTERS", counter)):
        dynamodb.put_item(TableName=stack.setting("guard", f"SLIPWAY_TABLE_{table}"), Item=marshal_row(row))
    bucket = stack.setting("guard", "SLIPWAY_BUCKET_QUARANTINE")

    def put_aside() -> list[Any]:
        return list(stack.client("s3").list_objects_v2(Bucket=bucket, Prefix="records/guard/").get("Contents", []))

    until(put_aside, within=PATIENCE, what="the strange record is in quarantine")


def test_the_day_makes_what_was_lost(stack: Stack, ladder: Rollout) -> None:
    """The one-shot that nobody made; and every rollout that is under way is judged."""
    scheduler = stack.client("scheduler")
    name = f"{stack.setting('calendar', 'SLIPWAY_SCHEDULE_PREFIX')}{ladder.id}-0"
    until(lambda: _there(scheduler, name), within=PATIENCE, what="the one-shot of its stage")
    since = datetime.fromisoformat(ladder.read()["stages"][0]["since"])
    assert since + timedelta(minutes=1) <= _at(scheduler, name) < since + timedelta(minutes=2)
    scheduler.delete_schedule(Name=name)
    day = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    invoke(stack, "calendar", day)
    assert _there(scheduler, name)
    invoke(stack, "ramp", day)
    assert ladder.read()["state"] == "running"


def test_its_one_shot_takes_a_rollout_on(stack: Stack, ladder: Rollout) -> None:
    """As the schedule fires it, which may be up to a minute early; and its own one changes nothing more."""
    due = datetime.fromisoformat(ladder.read()["due"])

    def fired() -> bool:
        if datetime.now(UTC) >= due - timedelta(minutes=1):
            invoke(stack, "ramp", {"schedule": f"{ladder.id}-0"})
        return bool(ladder.read()["state"] == "completed")

    until(fired, within=PATIENCE + 5, what="the step that is due", every=1)
    until(lambda: ladder.answer(ladder.people("c", 1)[0]) == ("on", None), within=PATIENCE, what="everybody has it")


def _there(scheduler: Any, name: str) -> bool:
    return any(one["Name"] == name for one in scheduler.list_schedules(NamePrefix=name)["Schedules"])


def _at(scheduler: Any, name: str) -> datetime:
    told = scheduler.get_schedule(Name=name)["ScheduleExpression"]
    return datetime.fromisoformat(told.removeprefix("at(").removesuffix(")")).replace(tzinfo=UTC)
