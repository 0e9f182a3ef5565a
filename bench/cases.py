"""What is measured: each function with an event of its daily work, against real tables, buckets and a bus."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from slipway import keyring, settings
from slipway.access import Principal
from slipway.adapters.boto import BotoDynamo, BotoObjects
from slipway.adapters.dynamodb import DynamoStore
from slipway.adapters.s3 import S3Blobs
from slipway.calls import Call
from slipway.flags.compilation import compiled
from slipway.flags.control import Control
from slipway.flags.flag import NewFlag
from slipway.flags.snapshot import path
from slipway.keys import Keys, NewKey
from slipway.outbox import due
from slipway.product import NewProduct
from slipway.products import Products
from slipway.rollouts import exposure, signing
from slipway.settings import Settings
from slipway.signals import rows as signals
from slipway.tables import ACCESS, AUDIT, COUNTERS, FEEDBACK, FLAGS, PRODUCTS, SIGNALS
from slipway.upgrades import upgrader
from tests.backends import boto_client, create_table
from tests.flag_rows import configuration, flag, rows
from tests.functions.events import ADMIN, EDITOR, http_event
from tests.records import arrival, record

BUCKET, BUS, LAKE = "bench", "slipway", "lake"
TABLES = (PRODUCTS, ACCESS, AUDIT, FLAGS, SIGNALS, COUNTERS, FEEDBACK)
TOLD = 20  # events of a batch; half of them exposures
ROLLOUT, SECRET = "rol_" + "b" * 26, b"b" * 32
DOCUMENTS = (20, 350, 1000)  # flags of one environment
NEW_PRODUCT = json.dumps({"name": " Enamel mug ", "price": "19.99", "tags": ["kitchen"], "owner": "ada"})
JSON = {"content-type": "application/json"}


Event = Callable[[int], dict[str, Any]]


class Case(NamedTuple):
    """`event(n)` is the n-th event; `env` what the function is told; `kind`: floor, secured, peer, function."""

    name: str
    handler: str
    kind: str
    event: Event
    env: Mapping[str, str]
    works: Callable[[Any], bool]


def cases(endpoint: str) -> list[Case]:
    """Fill the backend at `endpoint` and say what to run on it."""
    prepare(endpoint)
    names = {table.name: f"slipway-{table.name}" for table in TABLES}
    store = DynamoStore(BotoDynamo(boto_client("dynamodb", endpoint)), names)
    blobs = S3Blobs(BotoObjects(boto_client("s3", endpoint)), BUCKET)
    secret = _key(store, blobs)
    _flags(store, blobs)
    _rollout(store, blobs)
    Products(store).create(
        _call("products.create").but(nonce="mug"), NewProduct.model_validate({"name": "Mug", "price": 1, "key": "mug"})
    )
    product = Products(store).create(_call("products.create"), NewProduct.model_validate(json.loads(NEW_PRODUCT))).stored.row
    rotated = record("access", None, {"pk": "verifiers#production", "sk": "selector", "kind": "server"}, 1)
    change, (envelope,) = record("products", None, product, 1), due(None, product)
    token = {"authorization": f"Bearer {secret}"}
    products = settings.Products(stage="bench", table_products=names["products"])
    access = settings.Access(stage="bench", table_access=names["access"])
    audit = settings.Audit(stage="bench", table_audit=names["audit"])
    authorize = settings.Authorize(
        stage="bench", table_access=names["access"], bucket_keys=BUCKET, issuer="https://none.invalid", user_pool_client="none"
    )
    relay = settings.Relay(stage="bench", bucket_quarantine=BUCKET, bus=BUS)
    publish = settings.Keyring(stage="bench", bucket_quarantine=BUCKET, table_access=names["access"], bucket_keys=BUCKET)
    evaluate = settings.Evaluate(stage="bench", bucket_flags=BUCKET, bucket_keys=BUCKET)
    snapshot = settings.Snapshot(stage="bench", bucket_quarantine=BUCKET, table_flags=names["flags"], bucket_flags=BUCKET)
    collect = settings.Collect(
        stage="bench", table_signals=names["signals"], bucket_flags=BUCKET, bucket_keys=BUCKET, lake=LAKE
    )
    tally = settings.Tally(
        stage="bench",
        bucket_quarantine=BUCKET,
        table_signals=names["signals"],
        table_counters=names["counters"],
        table_flags=names["flags"],
    )
    feedback = settings.Feedback(
        stage="bench",
        table_feedback=names["feedback"],
        bucket_attachments=BUCKET,
        table_products=names["products"],
        table_signals=names["signals"],
        table_access=names["access"],
        table_flags=names["flags"],
    )
    store_event = settings.Record(stage="bench", table_audit=names["audit"])
    unhurried = "bench.peers.unhurried.handler"
    identity = {"identitySource": [token["authorization"]]}

    def get(path: str, principal: Principal | None = EDITOR) -> Event:
        return lambda _: http_event("GET", path, headers=token, principal=principal)

    return [
        Case("empty handler", "bench.peers.empty.handler", "floor", lambda _: {}, {}, _status(200)),
        Case("empty + TLS request", "bench.peers.secure.handler", "secured", lambda _: {}, {}, _status(200)),
        Case(
            "Powertools + boto3", "bench.peers.plain.handler", "peer", _create, {"PLAIN_TABLE": names["products"]}, _status(201)
        ),
        _function("products: create", "products", _create, products, _status(201)),
        _function("products: get", "products", get(f"/v1/products/{product['pk']}"), products, _status(200)),
        _function("access: me", "access", get("/v1/me"), access, _status(200)),
        _function("audit: list", "audit", get("/v1/audit", ADMIN), audit, _status(200)),
        _function("feedback: submit", "feedback", _submitted, feedback, _status(201)),
        _function("site: page", "site", get("/", None), settings.Site(stage="bench"), _status(200)),
        Case(
            "authorize: key",
            "bench.peers.patient.handler",
            "function",
            lambda n: get("/v1/me", None)(n) | identity,
            authorize.env(),
            _authorized,
        ),
        Case("evaluate: 1 of 20", unhurried, "function", _evaluate(20, "flag-3"), evaluate.env(), _status(200)),
        Case("evaluate: with a rule", unhurried, "function", _evaluate(20, "flag-4"), evaluate.env(), _status(200)),
        Case("evaluate: a split", unhurried, "function", _evaluate(20, "flag-5"), evaluate.env(), _status(200)),
        Case("evaluate: all of 350", unhurried, "function", _evaluate(350), evaluate.env(), _status(200)),
        Case("evaluate: 1 of 1,000", unhurried, "function", _evaluate(1000, "flag-3"), evaluate.env(), _status(200)),
        _function("collect: 1 event", "collect", _told(1), collect, _status(202)),
        _function(f"collect: {TOLD} events", "collect", _told(TOLD), collect, _status(202)),
        _function("tally: 100 signals", "tally", _signals, tally, _all_handled),
        _function("snapshot: 20 flags", "snapshot", _revised, snapshot, _all_handled),
        _function("relay: one event", "relay", lambda _: {"Records": [change]}, relay, _all_handled),
        _function("keyring: one key", "keyring", lambda _: {"Records": [rotated]}, publish, _all_handled),
        _function("record: one event", "record", lambda n: arrival({**envelope, "id": f"evt_{n:026d}"}), store_event, _silent),
    ]


def prepare(endpoint: str) -> None:
    dynamodb = boto_client("dynamodb", endpoint)
    for table in TABLES:
        create_table(dynamodb, table, f"slipway-{table.name}")
    boto_client("s3", endpoint).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    boto_client("events", endpoint).create_event_bus(Name=BUS)
    destination = {"BucketARN": f"arn:aws:s3:::{BUCKET}", "RoleARN": "arn:aws:iam::000000000000:role/lake"}
    boto_client("firehose", endpoint).create_delivery_stream(
        DeliveryStreamName=LAKE, ExtendedS3DestinationConfiguration=destination
    )


def _function(name: str, function: str, event: Event, told: Settings, works: Callable[[Any], bool]) -> Case:
    return Case(name, f"functions.{function}.handler.handler", "function", event, told.env(), works)


def _status(expected: int) -> Callable[[Any], bool]:
    return lambda answer: bool(answer["statusCode"] == expected)


def _authorized(answer: Any) -> bool:
    return answer["isAuthorized"] is True


def _all_handled(answer: Any) -> bool:
    return bool(answer == {"batchItemFailures": []})


def _silent(answer: Any) -> bool:
    return answer is None


def _create(_: int) -> dict[str, Any]:
    return http_event("POST", "/v1/products", headers=JSON, body=NEW_PRODUCT, principal=EDITOR)


def _submitted(number: int) -> dict[str, Any]:
    """A browser whose visitor nobody knows yet: with a key for that person, the dearest. Each from a network of its own."""
    client = Principal("client", "key_bench", environment="production")
    told = {
        "type": "bug",
        "product": "mug",
        "title": "The handle is hot",
        "text": "When I pour tea, the handle gets hot. Ring me at +49 30 1234567 or write to ada@example.com.",
        "targeting_key": f"unit-{number}-{time.monotonic_ns()}",
        "context": {"url": "https://example.com/mugs?page=2", "release": "2026.11.3", "locale": "en-GB"},
    }
    event = http_event("POST", "/v1/feedback", headers=JSON, body=json.dumps(told), principal=client)
    event["requestContext"]["http"]["sourceIp"] = f"198.51.{number % 250}.1"
    return event


def _evaluate(flags: int, key: str | None = None) -> Event:
    """Another unit each time, in the environment with so many flags."""
    server = Principal("server", "key_bench", environment=f"with-{flags}")
    place = "/ofrep/v1/evaluate/flags" + (f"/{key}" if key else "")

    def event(number: int) -> dict[str, Any]:
        context = {"targetingKey": f"unit-{number}", "plan": "pro", "email": f"unit-{number}@example.com"}
        return http_event("POST", place, headers=JSON, body=json.dumps({"context": context}), principal=server)

    return event


def _told(events: int) -> Event:
    """A browser that was shown a flag, and what came of it: other units each time."""
    client = Principal("client", "key_bench", environment="rolled-out")

    def event(number: int) -> dict[str, Any]:
        units = [f"unit-{number}-{each}-{events}" for each in range(max(1, events // 2))]
        told = [_exposure(unit) for unit in units] if events > 1 else []
        told += [{"id": f"o-{unit}", "type": "outcome", "name": "errors", "targetingKey": unit} for unit in units]
        return http_event("POST", "/v1/events", headers=JSON, body=json.dumps({"events": told}), principal=client)

    return event


def _exposure(unit: str) -> dict[str, Any]:
    bucket = exposure.bucket("rolled", "v3", unit)
    shown = exposure.Exposure(1, ROLLOUT, 0, exposure.arm(bucket, 50_000), bucket, exposure.unit(SECRET, ROLLOUT, unit))
    token = exposure.sign(SECRET, "rolled-out", "rolled", shown)
    return {"id": f"x-{unit}", "type": "exposure", "flag": "rolled", "exposure": token, "targetingKey": unit}


def _signals(number: int) -> dict[str, Any]:
    """A delivery of the stream: units of all shards of a rollout."""
    records = []
    for each in range(100):
        unit = exposure.unit(SECRET, ROLLOUT, f"{number} {each}")
        place = signals.of_rollout(ROLLOUT, "unit", unit)
        row = signals.row(place, number, signals.ROLLOUT_DAYS, stage=0, arm="t", bucket=1, trust="server", source="")
        records.append(record("signals", None, row, 1000 * number + each + 1))
    return {"Records": records}


def _rollout(store: DynamoStore, blobs: S3Blobs) -> None:
    """An environment in which a flag has one, and what signs its exposures."""
    running = {
        "id": ROLLOUT,
        "from": "off",
        "to": "on",
        "bucket_by": "targetingKey",
        "share": 50_000,
        "stage": 0,
        "generation": 1,
    }
    watch = [{"metric": "errors", "kind": "bad_units"}, {"metric": "*", "kind": "activity"}]
    body = compiled(rows([flag("rolled")], [configuration("rolled", rollout={**running, "watch": json.dumps(watch)})])).body
    blobs.put(path("rolled-out"), body, content_type="application/json")
    signing.begin(store, "rolled-out", SECRET)
    signing.publish(store, blobs, "rolled-out")


def _revised(number: int) -> dict[str, Any]:
    row = {"pk": "revision#development", "sk": "revision", "schema": 1, "revision": 1000 + number, "bytes": 0}
    return {"Records": [record("flags", None, row, number + 1)]}


def _flags(store: DynamoStore, blobs: S3Blobs) -> None:
    """An environment for each of DOCUMENTS: a third of its flags plain, a third with conditions, a third split in two."""
    half = {"fractional": [["on", 50], ["off", 50]]}
    clauses = {"and": [{"==": [{"var": "plan"}, "pro"]}, {"ends_with": [{"var": "email"}, "@example.com"]}]}
    rules = [None, {"if": [clauses, "on", "off"]}, half]
    for count in DOCUMENTS:
        flags = [flag(f"flag-{number}") for number in range(count)]
        configurations = [configuration(f"flag-{number}", targeting=rules[number % 3]) for number in range(count)]
        body = compiled(rows(flags, configurations)).body
        blobs.put(path(f"with-{count}"), body, content_type="application/json")
    control = Control(store)
    for number in range(20):
        made = NewFlag.model_validate({"key": f"flag-{number}", "type": "boolean"})
        control.flags.create(_call("flags.create").but(nonce=f"flag {number}"), made)


def _key(store: DynamoStore, blobs: S3Blobs) -> str:
    """A server key of the environment `production`, published with today as its last day of use, which only a key's first
    request of a day writes."""
    made = Keys(store, os.urandom, upgrader("key")).create(_call("keys.create"), NewKey("bench", "server", "production"))
    today = int(time.time() // 86_400)
    store.put(ACCESS, {"pk": "used#production", "sk": made.stored.id, "schema": 1, "day": today})
    keyring.publish(store, blobs, "production")
    assert made.secret is not None
    return made.secret


def _call(operation: str) -> Call:
    return Call(Principal("member", "mbr_bench", "admin"), operation, datetime(2026, 11, 23, tzinfo=UTC), "bench")
