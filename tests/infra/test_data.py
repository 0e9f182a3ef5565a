"""What is kept: as `slipway.tables` has it, protected, and under ids that no change of ours may move."""

from __future__ import annotations

import pytest

from slipway.tables import TABLES, Table
from tests.collecting import Deployment, exposed, outcome
from tests.infra.conftest import Assembly

# CloudFormation replaces what changes its id: these hold data.
LOCKED = {
    "ProductsTable241ADBFF": "AWS::DynamoDB::Table",
    "AccessTable13A21DD9": "AWS::DynamoDB::Table",
    "AuditTableB07F8EEB": "AWS::DynamoDB::Table",
    "FlagsTableFD632D5F": "AWS::DynamoDB::Table",
    "UsageTable28300137": "AWS::DynamoDB::Table",
    "SignalsTableE8D63F6D": "AWS::DynamoDB::Table",
    "CountersTable23DAAD26": "AWS::DynamoDB::Table",
    "FeedbackTableF528636C": "AWS::DynamoDB::Table",
    "AttachmentsBucket8E14A36F": "AWS::S3::Bucket",
    "LakeBucket9CD7BBD2": "AWS::S3::Bucket",
    "AccessLogsBucket83982689": "AWS::S3::Bucket",
    "KeysBucketC65599E5": "AWS::S3::Bucket",
    "FlagsBucket2C449A3E": "AWS::S3::Bucket",
    "QuarantineBucketFDBDA180": "AWS::S3::Bucket",
    "UserPool6BA7E5F2": "AWS::Cognito::UserPool",
}
STATEFUL = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool"}


def test_logical_ids_of_what_holds_data_are_locked(aws: Assembly, trial: Assembly) -> None:
    for assembly in (aws, trial):
        resources = assembly.templates["Data"]["Resources"]
        assert {id: made["Type"] for id, made in resources.items() if made["Type"] in STATEFUL} == LOCKED


def test_only_the_data_stack_holds_data(aws: Assembly) -> None:
    for part in ("Service", "Watch"):
        assert not [id for id, made in aws.templates[part]["Resources"].items() if made["Type"] in STATEFUL]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_as_its_schema_says(aws: Assembly, table: Table) -> None:
    [made] = [found for id, found in aws.of("AWS::DynamoDB::Table").items() if id.startswith(f"{table.name.capitalize()}Table")]
    assert [(key["AttributeName"], key["KeyType"]) for key in made["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    assert (made.get("StreamSpecification") is not None) == table.stream
    assert made.get("StreamSpecification", {}).get("StreamViewType", "NEW_AND_OLD_IMAGES") == "NEW_AND_OLD_IMAGES"
    assert made.get("TimeToLiveSpecification", {}).get("AttributeName") == table.ttl
    indexes = {index["IndexName"]: index for index in made.get("GlobalSecondaryIndexes", ())}
    assert set(indexes) == {index.name for index in table.indexes}
    for index in table.indexes:
        keys = [(key["AttributeName"], key["KeyType"]) for key in indexes[index.name]["KeySchema"]]
        assert keys == [(name, "HASH") for name in index.partition] + [(name, "RANGE") for name in index.sort]
        assert indexes[index.name]["Projection"] == {"ProjectionType": "KEYS_ONLY"}
        assert indexes[index.name]["OnDemandThroughput"]["MaxWriteRequestUnits"] > 0
    assert {attribute["AttributeType"] for attribute in made["AttributeDefinitions"]} == {"S"}


def test_the_access_log_of_buckets_is_kept_apart(aws: Assembly) -> None:
    buckets = aws.of("AWS::S3::Bucket")
    logged = {id for id, bucket in buckets.items() if "LoggingConfiguration" in bucket}
    assert {id[:-14] for id in logged} == {"Attachments", "Flags", "Keys", "Lake", "Quarantine"}


def test_what_was_not_cleaned_goes_by_itself_and_browsers_may_bring_it(aws: Assembly) -> None:
    [bucket] = [made for id, made in aws.of("AWS::S3::Bucket").items() if id.startswith("AttachmentsBucket")]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("incoming/", 1), "what was cleaned stays"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [cors] = bucket["CorsConfiguration"]["CorsRules"]
    assert cors == {"AllowedMethods": ["POST", "GET"], "AllowedOrigins": ["*"]}


def test_the_lake_has_a_column_for_all_that_is_told(aws: Assembly) -> None:
    [table] = aws.of("AWS::Glue::Table").values()
    columns = {column["Name"]: column["Type"] for column in table["TableInput"]["StorageDescriptor"]["Columns"]}
    deployment = Deployment()
    deployment.post(exposed("u", at="2026-11-23"), outcome("u", value=1))
    told = {name: value for line in deployment.told() for name, value in line.items()}
    assert told.keys() == columns.keys()
    kinds = {"string": str, "bigint": int, "int": int, "double": float | int, "map<string,string>": dict}
    assert all(isinstance(told[name], kinds[kind]) for name, kind in columns.items())


def test_the_lake_is_parquet_by_day_under_keys_of_its_own(aws: Assembly) -> None:
    [stream] = aws.of("AWS::KinesisFirehose::DeliveryStream").values()
    assert stream["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
    to = stream["ExtendedS3DestinationConfiguration"]
    assert to["Prefix"] == "events/day=!{timestamp:yyyy-MM-dd}/"
    assert to["DataFormatConversionConfiguration"]["Enabled"] is True
    assert to["BufferingHints"]["SizeInMBs"] >= 64, "the least for Parquet"
    [bucket] = [made for id, made in aws.of("AWS::S3::Bucket").items() if id.startswith("LakeBucket")]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 400


def test_people_are_invited_and_sign_in_with_pkce(aws: Assembly) -> None:
    [pool] = aws.of("AWS::Cognito::UserPool").values()
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["AliasAttributes"] == ["email"]  # the user name stays free for the member's id
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("ON", ["SOFTWARE_TOKEN_MFA"])
    assert (pool["UserPoolTier"], pool["UserPoolAddOns"]["AdvancedSecurityMode"]) == ("PLUS", "ENFORCED")
    [risks] = aws.of("AWS::Cognito::UserPoolRiskConfigurationAttachment").values()
    assert risks["CompromisedCredentialsRiskConfiguration"]["Actions"]["EventAction"] == "BLOCK"
    assert risks["AccountTakeoverRiskConfiguration"]["Actions"]["HighAction"]["EventAction"] == "BLOCK"
    assert pool["DeletionProtection"] == "ACTIVE"
    [client] = aws.of("AWS::Cognito::UserPoolClient").values()
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]


def test_an_ephemeral_stage_leaves_nothing_behind(trial: Assembly) -> None:
    for template in trial.templates.values():
        kept = [id for id, made in template["Resources"].items() if made.get("DeletionPolicy") in ("Retain", "Snapshot")]
        assert not [id for id in kept if template["Resources"][id]["Type"] in {*STATEFUL, "AWS::Logs::LogGroup"}]
    assert {table["DeletionProtectionEnabled"] for table in trial.of("AWS::DynamoDB::Table").values()} == {False}
    assert {pool["DeletionProtection"] for pool in trial.of("AWS::Cognito::UserPool").values()} == {"INACTIVE"}
