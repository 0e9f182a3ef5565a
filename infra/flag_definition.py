"""For your own CDK app: a flag that comes with the stack that needs it.

    from infra.flag_definition import FlagDefinition

    FlagDefinition(self, "NewCheckout", file="flags/new-checkout.json")

The file is named after the flag's key and says what `slipway flags apply` would read. A deploy makes the flag where there is
none, and configures it where nobody has done so; what is there already is never overwritten, and nothing goes with the stack.

This file needs aws-cdk-lib alone: copy it into your app. In another language it is the one resource below.
"""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Aws, CustomResource, Duration
from constructs import Construct


class FlagDefinition(Construct):
    """`stage`: of the Slipway that is deployed in the same account and region."""

    def __init__(self, scope: Construct, id: str, *, file: str | Path, stage: str = "prod") -> None:
        super().__init__(scope, id)
        path, name = Path(file), "slipway-seed" if stage == "prod" else f"slipway-{stage}-seed"
        CustomResource(
            self,
            "Flag",
            service_token=f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{name}",
            resource_type="Custom::SlipwayFlag",
            service_timeout=Duration.minutes(5),
            properties={"Key": path.stem, "Definition": path.read_text(encoding="utf-8")},
        )
