"""The `slipway` command line against the deployment on this machine, found as any other is: by its stage."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.demo import ENVIRONMENT
from tests.e2e.stack import ROOT, Stack, until
from tests.e2e.test_events import PATIENCE, create, entries

pytestmark = pytest.mark.e2e


def slipway(stack: Stack, *arguments: str) -> tuple[int, str]:
    """Exit code and everything that was printed."""
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("slipway")), "--local", *arguments],
        cwd=ROOT,
        env={**os.environ, "SLIPWAY_HOME": str(stack.home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_a_replay_brings_back_what_the_audit_lost_and_doubles_nothing(stack: Stack) -> None:
    since = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ids = create(stack, 5)
    until(lambda: entries(stack, ids).total() == 5, within=PATIENCE, what="the audit has all five")
    table = stack.setting("record", "SLIPWAY_TABLE_AUDIT")
    lost = [row for row in stack.rows(table, "pk", "sk") if row["pk"]["S"] in ids[:3]]
    for row in lost:
        stack.client("dynamodb").delete_item(TableName=table, Key=row)
    assert entries(stack, ids).total() == 2

    code, said = slipway(stack, "replay", "--since", since, "--kind", "product", "--dry-run")
    assert code == 0, said
    assert "0 sent" in said
    for _ in range(2):
        code, said = slipway(stack, "replay", "--since", since, "--kind", "product")
        assert code == 0, said
    until(lambda: entries(stack, ids).total() >= 5, within=PATIENCE, what="the audit has all five again")
    assert set(entries(stack, ids).values()) == {1}


def test_a_backfill_finds_every_row_in_the_newest_shape(stack: Stack) -> None:
    for kind in ("product", "key", "member"):
        code, said = slipway(stack, "backfill", kind)
        assert code == 0, said
        assert f"{kind} rows read, 0 rewritten" in said


def test_flags_become_what_their_files_say(stack: Stack, tmp_path: Path) -> None:
    key = f"coded-{secrets.token_hex(4)}"
    answers = {ENVIRONMENT: {"state": "ENABLED", "defaultVariant": "on"}}
    (tmp_path / f"{key}.json").write_text(json.dumps({"type": "boolean", "owner": "web", "environments": answers}))
    assert slipway(stack, "flags", "plan", str(tmp_path))[0] == 2
    code, said = slipway(stack, "flags", "apply", str(tmp_path))
    assert code == 0, said
    assert slipway(stack, "flags", "plan", str(tmp_path))[0] == 0
    assert stack.call("GET", f"/v1/flags/{key}/environments/{ENVIRONMENT}").json()["default_variant"] == "on"


def test_a_stage_that_is_not_deployed_is_told(stack: Stack) -> None:
    code, said = slipway(stack, "--stage", "nowhere", "backfill", "product")
    assert (code, said.strip()) == (
        3,
        "slipway: Stage 'nowhere' is not deployed here: there is no stack SlipwayService-nowhere.",
    )
