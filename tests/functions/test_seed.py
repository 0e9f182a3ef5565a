"""Flags that come with other people's stacks: made where there are none, and never made anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.seed.handler import handler
from slipway.adapters.memory import MemoryStore
from slipway.flags.control import Control
from slipway.ports import StoreUnavailable
from tests.catalogue import START, a_call
from tests.flagging import configured, made, ruled
from tests.functions.events import Context, resource_event

ON = {"state": "ENABLED", "defaultVariant": "on"}


class Stacks:
    """`put` brings a definition; the answers that CloudFormation got are in `answers`."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.control = Control(self.store)
        self.answers: list[tuple[str, dict[str, Any]]] = []

    def answer(self, url: str, body: bytes) -> None:
        self.answers.append((url, json.loads(body)))

    def put(self, definition: Any, *, key: str = "checkout", **more: Any) -> dict[str, Any]:
        handler(resource_event(key, json.dumps(definition), **more), Context())
        return self.answers[-1][1]

    def configuration(self, environment: str) -> tuple[int, bool, str | None]:
        _, stored = self.control.configurations.read(a_call(), "checkout", environment)
        return stored.version, stored.data["enabled"], stored.data["default_variant"]


@pytest.fixture
def stacks() -> Iterator[Stacks]:
    found = Stacks()
    with handler.testing(found.control, found.answer, lambda: START + timedelta(days=1)):
        yield found


def test_a_deploy_makes_the_flag_and_says_so(stacks: Stacks) -> None:
    answer = stacks.put({"type": "boolean", "owner": "web", "environments": {"production": ON}})
    assert answer == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "NewCheckout",
        "LogicalResourceId": "NewCheckout",
        "RequestId": "1",
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/Shop/1",
    }
    assert stacks.answers[0][0] == "https://cloudformation.example.com/answer"
    assert stacks.control.flags.read("checkout").data["owner"] == "web"
    assert stacks.configuration("production") == (2, True, "on")
    assert stacks.configuration("staging") == (1, False, None)


def test_what_is_there_is_never_overwritten(stacks: Stacks) -> None:
    made(stacks.control, owner="growth")
    configured(stacks.control, environment="staging", enabled=True, default_variant="off")
    answer = stacks.put({"type": "boolean", "owner": "web", "environments": {"staging": ON, "production": ON}}, type="Update")
    assert answer["Status"] == "SUCCESS"
    assert stacks.control.flags.read("checkout").data["owner"] == "growth"
    assert stacks.configuration("staging") == (2, True, "off")
    assert stacks.configuration("production") == (2, True, "on"), "nobody had touched it"


def test_a_second_try_changes_nothing(stacks: Stacks) -> None:
    definition = {"type": "boolean", "environments": {"staging": ON}}
    first, second = stacks.put(definition), stacks.put(definition)
    assert first == second
    assert stacks.configuration("staging") == (2, True, "on")
    assert stacks.control.flags.read("checkout").version == 1


def test_an_archived_flag_stays_archived(stacks: Stacks) -> None:
    made(stacks.control)
    stacks.control.flags.archive(a_call(1), "checkout", None)
    assert stacks.put({"type": "boolean", "environments": {"staging": ON}})["Status"] == "SUCCESS"
    assert stacks.control.flags.read("checkout").data["status"] == "archived"


def test_nothing_goes_with_the_stack(stacks: Stacks) -> None:
    stacks.put({"type": "boolean"})
    answer = stacks.put({"type": "boolean"}, type="Delete", PhysicalResourceId="NewCheckout")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "NewCheckout")
    assert stacks.control.flags.read("checkout").data["status"] == "active"


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ({"type": "boolean", "owners": "web"}, "owners"),
        ([], "a definition is an object"),
        ({"type": "string"}, "/variants: Give the flag its variants"),
        ({"type": "boolean", "environments": {"moon": ON}}, "There is no environment 'moon'."),
        ({"type": "boolean", "environments": {"production": ON}}, "A change in 'production' takes a second person"),
    ],
)
def test_what_is_wrong_fails_the_deploy_with_its_words_and_makes_nothing(stacks: Stacks, definition: Any, reason: str) -> None:
    stacks.control.environments.all(a_call())
    ruled(stacks.control, "production", approval=True)
    answer = stacks.put(definition)
    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]
    assert ("flag#checkout", "head") not in stacks.store.tables["flags"]


def test_a_rule_that_is_not_valid_fails_the_deploy_and_is_mended_by_the_next(stacks: Stacks) -> None:
    wrong = {"type": "boolean", "environments": {"staging": {"state": "ENABLED", "defaultVariant": "maybe"}}}
    answer = stacks.put(wrong)
    assert (answer["Status"], "/default_variant" in answer["Reason"]) == ("FAILED", True)
    assert stacks.configuration("staging") == (1, False, None)
    assert stacks.put({"type": "boolean", "environments": {"staging": ON}}, id="2")["Status"] == "SUCCESS"
    assert stacks.configuration("staging") == (2, True, "on")


def test_what_the_world_lacks_is_tried_again(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(stacks.store, "get", down)
    with pytest.raises(StoreUnavailable):
        stacks.put({"type": "boolean"})
    assert stacks.answers == []
