"""After everything: from the embedded AWS's own record, no call of a function was refused and no grant was for nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.emulator import REGION
from tests.e2e.stack import Stack
from tests.figures import Tell

pytestmark = pytest.mark.e2e

# Grants that only AWS itself exercises, with the function's role: the embedded AWS asks nobody before it does the same.
AWS_ALONE = {
    ("logs:CreateLogStream", ""): "the runtime writes the logs",
    ("logs:PutLogEvents", ""): "the runtime writes the logs",
    ("xray:PutTraceSegments", ""): "the runtime sends the traces",
    ("xray:PutTelemetryRecords", ""): "the runtime sends the traces",
    ("dynamodb:DescribeStream", ""): "the stream's poller",
    ("dynamodb:GetRecords", ""): "the stream's poller",
    ("dynamodb:GetShardIterator", ""): "the stream's poller",
    ("dynamodb:ListStreams", ""): "the stream's poller",
    ("sqs:SendMessage", ""): "the destination of an event that no run could handle",
    ("s3:ListBucket", "{quarantine}"): "the destination of a batch that was given up",
    ("s3:PutObject", "{quarantine}/aws/lambda/*"): "the destination of a batch that was given up",
    ("s3:ListBucket", "{keys}"): "S3 tells only who may list that an object is missing, the embedded AWS everybody",
    ("s3:ListBucket", "{flags}"): "S3 tells only who may list that an object is missing, the embedded AWS everybody",
    ("s3:ListBucket", "{attachments}"): "S3 tells only who may list that an object is missing, the embedded AWS everybody",
    ("iam:PassRole", ""): "whoever makes a one-shot hands over the role by which it calls",
}


class Use(NamedTuple):
    """One thing that a function may do, or did. `leading`: of a grant, the one pattern that the rows' partition keys have to
    fit; of what it did, the kinds of rows (`infra.local.leading`). Empty where nothing is said of rows."""

    function: str
    action: str
    resource: str
    leading: tuple[str, ...] = ()


def grants(stack: Stack) -> set[Use]:
    iam, found = stack.client("iam"), set()
    for name, function in stack.functions().items():
        role = function["Role"].rsplit("/", 1)[1]
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        for statement in statements(stack, role):
            assert statement["Effect"] == "Allow"
            condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
            assert condition.keys() <= {"dynamodb:LeadingKeys"}, "another condition than this file knows"
            named = _listed(condition.get("dynamodb:LeadingKeys", []))
            patterns: list[tuple[str, ...]] = [(pattern,) for pattern in named] or [()]
            actions, resources = (_listed(statement[part]) for part in ("Action", "Resource"))
            found |= {Use(name, *what) for what in itertools.product(actions, resources, patterns)}
    return found


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def statements(stack: Stack, role: str) -> Iterator[dict[str, Any]]:
    iam = stack.client("iam")
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        found: Any = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        yield from (json.loads(found) if isinstance(found, str) else found)["Statement"]


def record(stack: Stack) -> list[tuple[str, Use]]:
    """(decision, use) of every function, from the embedded AWS."""
    functions = {function["FunctionName"]: name for name, function in stack.functions().items()}
    found = []
    for line in (stack.home / "authorized.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if (function := functions.get(entry["principal"].rsplit("/", 1)[-1])) is not None:
            found.append((entry["decision"], Use(function, entry["action"], entry["resource"], tuple(entry["leading"]))))
    return found


def excused(stack: Stack) -> set[tuple[str, str]]:
    """Actions and where, of AWS_ALONE."""
    readers = {"keys": "keyring", "quarantine": "keyring", "flags": "snapshot", "attachments": "triage"}
    names = {bucket: stack.setting(function, f"SLIPWAY_BUCKET_{bucket.upper()}") for bucket, function in readers.items()}
    return {(action, place and "arn:aws:s3:::" + place.format(**names)) for action, place in AWS_ALONE}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _covers(grant: Use, use: Use) -> bool:
    """Whether the grant has a part in allowing this."""
    prefix, star, rest = grant.resource.partition("*")
    assert not rest, "a grant's star stands at its end"
    within = use.resource.startswith(prefix) if star else use.resource == prefix
    rows = not grant.leading or any(fnmatchcase(row, grant.leading[0]) for row in use.leading)
    return (grant.function, grant.action) == (use.function, use.action) and within and rows


def test_every_function_was_at_work(stack: Stack) -> None:
    silent = set(stack.functions()) - {use.function for _, use in record(stack)}
    assert silent <= {"site"}, "only the page needs nothing of AWS"


def test_no_call_was_refused(stack: Stack) -> None:
    """But those of somebody who has a link to a clean file, and makes it lead to one that is not (test_feedback_public.py)."""
    refused = [use for decision, use in record(stack) if decision != "allowed"]
    tried = ("feedback", "s3:GetObject", True)
    assert [use for use in refused if (use.function, use.action, "/incoming/att_" in use.resource) != tried] == []


def test_no_grant_was_for_nothing(stack: Stack, tell: Tell) -> None:
    """Nor a pattern of one: each was met by a row."""
    done = [use for decision, use in record(stack) if decision == "allowed"]
    granted, alone = grants(stack), excused(stack)
    unused = [
        grant
        for grant in granted
        if not {(grant.action, ""), (grant.action, grant.resource)} & alone and not any(_covers(grant, use) for use in done)
    ]
    assert not unused, "\n".join(map(str, sorted(unused)))
    tell(f"{len(granted)} grants, {len(done)} distinct uses; unused: 0, refused: 0")


def test_every_row_that_was_touched_is_one_that_a_grant_names(stack: Stack) -> None:
    """Where all grants of an action on a table name rows. Which rows a call is about is told, or nothing would be proven."""
    granted, checked = grants(stack), 0
    for _, use in record(stack):
        mine = [grant for grant in granted if (grant.function, grant.action, grant.resource) == use[:3]]
        if mine and all(grant.leading for grant in mine):
            checked += 1
            assert use.leading, use
            assert all(any(fnmatchcase(row, grant.leading[0]) for grant in mine) for row in use.leading), use
    assert checked >= 5


def test_the_embedded_aws_asks_which_rows(stack: Stack) -> None:
    """So that the calls above were allowed because of their rows: with the authorizer's grants, but as somebody else."""
    iam, sts = stack.client("iam"), stack.client("sts")
    trust = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    policy = document(*statements(stack, stack.functions()["authorize"]["Role"].rsplit("/", 1)[1]))
    made = iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust)
    try:
        iam.put_role_policy(RoleName="probe", PolicyName="grants", PolicyDocument=policy)
        given = sts.assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="probe")["Credentials"]
        session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION)
        dynamodb = session.client("dynamodb", endpoint_url=stack.aws, config=Config(proxies={}))
        table = stack.setting("authorize", "SLIPWAY_TABLE_ACCESS")
        for pk in ("mbr_x", "verifiers#all"):
            assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": "x"}})
        for pk in ("key_x", "verifiers#prod", "used#all"):
            with pytest.raises(ClientError, match="AccessDenied"):
                dynamodb.get_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": "x"}})
        with pytest.raises(ClientError, match="AccessDenied"):
            dynamodb.put_item(TableName=table, Item={"pk": {"S": "mbr_x"}, "sk": {"S": "head"}})
    finally:
        iam.delete_role_policy(RoleName="probe", PolicyName="grants")
        iam.delete_role(RoleName="probe")


def test_no_grant_is_excused_that_is_not_there(stack: Stack) -> None:
    granted = grants(stack)
    there = {(grant.action, "") for grant in granted} | {(grant.action, grant.resource) for grant in granted}
    assert excused(stack) <= there


def test_no_grant_is_excused_that_was_used(stack: Stack) -> None:
    """What the embedded AWS does ask for needs no excuse."""
    done = {(use.action, use.resource) for _, use in record(stack)}
    assert not {action for action, _ in done} & {action for action, place in excused(stack) if not place}
    assert not done & excused(stack)
