"""Every shape that was ever stored stays readable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.ports import Row
from slipway.upgrades import STEPS, Unreadable, newest, upgrade


def split(row: Row) -> Row:
    first, _, last = row["data"]["name"].partition(" ")
    return {**row, "data": {"first": first, "last": last}}


def greet(row: Row) -> Row:
    return {**row, "data": {**row["data"], "greeting": f"Dear {row['data']['first']}"}}


CHAIN = {("person", 1): split, ("person", 2): greet}


def person(schema: Any, **data: str) -> Row:
    return {"pk": "per_1", "sk": "head", "version": 7, "schema": schema, "data": data}


@pytest.mark.parametrize(
    "row",
    [
        person(1, name="Ada Lovelace"),
        person(2, first="Ada", last="Lovelace"),
        person(3, first="Ada", last="Lovelace", greeting="Dear Ada"),
    ],
)
def test_a_row_of_any_schema_becomes_the_newest(row: Row) -> None:
    stored = json.dumps(row)
    assert upgrade("person", row, CHAIN) == person(3, first="Ada", last="Lovelace", greeting="Dear Ada")
    assert json.dumps(row) == stored, "what was read is not touched"


def test_the_newest_schema_follows_from_the_steps() -> None:
    assert newest("person", CHAIN) == 3
    assert newest("place", CHAIN) == 1


@pytest.mark.parametrize("schema", [0, 4, None, "1"])
def test_a_schema_that_is_not_known_is_an_error(schema: Any) -> None:
    with pytest.raises(Unreadable, match=f"schema {schema!r}; this version of Slipway reads 1 to 3"):
        upgrade("person", person(schema), CHAIN)


def test_no_step_is_missing() -> None:
    for kind in {kind for kind, _ in STEPS}:
        assert {schema for of, schema in STEPS if of == kind} == set(range(1, newest(kind)))
