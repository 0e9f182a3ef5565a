"""HTTP API events (payload version 2) as the gateway sends them, and a caller that speaks them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.access import Principal

VIEWER = Principal("member", "mbr_viewer", "viewer")
EDITOR = Principal("member", "mbr_editor", "editor")
ADMIN = Principal("admin", "key_admin", "admin", maker="member:mbr_grace")

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True)
class Context:
    """The part of Lambda's context that a handler may use."""

    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    function_name: str = "test"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def http_event(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    encoded: bool | None = None,
    principal: Principal | None = ADMIN,
    route_key: str = "$default",
) -> dict[str, Any]:
    """`encoded`: as base64; by default where the bytes are not UTF-8, as the gateway does for a binary body."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example.com", **{name.lower(): value for name, value in (headers or {}).items()}},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route_key,
            "stage": "$default",
            "time": "23/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795435200000,
        },
        "isBase64Encoded": False,
    }
    if principal is not None:
        event["requestContext"]["authorizer"] = {
            "lambda": {
                "kind": principal.kind,
                "id": principal.id,
                "role": principal.role or "",
                "environment": principal.environment or "",
                "maker": principal.maker or "",
            }
        }
    if body is not None:
        raw = body.encode() if isinstance(body, str) else body
        text = raw.decode("utf-8", "replace")
        if encoded or (encoded is None and text.encode() != raw):
            event["body"], event["isBase64Encoded"] = base64.b64encode(raw).decode(), True
        else:
            event["body"] = text
    return event


def call(
    handler: Handler,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    principal: Principal | None = ADMIN,
) -> Reply:
    """One request. A dict or list is sent as JSON (a merge patch for PATCH), str and bytes as they are."""
    sent = dict(headers or {})
    if body is not None and not isinstance(body, str | bytes):
        body = json.dumps(body)
        patch = "application/merge-patch+json" if method == "PATCH" else "application/json"
        sent = {"content-type": patch, **sent}
    answer = handler(http_event(method, path, query=query, headers=sent, body=body, principal=principal), Context())
    return reply(answer)


def reply(answer: Mapping[str, Any]) -> Reply:
    """What the gateway makes of a function's answer."""
    text = answer.get("body") or ""
    raw = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    return Reply(int(answer["statusCode"]), headers, raw)


def log_event(message: str, moment: datetime, id: str) -> dict[str, Any]:
    """One line of a function's log, as CloudWatch Logs delivers it."""
    line = {"id": id, "timestamp": int(moment.timestamp() * 1000), "message": message}
    delivery = {"messageType": "DATA_MESSAGE", "logGroup": "evaluate", "logEvents": [line]}
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(delivery).encode())).decode()}}


def daily(moment: datetime) -> dict[str, Any]:
    """What a rule with a rate sends."""
    time = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"source": "aws.events", "detail-type": "Scheduled Event", "time": time, "detail": {}}


def resource_event(key: str, definition: str, *, type: str = "Create", id: str = "1", **more: Any) -> dict[str, Any]:
    """What CloudFormation sends of a `FlagDefinition` in somebody's stack."""
    return {
        "RequestType": type,
        "RequestId": id,
        "ResponseURL": "https://cloudformation.example.com/answer",
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/Shop/1",
        "LogicalResourceId": "NewCheckout",
        "ResourceType": "Custom::SlipwayFlag",
        "ResourceProperties": {"ServiceToken": "arn", "ServiceTimeout": "300", "Key": key, "Definition": definition},
        **more,
    }
