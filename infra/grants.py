"""The role of one function: exactly what its line in `infra.functions` names, and what its triggers need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.checks import acknowledge
from infra.functions import (
    Bucket,
    Function,
    Grant,
    OnAlarms,
    OnBucket,
    OnBus,
    OnLake,
    OnMail,
    OnObjects,
    OnOne,
    OnOneShots,
    OnSentiment,
    OnTable,
    OnUserPool,
)
from infra.surroundings import Surroundings

_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
_TRACE = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
_READ_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
_UNBOUND = ((OnAlarms, ", nor does reading composite alarms"), (OnSentiment, ", nor does Comprehend, where it is asked for"))
# Where Lambda puts what it gave up of a stream.
_ABANDONED = OnObjects("quarantine", "aws/lambda/", ("s3:PutObject",))


def role(scope: Construct, spec: Function, log_group: logs.CfnLogGroup, around: Surroundings) -> iam.CfnRole:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    statements = list(_statements(spec, log_group, around))
    made = iam.CfnRole(
        scope,
        "Role",
        description=f"What the function {spec.name} may do",
        assume_role_policy_document={"Version": "2012-10-17", "Statement": [trust]},
        policies=[
            iam.CfnRole.PolicyProperty(policy_name="grants", policy_document={"Version": "2012-10-17", "Statement": statements})
        ],
    )
    others = [what for grant, what in _UNBOUND if any(isinstance(one, grant) for one in spec.grants)]
    xray = f"X-Ray takes no resource{''.join(others)}; every other grant of the role is literal"
    acknowledge(made, "AwsSolutions-IAM5[Resource::*]", xray)
    acknowledge(made, "Serverless-LambdaStarPermissions", xray)
    for grant in (*spec.grants, *((_ABANDONED,) if spec.streams else ())):
        if isinstance(grant, OnObjects):
            bucket = Stack.of(scope).resolve(around.data.bucket_arns[grant.bucket])["Fn::ImportValue"]
            finding = f"AwsSolutions-IAM5[Resource::{bucket}/{grant.prefix}*]"
            acknowledge(made, finding, "objects below one prefix: their names come with what is written")
        if isinstance(grant, OnOneShots):
            one_shots = (
                f"arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/default/{around.schedule_prefix}*"
            )
            finding = f"AwsSolutions-IAM5[Resource::{one_shots}]"
            acknowledge(made, finding, "one-shots of this stage: each is named after the change that it is for")
    return made


def _statements(spec: Function, log_group: logs.CfnLogGroup, around: Surroundings) -> Iterator[dict[str, Any]]:
    yield _allow(_LOG, log_group.attr_arn)
    yield _allow(_TRACE, "*")
    for grant in spec.grants:
        if isinstance(grant, OnOneShots):
            yield _allow(("iam:PassRole",), around.schedule_role.attr_arn)
        for resource in _resources(grant, around):
            yield _allow(grant.actions, resource, grant.leading if isinstance(grant, OnTable) else ())
    for table in spec.streams:
        yield _allow(_READ_STREAM, around.data.tables[table.name].table_stream_arn)
    if spec.streams:
        yield _allow(_ABANDONED.actions, _objects(_ABANDONED.bucket, _ABANDONED.prefix, around))
        yield _allow(("s3:ListBucket",), around.data.bucket_arns["quarantine"])
    if spec.asynchronous:
        yield _allow(("sqs:SendMessage",), around.dead_letters.queue_arn)


def _resources(grant: Grant, around: Surroundings) -> list[str]:
    match grant:
        case OnMail():
            return _senders(around)
        case OnSentiment():  # takes no resource
            return ["*"] if around.config.sentiment == "comprehend" else []
        case _:
            return [_resource(grant, around)]


def _resource(grant: OnOne, around: Surroundings) -> str:
    data = around.data
    match grant:
        case OnTable(table=table, index=index):
            arn = data.tables[table.name].table_arn
            return arn if index is None else f"{arn}/index/{index.name}"
        case OnObjects(bucket=bucket, prefix=prefix):
            return _objects(bucket, prefix, around)
        case OnBucket(bucket=bucket):
            return data.bucket_arns[bucket]
        case OnBus():
            return around.bus.event_bus_arn
        case OnAlarms():
            return "*"
        case OnLake():
            return around.lake.stream.attr_arn
        case OnOneShots():
            return f"arn:{Aws.PARTITION}:scheduler:{Aws.REGION}:{Aws.ACCOUNT_ID}:schedule/default/{around.schedule_prefix}*"
        case OnUserPool():
            return data.user_pool.user_pool_arn


def _senders(around: Surroundings) -> list[str]:
    """What SES may know of the sender: the address itself, or its domain."""
    sender = around.config.sender
    known = [sender] if sender else []
    if sender and not around.config.local:  # the embedded AWS is told of the address
        known.append(sender.rpartition("@")[2])
    return [f"arn:{Aws.PARTITION}:ses:{Aws.REGION}:{Aws.ACCOUNT_ID}:identity/{identity}" for identity in known]


def _objects(bucket: Bucket, prefix: str, around: Surroundings) -> str:
    return f"{around.data.bucket_arns[bucket]}/{prefix}*"


def _allow(actions: tuple[str, ...], resource: str | None, leading: tuple[str, ...] = ()) -> dict[str, Any]:
    assert resource, "a stream is read of a table that has one"
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if leading:
        statement["Condition"] = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(leading)}}
    return statement
