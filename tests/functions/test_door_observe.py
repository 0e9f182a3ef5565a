"""The log line and the metrics in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.counts import Counts
from slipway.edge import observe
from tests.lines import broken

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


# What a caller may say of its request, as expressions: W3C Trace Context; and no key, no address, no free text.
TRACEPARENT = re.compile(r"(?s)(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?")
CORRELATION = re.compile(r"(?!slp_)[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ODD = ("", "0", "-", "g", "A", "_", " ", "\n", "\u0660", "é")


@given(st.randoms(use_true_random=False))
def test_a_trace_context_is_taken_exactly_where_it_is_valid(random: Random) -> None:
    value = random.choice((TRACE, TRACE, TRACE.replace(TRACE[3:35], "0" * 32), TRACE.replace(TRACE[36:52], "0" * 16)))
    value = random.choice(("00", "00", "01", "fe", "ff", "0")) + value[2:] + random.choice(("", "", "-", "-more", "more"))
    for _ in range(random.randrange(3)):
        place = random.randrange(len(value) + 1)
        value = value[:place] + random.choice(ODD) + value[place + random.randrange(2) :]
    found = TRACEPARENT.fullmatch(value)
    valid = found is not None and (found[1] != "00" or found[3] is None)
    assert observe.sent_traceparent({"traceparent": value}) == (f"00-{found[2]}" if found and valid else "")


@given(st.one_of(st.text(max_size=70), st.from_regex(r"(slp_)?[A-Za-z0-9._:-]{0,66}\n?", fullmatch=True)))
def test_a_correlation_id_is_taken_exactly_where_it_is_sane(value: str) -> None:
    assert observe.sent_correlation_id({"x-correlation-id": value}) == (value if CORRELATION.fullmatch(value) else "")


def test_where_nothing_was_sent_there_is_nothing() -> None:
    assert (observe.sent_traceparent({}), observe.sent_correlation_id({})) == ("", "")


@pytest.mark.parametrize(
    "line",
    [
        {"route": "GET /v1/me", "status": 403, "principal_kind": "anonymous"},
        {"route": "GET /v1/me", "status": 500, "service": "authorize"},
        {"route": "GET /v1/me", "status": 200},
        {"route": "none", "status": 200, "service": "authorize"},
        {"route": "GET /v1/me", "status": 401, "error_code": "unauthenticated"},
        {"route": "GET /v1/me", "status": 200, "principal": "0" * 16},
        {"route": "GET /v1/me", "status": 200, "principal_kind": "admin"},
        {"status": 200, "principal_kind": "anonymous"},
    ],
)
def test_a_line_that_does_not_say_why_or_to_whom_breaks_the_schema(line: dict[str, object]) -> None:
    """And nothing else of these does."""
    common: dict[str, object] = {
        "timestamp": "2026-11-23T12:00:00.000Z",
        "level": "INFO",
        "service": "products",
        "version": "1.0.0",
        **IDS,
    }
    common |= {"duration_ms": 1, "cold": False, "db_calls": 0, "retries": 0}
    whole = {"error_code": "forbidden", "principal_kind": "admin", "principal": "0" * 16, "route": "none"}
    assert broken({**common, **line}) != []
    assert broken({**common, **whole, **line, "principal_kind": "admin", "principal": "0" * 16}) == []
