"""One try to deliver something to a webhook, and what came of it: the port between who decides and who connects."""

from __future__ import annotations

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol
else:
    Protocol = object


class Sending(Value):
    """One try: what is posted where. `signature`: the header of that name."""

    url: str
    id: str
    timestamp: int
    signature: str
    body: bytes


class Outcome(Value):
    """`status` of the answer; None where there was none: then `failure` is a word for why."""

    status: int | None
    milliseconds: int
    failure: str = ""


class Post(Protocol):
    def send(self, sendings: Sequence[Sending]) -> list[Outcome]:
        """Post all of them at once, in bounded time; raises nothing. Nothing is redirected, no body of an answer is read."""
