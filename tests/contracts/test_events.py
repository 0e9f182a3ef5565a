"""Event contracts: published, frozen, and the same on the way out and back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from ops.schemas import PUBLISHED, publish, text
from slipway.events import CONTRACTS, Event, MemberInvited, MemberRemoved, ProductCreated, parse, pattern, schema
from slipway.outbox import HOMES
from tests.records import matches

FROZEN = Path(__file__).parent / "published"
_THERE = {"flag": "checkout", "environment": "production"}
FACTS: dict[str, dict[str, Any]] = {
    "product": {"name": "Ada", "stage": "idea", "status": "active"},
    "key": {"kind": "server", "environment": "prod", "status": "active"},
    "member": {"role": "viewer", "status": "active"},
    "flag": {"key": "checkout", "type": "boolean", "status": "active"},
    "configuration": {"flag": "checkout", "environment": "production", "enabled": True, "reason": True},
    "environment": {"name": "production", "protected": True, "approval": False, "status": "active"},
    "segment": {"key": "staff", "status": "active"},
    "template": {"key": "standard", "status": "active"},
    "proposal": {"flag": "checkout", "environment": "production", "status": "open"},
    "schedule": {"flag": "checkout", "environment": "staging", "status": "planned", "at": "2026-12-01T09:00:00.000Z"},
    "rollout": {**_THERE, "state": "running", "stage": 1, "share": 5_000, "why": "hold_over"},
    "feedback": {"product": "grinder"},
    "person": {},
    "survey": {"product": "grinder", "environment": "production", "survey_kind": "nps"},
    "webhook": {"status": "enabled"},
    "changelog": {"product": "grinder", "status": "draft"},
    "board": {"product": "grinder"},
}


_OTHERS = {"kind": "segment", "key": "staff", "status": "planned"}
FACTS["feedback.submitted.v1"] = {"product": "grinder", "feedback_type": "bug", "environment": "production", "state": "visible"}
FACTS["feedback.merged.v1"] = {"product": "grinder", "into": "fbk_3w5c"}
FACTS["feedback.unmerged.v1"] = {"product": "grinder", "from": "fbk_3w5c"}
FACTS["feedback.status_changed.v1"] = {"product": "grinder", "before": "new", "after": "planned"}
FACTS |= {name: _OTHERS for name in CONTRACTS if name.startswith("proposal.") and name.endswith(".v2")}
FACTS |= {
    name: {**_OTHERS, "at": "2026-12-01T09:00:00.000Z"}
    for name in CONTRACTS
    if name.startswith("schedule.") and name.endswith(".v2")
}


def sample(name: str, **data: Any) -> dict[str, Any]:
    return {
        "id": "evt_" + "0" * 26,
        "source": CONTRACTS[name].origin(),
        "type": name,
        "version": int(name.rpartition(".v")[2]),
        "sequence": 2,
        "time": "2026-11-23T10:00:00.000Z",
        "subject": "prd_1",
        "actor": "admin:key_1",
        "correlation_id": "",
        "traceparent": "",
        "data": {"version": 2, "changes": [], **FACTS.get(name, FACTS[name.split(".")[0]]), **data},
    }


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_published_schema_never_changes(name: str) -> None:
    path = PUBLISHED / f"{name}.json"
    assert path.exists(), f"{name} is not published: run `.venv/bin/slipway schemas`"
    assert path.read_text(encoding="utf-8") == text(name), f"{name} is published; another shape is another contract, say .v2"


def test_what_was_published_once_is_what_stands() -> None:
    """A schema that is made anew is caught here, too: its digest was written down. A new contract appends its line."""
    told = set((FROZEN / "events.sha256").read_text(encoding="utf-8").splitlines())
    assert told == {f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in PUBLISHED.glob("*.json")}


def test_no_contract_is_withdrawn() -> None:
    assert {path.stem for path in PUBLISHED.glob("*.json")} <= set(CONTRACTS)


def test_publishing_writes_what_is_new_and_leaves_what_is_there(tmp_path: Any) -> None:
    (tmp_path / "product.created.v1.json").write_text("published")
    assert len(publish(tmp_path)) == len(CONTRACTS) - 1
    assert (tmp_path / "product.created.v1.json").read_text() == "published"
    assert publish(tmp_path) == []


def test_the_name_and_the_source_follow_from_the_kind() -> None:
    for name, contract in CONTRACTS.items():
        kind, _, number = name.split(".")
        assert contract.__name__.lower() == "".join(name.split(".")[:2]).replace("_", "") + number.replace("v1", ""), name
        assert number == f"v{contract.model_fields['version'].annotation.__args__[0]}"  # type: ignore[union-attr]
        assert contract.origin() == f"slipway.{HOMES[kind].name}"


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
changes = st.lists(
    st.fixed_dictionaries({"field": st.text(min_size=1, max_size=20)}, optional={"from": values, "to": values}), max_size=4
)


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(sorted(CONTRACTS)), changes=changes)
def test_an_envelope_comes_back_as_it_was_sent(name: str, changes: list[dict[str, Any]]) -> None:
    sent = sample(name, changes=changes)
    event = parse(json.loads(json.dumps(sent)))
    assert type(event) is CONTRACTS[name]
    assert event.envelope() == sent
    Draft202012Validator(schema(CONTRACTS[name])).validate(sent)


@pytest.mark.parametrize(
    "broken",
    [
        {"source": "slipway.access"},
        {"version": 2},
        {"sequence": 0},
        {"sequence": "2"},
        {"id": "evt_x"},
        {"time": "2026-11-23 10:00"},
        {"actor": ""},
        {"data": {"version": 2, **FACTS["product"]}},
        {"data": {"version": 2, "changes": []}},
        {"data": {"version": 2, "changes": [{"from": 1}], **FACTS["product"]}},
        {"data": {"version": 2, "changes": [], "email": "somebody@example.com", **FACTS["product"]}},
        {"more": True},
    ],
    ids=str,
)
def test_a_broken_envelope_is_refused_by_the_model_and_by_the_schema(broken: dict[str, Any]) -> None:
    envelope = {**sample("product.created.v1"), **broken}
    with pytest.raises(ValidationError):
        parse(envelope)
    assert not Draft202012Validator(schema(ProductCreated)).is_valid(envelope)


def test_an_unknown_contract_is_refused() -> None:
    with pytest.raises(KeyError):
        parse({**sample("product.created.v1"), "type": "product.sold.v1"})


def arrived(contract: type[Event]) -> dict[str, str]:
    return {"source": contract.origin(), "detail-type": contract.name()}


def test_a_rule_takes_exactly_the_contracts_that_it_names() -> None:
    wanted = pattern(MemberInvited, MemberRemoved)
    taken = {c for c in CONTRACTS.values() if matches(wanted, arrived(c))}
    assert taken == {MemberInvited, MemberRemoved}


def test_a_rule_without_contracts_takes_everything_of_ours_and_nothing_else() -> None:
    assert all(matches(pattern(), arrived(contract)) for contract in CONTRACTS.values())
    assert not matches(pattern(), {"source": "aws.ec2", "detail-type": "product.created.v1"})
