"""What `functions/evaluate` answers, for the OpenAPI document: as data, because the hot path registers nothing.

The first two operations are those of the OpenFeature Remote Evaluation Protocol 0.3.0; tests hold the answers to its document.
"""

from __future__ import annotations

from typing import Any

_SCHEMA = "#/components/schemas/"
_METADATA = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_FLAG = {
    "key": "checkout",
    "metadata": {"flagSetId": "production", "hash": "v3", "version": 4},
    "reason": "TARGETING_MATCH",
    "value": True,
    "variant": "on",
}
_SET = {"flagSetId": "production", "version": "31"}
_CONTEXT = {"context": {"targetingKey": "user-42", "plan": "pro"}}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Evaluation": {
        "type": "object",
        "description": "What a flag answers",
        "properties": {
            "key": {"type": "string"},
            "reason": {"type": "string", "enum": ["STATIC", "TARGETING_MATCH", "DEFAULT", "DISABLED"]},
            "variant": {"type": "string", "description": "Empty where the caller's own default applies"},
            "value": {"description": "Missing where the caller's own default applies"},
            "metadata": {**_METADATA, "description": "`stale` is true while the flags cannot be read anew"},
        },
        "required": ["key", "reason", "variant", "metadata"],
    },
    "EvaluationContext": {
        "type": "object",
        "properties": {
            "context": {
                "type": ["object", "null"],
                "description": "Whatever the rules ask for; `targetingKey` is the unit's id",
                "properties": {"targetingKey": {"type": "string"}},
            }
        },
    },
    "EvaluationFailure": {
        "type": "object",
        "description": "Why there is no answer; the caller's own default applies",
        "properties": {
            "key": {"type": "string"},
            "errorCode": {"type": "string", "enum": ["FLAG_NOT_FOUND", "PARSE_ERROR", "INVALID_CONTEXT", "GENERAL"]},
            "errorDetails": {"type": "string"},
            "metadata": _METADATA,
        },
        "required": ["key", "errorCode", "errorDetails", "metadata"],
    },
    "Evaluations": {
        "type": "object",
        "properties": {
            "flags": {
                "type": "array",
                "items": {"anyOf": [{"$ref": f"{_SCHEMA}Evaluation"}, {"$ref": f"{_SCHEMA}EvaluationFailure"}]},
            },
            "metadata": _METADATA,
        },
        "required": ["flags", "metadata"],
    },
    "FlagDocument": {
        "type": "object",
        "description": "Flag definitions in flagd's form, version 0 (flagd.dev/schema/v0/flags.json). Flags that use operators "
        "which only Slipway knows are named in `metadata.left_out`.",
        "properties": {
            "flags": {"type": "object"},
            "$evaluators": {"type": "object"},
            "metadata": _METADATA,
            "slipway": {"type": "object", "description": "What only Slipway reads"},
        },
        "required": ["flags", "$evaluators", "metadata"],
    },
}

_BODY = {
    "required": False,
    "content": {"application/json": {"schema": {"$ref": f"{_SCHEMA}EvaluationContext"}, "example": _CONTEXT}},
}
_ENVIRONMENT = {
    "name": "environment",
    "in": "query",
    "required": False,
    "description": "Which environment; a key has its own, a person names one.",
    "schema": {"type": "string"},
    "example": "production",
}
_UNLESS = {"$ref": "#/components/parameters/If-None-Match"}


def _path(name: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}, "example": example}


def _done(schema: str, example: Any, *headers: str) -> dict[str, Any]:
    return {
        "description": "Done.",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *headers)},
        "content": {"application/json": {"schema": {"$ref": _SCHEMA + schema}, "example": example}},
    }


def _failed(*statuses: int) -> dict[str, Any]:
    """The refusals; the gateway's own carry only a message."""
    found: dict[str, Any] = {}
    for status in statuses:
        example: dict[str, Any] = {
            "errorCode": "FLAG_NOT_FOUND" if status == 404 else "GENERAL",
            "errorDetails": _WHY[status],
            "key": "checkout",
            "metadata": {},
        }
        schema = {"anyOf": [{"$ref": f"{_SCHEMA}EvaluationFailure"}, {"$ref": f"{_SCHEMA}GatewayMessage"}]}
        found[str(status)] = {
            "description": _WHY[status],
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    found["429"] = {"$ref": "#/components/responses/too_many_requests"}
    found["503"]["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return found


_WHY = {
    400: "The request cannot be read, or the flag has no answer for this context.",
    401: "The Authorization header is missing.",
    403: "The credentials are not valid, or of another environment.",
    404: "There is no such flag or environment, or this key may not see it.",
    406: "The answer is too large to be sent as it is; send Accept-Encoding: gzip.",
    503: "The flags cannot be read at the moment, and none were read before.",
}
_HELD = {"description": "It still has the ETag that you hold."}

PATHS: dict[str, dict[str, dict[str, Any]]] = {
    "/ofrep/v1/evaluate/flags": {
        "post": {
            "operationId": "flags.evaluate_all",
            "tags": ["ofrep"],
            "summary": "Evaluate all flags for one context",
            "description": "For SDKs of browsers and apps. A client key sees the flags that are marked `client_side`. The ETag "
            "is that of the answer: it changes when a value does. A large answer goes out compressed to whom that suits.",
            "parameters": [_ENVIRONMENT, _UNLESS],
            "requestBody": _BODY,
            "responses": {
                "200": _done("Evaluations", {"flags": [_FLAG], "metadata": _SET}, "ETag"),
                "304": _HELD,
                **_failed(400, 401, 403, 404, 406, 503),
            },
        }
    },
    "/ofrep/v1/evaluate/flags/{key}": {
        "post": {
            "operationId": "flags.evaluate",
            "tags": ["ofrep"],
            "summary": "Evaluate one flag",
            "description": "For SDKs of servers.",
            "parameters": [_path("key", "checkout"), _ENVIRONMENT],
            "requestBody": _BODY,
            "responses": {"200": _done("Evaluation", _FLAG), **_failed(400, 401, 403, 404, 503)},
        }
    },
    "/v1/environments/{environment}/snapshot": {
        "get": {
            "operationId": "flags.snapshot",
            "tags": ["environments"],
            "summary": "Read all flags of an environment as one flagd document",
            "description": "For flagd, and for every provider that evaluates by itself: ask with If-None-Match.",
            "parameters": [_path("environment", "production"), _UNLESS],
            "responses": {
                "200": _done(
                    "FlagDocument",
                    {
                        "flags": {
                            "checkout": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
                        },
                        "$evaluators": {},
                        "metadata": _SET,
                    },
                    "ETag",
                ),
                "304": _HELD,
                **_failed(400, 401, 403, 404, 406, 503),
            },
        }
    },
}
