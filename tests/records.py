"""What a table's stream hands to a function."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from slipway.adapters.attributes import marshal_row
from slipway.ports import Row


def record(table: str, old: Row | None, new: Row | None, sequence: int) -> dict[str, Any]:
    """One record as Lambda delivers it: JSON, attribute values, NEW_AND_OLD_IMAGES."""
    row = new or old
    assert row is not None
    images = {name: marshal_row(image) for name, image in (("OldImage", old), ("NewImage", new)) if image is not None}
    made = {
        "eventID": f"{sequence:032x}",
        "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:111122223333:table/{table}/stream/2026-11-23T00:00:00.000",
        "dynamodb": {
            "Keys": marshal_row({"pk": row["pk"], "sk": row["sk"]}),
            **images,
            "ApproximateCreationDateTime": 1795428000.0,
            "SequenceNumber": str(sequence),
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
    return dict(json.loads(json.dumps(made, default=lambda binary: b64encode(binary).decode())))


def arrival(envelope: dict[str, Any]) -> dict[str, Any]:
    """An envelope as a rule's target receives it."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": envelope["type"],
        "source": envelope["source"],
        "account": "111122223333",
        "time": envelope["time"][:19] + "Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": json.loads(json.dumps(envelope)),
    }


def matches(pattern: dict[str, list[Any]], event: dict[str, Any]) -> bool:
    """EventBridge's rule for the two operators that our patterns use: equal to one of, or with a prefix."""

    def fits(value: str, choices: list[Any]) -> bool:
        return any(value.startswith(c["prefix"]) if isinstance(c, dict) else value == c for c in choices)

    return all(fits(event[name], choices) for name, choices in pattern.items())
