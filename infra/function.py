"""One function = its code + its own role + its own log group, and the grants that its line in `infra.functions` names."""

from __future__ import annotations

from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from infra import packaging
from infra.checks import acknowledge
from infra.config import Config
from infra.functions import Function
from infra.grants import role
from infra.surroundings import Surroundings


class DeployedFunction(Construct):
    """`function`, `role` and `log_group` of one line of the table."""

    def __init__(self, scope: Construct, spec: Function, environment: dict[str, str], around: Surroundings) -> None:
        super().__init__(scope, spec.name.capitalize())
        self.spec, self.around = spec, around
        config = around.config
        self.log_group = log_group(self, "Logs", config)
        self.role = role(self, spec, self.log_group, around)
        code = asset(self, "Code", _package(spec, config.local))
        self.function = lambda_.CfnFunction(
            self,
            "Function",
            function_name=config.function(spec.name) if spec.named else None,
            description=f"{spec.job}.",
            code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
            handler=spec.handler,
            runtime="python3.13",
            architectures=["arm64"],
            memory_size=spec.memory,
            timeout=spec.timeout,
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=environment),
            layers=[around.layers[layer] for layer in spec.layers],
            role=self.role.attr_arn,
            dead_letter_config=(
                lambda_.CfnFunction.DeadLetterConfigProperty(target_arn=around.dead_letters.queue_arn)
                if spec.asynchronous
                else None
            ),
            # The runtime's own start and end lines say nothing that the canonical line of a request does not.
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(
                log_group=self.log_group.ref, log_format="JSON", system_log_level="WARN"
            ),
        )
        runtime = "Python 3.13 is the newest that every dependency is tested on; a new one comes with its own change"
        acknowledge(self.function, "AwsSolutions-L1", runtime)
        acknowledge(self.function, "Serverless-LambdaLatestVersion", runtime)
        if not spec.asynchronous:
            unused = "never invoked asynchronously: the right to fill a queue would be one that it never uses"
            acknowledge(self.function, "Serverless-LambdaDLQ", unused)
        for table in spec.streams:
            self._read(around.data.tables[table.name], table.name, spec.batch)
        if spec.pattern is not None:
            self._call("Rule", event_bus_name=around.bus.event_bus_name, event_pattern=spec.pattern)
        if spec.daily:
            self._call("Daily", schedule_expression="rate(1 day)")

    def _read(self, table: dynamodb.Table, name: str, batch: int) -> None:
        """Every change of the table, in order per item. A batch is tried until it is 12 hours old, halved each time: a short
        outage behind the reader must not send healthy records away; a poisonous one the reader puts aside itself."""
        lambda_.CfnEventSourceMapping(
            self,
            f"{name.capitalize()}Stream",
            function_name=self.function.ref,
            event_source_arn=table.table_stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=batch,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_record_age_in_seconds=12 * 3600,
            maximum_retry_attempts=-1,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=self.around.data.bucket_arns["quarantine"]
                )
            ),
        )

    def _call(self, id: str, **when: Any) -> None:
        """A rule calls the function. EventBridge retries delivery for a day, Lambda the run twice; then the dead letters."""
        dead_letters = self.around.dead_letters
        rule = events.CfnRule(
            self,
            id,
            description=f"{self.spec.job}.",
            **when,
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id=self.spec.name,
                    arn=self.function.attr_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=24 * 3600, maximum_retry_attempts=185
                    ),
                )
            ],
        )
        lambda_.CfnPermission(
            self,
            f"{id}MayInvoke",
            action="lambda:InvokeFunction",
            function_name=self.function.attr_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
        dead_letters.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{id}{self.node.id}",
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[dead_letters.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )


def _package(spec: Function, local: bool) -> packaging.Package:
    if "core" in spec.layers:
        return packaging.function(spec.name, local=local)
    return packaging.whole(spec.name, wheels="dependencies" not in spec.layers, local=local)


def asset(scope: Construct, id: str, package: packaging.Package) -> assets.Asset:
    return assets.Asset(scope, id, path=str(package.path), asset_hash=package.digest)


def log_group(scope: Construct, id: str, config: Config) -> logs.CfnLogGroup:
    """Kept for as long as the deployment says; its ARN ends in `:*`, which means its streams and nothing else."""
    group = logs.CfnLogGroup(scope, id, retention_in_days=config.retention)
    group.apply_removal_policy(RemovalPolicy.DESTROY if config.ephemeral else RemovalPolicy.RETAIN)
    return group
