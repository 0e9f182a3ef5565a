"""`python -m infra.cli bootstrap|synth|deploy|destroy [options of cdk]`: the pinned CDK on the pinned Node."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra import packaging, toolchain
from infra.config import BadConfig, Config
from infra.functions import NAMES

COMMANDS = {
    "bootstrap": ["bootstrap"],
    "synth": ["synth", "--quiet"],
    "deploy": ["deploy", "--all"],
    "destroy": ["destroy", "--all"],
}

PAIRS = ("-t", "--tags", "--parameters")  # options of cdk that take key=value, as -c does


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(f"usage: python -m infra.cli {'|'.join(COMMANDS)} [options of cdk, such as -c stage=trial]", file=sys.stderr)
        return 2
    command, options = arguments[0], arguments[1:]
    if not toolchain.CDK.exists():
        return _refuse("the CDK command line is missing: run `make install`.")
    if command == "deploy" and (warning := packaging.warning()):
        return _refuse(f"{warning} Install one (`uv python install {packaging.RUNTIME}`) and deploy again.")
    try:
        config = Config.read(_context(options), NAMES)
    except BadConfig as bad:
        return _refuse(str(bad))
    if command == "destroy" and config.ephemeral:
        return _destroy_ephemeral(config, options)
    return cdk([*COMMANDS[command], *options])


def cdk(arguments: list[str]) -> int:
    """Run the CDK command line; its exit code."""
    # `cdk.json` starts the app with `python`: the one that runs this.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    command = [str(toolchain.node()), str(toolchain.CDK), *arguments]
    return subprocess.run(command, cwd=packaging.ROOT, env={**os.environ, "PATH": path}, check=False).returncode


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def _context(options: list[str]) -> dict[str, Any]:
    """The context as the CDK will read it: `cdk.json`, then `-c key=value`. Raises BadConfig for one without its `-c`."""
    context: dict[str, Any] = json.loads((packaging.ROOT / "cdk.json").read_text())["context"]
    for option, value in itertools.pairwise(["", *options]):
        key, equals, text = value.partition("=")
        if option in ("-c", "--context"):
            context[key] = text
        elif equals and not value.startswith("-") and option not in PAIRS:
            raise BadConfig(f'{value!r} stands alone; context is passed with -c: CDK="-c {value}".')
    return context


def _destroy_ephemeral(config: Config, options: list[str]) -> int:
    """CloudFormation deletes no bucket that holds an object: empty those of this stage first."""
    if "--force" not in options and "-f" not in options:
        if input(f"Delete stage {config.stage!r} and all of its data (y/n)? ").strip().lower() not in ("y", "yes"):
            return 1
        options = [*options, "--force"]
    for bucket in _buckets(config.stack("Data")):
        _empty(bucket)
    return cdk([*COMMANDS["destroy"], *options])


def _buckets(stack: str) -> list[str]:
    """The buckets of a stack; none where it is not deployed."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return []
        raise
    return [found["PhysicalResourceId"] for found in resources if found["ResourceType"] == "AWS::S3::Bucket"]


def _empty(bucket: str) -> None:
    import boto3

    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
