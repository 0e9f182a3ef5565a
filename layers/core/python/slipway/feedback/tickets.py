"""The token of a prompt: that this unit was asked by this survey, and when.

    <survey>.<day>.<milliseconds>.<mac>   `day`: whose secret signed; `mac`: over whom it asked and what, and the rest

An answer is taken with it for a day, whatever became of the survey: who was asked may answer.
"""

from __future__ import annotations

from hmac import compare_digest

from slipway.feedback.secrets import mac
from slipway.problems import Fault, Invalid
from slipway.signals.rows import DAY, day
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.feedback.secrets import Secrets

NAME = "survey"
LONGEST = 24 * 3600  # seconds from the prompt to the answer
PATTERN = r"^srv_[0-9a-z]{26}\.[0-9-]{10}\.[0-9]{13}\.[A-Za-z0-9_-]{43}$"


class Whom(Value):
    """`lookup`: of the unit, as `slipway.feedback.people` has it; its environment is in there."""

    lookup: str
    product: str
    kind: str


class Tickets:
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def ticket(self, survey: str, asked: int, whom: Whom) -> str:
        """`asked`: epoch milliseconds. The same of the same."""
        today = day(asked / 1000)
        secret = self._secrets.of(NAME, today, expires=(asked // 1000 // DAY + 3) * DAY)
        signed = f"{survey}.{today}.{asked}"
        return f"{signed}.{_mac(secret, whom, signed)}"

    def survey(self, ticket: str, whom: Whom, now: float) -> str:
        """The survey that asked. Raises Invalid."""
        signed, _, sent = ticket.rpartition(".")
        survey, named, asked = signed.split(".")
        age = now - int(asked) / 1000
        secret = self._secrets.find(NAME, named) if age <= 2 * LONGEST else None
        if secret is None or not compare_digest(sent, _mac(secret, whom, signed)):
            detail = "No prompt asked this unit for this type and product here; send its token with the answer to that prompt."
            raise _refused("unknown_prompt", detail)
        if age > LONGEST:
            raise _refused("prompt_expired", "The prompt is older than a day; ask for another one.")
        return survey


def prompted(lookup: str) -> tuple[str, str]:
    """The row of which survey asked a unit last (see `slipway.feedback.prompts`)."""
    return f"prompted#{lookup.partition('#')[2]}", "last"


def _mac(secret: bytes, whom: Whom, signed: str) -> str:
    return mac(secret, whom.lookup, whom.product, whom.kind, signed)


def _refused(code: str, detail: str) -> Invalid:
    return Invalid("The survey's token is not taken.", errors=[Fault("/survey", code, detail)])
