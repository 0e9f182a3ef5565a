"""`slipway.feedback.posting.Mailer` over Amazon SES."""

from __future__ import annotations

from email.charset import QP, Charset
from email.header import Header
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import compat32
from typing import TYPE_CHECKING, Any

from slipway.adapters import boto
from slipway.adapters.client import Counts

if TYPE_CHECKING:
    from slipway.feedback.posting import Letter

_POLICY = compat32.clone(linesep="\r\n")
_TEXT = Charset("utf-8")
_TEXT.body_encoding = QP


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
    """As it travels; one click in the mail program ends what there is more of (RFC 8058). Raises ValueError for a header of
    several lines.

    Headers are written as they are said: a newer policy reads them first, and of an encoded word in a title makes what it says,
    line breaks and other headers included."""
    if any(len(said.splitlines()) > 1 for said in (letter.to, letter.subject, letter.unsubscribe)):
        raise ValueError("a header is one line")
    message = MIMENonMultipart("text", "plain", policy=_POLICY)
    message["From"], message["To"] = sender, letter.to
    message["Subject"] = Header(letter.subject, "utf-8", header_name="Subject").encode(linesep="\r\n")
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.set_payload(letter.text, _TEXT)
    return message.as_bytes()
