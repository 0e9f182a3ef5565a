"""The topic to which a team's own CloudWatch alarms are sent that guard its rollouts, and the function that hears them."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Config


class Rings(Construct):
    def __init__(self, scope: Construct, config: Config, heard_by: lambda_.CfnFunction, dead_letters: sqs.Queue) -> None:
        super().__init__(scope, "Rings")
        self.topic = sns.Topic(self, "Topic", topic_name=f"slipway{config.suffix}-rollout-alarms", enforce_ssl=True)
        # A policy of its own takes the place of the default one, which would let the account's alarms in.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        lambda_.CfnPermission(
            self,
            "MayInvoke",
            action="lambda:InvokeFunction",
            function_name=heard_by.attr_arn,
            principal="sns.amazonaws.com",
            source_arn=self.topic.topic_arn,
        )
        dead_letters.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RingsThatNobodyHeard",
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                resources=[dead_letters.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": self.topic.topic_arn}},
            )
        )
        sns.CfnSubscription(
            self,
            "Heard",
            topic_arn=self.topic.topic_arn,
            protocol="lambda",
            endpoint=heard_by.attr_arn,
            redrive_policy={"deadLetterTargetArn": dead_letters.queue_arn},
        )
