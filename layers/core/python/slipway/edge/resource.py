"""The entry point of a function that is a custom resource of CloudFormation's, for the stacks of others.

CloudFormation waits for an answer at an address of its own. What is wrong with the request is answered, and fails the deploy
with its words; what the world lacks is raised, and tried again twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from slipway.access import SYSTEM
from slipway.calls import Call
from slipway.edge import observe
from slipway.problems import Problem

Use = TypeVar("Use")
Answer = Callable[[str, bytes], None]  # an address, and what to put there

MOST_SAID = 1000  # characters of a reason; an answer has 4 KB


def put(url: str, body: bytes) -> None:
    """The address is signed for a request without a content type."""
    import urllib.request

    request = urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


class Resource(Generic[Use]):
    """`handle(use, call, properties)` makes it so, and is safe to repeat: every try of one request has the same nonce.

    Taking the resource out of its stack leaves everything as it is."""

    def __init__(
        self, name: str, wire: Callable[[], Use], handle: Callable[[Use, Call, Mapping[str, str]], None], answer: Answer = put
    ) -> None:
        self.name = name
        self._wire, self._handle, self._answer = wire, handle, answer
        self._now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._use: Use | None = None

    def __call__(self, event: Mapping[str, Any], context: object) -> None:
        id = event["RequestId"]
        request = {"request_id": getattr(context, "aws_request_id", "none"), "trace_id": "", "correlation_id": id}
        with observe.Line(self.name, **request, source=event["StackId"]) as line:
            if self._use is None:
                self._use = self._wire()  # in here, so that a setting that is missing leaves a line
            status, reason = "SUCCESS", ""
            if event["RequestType"] != "Delete":
                try:
                    call = Call(SYSTEM, f"{self.name}.make", self._now(), id, correlation_id=id)
                    self._handle(self._use, call, event["ResourceProperties"])
                except (Problem, ValueError) as refused:
                    status, reason = "FAILED", _words(refused)
                    line["error_code"] = getattr(refused, "code", "invalid")
            answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
            kept = event.get("PhysicalResourceId", event["LogicalResourceId"])
            body = {**answer, "PhysicalResourceId": kept, "Status": status, "Reason": reason}
            self._answer(event["ResponseURL"], json.dumps(body).encode())

    @contextmanager
    def testing(self, use: Use, answer: Answer, now: Callable[[], datetime]) -> Iterator[None]:
        """Work with these for a while."""
        before = self._use, self._answer, self._now
        self._use, self._answer, self._now = use, answer, now
        try:
            yield
        finally:
            self._use, self._answer, self._now = before


def _words(refused: Exception) -> str:
    if isinstance(refused, Problem):
        return " ".join([refused.detail, *(f"{fault.pointer}: {fault.detail}" for fault in refused.errors)])[:MOST_SAID]
    return str(refused)[:MOST_SAID]
