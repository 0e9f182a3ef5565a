"""What wakes somebody: every alarm in one table. And every metric of our own: ten of each cost nothing, an eleventh does.

Each alarm has a runbook, `docs/runbooks/<name>.md`, and tells the stack's topic when it begins and when it ends.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from slipway.edge.observe import DIMENSION, METRICS, NAMESPACE

FREE = 10

# Our own series, one each: the dimension is constant in a deployment.
SERIES = tuple(METRICS)


class Metric(NamedTuple):
    """`of`: whose it is, by its name in the service: "api", "queue", "lake", "function <name>", "table <name>"; or our own
    "stage"."""

    namespace: str
    name: str
    of: str = ""
    statistic: str = "Sum"


def own(name: str) -> Metric:
    assert name in SERIES, f"{name} is no metric of ours"
    return Metric(NAMESPACE, name, DIMENSION)


class Alarm(NamedTuple):
    """Fires when `enough` of the last `periods` (of `seconds` each) reach `threshold`. No data is good news."""

    name: str
    says: str
    metric: Metric
    threshold: float
    seconds: int = 300
    periods: int = 1
    enough: int = 1
    comparison: Literal["GreaterThanOrEqualToThreshold"] = "GreaterThanOrEqualToThreshold"


ALARMS = (
    Alarm("api-errors", "Callers get 5xx answers", Metric("AWS/ApiGateway", "5xx", "api"), 5, periods=3, enough=2),
    Alarm(
        "api-latency",
        "One request in a hundred takes longer than two seconds",
        Metric("AWS/ApiGateway", "Latency", "api", "p99"),
        2000,
        periods=3,
        enough=3,
    ),
    Alarm(
        "dead-letters",
        "Events could not be handled and wait in the dead-letter queue",
        Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "queue", "Maximum"),
        1,
    ),
    Alarm(
        "quarantine",
        "Records of a stream were put aside for good, or a flag cannot be published as it is",
        own("Quarantined"),
        1,
    ),
    Alarm(
        # Of all functions of the account that read a stream: one for each of ours would be more alarms than are free. Lambda
        # measures it, so that a function which cannot start is late as well.
        "stream-lag",
        "A stream is read more than five minutes late: events, keys, flags or verdicts do not get where they belong",
        Metric("AWS/Lambda", "IteratorAge", statistic="Maximum"),
        300_000,
    ),
    # Of both publishers and the guard, measured by themselves, and to tries that fail: sooner than `stream-lag`, if they start.
    Alarm(
        "publication-lag",
        "A revoked key or a changed flag is not published, or a rollout not judged, for 20 seconds and more",
        own("PublishDelay")._replace(statistic="Maximum"),
        20_000,
        seconds=60,
        periods=3,
        enough=2,
    ),
    Alarm(
        "failures",
        "Work behind the API keeps failing, or flags are answered as they were",
        own("Failures"),
        10,
        periods=3,
        enough=3,
    ),
    # The table with the dearest writes. Each table more in it would be a metric more than is free: what the others refuse for
    # longer than retries take is a 503 (`api-errors`), or fails behind the API (`failures`); the dashboard draws all of them.
    Alarm(
        "write-ceiling",
        "The products table refuses writes: its ceiling is reached",
        Metric("AWS/DynamoDB", "WriteThrottleEvents", "table products"),
        1,
        periods=3,
        enough=2,
    ),
    Alarm("concurrency", "Functions are throttled: the account's limit is reached", Metric("AWS/Lambda", "Throttles"), 1),
    Alarm("system-roots", "Amazon's own roots do not verify AWS any more", own("SystemRoots"), 1, seconds=3600),
)
