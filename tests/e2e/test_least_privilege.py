"""After everything: from the embedded AWS's own record, no call of a function was refused and no grant was for nothing."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

# Grants that only AWS itself exercises, with the function's role: the embedded AWS asks nobody before it does the same.
AWS_ALONE = {
    "logs:CreateLogStream": "the runtime writes the logs",
    "logs:PutLogEvents": "the runtime writes the logs",
    "xray:PutTraceSegments": "the runtime sends the traces",
    "xray:PutTelemetryRecords": "the runtime sends the traces",
    "dynamodb:DescribeStream": "the stream's poller",
    "dynamodb:GetRecords": "the stream's poller",
    "dynamodb:GetShardIterator": "the stream's poller",
    "dynamodb:ListStreams": "the stream's poller",
    "sqs:SendMessage": "the destination of an event that no run could handle",
    "iam:PassRole": "whoever makes a one-shot hands over the role by which it calls",
    "s3:ListBucket": "the destination of a batch that was given up",
    "s3:PutObject on aws/lambda/": "the destination of a batch that was given up",
}


class Use(NamedTuple):
    """One thing that a function may do, or did."""

    function: str
    action: str
    resource: str

    @property
    def for_aws_alone(self) -> bool:
        return self.action in AWS_ALONE or (self.action == "s3:PutObject" and "/aws/lambda/" in self.resource)


def grants(stack: Stack) -> set[Use]:
    iam, found = stack.client("iam"), set()
    for name, function in stack.functions().items():
        role = function["Role"].rsplit("/", 1)[1]
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document: Any = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            document = json.loads(document) if isinstance(document, str) else document
            for statement in document["Statement"]:
                assert statement["Effect"] == "Allow"
                actions, resources = (_listed(statement[part]) for part in ("Action", "Resource"))
                found |= {Use(name, action, resource) for action in actions for resource in resources}
    return found


def record(stack: Stack) -> list[tuple[str, Use]]:
    """(decision, use) of every function, from the embedded AWS."""
    functions = {function["FunctionName"]: name for name, function in stack.functions().items()}
    found = []
    for line in (stack.home / "authorized.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if (function := functions.get(entry["principal"].rsplit("/", 1)[-1])) is not None:
            found.append((entry["decision"], Use(function, entry["action"], entry["resource"])))
    return found


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _covers(grant: Use, use: Use) -> bool:
    prefix, star, rest = grant.resource.partition("*")
    assert not rest, "a grant's star stands at its end"
    within = use.resource.startswith(prefix) if star else use.resource == prefix
    return (grant.function, grant.action) == (use.function, use.action) and within


def test_every_function_was_at_work(stack: Stack) -> None:
    silent = set(stack.functions()) - {use.function for _, use in record(stack)}
    assert silent <= {"site"}, "only the page needs nothing of AWS"


def test_no_call_was_refused(stack: Stack) -> None:
    assert [use for decision, use in record(stack) if decision != "allowed"] == []


def test_no_grant_was_for_nothing(stack: Stack) -> None:
    done = [use for decision, use in record(stack) if decision == "allowed"]
    granted = grants(stack)
    unused = [grant for grant in granted if not grant.for_aws_alone and not any(_covers(grant, use) for use in done)]
    assert not unused, "\n".join(map(str, sorted(unused)))
    print(f"{len(granted)} grants, {len(done)} distinct uses; unused: 0, refused: 0")


def test_no_grant_is_excused_that_is_not_there(stack: Stack) -> None:
    granted = grants(stack)
    assert {name.split(" ")[0] for name in AWS_ALONE} <= {grant.action for grant in granted}
