"""`slipway.feedback.posting.Mailer` over Amazon SES."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

from slipway.adapters import boto
from slipway.adapters.client import Counts

if TYPE_CHECKING:
    from slipway.feedback.posting import Letter


class SesMailer:
    """`sender`: an address that SES knows to be ours, or of a domain that is."""

    def __init__(self, sender: str, ses: Any = None) -> None:
        self.sender = sender
        self.counts = Counts()
        self._client = ses or boto.client("sesv2")

    def send(self, letter: Letter) -> None:
        """What SES refuses is Refused: an address that does not exist, a sender that is not ours."""
        boto.call(
            "SendEmail",
            self._client.send_email,
            self.counts,
            FromEmailAddress=self.sender,
            Destination={"ToAddresses": [letter.to]},
            Content={"Raw": {"Data": written(letter, self.sender)}},
        )


def written(letter: Letter, sender: str) -> bytes:
    """As it travels; one click in the mail program ends what there is more of (RFC 8058)."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message.as_bytes()
