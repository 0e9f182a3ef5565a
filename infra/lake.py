"""What comes in as it came: a delivery stream that gathers records into Parquet files by day, and the table that reads them.

Athena needs no crawler and no partition to be added: the days are projected from the bucket's paths.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.checks import acknowledge
from infra.config import Config

EVENTS, ERRORS = "events/", "errors/"  # prefixes of objects
GATHERED_MB, GATHERED_SECONDS = 64, 300  # whichever comes first; 64 is the least for Parquet
TABLE = "signals"
# As `slipway.signals.lines` writes them.
COLUMNS = {
    "id": "string",
    "type": "string",
    "received_at": "bigint",
    "environment": "string",
    "key": "string",
    "at": "string",
    "subject": "string",
    "flag": "string",
    "variant": "string",
    "rollout": "string",
    "stage": "int",
    "arm": "string",
    "unit": "string",
    "name": "string",
    "value": "double",
    "variants": "map<string,string>",
}
_SERDE = "org.apache.hadoop.hive.ql.io.parquet"


class Lake(Construct):
    """`stream` is what records are put into."""

    def __init__(self, scope: Construct, config: Config, bucket: str, bucket_arn: str, log_group: logs.CfnLogGroup) -> None:
        super().__init__(scope, "Lake")
        self.database = f"slipway{config.suffix}".replace("-", "_")
        self._catalog(bucket)
        errors = logs.CfnLogStream(self, "Deliveries", log_group_name=log_group.ref, log_stream_name="deliveries")
        role = self._role(bucket_arn, log_group)
        destination = firehose.CfnDeliveryStream
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=destination.DeliveryStreamEncryptionConfigurationInputProperty(
                key_type="AWS_OWNED_CMK"
            ),
            extended_s3_destination_configuration=destination.ExtendedS3DestinationConfigurationProperty(
                bucket_arn=bucket_arn,
                role_arn=role.attr_arn,
                prefix=EVENTS + "day=!{timestamp:yyyy-MM-dd}/",
                error_output_prefix=ERRORS + "!{firehose:error-output-type}/day=!{timestamp:yyyy-MM-dd}/",
                buffering_hints=destination.BufferingHintsProperty(
                    interval_in_seconds=GATHERED_SECONDS, size_in_m_bs=GATHERED_MB
                ),
                compression_format="UNCOMPRESSED",  # Parquet compresses inside
                data_format_conversion_configuration=destination.DataFormatConversionConfigurationProperty(
                    enabled=True,
                    input_format_configuration=destination.InputFormatConfigurationProperty(
                        deserializer=destination.DeserializerProperty(
                            open_x_json_ser_de=destination.OpenXJsonSerDeProperty(case_insensitive=False)
                        )
                    ),
                    output_format_configuration=destination.OutputFormatConfigurationProperty(
                        serializer=destination.SerializerProperty(
                            parquet_ser_de=destination.ParquetSerDeProperty(compression="SNAPPY")
                        )
                    ),
                    schema_configuration=destination.SchemaConfigurationProperty(
                        catalog_id=Aws.ACCOUNT_ID,
                        database_name=self.database,
                        region=Aws.REGION,
                        role_arn=role.attr_arn,
                        table_name=TABLE,
                        version_id="LATEST",
                    ),
                ),
                cloud_watch_logging_options=destination.CloudWatchLoggingOptionsProperty(
                    enabled=True, log_group_name=log_group.ref, log_stream_name=errors.ref
                ),
            ),
        )
        self.stream.add_dependency(self.table)

    def _catalog(self, bucket: str) -> None:
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(name=self.database, description="What Slipway was told"),
        )
        place = f"s3://{bucket}/{EVENTS}"
        made = glue.CfnTable
        self.table = glue.CfnTable(
            self,
            "Table",
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self.database,
            table_input=made.TableInputProperty(
                name=TABLE,
                description="Exposures and outcomes as they came, at least once: the same id is the same event",
                table_type="EXTERNAL_TABLE",
                parameters={
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.day.type": "date",
                    "projection.day.format": "yyyy-MM-dd",
                    "projection.day.range": "2026-01-01,NOW",
                    "storage.location.template": place + "day=${day}/",
                },
                partition_keys=[made.ColumnProperty(name="day", type="string")],
                storage_descriptor=made.StorageDescriptorProperty(
                    location=place,
                    columns=[made.ColumnProperty(name=name, type=type) for name, type in COLUMNS.items()],
                    input_format=f"{_SERDE}.MapredParquetInputFormat",
                    output_format=f"{_SERDE}.MapredParquetOutputFormat",
                    serde_info=made.SerdeInfoProperty(serialization_library=f"{_SERDE}.serde.ParquetHiveSerDe"),
                ),
            ),
        )
        self.table.add_dependency(database)

    def _role(self, bucket_arn: str, log_group: logs.CfnLogGroup) -> iam.CfnRole:
        own = {"StringEquals": {"sts:ExternalId": Aws.ACCOUNT_ID}}
        service = {"Service": "firehose.amazonaws.com"}
        trust = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole", "Condition": own}
        catalog = f"arn:{Aws.PARTITION}:glue:{Aws.REGION}:{Aws.ACCOUNT_ID}"
        statements = [
            _allow(("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"), bucket_arn),
            *(_allow(("s3:AbortMultipartUpload", "s3:PutObject"), f"{bucket_arn}/{prefix}*") for prefix in (EVENTS, ERRORS)),
            *(
                _allow(("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"), f"{catalog}:{place}")
                for place in ("catalog", f"database/{self.database}", f"table/{self.database}/{TABLE}")
            ),
            _allow(("logs:PutLogEvents",), log_group.attr_arn),
        ]
        made = iam.CfnRole(
            self,
            "Role",
            description="Where the delivery stream may write",
            assume_role_policy_document={"Version": "2012-10-17", "Statement": [trust]},
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="grants", policy_document={"Version": "2012-10-17", "Statement": statements}
                )
            ],
        )
        stack = Stack.of(self)
        bucket = stack.resolve(bucket_arn)["Fn::ImportValue"]
        for prefix in (EVENTS, ERRORS):
            acknowledge(
                made, f"AwsSolutions-IAM5[Resource::{bucket}/{prefix}*]", "objects below one prefix: Firehose names them"
            )
        return made


def _allow(actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}
