"""Few alarms, each with somebody who hears it and a page that says what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.alarms import ALARMS, FREE, SERIES, Alarm
from infra.packaging import ROOT
from slipway.edge import observe
from tests.infra.conftest import Assembly

RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["Meaning", "Impact", "Diagnose", "Mitigate", "Escalate"]


def test_what_is_free_is_enough(aws: Assembly) -> None:
    alarms = aws.of("AWS::CloudWatch::Alarm")
    assert len(alarms) == len(ALARMS) <= FREE
    assert not [id for id, alarm in alarms.items() if "Metrics" in alarm]  # metric maths would count each of its metrics
    assert len(SERIES) <= FREE
    assert set(SERIES) == set(observe.METRICS)
    assert len(aws.of("AWS::CloudWatch::Dashboard")) == 1


def test_every_alarm_is_heard_when_it_begins_and_when_it_ends(aws: Assembly, trial: Assembly) -> None:
    for alarm in aws.of("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": next(iter(aws.of("AWS::SNS::Topic")))}]
        assert alarm["TreatMissingData"] == "notBreaching"
    [policy] = aws.of("AWS::SNS::TopicPolicy").values()
    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    [subscription] = trial.of("AWS::SNS::Subscription").values()
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


def test_a_mail_that_cannot_be_sent_is_kept(aws: Assembly, trial: Assembly) -> None:
    """In the dead-letter queue, which lets in this one topic, and none where there is no address."""
    [subscription] = trial.of("AWS::SNS::Subscription").values()
    assert "DeadLetters" in json.dumps(subscription["RedrivePolicy"]["deadLetterTargetArn"])
    [topic] = trial.of("AWS::SNS::Topic").values()
    assert topic["TopicName"] == "slipway-trial-alarms"
    [letting] = [one for one in _letting_in(trial) if one["Principal"] == {"Service": "sns.amazonaws.com"}]
    assert list(letting["Condition"]) == ["ArnEquals"]
    assert json.dumps(letting["Condition"]["ArnEquals"]["aws:SourceArn"]).endswith(':slipway-trial-alarms"]]}')
    assert not [one for one in _letting_in(aws) if one["Principal"] == {"Service": "sns.amazonaws.com"}]


def _letting_in(assembly: Assembly) -> list[dict[str, Any]]:
    [policy] = assembly.of("AWS::SQS::QueuePolicy").values()
    return [statement for statement in policy["PolicyDocument"]["Statement"] if statement["Effect"] == "Allow"]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_has_its_runbook(aws: Assembly, alarm: Alarm) -> None:
    [made] = [found for found in aws.of("AWS::CloudWatch::Alarm").values() if found["AlarmName"] == f"slipway-{alarm.name}"]
    assert made["AlarmDescription"] == f"{alarm.says}. Runbook: docs/runbooks/{alarm.name}.md"
    parts = (RUNBOOKS / f"{alarm.name}.md").read_text().split("\n## ")
    assert parts[0].startswith(f"# {alarm.name}\n")
    assert [part.partition("\n")[0] for part in parts[1:]] == SECTIONS
    for part in parts[1:]:
        assert len(part.partition("\n")[2].strip()) > 40, part


def test_a_reader_of_a_stream_that_cannot_start_is_heard(aws: Assembly) -> None:
    """By what Lambda measures, not the function, and of each of them: a series without dimensions is that of all functions."""
    alarms = [alarm for alarm in aws.of("AWS::CloudWatch::Alarm").values() if alarm["MetricName"] == "IteratorAge"]
    assert [(alarm["Namespace"], alarm.get("Dimensions", [])) for alarm in alarms] == [("AWS/Lambda", [])]


def test_there_is_no_runbook_of_an_alarm_that_is_gone() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alarm.name for alarm in ALARMS}


def test_the_watch_never_holds_back_a_deploy(aws: Assembly) -> None:
    text = json.dumps(aws.templates["Watch"])
    assert "Fn::GetStackOutput" in text
    assert "Fn::ImportValue" not in text
    imports = json.dumps(aws.templates["Service"])
    assert "Fn::ImportValue" in imports
    assert "Fn::GetStackOutput" not in imports


def test_the_dashboard_begins_with_the_promise(aws: Assembly) -> None:
    [dashboard] = aws.of("AWS::CloudWatch::Dashboard").values()
    body = flat(dashboard["DashboardBody"])
    widgets = json.loads(body)["widgets"]
    assert "promised" in widgets[0]["properties"]["markdown"]
    assert "5xx" in widgets[1]["properties"]["title"]
    placed = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(set(placed)) == len(placed)
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)


def flat(value: Any) -> str:
    """The text of a template's value, with something in place of what is known at deploy time only."""
    if isinstance(value, str):
        return value
    glue, parts = value["Fn::Join"]
    return str(glue).join(part if isinstance(part, str) else "x" for part in parts)
