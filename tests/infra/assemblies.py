"""Every assembly that the tests look at, synthesized in one process: importing the CDK costs more than a synth.

    python -m tests.infra.assemblies <directory>

Without any network: a socket here, in uv or in Node is an error. The wheels have to be in the cache.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from infra import packaging
from infra.toolchain import use_pinned_node

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
CONTEXTS: dict[str, dict[str, str]] = {
    "aws": {},
    "local": {"target": "local"},
    "trial": {
        "stage": "trial",
        "ephemeral": "true",
        "retention": "7",
        "alarm_email": "ops@example.com",
        "currency": "JPY",
        "domain": "api.example.com",
        "certificate": CERTIFICATE,
        "callback": "http://localhost:8080/",
        "sender": "feedback@example.com",
        "sentiment": "comprehend",
        "boto3": "products",
    },
    "edge": {"edge": "true"},
    "edge-domain": {
        "edge": "true",
        "domain": "api.example.com",
        "certificate": CERTIFICATE.replace("eu-central-1", "us-east-1"),
    },
}
DEFINITION = '{"type": "boolean", "environments": {"staging": {"state": "ENABLED", "defaultVariant": "on"}}}'
_NO_NETWORK = """
const net = require('net'), dns = require('dns');
const refuse = () => { throw new Error('a synth used the network'); };
net.Socket.prototype.connect = refuse; dns.lookup = refuse; dns.resolve = refuse;
"""


def without_network(directory: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a synth used the network")

    import socket

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]
    script = directory / "no-network.js"
    script.write_text(_NO_NETWORK)
    nowhere = "http://127.0.0.1:9"
    os.environ |= {"NODE_OPTIONS": f"--require {script}", "UV_OFFLINE": "1", "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere}


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for local in (False, True):
        packaging.dependencies(local=local)
    without_network(directory)
    use_pinned_node()
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3

    from infra.flag_definition import FlagDefinition
    from infra.service import Service
    from infra.stacks import build

    flags: dict[str, Any] = json.loads((packaging.ROOT / "cdk.json").read_text())["context"]

    def app(name: str, context: dict[str, str]) -> cdk.App:
        return build(cdk.App(context={**flags, **context}, outdir=str(directory / name), analytics_reporting=False))

    for name, context in CONTEXTS.items():
        app(name, context).synth()

    file = directory / "new-checkout.json"
    file.write_text(DEFINITION)
    team = cdk.App(context=flags, outdir=str(directory / "team"), analytics_reporting=False)
    stack = cdk.Stack(team, "Shop")
    FlagDefinition(stack, "NewCheckout", file=file)
    FlagDefinition(stack, "Trial", file=file, stage="trial")
    team.synth()

    bad = app("planted", {})
    service = bad.node.find_child("SlipwayService")
    assert isinstance(service, Service)
    relay, access = service.functions["relay"].function, service.data.tables["access"]
    lambda_.CfnEventSourceMapping(service, "Third", function_name=relay.ref, event_source_arn=access.table_stream_arn)
    s3.Bucket(service, "Open")
    refused = True
    try:
        bad.synth()
        refused = False
    except RuntimeError:
        pass
    report = json.loads((directory / "planted" / "validation-report.json").read_text())
    found = {
        f"{plugin['pluginName']} {violation['ruleName']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    }
    (directory / "planted.json").write_text(json.dumps({"refused": refused, "found": sorted(found)}))

    wheels = packaging.dependencies()
    packaging.compiler = lambda version=packaging.RUNTIME: None  # type: ignore[assignment]
    packaging.dependencies = lambda *, local=False: wheels
    metadata = app("uncompiled", {}).node.metadata
    warnings = [str(entry.data).partition(" [ack:")[0] for entry in metadata if entry.type == "aws:cdk:warning"]
    (directory / "warnings.json").write_text(json.dumps(warnings))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
