"""Every error that a caller can be told, drawn as one tree.

    Problem                       status  code
    ├── Malformed                 400     malformed            the body or a header cannot be read at all
    │   └── BadCursor             400     bad_cursor
    ├── Unauthenticated           401     unauthenticated
    ├── Forbidden                 403     forbidden
    ├── NotFound                  404     not_found
    ├── MethodNotAllowed          405     method_not_allowed
    ├── Conflict                  409     conflict             the request is sound, the state forbids it
    │   ├── KeyTaken              409     key_taken
    │   └── MoveNotAllowed        409     move_not_allowed
    ├── PreconditionFailed        412     precondition_failed
    ├── TooLarge                  413     too_large
    ├── UnsupportedMediaType      415     unsupported_media_type
    ├── Invalid                   422     invalid              readable, but a value is wrong; `errors` names each
    │   └── IdempotencyMismatch   422     idempotency_mismatch
    ├── PreconditionRequired      428     precondition_required
    ├── TooManyRequests           429     too_many_requests
    └── Unavailable               503     unavailable          never the client's fault; always with Retry-After

The edge renders them as RFC 9457 `application/problem+json`; nothing else maps errors to HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple


class Fault(NamedTuple):
    """One wrong value: where it stands (RFC 6901 pointer), a stable code, and how to mend it."""

    pointer: str
    code: str
    detail: str


class Problem(Exception):
    """An answer that is not a success. `detail` says what is wrong and how to mend it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self, *, instance: str = "", request_id: str = "") -> dict[str, Any]:
        """The problem document: type, title, status, detail, instance, code, request_id, errors.

        `type` is relative, so that it resolves on every deployment's own `/docs` page.
        """
        document: dict[str, Any] = {
            "type": f"/docs#problem-{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [fault._asdict() for fault in self.errors]
        return document


class Malformed(Problem):
    status, code, title = 400, "malformed", "The request cannot be read"


class BadCursor(Malformed):
    code, title = "bad_cursor", "The cursor does not belong to this query"


class Unauthenticated(Problem):
    status, code, title = 401, "unauthenticated", "Credentials are missing or not valid"


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "These credentials may not do that"


class NotFound(Problem):
    status, code, title = 404, "not_found", "Nothing stands here"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This path does not take that method"


class Conflict(Problem):
    status, code, title = 409, "conflict", "The present state does not allow that"


class KeyTaken(Conflict):
    code, title = "key_taken", "Another resource has this key"


class MoveNotAllowed(Conflict):
    code, title = "move_not_allowed", "There is no such move from the present state"


class PreconditionFailed(Problem):
    """The caller's version is not the present one. Carries the present ETag."""

    status, code, title = 412, "precondition_failed", "The resource has changed since you read it"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "The body is too large"


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "The body's media type is not taken here"


class Invalid(Problem):
    status, code, title = 422, "invalid", "A value is not valid"


class IdempotencyMismatch(Invalid):
    code, title = "idempotency_mismatch", "This Idempotency-Key was used with another request"


class PreconditionRequired(Problem):
    status, code, title = 428, "precondition_required", "If-Match is required"


class TooManyRequests(Problem):
    status, code, title = 429, "too_many_requests", "Slow down"


class Unavailable(Problem):
    """A dependency did not answer in time; what was asked may have happened. Try again after `Retry-After` seconds."""

    status, code, title = 503, "unavailable", "Try again shortly"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


def tree(root: type[Problem] = Problem) -> list[type[Problem]]:
    """Every problem class below and including `root`, depth first: for docs, OpenAPI and tests."""
    return [root, *(found for child in root.__subclasses__() for found in tree(child))]
