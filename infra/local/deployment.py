"""`cdk bootstrap` and `cdk deploy` into the embedded AWS, and what stands there afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.assembly import SENDER, last_words, node, tool
from infra.local.children import Children
from infra.local.emulator import ACCOUNT, REGION, Emulator, clean_environment
from infra.local.home import Home, Trouble

BOOTSTRAP_STACK = "CDKToolkit"


@dataclass(frozen=True, slots=True)
class Deployed:
    """`api`: the id of the HTTP API. `functions`: name in `infra.functions` -> its physical name and environment."""

    api: str
    functions: Mapping[str, tuple[str, Mapping[str, str]]]

    def environment(self, function: str) -> Mapping[str, str]:
        return self.functions[function][1]


class Deployment:
    def __init__(self, home: Home, children: Children, emulator: Emulator) -> None:
        self._home, self._children, self._emulator = home, children, emulator

    def bootstrap(self) -> None:
        """Once an account. Raises Trouble."""
        if self._bootstrapped():
            return
        # Not in the repository: `cdk` would read its cdk.json and synthesize the app first.
        self._cdk("bootstrap", ["bootstrap", f"aws://{ACCOUNT}/{REGION}"], cwd=self._home.root)
        bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
        # It refuses plain HTTP, and on loopback there is nothing else.
        self._emulator.client("s3").delete_bucket_policy(Bucket=bucket)

    def _bootstrapped(self) -> bool:
        stacks = self._emulator.client("cloudformation").list_stacks()["StackSummaries"]
        return any(
            stack["StackName"] == BOOTSTRAP_STACK
            and stack["StackStatus"].endswith("_COMPLETE")
            and "DELETE" not in stack["StackStatus"]
            for stack in stacks
        )

    def deploy(self, assembly: Path) -> None:
        """All stacks. Raises Trouble."""
        self._cdk("deploy", ["deploy", "--all", "--app", str(assembly), "--require-approval", "never"], cwd=self._home.root)
        self._cors(assembly)
        # Whom letters come from is known to be ours; they stay in the embedded AWS.
        self._emulator.client("sesv2").create_email_identity(EmailIdentity=SENDER)

    def _cors(self, assembly: Path) -> None:
        """The embedded AWS keeps what a template says of CORS under names that it does not read: say it again."""
        client = self._emulator.client("apigatewayv2")
        for path in assembly.glob("*.template.json"):
            for resource in json.loads(path.read_text())["Resources"].values():
                if resource["Type"] == "AWS::ApiGatewayV2::Api":
                    [api] = client.get_apis()["Items"]
                    client.update_api(ApiId=api["ApiId"], CorsConfiguration=resource["Properties"]["CorsConfiguration"])

    def _cdk(self, step: str, arguments: list[str], *, cwd: Path) -> None:
        command = [str(node()), str(tool("node_modules", "aws-cdk", "bin", "cdk")), *arguments, "--no-notices", "--ci"]
        env = clean_environment() | {
            "AWS_ENDPOINT_URL": self._emulator.endpoint,
            "AWS_ENDPOINT_URL_S3": self._emulator.endpoint,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "NO_COLOR": "1",
        }
        log = self._home.root / f"{step}.log"
        log.unlink(missing_ok=True)
        if not self._children.run(command, env=env, cwd=cwd, log=log):
            if not self._emulator.alive:
                raise Trouble(f"The embedded AWS died during `cdk {step}`; its last words are in {self._emulator.log}.")
            raise Trouble(f"`cdk {step}` failed: {_reason(log)} The whole story is in {log}.")

    def find(self) -> Deployed | None:
        """What stands in the embedded AWS; None when no API does."""
        apis = self._emulator.client("apigatewayv2").get_apis()["Items"]
        if not apis:
            return None
        functions = {}
        for page in self._emulator.client("lambda").get_paginator("list_functions").paginate():
            for found in page["Functions"]:
                parts = found.get("Handler", "").split(".")
                if parts[0] == "functions":
                    functions[parts[1]] = (found["FunctionName"], found.get("Environment", {}).get("Variables", {}))
        return Deployed(apis[0]["ApiId"], functions)


def _reason(log: Path) -> str:
    """What CloudFormation said of the first resource that failed, or else the log's last words."""
    for line in log.read_text(errors="replace").splitlines():
        if "_FAILED " in line:
            return line.rsplit("|", 1)[-1].strip()[:300]
    return last_words(log)


def point_here(emulator: Emulator) -> None:
    """Make this process's own AWS clients, those of `slipway.adapters`, talk to the embedded AWS and nothing else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        {name: value for name, value in clean_environment().items() if name.startswith("AWS_")}
        | {"AWS_ENDPOINT_URL": emulator.endpoint}
    )
