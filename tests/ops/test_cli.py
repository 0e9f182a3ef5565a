"""The commands as people use them: what they print, what they leave, how they exit."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ops.cli
from infra.config import Config
from infra.local.home import Home, folder
from ops import backfill as filling
from ops.deployment import Deployment, Trouble, find
from slipway.adapters import connect
from slipway.adapters.client import Refused
from slipway.ports import StoreUnavailable
from slipway.settings import Access, Products, Relay
from tests.ops.catalogue import Catalogue
from tests.ops.test_replay import Bus

DEPLOYED = Deployment(
    "prod",
    {
        "products": Products(stage="prod", table_products="products").env(),
        "access": Access(stage="prod", table_access="access").env(),
        "relay": Relay(stage="prod", bus="slipway", bucket_quarantine="quarantine").env(),
    },
)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(30)


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture(autouse=True)
def deployed(catalogue: Catalogue, bus: Bus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLIPWAY_HOME", str(tmp_path))
    monkeypatch.setattr(ops.cli, "find", lambda stage: DEPLOYED)
    monkeypatch.setattr(connect, "store", lambda settings: catalogue.store)
    monkeypatch.setattr(connect, "bus", lambda settings: bus)


def slipway(*arguments: str) -> Result:
    return CliRunner().invoke(ops.cli.app, arguments, env={"COLUMNS": "200"})


def test_every_command_explains_itself() -> None:
    assert "Exit codes" in slipway("--help").stdout
    for command in ("backfill", "env", "invite", "replay", "schemas", "flags plan", "flags apply", "signing rotate"):
        assert slipway(*command.split(), "--help").exit_code == 0


def test_the_hours_after_which_a_replay_is_needed_are_those_of_the_stream() -> None:
    hours = "12 hours"  # as a rule at synth has it
    assert hours in slipway("replay", "--help").stdout
    assert hours in (Path(ops.cli.__file__).parents[1] / "docs" / "operating.md").read_text()


def test_a_backfill_of_the_newest_shape_reads_and_writes_nothing(catalogue: Catalogue) -> None:
    result = slipway("backfill", "product")
    rows = len(catalogue.store.tables["products"])
    assert (result.exit_code, result.stdout.strip()) == (
        0,
        f"{rows} product rows read, 0 rewritten, 0 written by somebody else meanwhile.",
    )


def test_a_backfill_that_was_stopped_goes_on(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pages = iter([True, False])
    rows = filling.rows

    def stopped(*arguments: Any) -> Any:
        if len(list(tmp_path.glob("*.json"))) and next(pages):
            raise KeyboardInterrupt
        return rows(*arguments)

    monkeypatch.setattr(filling, "rows", stopped)
    assert slipway("backfill", "product").exit_code == 130
    (mark,) = tmp_path.glob("backfill-products-product.json")
    assert set(json.loads(mark.read_text())) == {"kind", "created_at", "pk", "sk"}
    monkeypatch.setattr(filling, "rows", rows)
    result = slipway("backfill", "product")
    assert result.exit_code == 0
    assert "Going on after 2026-11-25" in result.stdout
    assert int(result.stdout.splitlines()[-1].split()[0]) < len(catalogue.store.tables["products"])
    assert not mark.exists()


def test_a_broken_mark_is_told(tmp_path: Path) -> None:
    (tmp_path / "backfill-products-product.json").write_text("{")
    result = slipway("backfill", "product")
    assert result.exit_code == 1
    assert "use --restart" in result.stderr
    assert slipway("backfill", "product", "--restart").exit_code == 0


def test_a_replay_sends_and_counts(catalogue: Catalogue, bus: Bus) -> None:
    result = slipway("replay", "--since", "2026-11-01", "--until", "2027-01-01", "--kind", "product")
    events = len(catalogue.sent)
    assert (result.exit_code, result.stdout.strip()) == (0, f"product: 30 resources, {events} events, {events} sent, 0 broken.")
    assert len(bus.taken) == events


def test_a_dry_replay_of_one_subject_sends_nothing(catalogue: Catalogue, bus: Bus) -> None:
    result = slipway("replay", "--since", "2026-11-01", "--until", "2027-01-01", "--subject", catalogue.ids[4], "--dry-run")
    assert (result.exit_code, result.stdout.strip()) == (0, "product: 1 resources, 5 events, 0 sent, 0 broken.")
    assert bus.taken == []


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("flag#checkout", "flag"),
        ("flag#checkout#production", "configuration"),
        ("environment#production", "environment"),
        ("segment#staff", "segment"),
        ("chg_1", "proposal"),
        ("sch_1", "schedule"),
    ],
)
def test_a_subject_tells_its_kind(subject: str, kind: str) -> None:
    assert ops.cli._kind_of(subject) == kind


def test_a_bus_that_refuses_is_told(bus: Bus) -> None:
    bus.every = 1
    result = slipway("replay", "--since", "2026-11-01", "--until", "2027-01-01")
    assert result.exit_code == 1
    assert "The bus did not take event evt_" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backfill", "rocket"], "none of product, key, member"),
        (["replay"], "--since"),
        (["replay", "--since", "yesterday"], "RFC 3339"),
        (["replay", "--since", "2026-11-02", "--until", "2026-11-01"], "not before"),
        (["replay", "--since", "2026-11-02", "--subject", "abc"], "is no id"),
        (["replay", "--since", "2026-11-02", "--kind", "rocket"], "none of product, key, member"),
        (["polish"], "No such command"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], said: str) -> None:
    result = slipway(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_store_that_is_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def out(settings: object) -> None:
        raise StoreUnavailable("Query: ThrottlingException")

    monkeypatch.setattr(connect, "store", out)
    result = slipway("backfill", "product")
    assert result.exit_code == 3
    assert "AWS does not answer: Query: ThrottlingException." in result.stderr


def test_without_a_region_or_credentials_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(Trouble, match=r"Set AWS_REGION and AWS_PROFILE, or the keys\.$") as trouble:
        find("prod")
    assert trouble.value.code == 3
    (tmp_path / "local.json").touch()
    with pytest.raises(Trouble, match="`--local` is what runs on this machine"):
        find("prod")


def test_a_stage_that_no_deployment_can_have_is_told() -> None:
    with pytest.raises(Trouble, match="`stage` is 'Prod'"):
        find("Prod")


def test_the_stack_has_the_name_of_its_stage() -> None:
    assert [Config(stage=stage).stack("Service") for stage in ("prod", "dev", "my-own")] == [
        "SlipwayService",
        "SlipwayService-dev",
        "SlipwayService-my-own",
    ]


def test_the_first_admin_is_invited_as_the_api_would_do_it(catalogue: Catalogue) -> None:
    result = slipway("invite", " Ada@Example.com ")
    assert result.exit_code == 0
    [head] = [row for row in catalogue.store.tables["access"].values() if row.get("kind") == "member"]
    assert result.stdout == f"{head['pk']} is invited as admin: a one-time password goes to the address.\n"
    assert (head["data"]["role"], head["cause"]["actor"]) == ("admin", "system:slipway")
    assert [event["type"] for event in head["events"]] == ["member.invited.v1"]
    again = slipway("invite", "ada@example.com", "--role", "viewer")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "has this e-mail address already" in again.stderr
    assert slipway("invite", "nobody").exit_code == 1
    assert slipway("invite", "bob@example.com", "--role", "owner").exit_code == 2


def test_a_refusal_is_told_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(settings: object) -> None:
        raise Refused("Query", "AccessDeniedException", "not authorized on [table/products]")

    monkeypatch.setattr(connect, "store", refused)
    result = slipway("backfill", "product")
    assert result.exit_code == 3
    assert "AWS refused Query: AccessDeniedException: not authorized on [table/products]." in result.stderr


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """As of `make up`: the lock is held, and the files say how to reach what runs."""
    home = Home(tmp_path, 8787)
    with home.held():
        details = {
            "api_url": "http://127.0.0.1:8787",
            "keys": {"admin": "slp_it's_admin", "server": "slp_s", "client": "slp_c"},
        }
        home.details.write_text(json.dumps(details))
        home.endpoint.write_text(json.dumps({"endpoint": "http://127.0.0.1:4566"}))
        yield tmp_path


@pytest.fixture
def same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `--local` sets for the process goes with the test."""
    monkeypatch.setattr(os, "environ", dict(os.environ))


@pytest.mark.usefixtures("running")
def test_a_shell_learns_where_and_as_whom(same_environment: None) -> None:
    result = slipway("--local", "env")
    assert (result.exit_code, result.stderr) == (0, "")
    said = subprocess.run(
        ["bash", "-c", 'eval "$1"; echo "$SLIPWAY_URL $SLIPWAY_KEY"', "-", result.stdout],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "http://127.0.0.1:8787 slp_it's_admin\n"


def test_a_shell_learns_nothing_where_nothing_runs() -> None:
    result = slipway("--local", "env")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "slipway: Slipway does not run on this machine; `make up` starts it.\n"


def test_a_shell_learns_nothing_while_it_starts(running: Path, same_environment: None) -> None:
    (running / "local.json").unlink()
    result = slipway("--local", "env")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "still starting" in result.stderr


def test_no_key_of_a_deployment_is_known() -> None:
    result = slipway("env")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "A key is shown once" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("running")
def test_on_this_machine_no_mail_is_promised(same_environment: None) -> None:
    result = slipway("--local", "invite", "ada@example.com")
    assert (result.exit_code, "no mail leaves this machine" in result.stdout) == (0, True)


def test_the_mark_of_a_backfill_stands_in_the_home_wherever_one_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, catalogue: Catalogue
) -> None:
    monkeypatch.delenv("SLIPWAY_HOME")
    assert folder() == Path(ops.cli.__file__).parents[1] / ".slipway"
    (elsewhere := tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("SLIPWAY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(ops.cli._Mark, "write", lambda self, position: wrote.append(self.path))
    wrote: list[Path] = []
    assert slipway("backfill", "product").exit_code == 0
    assert set(wrote) == {tmp_path / "home" / "backfill-products-product.json"}


def test_a_key_says_what_it_needs() -> None:
    said = " ".join(slipway("keys", "create", "--help").stdout.replace("│", "").split())
    assert "Of a client or server key, which must have one." in said


def test_without_anything_running_here_the_way_out_is_told() -> None:
    result = slipway("--local", "backfill", "product")
    assert result.exit_code == 3
    assert "`make up` starts it" in result.stderr
