"""`python -m infra.cli synth|deploy|destroy [options of cdk]`: the pinned CDK on the pinned Node."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from infra import packaging, toolchain

COMMANDS = {
    "synth": ["synth", "--quiet"],
    "deploy": ["deploy", "--all"],
    "destroy": ["destroy", "--all"],
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(f"usage: python -m infra.cli {'|'.join(COMMANDS)} [options of cdk, such as -c stage=trial]", file=sys.stderr)
        return 2
    if not toolchain.CDK.exists():
        print("error: the CDK command line is missing: run `make install`.", file=sys.stderr)
        return 1
    if arguments[0] == "deploy" and (warning := packaging.warning()):
        print(f"error: {warning} Install one (`uv python install {packaging.RUNTIME}`) and deploy again.", file=sys.stderr)
        return 1
    return cdk([*COMMANDS[arguments[0]], *arguments[1:]])


def cdk(arguments: list[str]) -> int:
    """Run the CDK command line; its exit code."""
    # `cdk.json` starts the app with `python`: the one that runs this.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    command = [str(toolchain.node()), str(toolchain.CDK), *arguments]
    return subprocess.run(command, cwd=packaging.ROOT, env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
