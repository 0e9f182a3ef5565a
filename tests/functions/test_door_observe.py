"""The log line and the metrics in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.counts import Counts
from slipway.edge import observe

IDS = {"request_id": "r", "trace_id": "", "correlation_id": ""}


def test_what_the_block_raises_is_noted_and_goes_on(log_lines: list[dict[str, object]]) -> None:
    with pytest.raises(ValueError, match="secret"), observe.Line("relay", source="products", **IDS):
        raise ValueError("secret")
    (line,) = log_lines
    assert (line["level"], line["error_type"], line["Failures"]) == ("ERROR", "ValueError", 1)
    assert "secret" not in str(line)


def test_a_line_counts_what_its_own_block_did(log_lines: list[dict[str, object]]) -> None:
    client = Counts()
    client.calls = 7
    with observe.Line("relay", source="products", **IDS):
        client.calls += 2
        client.retries += 1
        client.system_roots += 1
    (line,) = log_lines
    assert (line["db_calls"], line["retries"], line["SystemRoots"]) == (2, 1, 1)


def test_only_the_first_line_of_an_environment_is_cold(
    log_lines: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "_cold", True)
    for _ in range(2):
        with observe.Line("relay", source="products", **IDS):
            pass
    assert [line["cold"] for line in log_lines] == [True, False]


def test_the_product_has_ten_series_at_most_and_the_schema_knows_them() -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "log.json").read_text())
    emf = schema["properties"]["_aws"]["properties"]["CloudWatchMetrics"]["items"]["properties"]["Metrics"]["items"]
    assert emf["properties"]["Name"]["enum"] == list(observe.METRICS)
    assert len(observe.METRICS) <= 10


def test_a_metric_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(KeyError), observe.Line("relay", source="products", **IDS) as line:
        line.measure("Products", 1)
