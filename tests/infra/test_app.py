"""What holds for the app as a whole: tags, outputs, acknowledged findings, and what the laptop leaves out."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from infra.local import leave_out
from infra.packaging import ROOT
from slipway.events import pattern
from tests.infra.conftest import Assembly, same_as_snapshot

# CloudFormation knows no tags of these.
UNTAGGABLE = {
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::CloudFront::CachePolicy",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::Cognito::UserPoolRiskConfigurationAttachment",
    "AWS::Events::Archive",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogStream",
    "AWS::Logs::SubscriptionFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}


def tags(properties: dict[str, Any]) -> dict[str, str]:
    given = properties.get("Tags") or properties.get("UserPoolTags") or {}
    return given if isinstance(given, dict) else {tag["Key"]: tag["Value"] for tag in given}


def test_every_taggable_resource_carries_the_tags(aws: Assembly, trial: Assembly, edge: Assembly) -> None:
    for assembly in (aws, trial, edge):
        wanted = {"application": "slipway", "stage": assembly.config.stage}
        for template in assembly.templates.values():
            for id, resource in template["Resources"].items():
                found = tags(resource.get("Properties", {}))
                assert found == ({} if resource["Type"] in UNTAGGABLE else wanted), (id, resource["Type"])


def test_outputs_are_what_people_and_scripts_need(aws: Assembly) -> None:
    outputs = {
        name
        for template in aws.templates.values()
        for name in template["Outputs"]
        if not name.startswith(("ExportsOutput", "PublishOutput"))
    }
    assert outputs == {
        *("AccessTableName", "AuditTableName", "ProductsTableName", "FlagsTableName", "UsageTableName"),
        *("SignalsTableName", "CountersTableName", "FeedbackTableName"),
        *("AttachmentsBucketName", "FlagsBucketName", "KeysBucketName", "LakeBucketName", "QuarantineBucketName"),
        *("UserPoolId", "UserPoolClientId", "LoginUrl", "FirstAdmin"),
        *("ApiUrl", "BusName", "BusArn", "SampleRule", "DeadLettersUrl", "AlarmTopicArn", "RolloutAlarms"),
    }


def test_the_sample_rule_is_the_one_that_the_guide_shows(aws: Assembly) -> None:
    shown, *others = re.findall(r"^```json\n(.*?)^```$", (ROOT / "docs" / "events.md").read_text(), re.DOTALL | re.MULTILINE)
    outputs = {name: output for template in aws.templates.values() for name, output in template["Outputs"].items()}
    assert json.loads(outputs["SampleRule"]["Value"]) == json.loads(shown)
    published = {path.stem for path in (ROOT / "docs" / "schemas" / "events").glob("*.json")}
    assert {type for other in others for type in json.loads(other)["detail-type"]} <= published


def test_findings_are_acknowledged_one_by_one(aws: Assembly, trial: Assembly, edge: Assembly, edge_domain: Assembly) -> None:
    """The list, its reasons and where each stands; a finding on a whole stack or app would not be looked at again."""
    found = aws.acknowledged()
    assert len(trial.acknowledged()) == len(found)
    assert set(edge_domain.acknowledged()) < set(edge.acknowledged())
    found += sorted(set(edge.acknowledged()) - set(found))  # with `edge` only
    assert all(path.count("/") >= 2 for path, _, _ in found)
    assert all(len(reason) > 20 for _, _, reason in found)
    lines = [f"| {path} | {named(finding)} | {reason} |" for path, finding, reason in found]
    same_as_snapshot(
        "acknowledged.md",
        "# What cdk-nag finds and we let stand\n\n| construct | finding | reason |\n|---|---|---|\n" + "\n".join(lines) + "\n",
    )


def named(finding: str) -> str:
    """The bucket's name in place of its export's."""
    return re.sub(r"SlipwayData:ExportsOutputFnGetAtt([A-Za-z]+)Bucket[0-9A-F]{8}Arn[0-9A-F]{8}", r"<\1>", finding)


def test_synth_needs_no_account(aws: Assembly) -> None:
    for file in aws.directory.glob("*.template.json"):
        assert not re.search(r"\b[0-9]{12}\b", file.read_text())
    manifest = (aws.directory / "manifest.json").read_text()
    assert "aws://unknown-account/unknown-region" in manifest


def test_every_event_is_kept_for_thirty_days(aws: Assembly) -> None:
    [archive] = aws.of("AWS::Events::Archive").values()
    [bus] = aws.of("AWS::Events::EventBus")
    assert archive["RetentionDays"] == 30
    assert archive["SourceArn"] == {"Fn::GetAtt": [bus, "Arn"]}
    assert archive["EventPattern"] == pattern()


def test_the_laptop_leaves_out_this_list_and_nothing_else(local: Assembly) -> None:
    assert set(leave_out.TYPES) == {
        "AWS::Cognito::UserPoolRiskConfigurationAttachment",
        "AWS::Events::Archive",
        "AWS::Glue::Database",
        "AWS::Glue::Table",
    }
    assert all(reason for reason in leave_out.TYPES.values())
    gone, changed = {}, {}
    for template in local.templates.values():
        after = leave_out.left_out(copy.deepcopy(template))["Resources"]
        for id, resource in template["Resources"].items():
            if id not in after:
                gone[id] = resource["Type"]
            elif after[id] != resource:
                changed[id] = resource["Type"]
    assert sorted(gone.values()) == sorted([*leave_out.TYPES, *["AWS::S3::BucketPolicy"] * 5])
    # The stream loses Parquet, each of the others the one statement that refuses plain HTTP.
    stream, topic = "AWS::KinesisFirehose::DeliveryStream", "AWS::SNS::TopicPolicy"
    assert sorted(changed.values()) == [stream, "AWS::S3::BucketPolicy", topic, topic, "AWS::SQS::QueuePolicy"]


def test_the_laptop_runs_the_same_template(aws: Assembly, local: Assembly) -> None:
    """But for the code's hash, what the emulator cannot do in part, and the wheels of this machine."""
    for part, template in aws.templates.items():
        assert plain(local.templates[part]) == plain(template)


def plain(template: dict[str, Any]) -> dict[str, Any]:
    resources = copy.deepcopy(template["Resources"])
    for resource in resources.values():
        properties = resource.get("Properties", {})
        for field in ("Code", "Content"):
            if field in properties:
                properties[field] = "a package"
        for field in ("SLIPWAY_RAISE_FAILURES", "SLIPWAY_LOOPBACK"):
            properties.get("Environment", {}).get("Variables", {}).pop(field, None)
    return resources  # type: ignore[no-any-return]
