"""Flags in and out as files, through the door of the flags function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.flags.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.flags.control import Control
from slipway.flags.flagd import FlagdDocument
from slipway.flags.imports import ImportView
from tests.catalogue import START
from tests.functions.events import EDITOR, VIEWER, Context, Reply, call, http_event, reply

FILES = Path(__file__).parents[1] / "domain" / "flags" / "files"
FLAG = {"state": "ENABLED", "variants": {"low": 1.0, "high": 2.0}, "defaultVariant": "low"}


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with api.testing(use=Control(store), now=START):
        yield store


def imported(body: Any, query: str = "", headers: Any = None, principal: Principal = EDITOR) -> Reply:
    sent = {"content-type": "application/json", **(headers or {})}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    query = f"environment=development{query and '&'}{query}"
    event = http_event("POST", "/v1/flags/import", query=query, headers=sent, body=raw, principal=principal)
    return reply(handler(event, Context()))


def exported(query: str = "environment=development", principal: Principal = VIEWER) -> Reply:
    return call(handler, "GET", "/v1/flags/export", query=query, principal=principal)


def test_a_file_goes_in_and_comes_out() -> None:
    done = imported({"flags": {"limit": FLAG}})
    assert (done.status, done.json["created"], done.json["left"]) == (200, 1, 0)
    assert done.headers.get("idempotency-replayed") is None
    ImportView.model_validate(done.json)
    again = imported({"flags": {"limit": FLAG}})
    assert (again.json["existing"], again.headers["idempotency-replayed"]) == (1, "true")
    out = exported()
    assert (out.status, out.json["flags"]) == (200, {"limit": {**FLAG, "metadata": {"type": "float"}}})
    assert b'"low":1.0' in out.body
    FlagdDocument.model_validate(out.json)
    assert imported(out.body, "mode=update").json["existing"] == 1


def test_faults_are_told_with_their_places_and_nothing_is_written(store: MemoryStore) -> None:
    wrong = imported({"flags": {"good": FLAG, "bad": {**FLAG, "defaultVariant": "lowest"}, "import": FLAG}})
    assert (wrong.status, [fault["pointer"] for fault in wrong.json["errors"]]) == (422, ["/flags/bad/defaultVariant"])
    assert imported({"flags": {"import": FLAG}}).json["errors"][0]["pointer"] == "/flags/import"
    assert store.tables.get("flags", {}) == {}


def test_a_taken_key_is_a_conflict_until_it_is_asked_to_be_updated() -> None:
    call(handler, "POST", "/v1/flags", {"key": "limit", "type": "float", "variants": {"low": 0}}, principal=EDITOR)
    taken = imported({"flags": {"limit": FLAG}})
    assert (taken.status, taken.json["code"]) == (409, "key_taken")
    assert taken.json["errors"] == [
        {
            "pointer": "/flags/limit",
            "code": "key_taken",
            "detail": "There is, or was, another flag of this name; choose another one.",
        }
    ]
    assert imported({"flags": {"limit": FLAG}}, "mode=update&validate_only=true").json["updated"] == 1
    assert imported({"flags": {"limit": FLAG}}, "mode=update").json["updated"] == 1


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        (b"{", "", 400),
        (b"[]", "", 422),
        (b'{"flags": {"a": {}, "a": {}}}', "", 400),
        ({"flags": {"limit": FLAG}}, "environment=staging", 422),
        ({"flags": {"limit": FLAG}}, "mode=replace", 422),
        (b'{"flags": ' + b'{"a":' * 70 + b"1" + b"}" * 71, "", 400),
        (b" " * (4 * 1024 * 1024 + 1), "", 413),
    ],
)
def test_what_is_no_file_is_refused(body: Any, query: str, status: int) -> None:
    assert imported(body, query).status == status


def a_clause(value: float) -> dict[str, Any]:
    clause = {"attribute": "since", "op": "after", "values": [value]}
    rules = [{"variation": 0, "clauses": [clause]}]
    place = {"on": True, "rules": rules, "fallthrough": {"variation": 1}}
    return {"items": [{"key": "x", "variations": [{"value": True}, {"value": False}], "environments": {"p": place}}]}


def a_rollout(value: str) -> dict[str, Any]:
    here = {"featureName": "x", "environment": "p"}
    strategies = [{**here, "name": "flexibleRollout", "parameters": {"rollout": value}}]
    return {"features": [{"name": "x"}], "featureStrategies": strategies, "featureEnvironments": [{**here, "enabled": True}]}


def an_option(value: float) -> list[dict[str, Any]]:
    return [{"name": "x", "value": "c", "enabled": True, "multivariate": [{"percentage_allocation": value, "value": "o"}]}]


@pytest.mark.parametrize(
    ("format", "body"),
    [
        *(("unleash", a_rollout(value)) for value in ("NaN", "inf", "1e999")),
        *(("flagsmith", an_option(value)) for value in (1e308, -1e308, 250)),
        *(("launchdarkly", a_clause(value)) for value in (1e308, -1e308)),
    ],
)
def test_a_number_beyond_all_bounds_is_told_and_its_flag_left_off(format: str, body: Any) -> None:
    done = imported(body, f"format={format}")
    assert (done.status, done.json["created"]) == (200, 1)
    assert {"unmapped", "switched_off"} <= {note["code"] for note in done.json["notes"]}
    (flag,) = exported().json["flags"].values()
    assert flag["state"] == "DISABLED"


def test_an_environment_has_to_be_there() -> None:
    assert exported("environment=elsewhere").status == 404
    assert imported({"flags": {"limit": FLAG}}, principal=VIEWER).status == 403


def test_an_export_goes_on_where_its_link_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    imported({"flags": dict.fromkeys("abc", FLAG)})
    monkeypatch.setattr("slipway.flags.exports.PIECE", 2)
    first = exported()
    assert list(first.json["flags"]) == ["a", "b"]
    link = first.headers["link"]
    assert link.endswith('>; rel="next"')
    rest = exported(link.partition("?")[2].partition(">")[0])
    assert (list(rest.json["flags"]), rest.headers.get("link")) == (["c"], None)
    assert exported("environment=development&cursor=x").status == 400
    names, query = list[str](), ""
    while len(names) < 9:
        piece = exported(query)
        names.append(piece.json["metadata"]["flagSetId"])
        query = piece.headers.get("link", "").partition("?")[2].partition(">")[0]
        if not query:
            break
    assert names == [name for name in ("development", "production", "staging") for _ in range(2)]


@pytest.mark.parametrize(("name", "made"), [("launchdarkly", 6), ("unleash", 5), ("flagsmith", 4)])
def test_files_of_others_are_looked_at_first_and_then_taken(name: str, made: int) -> None:
    body = (FILES / f"{name}.json").read_bytes()
    only = imported(body, f"format={name}&source=production&validate_only=true")
    assert (only.status, only.json["created"]) == (200, made), only.body
    ImportView.model_validate(only.json)
    assert only.json["notes"]
    assert exported().json["flags"] == {}
    done = imported(body, f"format={name}&source=production")
    assert (done.json["created"], done.json["notes"]) == (made, only.json["notes"])
    again = imported(body, f"format={name}&source=production")
    assert (again.json["existing"], again.headers["idempotency-replayed"]) == (made, "true")


def test_a_fault_of_a_foreign_file_names_the_flag_and_what_it_would_become() -> None:
    feature: dict[str, Any] = {"name": "no good key!", "value": None, "enabled": True, "multivariate": []}
    refused = imported([feature], "format=flagsmith")
    (fault,) = refused.json["errors"]
    assert (refused.status, fault["pointer"], fault["code"]) == (422, "/0", "invalid_key")
    assert fault["detail"].startswith("no good key!: A key is")
    assert imported({}, "format=unleash").json["errors"][0]["pointer"] == "/features"


def test_notes_have_a_bound_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.flags.imports.MOST_NOTES", 3)
    done = imported((FILES / "unleash.json").read_bytes(), "format=unleash&validate_only=true").json
    assert len(done["notes"]) == 3
    assert done["more_notes"] > 10
