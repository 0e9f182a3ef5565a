"""One line of JSON a request, and the few metrics that ride on it. Standard library only: the hot path uses it too."""

#     with observe.Line("authorize", request_id=...) as line:
#         line["status"] = 200
#         line.measure("Requests", 1)
#
# A line says who, what, how long and how it ended; never a key, a token, an e-mail or free text, and of an error its type and
# frames, not its message. Its schema is `docs/schemas/log.json`. The metrics are in the same line, in CloudWatch's embedded
# format.

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping

from slipway import counts
from slipway.digests import hexdigest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

VERSION = "0.1.0"
NAMESPACE = "Slipway"
DIMENSION = "stage"  # the only one, and constant in a deployment: each metric is one series

# Every series that the product may have, by unit; CloudWatch gives ten for nothing.
METRICS = {
    "Requests": "Count",  # answered over HTTP
    "Errors5xx": "Count",
    "Errors4xx": "Count",
    "Latency": "Milliseconds",  # of a request, inside the function
    "Failures": "Count",  # what an asynchronous function could not do yet and is given again
    "Quarantined": "Count",  # records put aside for good, flags left at their last good form
    "RelayDelay": "Milliseconds",  # from a write to its event on the bus
    # From a change of keys or flags to the file that the hot path reads, from a count to the verdict; or to a failed try.
    "PublishDelay": "Milliseconds",
    "SystemRoots": "Count",  # connections that Amazon's own roots did not verify
}

_DEEPEST_STACK = 12
_HEX = frozenset("0123456789abcdef")
_CORRELATION = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-")
_encoded = json.JSONEncoder(separators=(",", ":")).encode
_cold = True
_last = -1, ""  # a second, and how it is written


def to_stdout(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


sink: Callable[[str], None] = to_stdout
_open: list[Line] = []


def line() -> Line:
    """The innermost line that is open, for what was not handed one."""
    return _open[-1]


class Line:
    """The line of one invocation, written when the block ends. What the block raises is noted and goes on its way."""

    def __init__(self, service: str, **fields: Any) -> None:
        self.fields: dict[str, Any] = {"service": service, **fields}
        self.level = "INFO"
        self._measured: dict[str, float] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.fields[name] = value

    def measure(self, metric: str, value: float) -> None:
        """Add to one of METRICS."""
        self._measured[metric] = self._measured.get(metric, 0) + value

    def longest(self, metric: str, value: float) -> None:
        """Keep the largest value of one of METRICS."""
        self._measured[metric] = max(self._measured.get(metric, 0), round(value, 3))

    def principal(self, kind: str, id: str) -> None:
        """Who asked: the kind, and the id as a hash, which finds all lines of one caller but not the caller."""
        self.fields["principal_kind"] = kind
        self.fields["principal"] = hashed(id)

    def failure(self, error: BaseException, code: str = "internal") -> None:
        """A fault of ours or of a dependency: type and frames, without values."""
        self.level = "ERROR"
        self.fields["error_code"] = code
        self.fields["error_type"] = type(error).__name__
        self.fields["stack"] = frames(error.__traceback__)
        cause = error.__cause__ or error.__context__
        if cause is not None:
            self.fields["error_cause"] = type(cause).__name__

    def __enter__(self) -> Line:
        global _cold
        _open.append(self)
        self.fields["cold"], _cold = _cold, False
        self._before = counts.total()
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _open.remove(self)
        took = round((time.perf_counter() - self._started) * 1000, 3)
        if error is not None:
            self.failure(error)
            self.measure("Failures", 1)
        calls, retries, system_roots = counts.total()
        if system_roots > self._before[2]:
            self.measure("SystemRoots", system_roots - self._before[2])
        if "Requests" in self._measured:
            self.measure("Latency", took)
        seconds = time.time()
        sink(
            _encoded(
                {
                    "timestamp": f"{_moment(int(seconds))}.{int(seconds * 1000) % 1000:03d}Z",
                    "level": self.level,
                    "version": VERSION,
                    **self.fields,
                    "duration_ms": took,
                    "db_calls": calls - self._before[0],
                    "retries": retries - self._before[1],
                    **self._metrics(seconds),
                }
            )
        )

    def _metrics(self, seconds: float) -> dict[str, Any]:
        if not self._measured:
            return {}
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": [{"Name": name, "Unit": METRICS[name]} for name in self._measured],
        }
        stage = os.environ.get("SLIPWAY_STAGE", "none")
        return {
            DIMENSION: stage,
            **self._measured,
            "_aws": {"Timestamp": int(seconds * 1000), "CloudWatchMetrics": [directive]},
        }


def _moment(second: int) -> str:
    global _last
    if _last[0] != second:
        _last = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return _last[1]


def hashed(id: str) -> str:
    return hexdigest(id.encode("utf-8", "surrogatepass"))[:16]


def trace_id(traceparent: str) -> str:
    """The trace of a valid W3C traceparent, or nothing."""
    return traceparent[3:35]


# What callers say of their request, by headers in lower case. By hand: compiling two expressions is dearer than a cold
# authorizer's own code.


def sent_traceparent(headers: Mapping[str, str]) -> str:
    """The caller's W3C trace context where it is valid, or nothing. Of a version to come what 00 knows."""
    value = headers.get("traceparent", "")
    version, known, more = value[:2], value[3:55], value[55:]
    if len(known) != 52 or (value[2], known[32], known[49]) != ("-", "-", "-"):
        return ""
    trace, span = known[:32], known[33:49]
    if not _HEX.issuperset(version + trace + span + known[50:]) or version == "ff":
        return ""
    if not trace.strip("0") or not span.strip("0") or (more and (version == "00" or more[0] != "-")):
        return ""
    return f"00-{known}"


def sent_correlation_id(headers: Mapping[str, str]) -> str:
    """The caller's X-Correlation-Id where it may stand in a log, or nothing: no e-mail, no key of ours."""
    value = headers.get("x-correlation-id", "")
    sane = len(value) <= 64 and _CORRELATION.issuperset(value) and value[:1] not in tuple("._:-") and value[:4] != "slp_"
    return value if sane else ""


def frames(trace: TracebackType | None) -> list[str]:
    """The innermost frames, outermost first: `file:line function`."""
    found: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{'/'.join(code.co_filename.split('/')[-2:])}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found[-_DEEPEST_STACK:]
