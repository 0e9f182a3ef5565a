"""What people open in a browser without a key: headers that let a page do next to nothing, and problems as everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipway.blobs import StoreUnavailable
from slipway.edge import observe
from slipway.edge.answer import Rendered, problem
from slipway.edge.event import Event
from slipway.problems import Problem, Unavailable

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Frame-Options": "DENY",
}


def answered(function: str, route: str, request: Event, answer: Callable[[Event], Rendered]) -> dict[str, Any]:
    """As Lambda hands it to the gateway. A HEAD has the headers of its GET."""
    with observe.Line(
        function,
        request_id=request.request_id,
        trace_id=observe.trace_id(request.traceparent),
        correlation_id=request.correlation_id,
        route=route,
        principal_kind="anonymous",
    ) as line:
        rendered = _outcome(request, answer, line)
        line["status"] = rendered.status
        line.measure("Requests", 1)
    body = "" if request.method == "HEAD" else rendered.body
    return Rendered(rendered.status, {**SECURITY, **rendered.headers}, body).as_event()


def _outcome(request: Event, answer: Callable[[Event], Rendered], line: observe.Line) -> Rendered:
    try:
        return answer(request)
    except Problem as error:
        line["error_code"] = error.code
        line.measure("Errors4xx", 1)
        return problem(error, request)
    except StoreUnavailable as error:
        line.failure(error, Unavailable.code)
        line.measure("Errors5xx", 1)
        return problem(Unavailable("The store did not answer in time; ask again."), request)
