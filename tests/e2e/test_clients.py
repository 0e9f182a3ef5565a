"""Other clients of the API, and the other client of AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.functions import FUNCTIONS
from infra.local.assembly import node
from tests.e2e.journey import afternoon
from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e


def test_node_follows_every_link(stack: Stack) -> None:
    command = [str(node()), str(Path(__file__).with_name("client.mjs")), str(stack.home / "local.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"statuses": [200, 201, 200, 200, 200, 200], "name": "Von Node: äöü €", "pages": True}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_reads_what_the_start_prints(stack: Stack) -> None:
    command = ["curl", "--silent", "--show-error", "--fail", "--header", f"Authorization: Bearer {stack.key('admin')}"]
    done = subprocess.run([*command, f"{stack.url}/v1/products?limit=3"], capture_output=True, check=True, timeout=60)
    assert len(json.loads(done.stdout)["items"]) == 3


def test_the_functions_were_deployed_with_the_client_that_was_asked_for(stack: Stack) -> None:
    client = "boto3" if os.environ.get("SLIPWAY_BOTO3") == "all" else "slipway"
    assert {stack.setting(function.name, "SLIPWAY_CLIENT") for function in FUNCTIONS} == {client}


@pytest.mark.skipif(os.environ.get("SLIPWAY_BOTO3") == "all", reason="so the whole rung is deployed")
def test_an_afternoon_with_boto3_in_every_function(stack: Stack) -> None:
    with stack.changed({function.name: {"SLIPWAY_CLIENT": "boto3"} for function in FUNCTIONS}):
        until(lambda: stack.call("GET", "/v1/me", broken=True).status == 200, within=60, what="the functions are up again")
        afternoon(stack, "boto3")
