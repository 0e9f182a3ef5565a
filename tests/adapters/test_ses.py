"""Letters by SES: as the service takes them, and as they travel."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from botocore.exceptions import ClientError

from slipway.adapters.client import Refused
from slipway.adapters.ses import SesMailer, written
from slipway.feedback.posting import Letter
from slipway.ports import StoreUnavailable
from tests.backends import boto_client, ministack

LETTER = Letter(
    "ntc_1", "ada@example.com", "Shipped: Ünder pressure", "It is there.\n", "https://api.example.com/unsubscribe/x.y"
)
SENDER = "feedback@example.com"


def test_as_it_travels() -> None:
    message = message_from_bytes(written(LETTER, SENDER), policy=default)
    assert {name: message[name] for name in ("From", "To", "Subject", "Message-ID")} == {
        "From": SENDER,
        "To": "ada@example.com",
        "Subject": "Shipped: Ünder pressure",
        "Message-ID": "<ntc_1@example.com>",
    }
    assert message["List-Unsubscribe"] == "<https://api.example.com/unsubscribe/x.y>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content().splitlines() == ["It is there."]


def test_what_somebody_wrote_makes_no_header() -> None:
    """A title is one line; a header that is none is refused, not sent."""
    with pytest.raises(ValueError):
        written(Letter("ntc_1", "ada@example.com", "A\r\nBcc: eve@example.com", "x", "https://x.example.com"), SENDER)


class Service:
    def __init__(self, code: str | None = None, status: int = 400) -> None:
        self.asked: list[dict[str, Any]] = []
        self._code, self._status = code, status

    def send_email(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self._code is not None:
            metadata: Any = {"HTTPStatusCode": self._status}
            raise ClientError({"Error": {"Code": self._code}, "ResponseMetadata": metadata}, "SendEmail")
        return {"MessageId": "1"}


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("MessageRejected", 400, Refused),
        ("MailFromDomainNotVerifiedException", 400, Refused),
        ("TooManyRequestsException", 429, StoreUnavailable),
        ("LimitExceededException", 400, StoreUnavailable),
        ("InternalFailure", 500, StoreUnavailable),
    ],
)
def test_what_may_be_sent_later_and_what_never_will(code: str, status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        SesMailer(SENDER, Service(code, status)).send(LETTER)


def test_the_embedded_aws_takes_it() -> None:
    with ministack() as endpoint:
        client = boto_client("sesv2", endpoint)
        with pytest.raises(Refused, match="MessageRejected"):
            SesMailer(SENDER, client).send(LETTER)
        client.create_email_identity(EmailIdentity=SENDER)
        SesMailer(SENDER, client).send(LETTER)
