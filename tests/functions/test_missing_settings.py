"""Whatever wakes a function: where a setting is missing, a canonical line says so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from functions.guard.handler import Guard
from functions.guard.handler import wire as guard_wire
from functions.planner import handler as planner
from functions.ramp import handler as ramp
from functions.seed import handler as seed
from functions.tally import handler as tally
from functions.usage import handler as usage
from slipway.settings import BadSettings
from tests.functions.events import Context, daily, log_event, resource_event
from tests.records import record
from tests.rolling import notification

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("function", "event"),
    [
        (planner.handler, {"schedule": "sch_1"}),
        (ramp.handler, {"schedule": "rol_1-0"}),
        (ramp.handler, daily(datetime(2026, 11, 25, tzinfo=UTC))),
        (Guard(guard_wire), {"Records": [notification()]}),
        (Guard(guard_wire), {"Records": [record("counters", None, {"pk": "rol_1", "sk": "00"}, 1)]}),
        (usage.handler, log_event("{}", datetime(2026, 11, 25, tzinfo=UTC), "1")),
        (usage.handler, {"source": "aws.events", "time": "2026-11-25T00:00:00Z"}),
        (tally.handler, {"Records": [record("signals", None, {"pk": "rol_x#00", "sk": "unit#x"}, 1)]}),
        (tally.handler, {"source": "aws.events", "time": "2026-11-25T00:00:00Z"}),
        (seed.handler, resource_event("new-checkout", "{}", id="r-1")),
    ],
    ids=["planner", "ramp", "ramp daily", "alarm", "guard", "usage", "usage daily", "tally", "tally daily", "seed"],
)
def test_a_setting_that_is_missing_leaves_a_line(
    function: Callable[[Any, Any], Any], event: Any, log_lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLIPWAY_STAGE", raising=False)
    with pytest.raises(BadSettings, match="SLIPWAY_STAGE"):
        function(event, Context())
    [line] = log_lines
    assert (line["level"], line["error_type"], line["Failures"]) == ("ERROR", "BadSettings", 1)


def invoked() -> Iterator[tuple[str, dict[str, Any]]]:
    """Functions that runbooks have one invoke, and the event."""
    for page in sorted((ROOT / "docs" / "runbooks").glob("*.md")):
        for name, event in re.findall(r"invoke\s+`(\w+)`\s+with\s+`({[^`]*})`", page.read_text()):
            yield name, json.loads(event)


@pytest.mark.parametrize(("name", "event"), list(invoked()), ids=str)
def test_what_a_runbook_invokes_a_function_with_is_taken(
    name: str, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets as far as to its settings."""
    monkeypatch.delenv("SLIPWAY_STAGE", raising=False)
    with pytest.raises(BadSettings, match="SLIPWAY_STAGE"):
        import_module(f"functions.{name}.handler").handler(event, Context())


def test_runbooks_invoke_functions() -> None:
    assert {name for name, _ in invoked()} >= {"calendar", "ramp", "tally"}
