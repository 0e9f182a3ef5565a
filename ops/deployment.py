"""The deployment that a command works on: found by its stage in CloudFormation, used through the functions' own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import BadConfig, Config
from infra.local.emulator import CREDENTIALS
from infra.local.home import Home, folder, read_json
from infra.local.home import Trouble as NoHome
from slipway.settings import Settings

S = TypeVar("S", bound=Settings)

FAILED, UNREACHABLE = 1, 3


class Trouble(Exception):
    """A command cannot go on: one line that says why and what to do, and the exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Deployment:
    """`functions`: the environment of each deployed function, by its name in `infra.functions`."""

    stage: str
    functions: Mapping[str, Mapping[str, str]]

    def settings(self, function: str, kind: type[S]) -> S:
        """The function's settings, over boto3: the person's own credentials may come from a profile or single sign-on."""
        if function not in self.functions:
            raise Trouble(f"Stage {self.stage!r} has no function {function!r}; deploy this version of Slipway.", UNREACHABLE)
        return kind.load({**self.functions[function], "SLIPWAY_CLIENT": "boto3"})


def find(stage: str) -> Deployment:
    """Region, credentials and endpoint come from the environment, as for the AWS command line. Raises Trouble."""
    try:
        stack = Config.read({"stage": stage}, ()).stack("Service")
        pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        lambda_ = boto3.client("lambda")
        found = [
            lambda_.get_function_configuration(FunctionName=resource["PhysicalResourceId"])
            for resource in resources
            if resource["ResourceType"] == "AWS::Lambda::Function"
        ]
    except BadConfig as bad:
        raise Trouble(str(bad), UNREACHABLE) from None
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise Trouble(f"Stage {stage!r} is not deployed here: there is no stack {stack}.", UNREACHABLE) from None
        raise Trouble(f"AWS refused: {error.response['Error']['Message']}", UNREACHABLE) from None
    except BotoCoreError as error:
        why = str(error).rstrip(".")
        here = " `--local` is what runs on this machine." if (folder() / "local.json").exists() else ""
        raise Trouble(
            f"AWS cannot be reached: {why}. Set AWS_REGION and AWS_PROFILE, or the keys.{here}", UNREACHABLE
        ) from None
    return Deployment(stage, {name: environment for one in found for name, environment in _function(one)})


def laptop() -> dict[str, str]:
    """The AWS variables of what runs on this machine. Raises Trouble."""
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": _running("aws.json")["endpoint"]}


def caller() -> dict[str, str]:
    """The variables of whoever calls the API of what runs on this machine, as its demo admin. Raises Trouble."""
    details = _running("local.json")
    keys = details["keys"]
    door = {"SLIPWAY_URL": details["api_url"], "SLIPWAY_KEY": keys["admin"]}
    return {**door, "SLIPWAY_SERVER_KEY": keys["server"], "SLIPWAY_CLIENT_KEY": keys["client"]}


def _running(name: str) -> dict[str, Any]:
    """A file that stands in the home only while Slipway runs there."""
    try:
        home = Home.from_environment()
    except NoHome as trouble:
        raise Trouble(str(trouble), UNREACHABLE) from None
    if home.holder() is None:
        raise Trouble("Slipway does not run on this machine; `make up` starts it.", UNREACHABLE)
    found = read_json(home.root / name)
    if found is None:
        raise Trouble("Slipway is still starting on this machine; try again in a moment.", UNREACHABLE)
    return found


def _function(configuration: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Our own functions only: `functions.<name>.handler.handler`."""
    parts = configuration["Handler"].split(".")
    return [(parts[1], configuration.get("Environment", {}).get("Variables", {}))] if parts[0] == "functions" else []
