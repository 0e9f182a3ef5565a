"""Few alarms, each with somebody who hears it and a page that says what to do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.alarms import ALARMS, FREE, SERIES, Alarm
from infra.packaging import ROOT
from slipway.edge import observe
from tests.infra.conftest import Assembly
from tests.lines import SCHEMA

RUNBOOKS = ROOT / "docs" / "runbooks"
BESIDE = ["guard-lags", "rollout-stuck", "webhooks-failing"]  # which an alarm of another name leads to, or a person's question
LINES = SCHEMA["properties"]  # of the log
SECTIONS = ["Meaning", "Impact", "Diagnose", "Mitigate", "Escalate"]


def test_what_is_free_is_enough(aws: Assembly) -> None:
    alarms = aws.of("AWS::CloudWatch::Alarm")
    assert len(alarms) == len(ALARMS) <= FREE
    assert not [id for id, alarm in alarms.items() if "Metrics" in alarm]  # metric maths would count each of its metrics
    assert len(SERIES) <= FREE
    assert set(SERIES) == set(observe.METRICS)
    assert len(aws.of("AWS::CloudWatch::Dashboard")) == 1


def test_every_alarm_is_heard_when_it_begins_and_when_it_ends(aws: Assembly, trial: Assembly) -> None:
    heard = _topics(aws)["slipway-alarms"]
    for alarm in aws.of("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": heard}]
        assert alarm["TreatMissingData"] == "notBreaching"
    [subscription] = _mails(trial)
    assert subscription["Endpoint"] == "ops@example.com"
    assert _mails(aws) == []


def test_alarms_alone_are_told_to_a_topic(aws: Assembly) -> None:
    """Those of the deployment, and those of a team that guard its rollouts."""
    assert set(_topics(aws)) == {"slipway-alarms", "slipway-rollout-alarms"}
    policies = aws.of("AWS::SNS::TopicPolicy").values()
    assert len(policies) == 2
    for policy in policies:
        allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        assert [s["Principal"] for s in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]


def test_a_mail_that_cannot_be_sent_is_kept(aws: Assembly, trial: Assembly) -> None:
    """In the dead-letter queue, which lets in this topic and that of rollouts; the latter alone where there is no address."""
    [subscription] = _mails(trial)
    assert "DeadLetters" in json.dumps(subscription["RedrivePolicy"]["deadLetterTargetArn"])
    assert "slipway-trial-alarms" in _topics(trial)
    [mails] = [arn for arn in _let_in(trial) if arn != {"Ref": _topics(trial)["slipway-trial-rollout-alarms"]}]
    assert json.dumps(mails).endswith(':slipway-trial-alarms"]]}')
    assert _let_in(aws) == [{"Ref": _topics(aws)["slipway-rollout-alarms"]}]


def _topics(assembly: Assembly) -> dict[str, str]:
    """Ids by name."""
    return {topic["TopicName"]: id for id, topic in assembly.of("AWS::SNS::Topic").items()}


def _mails(assembly: Assembly) -> list[dict[str, Any]]:
    return [one for one in assembly.of("AWS::SNS::Subscription").values() if one["Protocol"] == "email"]


def _let_in(assembly: Assembly) -> list[Any]:
    """The topics that may fill the queue."""
    [policy] = assembly.of("AWS::SQS::QueuePolicy").values()
    allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    topics = [one["Condition"] for one in allowed if one["Principal"] == {"Service": "sns.amazonaws.com"}]
    assert all(list(condition) == ["ArnEquals"] for condition in topics)
    return [condition["ArnEquals"]["aws:SourceArn"] for condition in topics]


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
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alarm.name for alarm in ALARMS} | set(BESIDE)


@pytest.mark.parametrize("name", BESIDE)
def test_what_people_notice_before_an_alarm_has_its_runbook(name: str) -> None:
    parts = (RUNBOOKS / f"{name}.md").read_text().split("\n## ")
    assert parts[0].startswith(f"# {name}\n")
    assert [part.partition("\n")[0] for part in parts[1:]] == SECTIONS


def test_the_dashboard_shows_the_health_of_rollouts(aws: Assembly) -> None:
    """From the guard's and the ramp's own lines, whose fields are those of the schema."""
    [dashboard] = aws.of("AWS::CloudWatch::Dashboard").values()
    text = json.dumps(dashboard["DashboardBody"])
    asked = set(re.findall(r"decisions\.(\w+)", text))
    assert asked <= set(LINES["decisions"]["propertyNames"]["enum"])
    assert {"rolled_back", "paused"} <= asked
    assert {"service", "error_code", "error_type"} <= set(LINES)
    assert text.count('\\"type\\":\\"log\\"') == 2


def test_the_alarms_of_streams_and_publishers_lead_to_the_guard() -> None:
    for name in ("stream-lag", "publication-lag"):
        assert "(guard-lags.md)" in (RUNBOOKS / f"{name}.md").read_text()


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
