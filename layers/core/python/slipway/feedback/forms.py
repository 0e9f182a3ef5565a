"""The token of a form: signed when somebody opens it, and sent with what was written there.

    <day>.<milliseconds>.<nonce>.<mac>   `day`: whose secret signed; `mac`: HMAC-SHA256 over environment, product and the rest

A person needs some seconds to write, and no form stays open for more than a day. The secret is another each day, made by
whoever needs it first; yesterday's is still taken, and each goes by itself.
"""

from __future__ import annotations

from hmac import compare_digest

from slipway.feedback.secrets import mac
from slipway.problems import Fault, Invalid
from slipway.signals.rows import DAY, day

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.calls import Call
    from slipway.feedback.secrets import Secrets

NAME = "form"
LONGEST = 24 * 3600  # seconds that a form may be open
PATTERN = r"^[0-9-]{10}\.[0-9]{13}\.[0-9a-z]{8}\.[A-Za-z0-9_-]{43}$"


class Forms:
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def token(self, call: Call, environment: str, product: str) -> str:
        now = call.now.timestamp()
        today = day(now)
        secret = self._secrets.of(NAME, today, expires=(int(now) // DAY + 3) * DAY)
        signed = f"{today}.{int(now * 1000)}.{call.new_id('')[:8]}"
        return f"{signed}.{mac(secret, environment, product, signed)}"

    def check(self, call: Call, environment: str, product: str, token: str | None, least: int) -> None:
        """`least`: seconds that it takes to write something. Raises Invalid."""
        if token is None:
            raise _refused("required", "Get a token from POST /v1/feedback/form when the form opens, and send it along.")
        signed, _, sent = token.rpartition(".")
        named, since, *_ = signed.split(".")
        age = call.now.timestamp() - int(since) / 1000
        secret = self._secrets.find(NAME, named) if age <= 2 * LONGEST else None
        if secret is None or not compare_digest(sent, mac(secret, environment, product, signed)):
            raise _refused("unknown_form", "The token is not of a form of this product in this environment; get a new one.")
        if age > LONGEST:
            raise _refused("form_expired", "The form was open for too long; get a new token.")
        if age < least:
            raise _refused("too_fast", f"Nobody writes so fast; send it again {least} s after the form was opened.")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid("The form's token is not taken.", errors=[Fault("/form", code, detail)])
