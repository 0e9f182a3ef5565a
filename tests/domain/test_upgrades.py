"""Every shape that was ever stored stays readable."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.access.shapes import key_view, member_view
from functions.audit.handler import entry
from functions.feedback.door import feedback
from slipway import keyring
from slipway.adapters.attributes import unmarshal_row
from slipway.adapters.memory import MemoryStore
from slipway.events import parse
from slipway.feedback import boards, erasure, item, vote
from slipway.feedback.titles import said
from slipway.flags import configuration, environments, flag, proposals, schedules, segments
from slipway.flags.control import Control
from slipway.keys import Keys
from slipway.members import Members
from slipway.outbox import HOMES, envelopes
from slipway.ports import Row
from slipway.product import view
from slipway.products import Products
from slipway.resources import Stored
from slipway.rollouts import plan, templates
from slipway.upgrades import STEPS, Unreadable, newest, upgrade

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))
READS: dict[str, Callable[[Row], Any]] = {
    "product": lambda row: view(Stored(row)),
    "key": lambda row: key_view(Stored(row), "2026-11-23T12:00:00.000Z", None),
    "member": lambda row: member_view(Stored(row), "ada@example.com"),
    "flag": lambda row: flag.view(Stored(row)),
    "configuration": lambda row: configuration.view(Stored(row)),
    "environment": lambda row: environments.view(Stored(row)),
    "proposal": lambda row: proposals.view(Stored(row), "2026-11-02T12:00:00.000Z"),
    "schedule": lambda row: schedules.view(Stored(row)),
    "segment": lambda row: segments.view(Stored(row)),
    "rollout": lambda row: plan.view(Stored(row)),
    "template": lambda row: templates.view(Stored(row)),
    "feedback": lambda row: item.view(Stored(row), None, 0),
    "person": lambda row: erasure.certificate(Stored(row)),
    "board": lambda row: boards.view(Stored(row)),
    "audit": entry,
    # Rows beside the resources, as their readers take them.
    "verifier": lambda row: {"keys": json.loads(keyring.written("prod", 1, [row], []))["keys"], "role": row["role"]},
    "use": lambda row: {"key": row["sk"], "day": row["day"]},
    "address": lambda row: {"member": row["pk"], "email": row["email"]},
    "admins": lambda row: {"count": row["count"]},
    "claim": lambda row: {"claim": row["pk"], "id": row["id"]},
    "import": lambda row: {"digest": row["digest"]},
    "secret": lambda row: {"secret": bytes(row["secret"]).hex()},
    "identity": lambda row: {"person": row["pk"], "secret": bytes(row["secret"]).hex(), "who": row.get("who")},
    "lookup": lambda row: {"person": row["pid"]},
    "bucket": lambda row: {"full": row["full"]},
    "note": lambda row: {"author": row["author"], "created_at": row["created_at"], "sealed": len(row["sealed"])},
    "vote": vote.view,
    "group": lambda row: {"members": row.get("members", {}), "into": row.get("into"), "change": row["change"]},
    "count": lambda row: {name: row[name] for name in ("own", "last", "union") if name in row},
    "index": lambda row: {"id": row["sk"], "said": said(row), "title": row["title"]},
}


def corpus() -> list[Any]:
    """Each row that was ever kept: `<kind>.<schema>.json` holds rows as they are stored, and what they have to read as."""
    return [
        pytest.param(path.stem.partition(".")[0], one["row"], one["reads"], id=f"{path.stem} {number}")
        for path in CORPUS
        for number, one in enumerate(json.loads(path.read_text(encoding="utf-8")))
    ]


@pytest.mark.parametrize(("kind", "stored", "reads"), corpus())
def test_a_row_that_was_ever_stored_is_read_as_it_was_meant(kind: str, stored: Row, reads: dict[str, Any]) -> None:
    answer = READS[kind](upgrade(kind, unmarshal_row(stored)))
    found = answer if isinstance(answer, dict) else answer.model_dump(mode="json")
    same = json.loads(json.dumps(found, default=lambda one: float(one) if hasattr(one, "is_finite") else one.model_dump()))
    assert {name: same[name] for name in reads} == reads, "what is new may be added, what was there stays"


@pytest.mark.parametrize(("kind", "stored", "reads"), corpus())
def test_what_it_told_can_be_told_again(kind: str, stored: Row, reads: dict[str, Any]) -> None:
    row = unmarshal_row(stored)
    told = envelopes(row) if "events" in row else []
    assert bool(told) == (kind in HOMES)
    for envelope in told:
        assert parse(envelope).envelope() == envelope


@pytest.mark.parametrize("kind", READS)
def test_every_schema_of_a_kind_is_in_the_corpus(kind: str) -> None:
    schemas = {int(path.stem.partition(".")[2]) for path in CORPUS if path.stem.startswith(f"{kind}.")}
    assert schemas == set(range(1, newest(kind) + 1))


def test_a_kind_is_written_in_its_newest_schema() -> None:
    store = MemoryStore()
    same: Callable[[Row], Row] = lambda row: row  # noqa: E731
    flags = Control(store)
    shelves = [Products(store).shelf, Keys(store, os.urandom, same).shelf, Members(store, same).shelf]
    shelves += [flags.flags.shelf, flags.configurations.shelf, flags.environments.shelf, flags.segments.shelf]
    shelves += [flags.rollouts.shelf, flags.rollouts.templates.shelf]
    told = feedback(store)
    shelves += [told.items.shelf, told.erasure.shelf, told.boards.shelf]
    for shelf in (*shelves, flags.proposals.shelf, flags.schedules.shelf):
        assert shelf.schema == newest(shelf.kind), shelf.kind


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
