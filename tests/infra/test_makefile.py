"""The Makefile: what it says of itself, and what it passes on."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from infra.packaging import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str) -> str:
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }  # `make test` runs this
    return subprocess.run(["make", *arguments], cwd=ROOT, env=own, capture_output=True, text=True, check=True).stdout


def test_make_alone_says_what_there_is() -> None:
    told = make()
    assert "make run       the whole app on this machine" in told
    assert ".PHONY" not in told
    targets = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())  # type: ignore[index]
    assert set(re.findall(r"(?:make|/) (\w+)", told)) <= targets


def test_some_rungs_may_be_chosen() -> None:
    assert "-m tests.ladder domain ports\n" in make("--dry-run", "test", "RUNGS=domain ports")
    assert "-m tests.ladder \n" in make("--dry-run", "test")


@pytest.mark.parametrize("target", ["bootstrap", "synth", "deploy", "destroy"])
def test_options_reach_the_cdk(target: str) -> None:
    assert f"-m infra.cli {target} -c stage=trial\n" in make("--dry-run", target, "CDK=-c stage=trial")
