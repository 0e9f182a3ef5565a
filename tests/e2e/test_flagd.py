"""The snapshot for those who evaluate by themselves: flagd's HTTP sync, and flagd's provider for Python, unmodified."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext

from infra.local.demo import ENVIRONMENT
from tests.e2e.flagd import HttpSync
from tests.e2e.stack import Stack, until
from tests.e2e.test_flags import PROMISE, configure, create, settled

pytestmark = pytest.mark.e2e

PLACE = f"/v1/environments/{ENVIRONMENT}/snapshot"


def sync(stack: Stack, key: str = "server") -> HttpSync:
    return HttpSync(stack.port, PLACE, f"Bearer {stack.key(key)}")


def test_flagds_http_sync_gets_each_document_once(stack: Stack) -> None:
    key = create(stack, f"synced-{secrets.token_hex(4)}")
    configure(stack, key, enabled=True, default_variant="off")
    settled(stack, key, False)
    polling = sync(stack)
    assert polling.fetch()
    first = polling.document
    assert first["metadata"]["flagSetId"] == ENVIRONMENT
    assert first["flags"][key]["defaultVariant"] == "off"
    assert [polling.fetch() for _ in range(3)] == [False, False, False]
    assert polling.fetch(whole=True)
    assert polling.document == first
    configure(stack, key, default_variant="on")
    until(polling.fetch, within=PROMISE, what="a change is another document")
    assert polling.document["flags"][key]["defaultVariant"] == "on"
    assert not polling.fetch()


def test_flagds_http_sync_is_told_that_a_key_may_not(stack: Stack) -> None:
    for refused in (sync(stack, "client"), HttpSync(stack.port, PLACE, "Bearer nobody's")):
        with pytest.raises(OSError, match=r"^403"):
            refused.fetch()
    assert stack.call("GET", "/v1/environments/elsewhere/snapshot", token="server").status == 403


@pytest.fixture
def by_file(stack: Stack, tmp_path: Path) -> Iterator[OpenFeatureClient]:
    """flagd's provider over the published document."""
    polling = sync(stack)
    polling.fetch(whole=True)
    file = tmp_path / "flags.json"
    file.write_text(json.dumps(polling.document))
    api.set_provider(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(file)), "by file")
    yield api.get_client("by file")
    api.clear_providers()


@pytest.fixture(scope="module")
def keys(stack: Stack) -> dict[str, str]:
    """Of each type of rule one flag: what it is called, by what it shows."""
    made = {
        "split": {"fractional": [["on", 30], ["off", 70]]},
        "by company": {"fractional": [{"var": "company"}, ["on", 1], ["off", 1]]},
        "versions": {"if": [{"sem_ver": [{"var": "version"}, ">=", "2.1.0"]}, "on", None]},
        "starts": {"if": [{"starts_with": [{"var": "email"}, "a"]}, "on", "off"]},
        "ends": {"if": [{"ends_with": [{"var": "email"}, ".org"]}, "on", "off"]},
        "steady": None,
    }
    named = {}
    for what, rule in made.items():
        named[what] = create(stack, f"by-file-{secrets.token_hex(4)}")
        configure(stack, named[what], enabled=True, default_variant="off", targeting=rule)
    named["needs"] = create(stack, f"by-file-{secrets.token_hex(4)}")
    needed = [{"flag": named["by company"], "variants": ["on"]}]
    configure(
        stack, named["needs"], enabled=True, default_variant="off", targeting={"if": [True, "on"]},
        prerequisites=needed, overrides={"off": ["unit-3"]},
    )  # fmt: skip
    settled(stack, named["needs"], False)
    return named


def test_flagds_provider_answers_as_evaluation_does(stack: Stack, keys: dict[str, str], by_file: OpenFeatureClient) -> None:
    for number in range(100):
        attributes = {
            "company": f"c{number % 7}",
            "version": f"2.{number % 3}.{number}",
            "email": f"{'ab'[number % 2]}{number}@acme.{('com', 'org')[number % 3 == 0]}",
        }
        context = {"targetingKey": f"unit-{number}", **attributes}
        bulk = stack.call("POST", "/ofrep/v1/evaluate/flags", {"context": context}, token="server")
        answers = {one["key"]: one for one in bulk.json()["flags"]}
        for what, key in keys.items():
            details = by_file.get_boolean_details(key, False, EvaluationContext(f"unit-{number}", attributes))
            answer = answers[key]
            assert (details.value, details.variant) == (answer["value"], answer["variant"]), (what, context)
