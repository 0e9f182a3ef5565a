"""OFREP and the snapshot: golden events in, what SDKs read out; the last good copy while the bucket is silent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.evaluate.handler import (
    BULK,
    COUNTED,
    FLAGS,
    FRESH,
    LARGEST_BODY,
    OPERATIONS,
    PAUSE,
    SINGLE,
    Evaluator,
    documents,
)
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs
from slipway.edge.compression import LARGEST
from slipway.flags.compilation import compiled
from slipway.flags.counting import EVERY, EVERY_CLIENT
from slipway.flags.limits import MOST_STEPS_TOGETHER
from slipway.flags.snapshot import path
from slipway.ports import Blob, StoreUnavailable
from slipway.rollouts.signing import Secrets
from tests.flag_rows import configuration, flag, needs, rows, segment
from tests.functions.events import VIEWER, Reply, call, http_event
from tests.specs import specification

CLIENT = Principal("client", "key_client", environment="production")
SERVER = Principal("server", "key_server", environment="production")
NOW = 1_795_435_200.0
PRO = {"if": [{"==": [{"var": "plan"}, "pro"]}, "on", None]}
HALF = {"fractional": [["on", 50], ["off", 50]]}

PUBLISHED = rows(
    [
        flag("checkout", client_side=True),
        flag("dark"),
        flag("nothing", client_side=True),
        flag("half", client_side=True),
        flag("plan", '{"basic": "b", "pro": "p"}', type="string"),
        flag("ratio", '{"on": 1.0, "off": 0.5}', type="float"),
        flag("limits", '{"on": {"calls": 10, "burst": {"n": 1.5}}, "off": {}}', type="object", client_side=True),
        flag("broken", client_side=True),
        flag("gated"),
        flag("office"),
        flag("heavy"),
    ],
    [
        configuration("checkout", targeting=PRO),
        configuration("dark", enabled=False),
        configuration("nothing", default_variant=None, targeting=PRO),
        configuration("half", targeting=HALF),
        configuration("plan", default_variant=None, targeting={"var": "tier"}),
        configuration("ratio", default_variant="on"),
        configuration("limits", default_variant="on"),
        configuration("broken", targeting={"var": "variant"}),
        configuration("gated", prerequisites=needs("checkout", "on"), targeting={"if": [True, "on"]}),
        configuration("office", targeting={"if": [{"$ref": "office"}, "on"]}),
        configuration("heavy", targeting={"if": [{"some": [{"var": "list"}, {"==": [{"var": ""}, 1]}]}, "on"]}),
    ],
    [segment("office", {"in_cidr": [{"var": "ip"}, "10.0.0.0/8"]})],
)


class Bucket(MemoryBlobs):
    """`down`: it does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.asked = False, 0

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("down")
        return super().get(key, etag=etag)


class Deployment:
    def __init__(self, published: Any = PUBLISHED) -> None:
        self.now = NOW
        self.blobs, self.hurried = Bucket(), Bucket()
        self.hurried.objects = self.blobs.objects
        self.keys = Bucket()
        copies = documents(self.blobs, self.hurried)
        self.handler = Evaluator(lambda: copies, lambda: Secrets(self.keys), lambda: self.now)
        if published is not None:
            self.publish(published)

    def publish(self, published: Any) -> None:
        self.blobs.put(path("production"), compiled(published).body, content_type="application/json")

    def down(self, down: bool = True) -> None:
        self.blobs.down = self.hurried.down = down

    def single(self, key: str, body: Any = None, who: Principal | None = SERVER, **more: Any) -> Reply:
        return call(self.handler, "POST", f"{FLAGS}/{key}", {"context": {}} if body is None else body, principal=who, **more)

    def bulk(self, body: Any = None, who: Principal | None = SERVER, **more: Any) -> Reply:
        return call(self.handler, "POST", FLAGS, {"context": {}} if body is None else body, principal=who, **more)

    def snapshot(self, environment: str = "production", who: Principal | None = SERVER, **more: Any) -> Reply:
        return call(self.handler, "GET", f"/v1/environments/{environment}/snapshot", principal=who, **more)


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def told(**context: Any) -> dict[str, Any]:
    return {"context": context}


# --- single ---------------------------------------------------------------------------------------------


def test_an_answer_byte_for_byte(deployment: Deployment) -> None:
    reply = deployment.single("checkout", told(targetingKey="u1", plan="pro"))
    assert reply.body == (
        b'{"key":"checkout","metadata":{"flagSetId":"production","hash":"v3","version":2},'
        b'"reason":"TARGETING_MATCH","value":true,"variant":"on"}'
    )
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.headers["x-request-id"] == "JKJaXmPLvHcESHA="


@pytest.mark.parametrize(
    ("key", "context", "expected"),
    [
        ("checkout", {"plan": "pro"}, ("TARGETING_MATCH", "on", True)),
        ("checkout", {}, ("DEFAULT", "off", False)),
        ("dark", {}, ("DISABLED", "", None)),
        ("nothing", {}, ("DEFAULT", "", None)),
        ("plan", {"tier": "pro"}, ("TARGETING_MATCH", "pro", "p")),
        ("limits", {}, ("STATIC", "on", {"calls": 10, "burst": {"n": 1.5}})),
        ("gated", {"plan": "pro"}, ("TARGETING_MATCH", "on", True)),
        ("gated", {"plan": "free"}, ("DEFAULT", "off", False)),
        ("office", {"ip": "10.9.8.7"}, ("TARGETING_MATCH", "on", True)),
    ],
)
def test_what_a_flag_answers(deployment: Deployment, key: str, context: dict[str, Any], expected: tuple[Any, ...]) -> None:
    reply = deployment.single(key, told(**context))
    assert reply.status == 200
    assert (reply.json["reason"], reply.json["variant"], reply.json.get("value")) == expected
    assert ("value" in reply.json) == (expected[1] != "")
    assert isinstance(reply.json["metadata"], dict)


def test_a_float_goes_out_as_one(deployment: Deployment) -> None:
    assert b'"value":1.0,' in deployment.single("ratio").body


@pytest.mark.parametrize(
    ("key", "status", "code"), [("nobody", 404, "FLAG_NOT_FOUND"), ("broken", 400, "GENERAL"), ("%41", 404, "FLAG_NOT_FOUND")]
)
def test_an_error_has_all_that_sdks_read(deployment: Deployment, key: str, status: int, code: str) -> None:
    reply = deployment.single(key, told(variant="purple"))
    assert (reply.status, reply.json["errorCode"], reply.json["key"]) == (status, code, key)
    assert reply.json["errorDetails"]
    assert isinstance(reply.json["metadata"], dict)


def test_a_browser_is_told_of_an_error_but_nothing_of_the_rule() -> None:
    secret = {"cat": ["secret-cohort-", {"var": "plan"}]}
    published = rows(
        [flag(key, client_side=True) for key in ("names", "lists", "walks", "plain")],
        [
            configuration("names", targeting=secret),
            configuration("lists", targeting={"var": "plan"}),
            configuration("walks", targeting={"if": [{"some": [{"var": "plan"}, secret]}, {"cat": ["secret", {"var": "x"}]}]}),
            configuration("plain", default_variant="on"),
        ],
    )
    deployment = Deployment(published)
    for context in (told(), told(plan=[1]), told(plan="pro", targetingKey="u")):
        bulk = {one["key"]: one for one in deployment.bulk(context, CLIENT).json["flags"]}
        for key in ("names", "lists", "walks", "plain"):
            open, hidden = deployment.single(key, context), deployment.single(key, context, CLIENT)
            assert (open.status, open.json.get("errorCode")) == (hidden.status, hidden.json.get("errorCode"))
            assert hidden.json == bulk[key]
            assert b"secret" not in hidden.body
            if open.status == 400:
                assert hidden.json["errorDetails"] == "The flag cannot be evaluated for this context; a server key is told why."
    assert "secret-cohort-pro" in deployment.single("names", told(plan="pro")).json["errorDetails"]
    assert b"secret-cohort-pro" in deployment.bulk(told(plan="pro")).body


# --- bulk -----------------------------------------------------------------------------------------------


def test_all_flags_at_once_with_their_errors(deployment: Deployment) -> None:
    reply = deployment.bulk(told(targetingKey="u1", plan="pro", variant="purple"))
    found = {one["key"]: one for one in reply.json["flags"]}
    assert set(found) == {row["data"]["key"] for row in PUBLISHED.flags}
    assert (found["checkout"]["value"], found["broken"]["errorCode"]) == (True, "GENERAL")
    assert reply.json["metadata"] == {"flagSetId": "production", "track": "/ofrep/v1/track", "version": "7"}
    for key, one in found.items():
        assert one == deployment.single(key, told(targetingKey="u1", plan="pro", variant="purple")).json


def test_the_etag_is_that_of_the_answer(deployment: Deployment) -> None:
    """The web provider keeps its ETag over a change of the context: the same tag for another answer would freeze it."""
    first = deployment.bulk(told(targetingKey="u1", plan="pro"))
    held = {"if-none-match": first.headers["etag"]}
    again = deployment.bulk(told(targetingKey="u1", plan="pro"), headers=held)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = deployment.bulk(told(targetingKey="u1", plan="free"), headers=held)
    assert (other.status, other.headers["etag"] != first.headers["etag"]) == (200, True)
    same = deployment.bulk(told(targetingKey="u1", plan="pro", irrelevant=1), headers=held)
    assert same.status == 304
    weak = {"if-none-match": f'"x", W/{first.headers["etag"]}'}
    assert deployment.bulk(told(targetingKey="u1", plan="pro"), headers=weak).status == 304


def test_another_configuration_is_another_etag(deployment: Deployment) -> None:
    first = deployment.bulk()
    deployment.publish(PUBLISHED.but(revision=8))
    deployment.now += FRESH
    assert deployment.bulk(headers={"if-none-match": first.headers["etag"]}).status == 200


# --- who ------------------------------------------------------------------------------------------------


def test_a_browser_sees_its_own_flags_and_no_rule(deployment: Deployment) -> None:
    seen = deployment.bulk(who=CLIENT)
    assert [one["key"] for one in seen.json["flags"]] == ["limits", "broken", "checkout", "half", "nothing"]
    hidden = deployment.single("dark", who=CLIENT)
    assert (hidden.status, hidden.json["errorCode"]) == (404, "FLAG_NOT_FOUND")
    assert deployment.single("checkout", who=CLIENT).status == 200
    for reply in (seen, hidden):
        assert b"plan" not in reply.body
        assert b"dark" not in seen.body


@pytest.mark.parametrize(
    ("who", "single", "bulk", "snapshot"),
    [
        (CLIENT, 200, 200, 403),
        (SERVER, 200, 200, 200),
        (VIEWER, 400, 400, 200),
        (None, 401, 401, 401),
        (Principal("member", "mbr_1", None), 403, 403, 403),
    ],
)
def test_who_may_ask(deployment: Deployment, who: Principal | None, single: int, bulk: int, snapshot: int) -> None:
    replies = [deployment.single("checkout", who=who), deployment.bulk(who=who), deployment.snapshot(who=who)]
    assert [reply.status for reply in replies] == [single, bulk, snapshot]
    for reply in replies:
        assert reply.status == 200 or (reply.json["errorCode"], reply.json["metadata"]) == ("GENERAL", {})
        assert reply.headers["content-type"] == "application/json"


def test_a_member_names_the_environment_and_a_key_has_its_own(deployment: Deployment) -> None:
    assert deployment.single("checkout", who=VIEWER, query="environment=production").status == 200
    for reply in (
        deployment.single("checkout", who=VIEWER, query="a=b&environment=staging"),
        deployment.bulk(who=VIEWER, query="environment=staging"),
    ):
        assert (reply.status, reply.json["errorCode"]) == (404, "GENERAL")
        assert reply.json["errorDetails"] == "Of the environment 'staging' nothing is published."
    assert deployment.single("checkout", query="environment=production").status == 200
    assert deployment.single("checkout", query="environment=staging").status == 403
    assert deployment.single("checkout", query="_=1795435200&utm_source=mail").status == 200  # as the reference says
    assert deployment.snapshot("staging").status == 403
    asked = deployment.blobs.asked
    for name in ("", "all", "a" * 33, "../x", "%70roduction", "Production"):
        assert deployment.bulk(who=VIEWER, query=f"environment={name}").status == 400
    assert deployment.blobs.asked == asked


# --- freshness ------------------------------------------------------------------------------------------


def test_a_copy_is_believed_for_two_seconds(deployment: Deployment) -> None:
    deployment.single("checkout")
    deployment.publish(PUBLISHED.but(configurations=(configuration("checkout", default_variant="on"),)))
    deployment.now += FRESH - 0.1
    assert deployment.single("checkout").json["value"] is False
    deployment.now += 0.1
    assert deployment.single("checkout").json["value"] is True
    assert (deployment.blobs.asked, deployment.hurried.asked) == (1, 1)


def test_an_answer_from_a_doubted_copy_is_counted(deployment: Deployment, log_lines: list[dict[str, Any]]) -> None:
    asks: tuple[Callable[[], Reply], ...] = (deployment.bulk, partial(deployment.single, "checkout"), deployment.snapshot)
    deployment.bulk()
    deployment.down()
    deployment.now += FRESH
    for ask in asks:
        assert ask().status == 200
        assert (log_lines[-1]["stale"], log_lines[-1]["Failures"]) == (True, 1)
    deployment.down(False)
    deployment.now += PAUSE
    deployment.bulk()
    assert {"stale", "Failures"}.isdisjoint(log_lines[-1])


def test_the_last_good_copy_serves_for_ever_and_says_so(deployment: Deployment) -> None:
    before = deployment.bulk(told(targetingKey="u1"))
    deployment.down()
    for wait in (FRESH, 60, 30 * 86_400):
        deployment.now += wait
        bulk, single = deployment.bulk(told(targetingKey="u1")), deployment.single("checkout")
        assert (bulk.status, bulk.json["flags"]) == (200, before.json["flags"])
        assert bulk.json["metadata"]["stale"] is single.json["metadata"]["stale"] is True
        assert deployment.snapshot().status == 200
    deployment.down(False)
    deployment.now += PAUSE
    assert "stale" not in deployment.bulk().json["metadata"]


def test_a_document_that_was_taken_away_serves_on(deployment: Deployment) -> None:
    deployment.single("checkout")
    deployment.blobs.objects.clear()
    deployment.now += FRESH
    assert deployment.single("checkout").json["metadata"]["stale"] is True


def test_what_is_damaged_never_takes_the_place_of_what_is_good(deployment: Deployment) -> None:
    deployment.single("checkout")
    for damage in (b"", b"{}", b"[1]", b"\xff", b"[" * 100_000, b'{"slipway": {}, "metadata": {}}'):
        deployment.blobs.put(path("production"), damage, content_type="application/json")
        deployment.now += PAUSE
        assert deployment.single("checkout").json["metadata"]["stale"] is True


@pytest.mark.parametrize("ask", ["single", "bulk", "snapshot"])
def test_a_cold_start_without_the_bucket_is_a_clear_503(
    deployment: Deployment, ask: str, log_lines: list[dict[str, Any]]
) -> None:
    deployment.down()
    reply = getattr(deployment, ask)(*["checkout"] * (ask == "single"))
    assert (reply.status, reply.headers["retry-after"], reply.json["errorCode"]) == (503, "1", "GENERAL")
    assert reply.json["metadata"] == {}
    assert reply.json["errorDetails"].startswith("The flags cannot be read at the moment")
    assert (log_lines[-1]["error_code"], log_lines[-1]["Errors5xx"]) == ("unavailable", 1)
    deployment.down(False)
    deployment.now += FRESH
    assert getattr(deployment, ask)(*["checkout"] * (ask == "single")).status == 200


def test_an_environment_without_a_document_has_no_flags() -> None:
    deployment = Deployment(published=None)
    assert deployment.single("checkout").json["errorCode"] == "FLAG_NOT_FOUND"
    bulk = deployment.bulk()
    metadata = {"flagSetId": "production", "track": "/ofrep/v1/track", "version": "0"}
    assert (bulk.status, bulk.json) == (200, {"flags": [], "metadata": metadata})
    assert deployment.snapshot().status == 404
    assert deployment.handler._counts == {}, "nobody keeps days of an environment that may not be there"
    deployment.publish(PUBLISHED)
    deployment.now += FRESH
    assert deployment.single("checkout").status == 200


# --- the snapshot ---------------------------------------------------------------------------------------


def test_the_snapshot_is_what_was_published(deployment: Deployment) -> None:
    """As flagd's HTTP sync asks: the tag of the last answer, 304 while it holds."""
    reply = deployment.snapshot()
    assert reply.body == deployment.blobs.objects[path("production")].body
    held = {"if-none-match": reply.headers["etag"]}
    assert (deployment.snapshot(headers=held).status, deployment.snapshot(headers=held).body) == (304, b"")
    deployment.publish(PUBLISHED.but(revision=8))
    deployment.now += FRESH
    assert deployment.snapshot(headers=held).status == 200


def test_a_large_snapshot_goes_out_compressed() -> None:
    value = json.dumps({"on": "x" * (LARGEST + 1), "off": ""})
    deployment = Deployment(rows([flag("large", value, type="string")]))
    reply = deployment.snapshot(headers={"accept-encoding": "deflate, gzip;q=1.0, *;q=0.5"})
    assert (reply.status, reply.headers["content-encoding"]) == (200, "gzip")
    assert gzip.decompress(reply.body) == deployment.blobs.objects[path("production")].body
    assert len(reply.body) < 100_000
    for accepted in ("", "br", "gzip;q=0, br", "gzip; q=0.0", "x-gzip"):
        refused = deployment.snapshot(headers={"accept-encoding": accepted})
        assert (refused.status, refused.json["errorCode"]) == (406, "GENERAL")
        assert f"of {LARGEST:,} at most; send Accept-Encoding: gzip, or " in refused.json["errorDetails"]


def test_an_answer_that_would_burst_what_lambda_hands_over_is_compressed_or_refused() -> None:
    """What it is made of counts as it goes out: each quote twice."""
    quoted = json.dumps({"on": {"text": '"' * (LARGEST // 8)}, "off": {}})
    deployment = Deployment(rows([flag("large", quoted, type="object")], [configuration("large", default_variant="on")]))
    plain = deployment.bulk()
    assert plain.status == 200
    twice = rows(
        [flag(key, quoted, type="object") for key in ("one", "two")],
        [configuration(key, default_variant="on") for key in ("one", "two")],
    )
    deployment = Deployment(twice)
    refused = deployment.bulk()
    assert (refused.status, refused.json["errorCode"]) == (406, "GENERAL")
    assert refused.json["errorDetails"].endswith("send Accept-Encoding: gzip, or ask for single flags.")
    packed = deployment.bulk(headers={"accept-encoding": "gzip, deflate, br"})
    assert (packed.status, packed.headers["content-encoding"], packed.headers["vary"]) == (200, "gzip", "Accept-Encoding")
    assert [one["key"] for one in json.loads(gzip.decompress(packed.body))["flags"]] == ["one", "two"]
    held = {"if-none-match": packed.headers["etag"]}
    for more in ({}, {"accept-encoding": "gzip"}):
        again = deployment.bulk(headers={**held, **more})
        assert (again.status, again.headers["etag"], again.headers["vary"]) == (304, packed.headers["etag"], "Accept-Encoding")


def test_a_small_answer_is_not_worth_compressing(deployment: Deployment) -> None:
    reply = deployment.bulk(headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in reply.headers
    assert reply.headers["vary"] == "Accept-Encoding"


# --- hostile --------------------------------------------------------------------------------------------

HOSTILE: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "PARSE_ERROR"),
    "deep": ("[" * 100_000, "PARSE_ERROR"),
    "deep objects": ('{"context":' * 50_000, "PARSE_ERROR"),
    "no UTF-8": (b"\xff\xfe", "PARSE_ERROR"),
    "NaN": ('{"context":{"a":NaN}}', "PARSE_ERROR"),
    "infinity": ('{"context":{"a":-Infinity}}', "PARSE_ERROR"),
    "5,000 digits": ('{"context":{"a":' + "9" * 5000 + "}}", "PARSE_ERROR"),
    "too large": (b" " * (LARGEST_BODY + 1), "PARSE_ERROR"),
    "a list": ("[]", "INVALID_CONTEXT"),
    "text": ('"x"', "INVALID_CONTEXT"),
    "null": ("null", "INVALID_CONTEXT"),
    "false as context": ('{"context":false}', "INVALID_CONTEXT"),
    "a list as context": ('{"context":[1]}', "INVALID_CONTEXT"),
    "a number as key": ('{"context":{"targetingKey":1}}', "INVALID_CONTEXT"),
    "null as key": ('{"context":{"targetingKey":null}}', "INVALID_CONTEXT"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_body_that_cannot_be_read_is_the_callers_fault(deployment: Deployment, what: str) -> None:
    body, code = HOSTILE[what]
    for reply in (deployment.single("checkout", body), deployment.bulk(body)):
        assert (reply.status, reply.json["errorCode"], reply.json["metadata"]) == (400, code, {})


def test_a_fault_of_ours_has_all_that_sdks_read() -> None:
    def fails() -> Any:
        raise ZeroDivisionError

    handler = Evaluator(fails, fails)
    reply = call(handler, "POST", f"{FLAGS}/checkout", {"context": {}}, principal=SERVER)
    assert (reply.status, reply.json["errorCode"], reply.json["key"], reply.json["metadata"]) == (
        500,
        "GENERAL",
        "checkout",
        {},
    )


LITTLE = ("", "{}", '{"context":null}', '{"context":{}}', '{"context":{},"more":1}', '{"context":{"a":1e999}}')


@pytest.mark.parametrize("body", LITTLE)
def test_a_body_that_says_little_is_an_empty_context(deployment: Deployment, body: str) -> None:
    assert deployment.single("ratio", body).status == 200


@pytest.mark.parametrize(
    "context",
    [
        {"targetingKey": "\ud800"},
        {"targetingKey": "x" * 200_000},
        {"plan": {"a": [1] * 10_000}},
        {"list": list(range(100_000, 130_000))},
        {"list": [[]] * 9_000},
        {"$flagd": {"flagKey": "x"}, "": 1, "__proto__": {}},
        {"tier": ["pro"], "variant": 10**300, "ip": "10.0.0.0/8" * 100},
    ],
    ids=["half a pair", "long key", "long list", "too long", "just short enough", "names", "types"],
)
def test_an_odd_context_is_an_answer(deployment: Deployment, context: dict[str, Any]) -> None:
    assert deployment.bulk(told(**context)).status == 200
    for row in PUBLISHED.flags:
        assert deployment.single(row["data"]["key"], told(**context)).status in (200, 400)


def test_a_context_that_is_dear_to_compare_is_not_compared_by_every_flag() -> None:
    keys, items = [f"flag-{number}" for number in range(350)], 9_000
    five = {key: [{"==": [{"var": "plan"}, f"{key}-{clause}"]} for clause in range(5)] for key in keys}
    configurations = [configuration(key, targeting={"if": [{"or": five[key]}, "on"]}) for key in keys]
    deployment = Deployment(rows([flag(key) for key in keys], configurations))
    for _ in range(2):
        reply = deployment.bulk(told(plan=[1] * items))
        assert reply.status == 200
        errors = [one["errorDetails"] for one in reply.json["flags"] if "errorCode" in one]
        assert 0 < len(keys) - len(errors) <= MOST_STEPS_TOGETHER // (5 * items)
        assert all(f"more than {MOST_STEPS_TOGETHER:,} steps" in error for error in errors)
        plain = deployment.bulk(told(plan="flag-7-4")).json["flags"]
        assert [one["key"] for one in plain if one["variant"] == "on"] == ["flag-7"], "the next request has steps of its own"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["plan", "tier", "variant", "list", "ip"]) | st.text(max_size=8)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(NAMES, VALUES, max_size=6), st.text(max_size=30))
def test_no_context_and_no_key_is_a_fault_of_ours(context: dict[str, Any], key: str) -> None:
    deployment = Deployment()
    assert deployment.bulk(told(**{**context, "targetingKey": key})).status == 200
    assert deployment.single(key.replace("/", "") or "x", told(**context)).status in (200, 400, 404)


# --- what is told ---------------------------------------------------------------------------------------


def test_a_request_is_one_line_that_names_nobody(deployment: Deployment, log_lines: list[dict[str, Any]]) -> None:
    deployment.single("checkout", told(targetingKey="ada@example.com", plan="secret-plan"))
    deployment.bulk(told(targetingKey="ada@example.com"))
    (single, bulk) = log_lines
    assert (single["route"], single["status"], single["Requests"]) == (SINGLE, 200, 1)
    assert (bulk["route"], bulk["principal_kind"]) == (BULK, "server")
    for secret in ("ada@", "secret-plan", "key_server"):
        assert secret not in json.dumps(log_lines)


def test_how_often_flags_are_asked_for_is_told_once_a_minute(deployment: Deployment, log_lines: list[dict[str, Any]]) -> None:
    deployment.single("checkout")
    for _ in range(3):
        deployment.single("half")
    deployment.single("nobody")
    deployment.bulk()
    deployment.bulk(who=CLIENT)
    assert [line.get("evaluations") for line in log_lines] == [{"production": {"checkout": 1}}, *[None] * 6]
    deployment.now += COUNTED
    deployment.single("half")
    assert log_lines[-1]["evaluations"] == {"production": {"half": 4, EVERY: 1, EVERY_CLIENT: 1}}


# --- the standard ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spec() -> Any:
    document = yaml.safe_load(specification("ofrep-openapi.yaml"))
    # `oneOf` the kinds of value no value can be: the code default's kind takes them all. And flagd's DEFAULT is a reason, too.
    success = json.dumps(document["components"]["schemas"]["evaluationSuccess"]).replace('"oneOf"', '"anyOf"')
    document["components"]["schemas"]["evaluationSuccess"] = json.loads(success.replace('"STATIC"', '"STATIC", "DEFAULT"'))
    return document


def conforms(spec: Any, route: str, reply: Reply) -> list[str]:
    """What is wrong with the reply, as OFREP's own document has it; repaired in two places, see `spec`."""
    [method, path] = route.split(" ")
    responses = spec["paths"][path][method.lower()]["responses"]
    assert str(reply.status) in responses
    declared = responses[str(reply.status)].get("content", {}).get("application/json")
    if declared is None:
        return []
    schema = {**declared["schema"], "components": spec["components"]}
    return [f"{error.json_path}: {error.message}" for error in jsonschema.Draft202012Validator(schema).iter_errors(reply.json)]


@pytest.mark.parametrize("route", [SINGLE, BULK])
def test_every_answer_is_as_ofrep_has_it(deployment: Deployment, route: str, spec: Any) -> None:
    bodies: Mapping[str, Any] = {
        "plain": told(),
        "matched": told(targetingKey="u1", plan="pro", tier="pro", variant="purple"),
        **{name: body for name, (body, _) in HOSTILE.items()},
    }
    for who in (SERVER, CLIENT, None):
        for name, body in bodies.items():
            keys = [*(row["data"]["key"] for row in PUBLISHED.flags), "nobody"] if route == SINGLE else [None]
            for key in keys:
                reply = deployment.bulk(body, who) if key is None else deployment.single(key, body, who)
                assert conforms(spec, route, reply) == [], (name, key, reply.body)


def test_routes_are_those_of_the_table() -> None:
    from infra.routes import ROUTES

    table = {f"{route.method} {route.path}": route.operation for route in ROUTES if route.function == "evaluate"}
    assert table == OPERATIONS


def test_an_event_without_a_body_is_no_fault(deployment: Deployment) -> None:
    answer = deployment.handler(http_event("POST", f"{FLAGS}/ratio", principal=SERVER), None)
    assert answer["statusCode"] == 200
