"""schemathesis, all checks on, against every function in this process: what the document says is what the functions do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from functions.collect.handler import OPERATIONS as SIGNALS
from functions.evaluate.handler import OPERATIONS
from tests.contracts import rooms
from tests.contracts.bridge import TOKEN, application

EACH = 300 if os.environ.get("SLIPWAY_PROVE") else 10  # examples an operation, beside the systematic ones

# What a request that fits its schema may be refused for: rules between values, or with what stands in the store.
BEYOND_THE_SCHEMA = {"bad_cursor", "idempotency_mismatch", "precondition_failed"}
# Of a rule that means nothing (`slipway.flags.rules`), and of names that a rule has to repeat letter by letter.
_RULE = {"not_a_rule", "unknown_operator", "wrong_arity", "unknown_reference", "nested_reference", "bad_path", "bad_weight"}
_FLAG = {
    "invalid_variant",
    "invalid_targeting_key",
    "mixed_types",
    "required",
    "duplicate",
    "unknown_variant",
    "unknown_flag",
    "cycle",
    "invalid_metadata",
    "too_large",
    "forbidden_character",
}
_LATER = _RULE | _FLAG | {"unknown_environment", "one_change", "unknown_segment", "unknown_version"}
_COURSE = {"last_share", "not_larger", "required", "duplicate", "invalid_metric", "threshold", "invalid_share"}
_COURSE |= {"forbidden_character", "invalid_key", "too_small"}  # of alpha the published contract says that it is above 0
RULES = {
    "rollouts.create": _COURSE | {"invalid_variant", "unknown_template"},
    "rollouts.dry_run": _COURSE,
    "templates.create": _COURSE,
    "templates.update": _COURSE,
    "flags.create": _FLAG,
    "flags.update": _FLAG,
    "flags.list": {"required"},
    "flags.read": {"in_the_future"},
    "configurations.read": {"in_the_future"},
    "configurations.update": _RULE | _FLAG | {"type"},  # whatever stands beside a name that is none
    "configurations.explain": {"in_the_future"},
    "configurations.preview": _RULE | _FLAG,
    "proposals.open": _LATER,
    "schedules.plan": _LATER | {"not_a_minute", "out_of_reach", "unknown_proposal"},
    "segments.create": _RULE,
    "segments.update": _RULE,
    "audit.list": {"after_to", "pattern"},
    "flags.adoption": {"after_to", "too_long"},
    "metrics.read": {"after_to", "too_long"},
    "members.invite": {"pattern"},
    "webhooks.create": {"invalid_url", "unknown_topic"},
    "webhooks.update": {"invalid_url", "unknown_topic"},
    "changelog.create": {"unknown_product"},
    "feedback.list": {"required", "above_max"},
    "feedback.update": {"unknown_member", "unknown_flag", "unknown_environment", "not_one_of"},
    "feedback.bulk": {"unknown_member", "empty", "also_added"},
    "boards.update": {"pattern"},
    "feedback.submit": {"forbidden", "required", "consent_missing", "unknown_product", "pattern"},
    "surveys.create": _RULE
    | {"unknown_product", "unknown_environment", "before_start", "invalid_share", "pattern", "invalid_targeting"},
    "surveys.update": _RULE | {"before_start", "invalid_share", "invalid_targeting"},
    "surveys.prompt": {"targeting_key_missing", "invalid_targeting_key", "invalid_context"},
    "feedback.vote": {"forbidden", "required", "pattern"},
    "feedback.withdraw": {"forbidden", "required", "pattern"},
    "feedback.merge": {"unknown_item", "itself"},
    "people.export": {"unknown_environment", "one_person", "pattern"},
    "people.erase": {"unknown_environment", "one_person", "pattern"},
    "keys.create": {"forbidden", "required", "too_small"},
    "products.create": {"too_many_decimals"},
    "products.update": {"too_many_decimals"},
    "products.batch": {"too_many_decimals", "duplicate"},
    "products.read": {"in_the_future"},
}
NO_SCHEMA = {"products.import", "flags.import", "feedback.import"}  # lines of JSON, or CSV; files of flags
NO_SCHEMA |= {"manifest.create", "manifest.update"}  # a default value is of the type beside it; told by `test_flags_manifest`
NO_SCHEMA |= set(OPERATIONS.values())  # errors as OFREP has them; `test_evaluate` holds them to its document

schema = schemathesis.openapi.from_wsgi("/openapi.json", application)
schema.config.generation.update(allow_x00=False)  # no text has it here: it is refused at the door, with a test of its own
checks = schema.config.checks
checks.missing_required_header.expected_statuses = ["428"]  # If-Match is the only header that must be there
checks.positive_data_acceptance.expected_statuses = [
    *(status for status in checks.positive_data_acceptance.expected_statuses if status != "5xx"),
    *("400", "412", "422"),  # `sound_requests_are_taken` looks at these
]


schemathesis.serializer.alias("application/x-ndjson", "text/plain")


@pytest.fixture(autouse=True, scope="module")
def rooms_opened() -> Iterator[None]:
    with rooms.opened():
        rooms.furnished()
        yield


def sound_requests_are_taken(context: Any, response: Any, case: Any) -> None:
    """A request that fits its schema is refused for a rule that no schema can tell, or not at all."""
    if response.status_code not in (400, 412, 422) or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    operation, problem = case.operation.definition.raw["operationId"], response.json()
    if operation in NO_SCHEMA or problem["code"] in BEYOND_THE_SCHEMA:
        return
    if problem["detail"].startswith("Idempotency-Key must"):
        return  # the published contract does not say of which characters it is
    broken = {error["code"] for error in problem.get("errors", ())}
    assert broken, problem
    assert broken <= RULES.get(operation, set()) | {"out_of_range"}, problem  # a number that no table keeps


def problems_are_those_that_the_operation_names(context: Any, response: Any, case: Any) -> None:
    """405 is of no operation, and the gateway's own answers have no code."""
    if response.status_code >= 400 and response.status_code != 405 and "code" in (problem := response.json()):
        answer = case.operation.definition.raw["responses"][str(response.status_code)]["$ref"]
        assert problem["code"] in answer.rpartition("/")[2].split("."), problem


CHECKS = [sound_requests_are_taken, problems_are_those_that_the_operation_names]


@schema.parametrize()
@hypothesis.settings(
    max_examples=EACH, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck), database=None
)
def test_operation(case: Any) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {TOKEN}"},
        additional_checks=CHECKS,
        excluded_checks=[negative_data_rejection] if vanishes(case) or by_index(case) else [],
    )


def by_index(case: Any) -> bool:
    """Of a batch a bad event is rejected by its index, and the batch is taken; `test_collect` holds each."""
    return case.operation.definition.raw["operationId"] in SIGNALS.values()


def vanishes(case: Any) -> bool:
    """A parameter without a value does not get into a URL: what is sent then fits the schema after all."""
    return any(value is None or value in ([], {}) for value in dict(case.query or {}).values())
