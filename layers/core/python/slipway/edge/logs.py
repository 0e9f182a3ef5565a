"""The entry point of a function that reads the log lines of another, as CloudWatch Logs delivers them: some at a time,
compressed, at least once, and now and then not at all. What it raises is delivered again twice, and then is a dead letter.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from slipway.edge import observe

Use = TypeVar("Use")


class LogLine(NamedTuple):
    """`id` is the same however often the line comes; `moment`: when it was written."""

    id: str
    moment: datetime
    message: str


class Logs(Generic[Use]):
    """`handle(use, lines)` has the effect, safe to repeat; `daily(use, moment)` is what the function does when the clock calls,
    at the moment for which it was called."""

    def __init__(
        self,
        name: str,
        wire: Callable[[], Use],
        handle: Callable[[Use, Sequence[LogLine]], None],
        daily: Callable[[Use, datetime], None],
    ) -> None:
        self.name = name
        self._wire, self._handle, self._daily = wire, handle, daily
        self._use: Use | None = None

    def __call__(self, event: Mapping[str, Any], context: object) -> None:
        request = {"request_id": getattr(context, "aws_request_id", "none"), "trace_id": "", "correlation_id": ""}
        if "awslogs" not in event:
            with observe.Line(self.name, **request, source=event["source"]):
                self._daily(self._ready(), datetime.fromisoformat(event["time"]))
            return
        delivery = json.loads(gzip.decompress(b64decode(event["awslogs"]["data"])))
        lines = [_line(one) for one in delivery["logEvents"]] if delivery["messageType"] == "DATA_MESSAGE" else []
        with observe.Line(self.name, **request, source=delivery["logGroup"] or "none", records=len(lines)):
            self._handle(self._ready(), lines)

    def _ready(self) -> Use:
        if self._use is None:
            self._use = self._wire()
        return self._use

    @contextmanager
    def testing(self, use: Use) -> Iterator[None]:
        """Work with this for a while."""
        before, self._use = self._use, use
        try:
            yield
        finally:
            self._use = before


def _line(event: Mapping[str, Any]) -> LogLine:
    return LogLine(event["id"], datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"])
