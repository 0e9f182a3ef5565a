"""The authorizer: golden events in, the gateway's simple answer out; one line in the log, no secret anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.authorize.handler import Authorizer
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.authentication import Authentication
from slipway.calls import Call
from slipway.edge.http import Api
from slipway.keyring import Keyring, publish
from slipway.keys import Keys, NewKey
from slipway.ports import StoreUnavailable
from slipway.upgrades import upgrader
from tests.functions.events import Context, call, http_event

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


class Silent(MemoryStore):
    def get(self, *_: Any, **__: Any) -> Any:
        raise StoreUnavailable("down")


class Deployment:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store, self.blobs = store or MemoryStore(), MemoryBlobs()
        self.number = 0
        self.keys = Keys(self.store, self._entropy, upgrader("key"))
        use = Authentication(Keyring(self.blobs), lambda: self.store, self._no_tokens)
        self.handler = Authorizer(lambda: use, NOW.timestamp)

    def _entropy(self, size: int) -> bytes:
        self.number += 1
        return bytes(range(self.number, self.number + size))

    @staticmethod
    def _no_tokens() -> Any:
        raise AssertionError("a key needs no pool")

    def key(self, wish: NewKey) -> str:
        call = Call(Principal("member", "mbr_root", "admin"), "keys.create", NOW, f"nonce of {wish}")
        secret = self.keys.create(call, wish).secret
        assert secret is not None
        if wish.environment:
            publish(self.store, self.blobs, wish.environment)
        return secret

    def answer(self, authorization: str | None, **changed: Any) -> dict[str, Any]:
        return self.handler(authorizer_event(authorization, **changed), Context())


def authorizer_event(authorization: str | None, **changed: Any) -> dict[str, Any]:
    """As an HTTP API calls a Lambda authorizer, payload version 2."""
    event = http_event("GET", "/v1/products/prd_1", principal=None, route_key="GET /v1/products/{id}")
    event |= {
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:eu-west-1:123456789012:api/$default/GET/v1/products/prd_1",
        "identitySource": [] if authorization is None else [authorization],
        "pathParameters": {"id": "prd_1"},
    }
    if authorization is not None:
        event["headers"]["authorization"] = authorization
    return event | changed


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_a_server_key_is_told_with_its_environment(deployment: Deployment, log_lines: list[dict[str, Any]]) -> None:
    secret = deployment.key(NewKey("web", "server", "prod"))
    answer = deployment.answer(f"Bearer {secret}")
    context = answer["context"]
    assert answer["isAuthorized"] is True
    assert {**context, "id": "key"} == {"kind": "server", "id": "key", "role": "", "environment": "prod", "maker": ""}
    assert all(isinstance(value, str) for value in context.values())
    (line,) = log_lines
    assert (line["service"], line["status"], line["principal_kind"]) == ("authorize", 200, "server")
    assert line["route"] == "GET /v1/products/{id}"
    assert line["request_id"] == "JKJaXmPLvHcESHA="


def test_an_admin_key_is_told_with_its_role(deployment: Deployment) -> None:
    secret = deployment.key(NewKey("ci", "admin", role="editor"))
    context = deployment.answer(f"Bearer {secret}")["context"]
    assert (context["kind"], context["role"], context["environment"]) == ("admin", "editor", "")
    assert context["maker"] == "member:mbr_root", "who was shown its secret"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer slp_prod_server_x_y", "Bearer a.b.c.d"]
)
def test_what_is_no_credential_is_refused(
    deployment: Deployment, authorization: str | None, log_lines: list[dict[str, Any]]
) -> None:
    assert deployment.answer(authorization) == {"isAuthorized": False, "context": {}}
    (line,) = log_lines
    assert (line["status"], line["error_code"], line["db_calls"]) == (403, "forbidden", 0)


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_its_line_names_the_trace_and_the_correlation_as_the_function_behind_does(
    deployment: Deployment, log_lines: list[dict[str, Any]]
) -> None:
    sent = {"traceparent": TRACE, "x-correlation-id": "order-1"}
    deployment.answer("Bearer x", headers=sent)
    call(Api("products", lambda: None), "GET", "/v1/products", headers=sent)
    assert [(line["trace_id"], line["correlation_id"]) for line in log_lines] == [(TRACE[3:35], "order-1")] * 2


@pytest.mark.parametrize("sent", [{}, None, {"traceparent": "00-x", "X-Correlation-Id": "slp_live_admin_secret"}])
def test_it_invents_none(deployment: Deployment, sent: dict[str, str] | None, log_lines: list[dict[str, Any]]) -> None:
    """The function behind would invent others."""
    deployment.answer("Bearer x", headers=sent)
    (line,) = log_lines
    assert (line["trace_id"], line["correlation_id"]) == ("", "")


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300))
def test_no_header_is_too_odd(authorization: str) -> None:
    assert Deployment().answer(authorization)["isAuthorized"] is False


def test_the_identity_source_decides_not_another_spelling_of_the_header(deployment: Deployment) -> None:
    """The gateway remembers the answer by the identity source: nothing else may speak."""
    secret = deployment.key(NewKey("web", "server", "prod"))
    headers = {"authorization": f"Bearer {secret}", "Authorization": f"Bearer {secret}"}
    assert deployment.answer("Bearer x", headers=headers)["isAuthorized"] is False
    assert deployment.answer(None, headers={"AUTHORIZATION": f"Bearer {secret}"}, identitySource=None)["isAuthorized"] is True


def test_the_answer_is_the_same_for_every_route(deployment: Deployment) -> None:
    secret = deployment.key(NewKey("ci", "admin", role="viewer"))
    answers = [
        deployment.answer(f"Bearer {secret}", routeKey=route)
        for route in ("GET /v1/products", "POST /v1/keys", "DELETE /v1/members/{id}", "$default")
    ]
    assert all(answer == answers[0] for answer in answers)


def test_a_silent_table_is_an_error_and_no_refusal(log_lines: list[dict[str, Any]]) -> None:
    deployment = Deployment()
    secret = deployment.key(NewKey("ci", "admin", role="viewer"))
    silent = Deployment(Silent())
    with pytest.raises(StoreUnavailable):
        silent.answer(f"Bearer {secret}")
    (line,) = log_lines
    assert (line["level"], line["status"], line["error_type"]) == ("ERROR", 500, "StoreUnavailable")


def test_no_secret_in_any_line(deployment: Deployment, log_lines: list[dict[str, Any]]) -> None:
    secret = deployment.key(NewKey("canary-name", "server", "prod"))
    deployment.answer(f"Bearer {secret}")
    deployment.answer(f"Bearer {secret[:-1]}x")
    deployment.answer("Bearer canary-token.canary.canary.canary" + secret)
    silent = Deployment(Silent())
    with pytest.raises(StoreUnavailable):
        silent.answer("Bearer " + deployment.key(NewKey("canary-name", "admin", role="admin")))
    text = json.dumps(log_lines)
    assert len(log_lines) == 4
    assert "canary" not in text
    assert secret.rsplit("_", 1)[1][:20] not in text
    assert secret.split("_")[3] not in text


# --- what the key path loads ----------------------------------------------------------------------------

HEAVY = {
    "asyncio",
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "cryptography",
    "dataclasses",
    "datetime",
    "email",
    "http.client",
    "inspect",
    "jwt",
    "pydantic",
    "random",
    "secrets",
    "typing",
    "urllib.parse",
    "urllib.request",
}


def test_the_key_path_loads_nothing_heavy() -> None:
    code = """
import sys
import collections.abc, enum, json, logging, os, time, traceback, decimal, base64  # the runtime's own client loads these
before = set(sys.modules)
import functions.authorize.handler
import slipway.adapters.aws, slipway.adapters.s3
print(*sorted(set(sys.modules) - before))
"""
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core/python'}"}
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = set(run.stdout.split())
    assert not HEAVY & loaded
    assert len(loaded) <= 42
