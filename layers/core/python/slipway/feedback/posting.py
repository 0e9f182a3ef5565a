"""What goes out, to a webhook or by e-mail, and what came of it: the ports between who decides and who connects."""

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


class Letter(Value):
    """`id`: the same in every try of the same letter. `unsubscribe`: an https link that takes a POST."""

    id: str
    to: str
    subject: str
    text: str
    unsubscribe: str


class Mailer(Protocol):
    def send(self, letter: Letter) -> None:
        """At least once. Raises StoreUnavailable where it may be sent later; Refused where this one never will be."""
