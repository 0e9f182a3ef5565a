"""Stack SlipwayData: what must outlive every deploy. Tables, buckets, the user pool; protected unless ephemeral."""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws, CfnOutput, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Config
from slipway import tables

# Per second and table or index: where a runaway client stops costing money. At most about $2 an hour of writes.
READ_CEILING, WRITE_CEILING = 4000, 1000
LAKE_DAYS = 400  # that what applications told is kept as it came
REVISION_DAYS = 90  # that a past revision of an environment's flags is kept


class Data(Stack):
    def __init__(self, scope: Construct, id: str, config: Config, **stack: Any) -> None:
        super().__init__(scope, id, **stack)
        self.config = config
        self.removal = RemovalPolicy.DESTROY if config.ephemeral else RemovalPolicy.RETAIN
        self.tables = {table.name: self._table(table) for table in tables.TABLES}

        access_logs = self._bucket("AccessLogs", expires=config.retention)
        self.buckets = {
            # The verifiers of environments' keys, made from the access table: the newest is all that counts.
            "keys": self._bucket(
                "Keys", expires=None, server_access_logs_bucket=access_logs, server_access_logs_prefix="keys/"
            ),
            # What each environment answers from: the newest is read, past revisions are for who looks back.
            "flags": self._bucket(
                "Flags",
                expires=REVISION_DAYS,
                prefix="revisions/",
                server_access_logs_bucket=access_logs,
                server_access_logs_prefix="flags/",
            ),
            # What people attach to feedback: as it came for a day, and what was cleaned for as long as its person is known.
            # Browsers bring it there, and take it from there, from whatever page.
            "attachments": self._bucket(
                "Attachments",
                expires=1,
                prefix="incoming/",
                cors=[s3.CorsRule(allowed_methods=[s3.HttpMethods.POST, s3.HttpMethods.GET], allowed_origins=["*"])],
                server_access_logs_bucket=access_logs,
                server_access_logs_prefix="attachments/",
            ),
            # What applications told, for whoever asks more of it than the counters say.
            "lake": self._bucket(
                "Lake", expires=LAKE_DAYS, server_access_logs_bucket=access_logs, server_access_logs_prefix="lake/"
            ),
            # Records that no reader of a stream could handle; somebody looks at each.
            "quarantine": self._bucket(
                "Quarantine", expires=90, server_access_logs_bucket=access_logs, server_access_logs_prefix="quarantine/"
            ),
        }
        self.bucket_arns = {name: self.export_value(bucket.bucket_arn) for name, bucket in self.buckets.items()}
        self.user_pool = self._user_pool()
        self._outputs()

    def _table(self, table: tables.Table) -> dynamodb.Table:
        made = dynamodb.Table(
            self,
            f"{table.name.capitalize()}Table",
            partition_key=_key("pk"),
            sort_key=_key("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            max_read_request_units=READ_CEILING,
            max_write_request_units=WRITE_CEILING,
            encryption=dynamodb.TableEncryption.DEFAULT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            deletion_protection=not self.config.ephemeral,
            removal_policy=self.removal,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if table.stream else None,
            time_to_live_attribute=table.ttl,
        )
        for index in table.indexes:
            made.add_global_secondary_index(
                index_name=index.name,
                partition_keys=[_key(name) for name in index.partition],
                sort_keys=[_key(name) for name in index.sort],
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
                max_read_request_units=READ_CEILING,
                max_write_request_units=WRITE_CEILING,
            )
        return made

    def _bucket(self, id: str, *, expires: int | None, prefix: str | None = None, **options: Any) -> s3.Bucket:
        """Private, TLS only. `expires`: days that an object (below `prefix`) is kept, None for ever."""
        return s3.Bucket(
            self,
            f"{id}Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            removal_policy=self.removal,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                    expiration=None if expires is None else Duration.days(expires),
                    prefix=prefix,
                )
            ],
            **options,
        )

    def _user_pool(self) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "UserPool",
            self_sign_up_enabled=False,
            # The user name is the member's id, so that a token names its member; people sign in by e-mail.
            sign_in_aliases=cognito.SignInAliases(username=True, email=True),
            standard_attributes=cognito.StandardAttributes(email=cognito.StandardAttribute(required=True, mutable=True)),
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            user_invitation=cognito.UserInvitationConfig(
                email_subject="You are invited to Slipway",
                email_body="Sign in with this e-mail address and the one-time password {####}. Your member id is {username}.",
            ),
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(sms=False, otp=True),
            # For the risks below: 2 cents a person and month.
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            deletion_protection=not self.config.ephemeral,
            removal_policy=self.removal,
        )
        attachment = cognito.CfnUserPoolRiskConfigurationAttachment
        act = attachment.AccountTakeoverActionTypeProperty
        attachment(
            self,
            "SignInRisks",
            user_pool_id=pool.user_pool_id,
            client_id="ALL",
            compromised_credentials_risk_configuration=attachment.CompromisedCredentialsRiskConfigurationTypeProperty(
                actions=attachment.CompromisedCredentialsActionsTypeProperty(event_action="BLOCK")
            ),
            account_takeover_risk_configuration=attachment.AccountTakeoverRiskConfigurationTypeProperty(
                actions=attachment.AccountTakeoverActionsTypeProperty(
                    low_action=act(event_action="NO_ACTION", notify=False),
                    medium_action=act(event_action="MFA_REQUIRED", notify=False),
                    high_action=act(event_action="BLOCK", notify=False),
                )
            ),
        )
        return pool

    def _outputs(self) -> None:
        # A part of this stack's own id: unique in the region without showing the account's number.
        unique = Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID))))
        domain = cognito.CfnUserPoolDomain(
            self, "Login", domain=f"slipway{self.config.suffix}-{unique}", user_pool_id=self.user_pool.user_pool_id
        )
        for id, value, description in (
            ("UserPoolId", self.user_pool.user_pool_id, "The people who may sign in"),
            ("LoginUrl", f"https://{domain.ref}.auth.{Aws.REGION}.amazoncognito.com", "The login page"),
            (
                "FirstAdmin",
                f".venv/bin/slipway --stage {self.config.stage} invite YOU@EXAMPLE.COM",
                "Makes the first admin, with your own IAM rights",
            ),
            *((f"{name.capitalize()}TableName", table.table_name, "") for name, table in self.tables.items()),
            *((f"{name.capitalize()}BucketName", bucket.bucket_name, "") for name, bucket in self.buckets.items()),
        ):
            CfnOutput(self, id, value=value, description=description or None)


def _key(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
