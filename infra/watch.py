"""Stack SlipwayWatch: the dashboard and the alarms. Its references are weak: it never holds back another stack's deploy."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, CrossStackReferences, ReferenceStrength, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.alarms import ALARMS, Alarm, Metric
from infra.config import Config
from infra.dashboard import body
from infra.service import Service


class Watch(Stack):
    def __init__(self, scope: Construct, id: str, config: Config, service: Service, **stack: Any) -> None:
        super().__init__(scope, id, **stack)
        CrossStackReferences.of(self).consume(ReferenceStrength.WEAK)
        self.config, self.service = config, service
        self.topic = self._topic()
        self.alarms = {alarm.name: self._alarm(alarm) for alarm in ALARMS}
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=f"slipway{config.suffix}",
            dashboard_body=self.to_json_string(body(self.drawn, self.logged, list(self.alarms.values()), self.region)),
        )
        CfnOutput(self, "AlarmTopicArn", value=self.topic.topic_arn, description="Subscribe here to hear of alarms")

    def dimensions(self, metric: Metric) -> dict[str, str]:
        kind, _, name = metric.of.partition(" ")
        match kind:
            case "":
                return {}
            case "stage":
                return {kind: self.config.stage}
            case "api":
                return {"ApiId": self.service.api.ref}
            case "lake":
                return {"DeliveryStreamName": self.service.lake.stream.ref}
            case "queue":
                return {"QueueName": self.service.dead_letters.queue_name}
            case "table":
                return {"TableName": self.service.data.tables[name].table_name}
            case "function":
                return {"FunctionName": self.service.functions[name].function.ref}
        raise AssertionError(f"nothing in the service is a {kind!r}")

    def drawn(self, metric: Metric, **options: Any) -> list[Any]:
        """The metric as a dashboard's widget lists it."""
        named = [part for pair in self.dimensions(metric).items() for part in pair]
        return [metric.namespace, metric.name, *named, {"stat": metric.statistic, **options}]

    def logged(self, name: str) -> str:
        """The log group of a function."""
        return self.service.functions[name].log_group.ref

    def _topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", topic_name=self.config.alarm_topic, enforce_ssl=True)
        # A policy of its own takes the place of the default one, which would let the account's alarms in.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if self.config.alarm_email:
            sns.CfnSubscription(
                self,
                "AlarmEmail",
                topic_arn=topic.topic_arn,
                protocol="email",
                endpoint=self.config.alarm_email,
                redrive_policy={"deadLetterTargetArn": self.service.dead_letters.queue_arn},
            )
        return topic

    def _alarm(self, alarm: Alarm) -> cloudwatch.CfnAlarm:
        metric = alarm.metric
        percentile = metric.statistic.startswith("p")
        return cloudwatch.CfnAlarm(
            self,
            alarm.name.title().replace("-", ""),
            alarm_name=f"slipway{self.config.suffix}-{alarm.name}",
            alarm_description=f"{alarm.says}. Runbook: docs/runbooks/{alarm.name}.md",
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in self.dimensions(metric).items()
            ]
            or None,
            extended_statistic=metric.statistic if percentile else None,
            statistic=None if percentile else metric.statistic,
            comparison_operator=alarm.comparison,
            threshold=alarm.threshold,
            period=alarm.seconds,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.enough,
            treat_missing_data="notBreaching",
            alarm_actions=[self.topic.topic_arn],
            ok_actions=[self.topic.topic_arn],
        )
