"""The one dashboard: first what users were promised, then what stands behind it, from the door to the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch

from infra.alarms import Metric, own
from infra.functions import FUNCTIONS
from slipway.tables import TABLES, Table

Drawn = Callable[..., list[Any]]  # a Metric, and options of its line -> the metric in a widget's list
Logged = Callable[[str], str]  # a function's name -> its log group's

WIDTH, HEIGHT = 24, 6
# Of a month: what the dashboard measures the service against.
AVAILABILITY, P99_MS = 99.9, 2000

_REQUESTS = Metric("AWS/ApiGateway", "Count", "api", "SampleCount")
_ERRORS = Metric("AWS/ApiGateway", "5xx", "api")


def body(drawn: Drawn, logged: Logged, alarms: list[cloudwatch.CfnAlarm], region: str) -> dict[str, Any]:
    """The dashboard as CloudWatch takes it."""
    rows = [
        [
            _text(
                "# What users were promised\nAn answer that is no 5xx, 99.9 % of the time, within two seconds 99 % of the time."
            )
        ],
        [
            _graph(
                "Answered without a 5xx, %",
                region,
                [
                    [{"expression": "100 - 100 * errors / requests", "label": "available", "id": "available"}],
                    drawn(_REQUESTS, id="requests", visible=False),
                    drawn(_ERRORS, id="errors", visible=False),
                ],
                line=AVAILABILITY,
            ),
            _graph(
                "Time to answer, ms",
                region,
                [drawn(Metric("AWS/ApiGateway", "Latency", "api", stat)) for stat in ("p50", "p99")],
                line=P99_MS,
            ),
            _graph("Requests", region, [drawn(_REQUESTS), drawn(Metric("AWS/ApiGateway", "4xx", "api")), drawn(_ERRORS)]),
        ],
        [{"type": "alarm", "properties": {"title": "Alarms", "alarms": [alarm.attr_arn for alarm in alarms]}}],
        [_text("# Behind the door: events, functions, tables")],
        [
            _graph(
                "From a write to the bus, and to the hot path, ms",
                region,
                [drawn(own(name)._replace(statistic="p99")) for name in ("RelayDelay", "PublishDelay")],
            ),
            _graph(
                "Age of what a stream's reader reads, ms",
                region,
                [
                    drawn(Metric("AWS/Lambda", "IteratorAge", f"function {function.name}", "Maximum"))
                    for function in FUNCTIONS
                    if function.streams
                ],
            ),
            _graph(
                "Put aside",
                region,
                [
                    drawn(own("Failures")),
                    drawn(own("Quarantined")),
                    drawn(Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "queue", "Maximum")),
                ],
            ),
        ],
        [_text("# Rollouts: who counts, who judges, and what became of it")],
        _rollouts(drawn, logged, region),
        [
            _graph("Errors", region, _each(drawn, "Errors", "Sum")),
            _graph(
                "Duration p99, ms",
                region,
                [drawn(Metric("AWS/Lambda", "Duration", f"function {f.name}", "p99")) for f in FUNCTIONS],
            ),
            _graph(
                "Concurrency",
                region,
                [drawn(Metric("AWS/Lambda", "ConcurrentExecutions", "", "Maximum")), drawn(Metric("AWS/Lambda", "Throttles"))],
            ),
        ],
        *([_table(drawn, region, table) for table in TABLES[first : first + 4]] for first in range(0, len(TABLES), 4)),
        [
            _graph(
                "What applications told: bytes a period, and the age of what is not in the lake yet, s",
                region,
                [
                    drawn(Metric("AWS/Firehose", "IncomingBytes", "lake")),
                    drawn(Metric("AWS/Firehose", "DeliveryToS3.DataFreshness", "lake", "Maximum")),
                ],
            )
        ],
    ]
    return {"widgets": _placed(rows)}


def _rollouts(drawn: Drawn, logged: Logged, region: str) -> list[dict[str, Any]]:
    """By the lines of guard and ramp: a metric for each would be more than are free."""
    judges = " | ".join(f"SOURCE '{logged(name)}'" for name in ("guard", "ramp"))
    states = ("rolled_back", "paused", "advancing", "completed")
    decided = ", ".join(f"sum(decisions.{state}) as {state}" for state in states)
    missed = "filter ispresent(error_type) | stats count(*) as times by service, error_code, error_type"
    return [
        _graph(
            "Age of what counts and judges read, ms",
            region,
            [drawn(Metric("AWS/Lambda", "IteratorAge", f"function {name}", "Maximum")) for name in ("tally", "guard")],
        ),
        _lines("Rollouts judged, by the state that they were left in", region, f"{judges} | stats {decided} by bin(5m)"),
        _lines("Not judged", region, f"{judges} | {missed}", view="table"),
    ]


def _table(drawn: Drawn, region: str, table: Table) -> dict[str, Any]:
    names = ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "WriteThrottleEvents")
    metrics = [drawn(Metric("AWS/DynamoDB", name, f"table {table.name}")) for name in names]
    return _graph(f"Table {table.name}", region, metrics)


def _each(drawn: Drawn, name: str, statistic: str) -> list[Any]:
    return [drawn(Metric("AWS/Lambda", name, f"function {function.name}", statistic)) for function in FUNCTIONS]


def _text(markdown: str) -> dict[str, Any]:
    return {"type": "text", "height": 2, "properties": {"markdown": markdown}}


def _graph(title: str, region: str, metrics: list[Any], *, line: float | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {"title": title, "region": region, "view": "timeSeries", "period": 300, "metrics": metrics}
    if line is not None:
        properties["annotations"] = {"horizontal": [{"label": "promised", "value": line}]}
    return {"type": "metric", "properties": properties}


def _lines(title: str, region: str, query: str, *, view: str = "timeSeries") -> dict[str, Any]:
    """What a query of CloudWatch Logs Insights finds."""
    return {"type": "log", "properties": {"title": title, "region": region, "view": view, "query": query}}


def _placed(rows: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Each row's widgets side by side over the full width."""
    placed, y = [], 0
    for row in rows:
        width = WIDTH // len(row)
        for column, widget in enumerate(row):
            placed.append({"height": HEIGHT, **widget, "x": column * width, "y": y, "width": width})
        y += max(widget["height"] for widget in placed[-len(row) :])
    return placed
