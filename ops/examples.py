"""An example of a JSON Schema: the one that it names, else the simplest value that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

# What a property of this name looks like, where its schema does not say.
_NAMED = {
    "id": "prd_01j9z6k3v5x8m2q4w7e9r0t2y6",
    "key": "espresso-machine",
    "name": "Espresso machine",
    "description": "Two boilers, one lever.",
    "price": "19.99",
    "amount": 1999,
    "currency": "EUR",
    "owner": "team-coffee",
    "tag": "kitchen",
    "tags": ["kitchen"],
    "metadata": {"sku": "ESP-2"},
    "label": "Datasheet",
    "url": "https://example.com/espresso.pdf",
    "created_at": "2026-11-23T12:00:00.000Z",
    "updated_at": "2026-11-23T12:00:00.000Z",
    "valid_from": "2026-11-23T12:00:00.000Z",
    "at": "2026-11-23T12:00:00.000Z",
    "time": "2026-11-23T12:00:00.000Z",
    "actor": "member:mbr_01j9z6k3v5x8m2q4w7e9r0t2y6",
    "subject": "prd_01j9z6k3v5x8m2q4w7e9r0t2y6",
    "email": "ada@example.com",
    "environment": "production",
    "field": "stage",
}
_TEXTS = {
    "date-time": "2026-11-23T12:00:00.000Z",
    "date": "2026-11-23",
    "uri": "https://example.com/",
    "email": "ada@example.com",
}


def of(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """An example of the schema; `#/components/schemas/<name>` is looked up in `components`."""
    if "$ref" in schema:
        return of(components[schema["$ref"].rpartition("/")[2]], components)
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("const", "default"):
        if name in schema and schema[name] is not None:
            return schema[name]
    for name in ("anyOf", "oneOf"):
        for option in schema.get(name, ()):
            if option != {"type": "null"}:
                return of(option, components)
    return _of_type(schema, components)


def _of_type(schema: Schema, components: Mapping[str, Schema]) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: _named(name, member, components) for name, member in schema.get("properties", {}).items()}
    if kind == "array":
        return [of(schema["items"], components)] * max(1, schema.get("minItems", 1)) if "items" in schema else []
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    if kind == "boolean":
        return True
    if kind == "string":
        return _TEXTS.get(schema.get("format", ""), "text")
    return None if kind == "null" else {}


def _named(name: str, schema: Schema, components: Mapping[str, Schema]) -> Any:
    found = of(schema, components)
    plain = not schema.get("examples") and found in ("text", 0, 1, [], {}, None, ["text"])
    return _NAMED[name] if plain and name in _NAMED else found
