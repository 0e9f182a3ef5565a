"""Which rows a request to DynamoDB is about: `dynamodb:LeadingKeys`, the condition key that MiniStack does not know."""

from __future__ import annotations

import json
import re
from typing import Any

from slipway.credentials import EVERYWHERE

_ALONE = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def keys(action: str, resource: str, body: bytes) -> list[str]:
    """The partition keys that `dynamodb:<action>` touches in the table of that ARN: for a transaction, those of its writes of
    this kind. None for an index, whose partition is not the table's, and for a request that cannot be read."""
    table, _, index = resource.partition(":table/")[2].partition("/")
    try:
        return [] if index else sorted(set(_keys(action.removeprefix("dynamodb:"), table, json.loads(body))))
    except (ValueError, LookupError, TypeError, AttributeError):
        return []


def _keys(operation: str, table: str, request: Any) -> list[str]:
    if "TransactItems" in request:
        writes = [(_ALONE[kind], write) for one in request["TransactItems"] for kind, write in one.items()]
        rows = [_row(write) for alone, write in writes if (alone, write["TableName"]) == (operation, table)]
    elif "RequestItems" in request:
        rows = request["RequestItems"][table]["Keys"]
    elif "KeyConditionExpression" in request:
        name = next(name for name, attribute in request["ExpressionAttributeNames"].items() if attribute == "pk")
        found = re.search(rf"{name}\s*=\s*(:\w+)", request["KeyConditionExpression"])
        rows = [{"pk": request["ExpressionAttributeValues"][found[1]]}] if found else []
    else:
        rows = [_row(request)]
    return [row["pk"]["S"] for row in rows]


def _row(request: Any) -> Any:
    return request["Item"] if "Item" in request else request["Key"]


def family(key: str) -> str:
    """What kind of row it is: `mbr_`, `used#`, `verifiers#`, `list#tag#`; what there is one of stays whole, as `verifiers#all`,
    `members` and `secret#pepper` do."""
    kind = re.match("list#[a-z]{1,16}(#|$)|secret#[a-z]{1,16}$|(counting|members)$|[a-z]{1,16}[#_]", key)
    return "other" if kind is None else key if key.removeprefix(kind[0]) == EVERYWHERE else kind[0]
