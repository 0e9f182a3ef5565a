"""Who may do what, what is served, what wakes somebody: as tables that a reviewer reads. A change shows up in the diff."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from infra.alarms import ALARMS, SERIES
from infra.routes import ROUTES
from slipway.access import OPERATIONS
from slipway.edge.observe import METRICS
from tests.infra.conftest import Assembly, same_as_snapshot


def table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"# {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def shown(resource: Any) -> str:
    """`table/products` for a reference of whichever kind."""
    if isinstance(resource, str):
        return resource
    if isinstance(resource, list):
        return ", ".join(map(shown, resource))
    if "Fn::Join" in resource:
        return "".join(shown(part) for part in resource["Fn::Join"][1])
    target = resource.get("Fn::ImportValue") or json.dumps(resource)
    found = re.search(r'(?:OutputFnGetAtt|GetAtt": \[")([A-Za-z]+?)(?:[0-9A-F]{8})?(Arn|StreamArn|")', target)
    if found is not None:
        name, attribute = found.groups()
        return f"<{name}{' stream' if attribute == 'StreamArn' else ''}>"
    return target


def test_iam(aws: Assembly) -> None:
    rows = []
    for id, role in sorted(aws.of("AWS::IAM::Role").items()):
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]:
            only = json.dumps(statement["Condition"]) if "Condition" in statement else ""
            name = re.sub(r"Role[0-9A-F]{8}$", "", id).lower()
            rows.append((name, ", ".join(statement["Action"]), f"`{shown(statement['Resource'])}`", only))
    same_as_snapshot("iam.md", table("What each function may do", ("function", "actions", "on", "only"), rows))


def test_routes(aws: Assembly) -> None:
    deployed = {route["RouteKey"]: route["AuthorizationType"] for route in aws.of("AWS::ApiGatewayV2::Route").values()}
    rows = []
    for route in ROUTES:
        key = route.path if route.path == "$default" else f"{route.method} {route.path}"
        rule = OPERATIONS[route.operation or "site.read"]
        least = "admin" if rule.role == "admin" else f"{rule.role} and above"
        who = [least, *sorted(rule.keys), *(["anyone"] if rule.anonymous else [])]
        rows.append((f"`{key}`", route.function, route.operation or "", deployed.pop(key), ", ".join(who)))
    assert not deployed
    same_as_snapshot(
        "routes.md", table("Every route", ("route", "function", "operation", "authorization", "who may call"), rows)
    )


def test_alarms(aws: Assembly) -> None:
    by_name = {alarm["AlarmName"].removeprefix("slipway-"): alarm for alarm in aws.of("AWS::CloudWatch::Alarm").values()}
    rows = []
    for alarm in ALARMS:
        made = by_name[alarm.name]
        times = f"{made['DatapointsToAlarm']} of {made['EvaluationPeriods']} x {made['Period']} s"
        when = f"{made.get('Statistic') or made['ExtendedStatistic']} >= {made['Threshold']} in {times}"
        rows.append((alarm.name, alarm.says, f"{made['Namespace']} {made['MetricName']}", when))
    series = table("Every metric of our own", ("metric", "unit"), [(name, METRICS[name]) for name in SERIES])
    same_as_snapshot("alarms.md", table("Every alarm", ("alarm", "says", "metric", "fires when"), rows) + "\n" + series)
