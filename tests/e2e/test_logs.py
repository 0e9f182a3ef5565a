"""After everything: each line that the deployed functions have logged is what the log's schema says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from infra.functions import NAMES
from tests.e2e.stack import Stack
from tests.figures import Tell
from tests.lines import broken

pytestmark = pytest.mark.e2e


def lines(stack: Stack) -> Iterator[dict[str, Any]]:
    """Those of the functions themselves; the runtime writes others beside them."""
    for _, text in stack.log_lines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "service" in line:
            yield line


def test_every_line_keeps_the_schema_and_every_function_logs(stack: Stack, tell: Tell) -> None:
    logged, wrong = Counter[str](), Counter[str]()
    for line in lines(stack):
        logged[line["service"]] += 1
        wrong.update(f"{line['service']}: {fault}" for fault in broken(line))
    assert not wrong, wrong.most_common(5)
    assert set(logged) == set(NAMES)
    tell(f"{logged.total()} lines of {len(logged)} functions keep docs/schemas/log.json")
