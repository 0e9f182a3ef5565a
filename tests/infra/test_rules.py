"""Each house rule, shown to fire on a planted violation, and to be silent about what we ship."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import rules
from infra.rules import Estate, findings
from tests.infra.conftest import Assembly

RELAY, RECORD = "Service/RelayFunction", "Service/RecordFunction"
Plant = Callable[[Estate], None]


def at(estate: Estate, id: str, *path: str | int, value: Any = None, drop: bool = False) -> None:
    """Set or drop what stands at the path of the properties of the resource."""
    place: Any = estate.resources[find(estate, id)]["Properties"]
    for step in path[:-1]:
        place = place[step]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = value


def find(estate: Estate, id: str) -> str:
    """The one resource of this id, with or without the hash that CDK adds."""
    [found] = [name for name in estate.resources if re.fullmatch(rf"{id}([0-9A-F]{{8}})?", name)]
    return found


def granted(action: str, resource: Any, **more: Any) -> Plant:
    def plant(estate: Estate) -> None:
        role = estate.resources[find(estate, "Service/RelayRole")]
        statement = {"Effect": "Allow", "Action": [action], "Resource": resource, **more}
        role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(statement)

    return plant


def let_in(id: str, principal: Any, **more: Any) -> Plant:
    def plant(estate: Estate) -> None:
        document = estate.resources[find(estate, id)]["Properties"]["PolicyDocument"]
        document["Statement"].append({"Effect": "Allow", "Action": "sqs:SendMessage", "Principal": principal, **more})

    return plant


def third_reader(estate: Estate) -> None:
    mapping = estate.resources[find(estate, "Service/RelayAccessStream")]
    estate.resources["Service/Third"] = mapping


def mail_without_a_queue(estate: Estate) -> None:
    estate.resources["Watch/Mail"] = {"Type": "AWS::SNS::Subscription", "Properties": {"Protocol": "email"}}


def set_at(id: str, *path: str | int, value: Any = None) -> Plant:
    return lambda estate: at(estate, id, *path, value=value)


def dropped(id: str, *path: str | int) -> Plant:
    return lambda estate: at(estate, id, *path, drop=True)


def unretained(id: str) -> Plant:
    def plant(estate: Estate) -> None:
        resource = dict(estate.resources[find(estate, id)])
        resource["DeletionPolicy"] = "Delete"
        estate.resources[find(estate, id)] = resource

    return plant


def shared(*path: str) -> Plant:
    def plant(estate: Estate) -> None:
        value: Any = estate.resources[find(estate, RECORD)]["Properties"]
        for step in path:
            value = value[step]
        at(estate, RELAY, *path, value=value)

    return plant


def without(id: str) -> Plant:
    def plant(estate: Estate) -> None:
        del estate.resources[find(estate, id)]

    return plant


PLANTED: list[tuple[str, str, Plant]] = [
    ("own_role", RELAY, shared("Role")),
    ("own_log_group", RELAY, shared("LoggingConfig", "LogGroup")),
    ("own_log_group", RELAY, dropped(RELAY, "LoggingConfig")),
    ("retention", "Service/RelayLogs", dropped("Service/RelayLogs", "RetentionInDays")),
    ("sized", RELAY, set_at(RELAY, "Architectures", value=["x86_64"])),
    ("sized", RELAY, dropped(RELAY, "Timeout")),
    ("sized", RELAY, dropped(RELAY, "MemorySize")),
    ("sized", RELAY, set_at(RELAY, "TracingConfig", "Mode", value="PassThrough")),
    ("no_reserved_concurrency", RELAY, set_at(RELAY, "ReservedConcurrentExecutions", value=1)),
    ("failure_destination", "Service/RecordRule", dropped("Service/RecordRule", "Targets", 0, "DeadLetterConfig")),
    ("failure_destination", "Service/RecordRule", dropped("Service/RecordRule", "Targets", 0, "RetryPolicy")),
    ("failure_destination", RECORD, dropped(RECORD, "DeadLetterConfig")),
    ("failure_destination", "Service/RelayAccessStream", dropped("Service/RelayAccessStream", "DestinationConfig")),
    ("failure_destination", "Watch/Mail", mail_without_a_queue),
    ("stream_readers", "Service/Third", third_reader),
    ("stream_readers", "Service/RelayAccessStream", set_at("Service/RelayAccessStream", "StartingPosition", value="LATEST")),
    ("stream_readers", "Service/RelayAccessStream", dropped("Service/RelayAccessStream", "FunctionResponseTypes")),
    ("stream_readers", "Service/RelayAccessStream", set_at("Service/RelayAccessStream", "MaximumRetryAttempts", value=3)),
    ("stream_readers", "Service/RelayAccessStream", dropped("Service/RelayAccessStream", "MaximumRecordAgeInSeconds")),
    ("tables_kept", "Data/AccessTable", dropped("Data/AccessTable", "PointInTimeRecoverySpecification")),
    ("tables_kept", "Data/AccessTable", set_at("Data/AccessTable", "DeletionProtectionEnabled", value=False)),
    ("tables_kept", "Data/AccessTable", dropped("Data/AccessTable", "OnDemandThroughput")),
    ("tables_kept", "Data/AccessTable", unretained("Data/AccessTable")),
    ("tables_kept", "Data/UserPool", unretained("Data/UserPool")),
    ("tables_kept", "Data/KeysBucket", unretained("Data/KeysBucket")),
    (
        "private_buckets",
        "Data/KeysBucket",
        set_at("Data/KeysBucket", "PublicAccessBlockConfiguration", "BlockPublicAcls", value=False),
    ),
    ("private_buckets", "Data/KeysBucket", without("Data/KeysBucketPolicy")),
    ("private_buckets", "Data/KeysBucket", dropped("Data/KeysBucket", "LifecycleConfiguration")),
    ("literal_grants", "Service/RelayRole", granted("dynamodb:*", "arn:aws:dynamodb:eu-central-1:123456789012:table/x")),
    ("literal_grants", "Service/RelayRole", granted("dynamodb:GetItem", "*")),
    ("literal_grants", "Service/RelayRole", granted("dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:123456789012:table/*")),
    ("literal_grants", "Service/RelayRole", granted("s3:GetObject", {"Fn::Join": ["", [{"Ref": "SomeBucket"}, "/*"]]})),
    (
        "literal_grants",
        "Service/RelayRole",
        granted("s3:PutObjectAcl", {"Fn::Join": ["", [{"Ref": "SomeBucket"}, "/records/*"]]}),
    ),
    (
        "literal_grants",
        "Service/RelayRole",
        set_at("Service/RelayRole", "ManagedPolicyArns", value=["arn:aws:iam::aws:policy/X"]),
    ),
    (
        "literal_grants",
        "Service/RelayRole",
        granted("dynamodb:GetItem", {"Fn::Sub": "arn:aws:dynamodb:eu-central-1:x:table/*"}),
    ),
    ("named_callers", "Service/ApiMayInvokeSite", dropped("Service/ApiMayInvokeSite", "SourceArn")),
    ("named_callers", "Service/DeadLettersPolicy", let_in("Service/DeadLettersPolicy", {"Service": "events.amazonaws.com"})),
    ("named_callers", "Data/KeysBucketPolicy", let_in("Data/KeysBucketPolicy", {"AWS": "*"}, Condition={"Bool": {}})),
    ("authorized_routes", "Service/RouteGetProducts", set_at("Service/RouteGetProducts", "AuthorizationType", value="NONE")),
    ("authorized_routes", "Service/RouteGetProducts", dropped("Service/RouteGetProducts", "AuthorizerId")),
]


@pytest.mark.parametrize(("rule", "id", "plant"), PLANTED, ids=[f"{number}-{case[0]}" for number, case in enumerate(PLANTED)])
def test_a_planted_violation_is_found_where_it_stands(aws: Assembly, rule: str, id: str, plant: Plant) -> None:
    estate = aws.estate
    wanted = id if id in ("Service/Third", "Watch/Mail") else find(estate, id)  # those are what is planted
    plant(estate)
    assert (wanted, rule) in {(finding.resource, finding.rule) for finding in findings(estate)}


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} == {rule.__name__ for rule in rules.RULES}


def test_nothing_is_found_in_what_we_ship(aws: Assembly, local: Assembly, trial: Assembly) -> None:
    assert [findings(assembly.estate) for assembly in (aws, local, trial)] == [[], [], []]


def test_a_stage_that_keeps_its_data_may_not_be_made_as_an_ephemeral_one(aws: Assembly, trial: Assembly) -> None:
    kept = Estate(trial.templates, aws.config)
    assert {finding.rule for finding in findings(kept)} >= {"tables_kept", "retention"}


def test_synth_refuses_a_violation(synthesized: Path) -> None:
    """A third reader of a stream, and a bucket with nothing said about it."""
    planted = json.loads((synthesized / "planted.json").read_text())
    assert planted["refused"]
    assert {"House stream_readers", "House private_buckets", "AwsSolutions AwsSolutions-S10"} <= set(planted["found"])
