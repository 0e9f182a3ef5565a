"""The commands: what they run, what they refuse, and what destroying a throw-away stage does first."""

from __future__ import annotations

import builtins

import boto3
import pytest
from moto import mock_aws

from infra import cli, packaging

Ran = list[list[str]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """The runs of the CDK command line."""
    runs: Ran = []

    def cdk(arguments: list[str]) -> int:
        runs.append(arguments)
        return 0

    monkeypatch.setattr(cli, "cdk", cdk)
    return runs


@pytest.fixture
def emptied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(cli, "_buckets", lambda stack: [f"{stack}-bucket"])
    monkeypatch.setattr(cli, "_empty", names.append)
    return names


@pytest.mark.parametrize("arguments", [[], ["diff"], ["--help"]])
def test_the_command_says_how_it_is_used(arguments: list[str], ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert "bootstrap|synth|deploy|destroy" in capsys.readouterr().err
    assert ran == []


def test_all_stacks_are_deployed_and_destroyed(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging, "warning", lambda: None)
    assert [cli.main(arguments) for arguments in (["synth"], ["deploy", "-c", "stage=trial"], ["destroy"])] == [0, 0, 0]
    assert ran == [["synth", "--quiet"], ["deploy", "--all", "-c", "stage=trial"], ["destroy", "--all"]]


def test_an_account_is_prepared_by_the_same_pinned_cdk(ran: Ran) -> None:
    assert [cli.main(["bootstrap"]), cli.main(["bootstrap", "--profile", "trial"])] == [0, 0]
    assert ran == [["bootstrap"], ["bootstrap", "--profile", "trial"]]


def test_deploy_refuses_without_bytecode(ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(packaging, "compiler", lambda: None)
    assert cli.main(["deploy"]) == 1
    assert "There is no Python 3.13 here" in capsys.readouterr().err
    assert ran == []


def test_a_stage_that_is_kept_is_never_emptied(ran: Ran, emptied: list[str]) -> None:
    assert cli.main(["destroy", "-c", "stage=trial", "--force"]) == 0
    assert (emptied, len(ran)) == ([], 1)


def test_a_throw_away_stage_is_emptied_first(ran: Ran, emptied: list[str]) -> None:
    assert cli.main(["destroy", "-c", "stage=trial", "--context", "ephemeral=true", "--force"]) == 0
    assert emptied == ["SlipwayData-trial-bucket"]
    assert ran[0][:2] == ["destroy", "--all"]


@pytest.mark.parametrize(("answer", "goes"), [("y", True), ("n", False), ("", False)])
def test_and_only_after_somebody_said_so(
    answer: str, goes: bool, ran: Ran, emptied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, "input", lambda _: answer)
    assert cli.main(["destroy", "-c", "ephemeral=true"]) == (0 if goes else 1)
    assert (bool(emptied), bool(ran)) == (goes, goes)
    assert all("--force" in arguments for arguments in ran)


def test_a_wrong_key_stops_a_destroy(ran: Ran, emptied: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["destroy", "-c", "ephemerel=true", "--force"]) == 1
    assert "Did you mean 'ephemeral'?" in capsys.readouterr().err
    assert (emptied, ran) == ([], [])


@pytest.mark.parametrize("command", ["bootstrap", "synth", "deploy", "destroy"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-c", "stagee=x"], "There is no context key 'stagee'. Did you mean 'stage'?"),
        (["-c", "stage=X"], "`stage` is 'X'"),
        (["-c", "stage"], "`stage` is ''"),
        (["stage=trial"], "'stage=trial' stands alone; context is passed with -c: CDK=\"-c stage=trial\"."),
        (["--force", "stage=trial"], "stands alone"),
    ],
)
def test_wrong_context_is_one_line_and_starts_nothing(
    command: str, options: list[str], said: str, ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packaging, "warning", lambda: None)
    assert cli.main([command, *options]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert said in told
    assert told.count("\n") == 1
    assert ran == []


def test_pairs_of_other_options_are_no_context(ran: Ran) -> None:
    options = ["--tags", "team=web", "-t", "a=b", "--parameters", "Stack:x=y", "--output=out", "-c", "stage=trial"]
    assert cli.main(["synth", *options]) == 0
    assert ran == [["synth", "--quiet", *options]]


def test_emptying_takes_every_object(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="full")
        for number in range(3):
            s3.put_object(Bucket="full", Key=f"records/{number}", Body=b"x")
        cli._empty("full")
        assert s3.list_objects_v2(Bucket="full")["KeyCount"] == 0
