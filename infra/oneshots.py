"""What wakes a function at a minute that somebody named: EventBridge schedules, and the role by which they call."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.config import Config


class OneShots(Construct):
    """`prefix` of the schedules' names, which tells this stage's from others, and `role`; `wake` says whom they may call."""

    def __init__(self, scope: Construct, config: Config) -> None:
        super().__init__(scope, "OneShots")
        self.prefix = f"slipway{config.suffix}."
        group = f"arn:{Aws.PARTITION}:scheduler:{Aws.REGION}:{Aws.ACCOUNT_ID}:schedule-group/default"
        own = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID, "aws:SourceArn": group}}
        service = {"Service": "scheduler.amazonaws.com"}
        trust = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole", "Condition": own}
        self.role = iam.CfnRole(
            self,
            "Role",
            description="Whom one-shots may call",
            assume_role_policy_document={"Version": "2012-10-17", "Statement": [trust]},
        )

    def wake(self, *functions: str) -> None:
        """By their ARNs."""
        statement = {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": list(functions)}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self.role.policies = [iam.CfnRole.PolicyProperty(policy_name="grants", policy_document=document)]
