"""One registered route: what the door serves, and what the OpenAPI document tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from slipway.calls import Call
from slipway.edge.answer import JSON, Answer
from slipway.problems import MethodNotAllowed, NotFound, Problem
from slipway.values import Value

MERGE_PATCH = "application/merge-patch+json"
LARGEST_BODY = 256 * 1024  # bytes

UseOf = TypeVar("UseOf", covariant=True)
Body = TypeVar("Body", covariant=True)
Query = TypeVar("Query", covariant=True)


class Request(Value, Generic[UseOf, Body, Query]):
    """What a handler gets. `body` is the validated model (with `raw=True` the bytes), `query` the validated model, else None.

    `if_match` is the version that the caller has read: None for `*`, -1 for a tag that no version has. `address` is the
    caller's, never to be kept.
    """

    use: UseOf
    call: Call
    body: Body
    query: Query
    path: Mapping[str, str]
    media: str = ""
    if_match: int | None = None
    address: str = ""


class Operation(Value):
    """One registered route, as the OpenAPI document needs it too.

    `answers` of each success: a model; `[Model]` for a page, `{"items": [Model], "next_cursor": str}`; a tuple of media types
    where it is not JSON; None where it has no body. `repeatable`: the same request again makes nothing twice, though it creates
    and has no Idempotency-Key. `told`: how its problems are told, where another standard has its own way.
    """

    method: str
    path: str
    name: str
    run: Callable[[Any], Answer]
    answers: Mapping[int, Any]
    body: type | None = None
    query: type | None = None
    creates: bool = False
    repeatable: bool = False
    versioned: bool = False
    media: tuple[str, ...] = (JSON,)
    raw: bool = False
    largest: int = LARGEST_BODY
    told: Callable[[Problem], Answer] | None = None

    @property
    def spares(self) -> bool:
        """Whether no body says as much as `{}`: of what is done to a resource, where all fields are optional."""
        if self.method != "POST" or "{" not in self.path or self.body is None:
            return False
        fields: Mapping[str, Any] = getattr(self.body, "model_fields", {})
        return not any(field.is_required() for field in fields.values())


def methods(path: str, routes: Sequence[tuple[str, str]]) -> list[str]:
    """The methods of the routes (method, template) that match the path, in order; one without variables goes before."""
    exact = {method for method, template in routes if template == path}
    return sorted(exact or {method for method, template in routes if matched(template, path) is not None})


def matched(template: str, path: str) -> dict[str, str] | None:
    """The variables of a path that fits the template, not decoded; None where it does not fit. A variable is one segment."""
    parts, steps = template.split("/"), path.split("/")
    if len(parts) != len(steps):
        return None
    variables = {}
    for part, step in zip(parts, steps, strict=True):
        if part.startswith("{") and step:
            variables[part[1:-1]] = step
        elif part != step:
            return None
    return variables


def unmatched(path: str, allowed: Sequence[str], routes: Sequence[tuple[str, str]]) -> Problem:
    """The problem where the path takes only these methods: 405, or 404 where it takes none."""
    if not allowed and path.endswith("/") and methods(path[:-1], routes):
        return NotFound("There is no such path, but there is one without the `/` at its end: drop it.")
    if not allowed:
        return NotFound("There is no such path; /docs lists all of them.")
    return MethodNotAllowed(f"This path takes {', '.join(allowed)}.", headers={"Allow": ", ".join(allowed)})
