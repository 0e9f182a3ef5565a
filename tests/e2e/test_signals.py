"""From an answer that proves an exposure to what people read of it: collector, stream and counters, with IAM enforced."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.demo import ENVIRONMENT
from slipway.adapters.attributes import marshal_row
from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e

PATIENCE = 60


class Rows:
    """The tables behind the API, as the account's root."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.dynamodb = stack, stack.client("dynamodb")

    def put(self, table: str, function: str, row: dict[str, Any]) -> None:
        name = self.stack.setting(function, f"SLIPWAY_TABLE_{table.upper()}")
        self.dynamodb.put_item(TableName=name, Item=marshal_row(row))


@pytest.fixture(scope="module")
def flag(stack: Stack) -> str:
    key = f"rolled-{secrets.token_hex(4)}"
    assert stack.call("POST", "/v1/flags", {"key": key, "type": "boolean", "client_side": True}).status == 201
    patch = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    place = f"/v1/flags/{key}/environments/{ENVIRONMENT}"
    assert stack.call("PATCH", place, {"enabled": True, "default_variant": "off"}, headers=patch).status == 200
    ladder = [{"share": 50, "hold": {"minutes": 1440}}, {"share": 100}]
    course = {"from": "off", "to": "on", "ladder": ladder, "guards": [{"metric": "failed", "kind": "bad_units"}]}
    begun = stack.call("POST", f"{place}/rollouts", course)
    assert begun.status == 201, begun.body
    until(lambda: evaluated(stack, key, "anybody").get("exposure"), within=PATIENCE, what="an answer proves an exposure")
    return key


def evaluated(stack: Stack, flag: str, who: str) -> dict[str, Any]:
    """The variant and the metadata."""
    answer = stack.call("POST", f"/ofrep/v1/evaluate/flags/{flag}", {"context": {"targetingKey": who}}, token="client").json()
    return {"variant": answer.get("variant"), **answer["metadata"]}


def test_from_an_answer_to_what_people_read(stack: Stack, flag: str) -> None:
    people = [f"user-{number}" for number in range(12)]
    answers = {who: evaluated(stack, flag, who) for who in people}
    variants = Counter(answer["variant"] for answer in answers.values())
    assert len(variants) == 2
    exposures = [
        {"id": f"{flag}-{who}", "type": "exposure", "flag": flag, "exposure": answers[who]["exposure"], "targetingKey": who}
        for who in people
    ]
    outcomes = [
        {"id": f"{flag}-failed-{who}", "type": "outcome", "name": f"failed-{flag}", "value": 2.5, "targetingKey": who}
        for who in people
    ]
    for path, token in (("/v1/events", "client"), ("/ofrep/v1/track", "server"), ("/v1/events", "client")):
        told = stack.call("POST", path, {"events": [*exposures, *outcomes, {"id": "bad"}]}, token=token)
        assert (told.status, told.json()["accepted"]) == (202, 24), told.body
        assert [one["index"] for one in told.json()["rejected"]] == [24]

    def adopted() -> dict[str, int]:
        days = stack.call("GET", f"/v1/flags/{flag}/adoption?environment={ENVIRONMENT}").json()["days"]
        return dict(sum((Counter(day["units"]) for day in days), Counter()))

    until(lambda: adopted() == variants, within=PATIENCE, what="every unit is counted")

    def measured() -> dict[str, Any]:
        days = stack.call("GET", f"/v1/metrics/failed-{flag}?environment={ENVIRONMENT}&flag={flag}").json()["days"]
        return dict(days[0]) if days else {}

    until(lambda: measured().get("events") == 24, within=PATIENCE, what="every outcome of each kind of key is counted")
    day = measured()
    assert (day["units"], day["sum"]) == (12, 60.0)
    assert {name: found["units"] for name, found in day["variants"].items()} == variants


def test_the_daily_round_recounts_the_rollouts_that_run_and_the_day_before(stack: Stack, flag: str) -> None:
    """Also what the stream has lost for good: counters say that all up to now were counted."""
    rows, day = Rows(stack), (datetime.now(UTC) - timedelta(days=1, minutes=5)).date().isoformat()
    at = int((time.time() - 86_400) * 1000)
    common = {"schema": 1, "at": at}
    lost = {"schema": 1, "version": 1, "last": "9" * 39, "floor": 0, "counts": {}, "recent": {}}
    for kind, named, sk, more in (
        ("adopt", "flag", "somebody", {"variant": "on"}),
        ("metric", "name", "unit#somebody", {"variants": {}}),
    ):
        rows.put("counters", "tally", {**lost, "pk": f"{kind}#{ENVIRONMENT}#{flag}", "sk": f"{day}#0a"})
        rows.put("signals", "collect", {**common, "pk": f"{kind}#{ENVIRONMENT}#{flag}#{day}#0a", "sk": sk, **more})
        rows.put("signals", "collect", {**common, "pk": f"names#{ENVIRONMENT}#{day}", "sk": f"{named}#{flag}"})
    event = {"source": "aws.events", "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    ran = stack.client("lambda").invoke(FunctionName=stack.functions()["tally"]["FunctionName"], Payload=json.dumps(event))
    assert "FunctionError" not in ran, ran["Payload"].read()
    window = f"?environment={ENVIRONMENT}&from={day}&to={day}"
    assert stack.call("GET", f"/v1/flags/{flag}/adoption{window}").json()["days"] == [{"day": day, "units": {"on": 1}}]
    assert [found["units"] for found in stack.call("GET", f"/v1/metrics/{flag}{window}").json()["days"]] == [1]


def test_a_row_that_nobody_wrote_is_put_aside(stack: Stack) -> None:
    strange = {"pk": "rol_strange#00", "sk": f"what#{time.time_ns()}", "schema": 1, "at": 0}
    Rows(stack).put("signals", "collect", strange)
    bucket = stack.setting("tally", "SLIPWAY_BUCKET_QUARANTINE")

    def put_aside() -> list[Any]:
        return list(stack.client("s3").list_objects_v2(Bucket=bucket, Prefix="records/tally/").get("Contents", []))

    until(put_aside, within=PATIENCE, what="the strange record is in quarantine")


def test_what_was_told_stands_in_the_lake_by_day(stack: Stack, flag: str) -> None:
    stack.call(
        "POST",
        "/v1/events",
        {"events": [{"id": f"lake-{flag}", "type": "outcome", "name": "x", "targetingKey": "somebody-else"}]},
        token="server",
    )
    s3 = stack.client("s3")
    [bucket] = [one["Name"] for one in s3.list_buckets()["Buckets"] if "lake" in one["Name"]]
    prefix = f"events/day={datetime.now(UTC).date().isoformat()}/"

    def found() -> list[dict[str, Any]]:
        objects = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in objects]
        return [line for body in bodies for line in map(json.loads, body.splitlines()) if line["id"] == f"lake-{flag}"]

    [line] = until(found, within=PATIENCE, what="the event is in the lake")
    assert (line["type"], line["name"], line["environment"]) == ("outcome", "x", ENVIRONMENT)
    assert "somebody-else" not in json.dumps(line)
    assert "192.0.2" not in json.dumps(line)
