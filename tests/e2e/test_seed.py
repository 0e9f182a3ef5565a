"""Another stack that brings a flag, through CloudFormation, with IAM enforced."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from infra.local.demo import ENVIRONMENT
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


def deployed(stack: Stack, name: str, key: str, definition: Any) -> str:
    """The stack's status after a deploy of what `infra.flag_definition` makes (held in tests/infra)."""
    properties = {
        "ServiceToken": {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:slipway-seed"},
        "ServiceTimeout": "300",
        "Key": key,
        "Definition": json.dumps(definition),
    }
    template = {"Resources": {"NewCheckout": {"Type": "Custom::SlipwayFlag", "Properties": properties}}}
    cloudformation = stack.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.config.delay = 1
    try:
        waiter.wait(StackName=name)
    finally:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    return str(status)


def test_a_flag_comes_with_the_stack_that_needs_it_and_is_never_overwritten(stack: Stack) -> None:
    key = f"seeded-{secrets.token_hex(4)}"
    place = f"/v1/flags/{key}/environments/{ENVIRONMENT}"
    on = {"state": "ENABLED", "defaultVariant": "on"}
    assert deployed(stack, f"{key}-a", key, {"type": "boolean", "environments": {ENVIRONMENT: on}}) == "CREATE_COMPLETE"
    assert stack.call("GET", place).json()["default_variant"] == "on"
    off = {"state": "ENABLED", "defaultVariant": "off"}
    assert deployed(stack, f"{key}-b", key, {"type": "boolean", "environments": {ENVIRONMENT: off}}) == "CREATE_COMPLETE"
    assert stack.call("GET", place).json()["default_variant"] == "on"
    stack.client("cloudformation").delete_stack(StackName=f"{key}-a")
    assert stack.call("GET", f"/v1/flags/{key}").json()["status"] == "active"
