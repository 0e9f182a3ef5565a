"""What `functions/collect` takes and answers, for the OpenAPI document: as data, because the hot path registers nothing."""

from __future__ import annotations

from typing import Any

from slipway.signals.posted import LARGEST, MOST, MOST_KEY

_SCHEMA = "#/components/schemas/"
_ID = {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$", "description": "The message's own: sent again, it counts once"}
_KEY = {"type": "string", "minLength": 1, "maxLength": MOST_KEY}
_COMMON = {
    "id": _ID,
    "targetingKey": {**_KEY, "description": "Whose it is"},
    "previous_key": {**_KEY, "description": "What the same person's targeting key was before, for example before a login"},
    "at": {"type": "string", "maxLength": 40, "description": "When it happened by the sender's clock: kept, and nothing else"},
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Exposure": {
        "type": "object",
        "description": "Somebody was shown what a flag gives. `exposure` proves it; a server key may send the context instead.",
        "properties": {
            **_COMMON,
            "type": {"const": "exposure"},
            "flag": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
            "exposure": {"type": "string", "description": "From the metadata of what was evaluated"},
            "context": {"type": "object", "description": "What was evaluated for; used and not kept"},
        },
        "required": ["id", "type", "flag"],
        "additionalProperties": False,
    },
    "Outcome": {
        "type": "object",
        "description": "Something came of it: an error, a purchase, a time in milliseconds.",
        "properties": {
            **_COMMON,
            "type": {"const": "outcome"},
            "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "description": "Of the metric"},
            "value": {"type": "number", "minimum": -LARGEST, "maximum": LARGEST, "description": "Six decimals are kept"},
        },
        "required": ["id", "type", "name", "targetingKey"],
        "additionalProperties": False,
    },
    "Signals": {
        "type": "object",
        "properties": {
            "events": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST,
                "items": {"anyOf": [{"$ref": f"{_SCHEMA}Exposure"}, {"$ref": f"{_SCHEMA}Outcome"}]},
            }
        },
        "required": ["events"],
        "additionalProperties": False,
    },
    "SignalsTaken": {
        "type": "object",
        "properties": {
            "accepted": {"type": "integer", "minimum": 0},
            "dropped": {"type": "integer", "minimum": 0, "description": "What a bot sent"},
            "rejected": {
                "type": "array",
                "description": "What cannot be taken as it is: do not send it again",
                "items": {
                    "type": "object",
                    "properties": {
                        "index": {"type": "integer", "minimum": 0},
                        "code": {"type": "string"},
                        "detail": {"type": "string"},
                    },
                    "required": ["index", "code", "detail"],
                },
            },
        },
        "required": ["accepted", "dropped", "rejected"],
    },
}

_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": f"{_SCHEMA}Signals"},
            "example": {
                "events": [
                    {
                        "id": "0198c5c2-7a31",
                        "type": "exposure",
                        "flag": "new-checkout",
                        "exposure": "1.1.rol_01j9z6k3v5x8m2q4w7e9r0t2y6.0.t.4711.dGhlIHVuaXQgaXRzZWxm.dGhlIG1hYyBvZiBpdA",
                        "targetingKey": "user-42",
                    },
                    {"id": "0198c5c2-7a32", "type": "outcome", "name": "checkout.failed", "targetingKey": "user-42"},
                ]
            },
        }
    },
}
_REFUSALS = {
    "400": "malformed",
    "401": "unauthenticated",
    "403": "forbidden",
    "413": "too_large",
    "422": "invalid",
    "429": "too_many_requests",
    "503": "unavailable",
}


def _taking(operation: str, tag: str, more: str) -> dict[str, Any]:
    return {
        "post": {
            "operationId": operation,
            "tags": [tag],
            "summary": "Tell what was shown to whom, and what came of it",
            "description": f"Up to {MOST} exposures and outcomes, at most 256 KB. A bad one is rejected by its index, the "
            "others are kept. 202 comes when all is durable; after any other answer, or none, send the same events again: each "
            f"counts once. {more}".strip(),
            "parameters": [],
            "requestBody": _BODY,
            "responses": {
                "202": {
                    "description": "Taken.",
                    "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
                    "content": {
                        "application/json": {
                            "schema": {"$ref": f"{_SCHEMA}SignalsTaken"},
                            "example": {"accepted": 2, "dropped": 0, "rejected": []},
                        }
                    },
                },
                **{status: {"$ref": f"#/components/responses/{name}"} for status, name in _REFUSALS.items()},
            },
        }
    }


PATHS: dict[str, dict[str, dict[str, Any]]] = {
    "/v1/events": _taking("signals.collect", "events", ""),
    "/ofrep/v1/track": _taking("signals.track", "ofrep", "The same as `POST /v1/events`, beside the routes of OFREP."),
}
