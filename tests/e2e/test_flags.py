"""Feature flags from the switch to the SDK, over HTTP with IAM enforced: unmodified clients, and no database."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

from infra.local.assembly import node
from infra.local.demo import ENVIRONMENT
from slipway.flags.snapshot import path
from tests.e2e.journey import MERGE
from tests.e2e.stack import Stack, until
from tests.figures import Tell

pytestmark = pytest.mark.e2e

PROMISE = 5.0  # seconds from a change to its answer
EVALUATIONS = 10_000 if os.environ.get("SLIPWAY_PROVE") else 1_000  # without a database
EVALUATE = "/ofrep/v1/evaluate/flags"
PRO = {"if": [{"==": [{"var": "plan"}, "pro"]}, "on", None]}
NOWHERE = "http://127.0.0.1:9"  # nobody listens there


def create(stack: Stack, key: str, **fields: Any) -> str:
    made = stack.call("POST", "/v1/flags", {"key": key, "type": "boolean", "client_side": True, **fields})
    assert made.status == 201, made.body
    return key


def configure(stack: Stack, key: str, **fields: Any) -> None:
    place = f"/v1/flags/{key}/environments/{ENVIRONMENT}"
    assert stack.call("PATCH", place, fields, headers={**MERGE, "If-Match": "*"}).status == 200


def evaluated(stack: Stack, key: str, token: str = "server", **context: Any) -> Any:
    return stack.call("POST", f"{EVALUATE}/{key}", {"context": context}, token=token).json()


def settled(stack: Stack, key: str, value: Any, within: float = 3 * PROMISE, /, **context: Any) -> None:
    until(lambda: evaluated(stack, key, **context).get("value") == value, within=within, what=f"{key} answers {value}")


@pytest.fixture(scope="module")
def flag(stack: Stack) -> str:
    """True for those who pay."""
    key = create(stack, f"checkout-{secrets.token_hex(4)}")
    create(stack, f"{key}-hidden", client_side=False)
    for one in (key, f"{key}-hidden"):
        configure(stack, one, enabled=True, default_variant="off", targeting=PRO)
    settled(stack, f"{key}-hidden", True, plan="pro")
    return key


def test_a_switch_is_seen_within_five_seconds(stack: Stack, tell: Tell) -> None:
    key = create(stack, f"switch-{secrets.token_hex(4)}")
    took = []
    for value in (True, False, True):
        configure(stack, key, enabled=True, default_variant="on" if value else "off")
        begun = time.monotonic()
        settled(stack, key, value, PROMISE)
        took.append(time.monotonic() - begun)
    tell(f"from a change to its answer: {', '.join(f'{seconds:.1f} s' for seconds in took)}")


def test_pythons_sdk(stack: Stack, flag: str) -> None:
    provider = OFREPProvider(stack.url, headers_factory=lambda: {"Authorization": f"Bearer {stack.key('server')}"}, timeout=30)
    api.set_provider(provider, "slipway")
    client = api.get_client("slipway")
    pro, free = (EvaluationContext("unit-1", {"plan": plan}) for plan in ("pro", "free"))
    details = client.get_boolean_details(flag, False, pro)
    assert (details.value, details.variant, str(details.reason)) == (True, "on", "TARGETING_MATCH")
    assert details.flag_metadata["flagSetId"] == ENVIRONMENT
    assert client.get_boolean_value(flag, True, free) is False
    assert client.get_boolean_value(flag, True) is False  # without any context
    assert client.get_boolean_details("no-such-flag", True, pro).error_code == ErrorCode.FLAG_NOT_FOUND
    for type, text, value in (("float", {"on": 1.0, "off": 0.5}, 1.0), ("integer", {"on": 1, "off": 0}, 1)):
        key = create(stack, f"{type}-{secrets.token_hex(4)}", type=type, variants=text)
        configure(stack, key, enabled=True, default_variant="on")
        settled(stack, key, value)
        asked = client.get_float_details(key, 0.0) if type == "float" else client.get_integer_details(key, 7)
        assert (asked.value, asked.error_code) == (value, None)


def test_a_flag_belongs_to_a_product_that_there_is(stack: Stack) -> None:
    new = {"key": f"of-none-{secrets.token_hex(4)}", "type": "boolean", "product": "no-such-product"}
    refused = stack.call("POST", "/v1/flags", new)
    assert (refused.status, refused.json()["errors"][0]["code"]) == (422, "unknown_product")


def test_nodes_sdks_for_servers_and_for_the_web(stack: Stack, flag: str) -> None:
    """The web provider keeps the ETag of its last answer when the context changes: the value must change all the same."""
    script = Path(__file__).with_name("openfeature.mjs")
    command = [str(node()), str(script), stack.url, stack.key("server"), stack.key("client"), flag]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["server"] == [True, False]
    assert seen["details"] == {"variant": "on", "reason": "TARGETING_MATCH", "set": ENVIRONMENT}
    assert (seen["missing"], seen["mismatch"], seen["hidden"]) == ("FLAG_NOT_FOUND", "mine", "FLAG_NOT_FOUND")
    assert seen["web"] == [False, True, True, False]
    assert set(seen["statuses"]) == {200, 304}, "an answer that is the same is not sent again"


def test_a_browser_of_another_origin_may_ask(stack: Stack, flag: str) -> None:
    origin = {"Origin": "https://shop.example"}
    asked = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = stack.call("OPTIONS", EVALUATE, token=None, headers=asked)
    assert preflight.status in (200, 204)
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower().split(",")
    assert {"authorization", "content-type", "if-none-match"} <= {name.strip() for name in allowed}
    answer = stack.call("POST", EVALUATE, {"context": {}}, token="client", headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = answer.headers["Access-Control-Expose-Headers"].lower()
    assert "etag" in exposed
    assert "retry-after" in exposed


@contextmanager
def unremembered(stack: Stack) -> Iterator[None]:
    """The gateway asks the authorizer for every request."""
    client, api_id = stack.client("apigatewayv2"), _api(stack)
    [authorizer] = client.get_authorizers(ApiId=api_id)["Items"]
    known = {"ApiId": api_id, "AuthorizerId": authorizer["AuthorizerId"]}
    client.update_authorizer(**known, AuthorizerResultTtlInSeconds=0)
    try:
        yield
    finally:
        client.update_authorizer(**known, AuthorizerResultTtlInSeconds=authorizer["AuthorizerResultTtlInSeconds"])


def _api(stack: Stack) -> str:
    [api_id] = [one["ApiId"] for one in stack.client("apigatewayv2").get_apis()["Items"]]
    return str(api_id)


def test_evaluation_needs_no_database(stack: Stack, flag: str, tell: Tell) -> None:
    """Through the authorizer, with fresh instances of both functions, while no call of DynamoDB gets anywhere."""
    contexts = [{"targetingKey": f"unit-{number}", "plan": ("pro", "free")[number % 2]} for number in range(10)]

    def ask(context: dict[str, str]) -> tuple[int, Any]:
        answer = stack.call("POST", EVALUATE, {"context": context}, token="server")
        return answer.status, answer.json()["flags"]

    last = [create(stack, f"more-{number}-{secrets.token_hex(4)}") for number in range(4)][-1]
    until(lambda: "variant" in evaluated(stack, last), within=3 * PROMISE, what="all flags are published")
    before = [ask(context) for context in contexts]
    requests = -(-EVALUATIONS // len(before[0][1]))
    assert {status for status, _ in before} == {200}
    cut = {"AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_S3": stack.aws}
    with unremembered(stack), stack.changed({"authorize": cut, "evaluate": cut}), ThreadPoolExecutor(4) as pool:
        assert stack.call("GET", "/v1/products", broken=True).status >= 500, "an admin key is read from the table"
        answers = list(pool.map(ask, [contexts[number % 10] for number in range(requests)]))
    assert [answer for number, answer in enumerate(answers) if answer != before[number % 10]] == []
    evaluations = sum(len(flags) for _, flags in answers)
    assert evaluations >= EVALUATIONS
    tell(f"{len(answers)} requests, {evaluations} evaluations without a database: 0 errors")


def test_a_sweep_repairs_a_damaged_document(stack: Stack, flag: str) -> None:
    objects, bucket = stack.client("s3"), stack.setting("snapshot", "SLIPWAY_BUCKET_FLAGS")
    objects.put_object(Bucket=bucket, Key=path(ENVIRONMENT), Body=b"damaged")
    name = stack.functions()["snapshot"]["FunctionName"]
    stack.client("lambda").invoke(FunctionName=name, Payload=b'{"source": "by-hand"}')
    found = until(lambda: published(objects, bucket), within=3 * PROMISE, what="the document is good again")
    assert found["flags"][flag]["targeting"] == PRO


def published(objects: Any, bucket: str) -> dict[str, Any]:
    body = objects.get_object(Bucket=bucket, Key=path(ENVIRONMENT))["Body"].read()
    return {} if body == b"damaged" else dict(json.loads(body))


def test_without_the_bucket_a_new_instance_says_so_and_sdks_use_their_defaults(stack: Stack, flag: str) -> None:
    provider = OFREPProvider(stack.url, headers_factory=lambda: {"Authorization": f"Bearer {stack.key('server')}"}, timeout=30)
    api.set_provider(provider, "cut")
    with stack.changed({"evaluate": {"AWS_ENDPOINT_URL_S3": NOWHERE}}):
        answer = stack.call("POST", f"{EVALUATE}/{flag}", {"context": {}}, token="server", broken=True)
        assert (answer.status, answer.headers["Retry-After"], answer.json()["errorCode"]) == (503, "1", "GENERAL")
        for default in (True, False):
            assert api.get_client("cut").get_boolean_value(flag, default) is default
    settled(stack, flag, False)
