"""Letters by SES: as the service takes them, and as they travel."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
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


@pytest.mark.parametrize(
    "title",
    [
        "=?utf-8?q?A=0D=0ABcc:_eve@example.com?=",
        "=?utf-8?b?QQ0KQmNjOiBldmVAZXhhbXBsZS5jb20NCg0KPGgxPg==?=",
        "long, " * 30 + "=?utf-8?q?=0D=0A=0D=0A<h1>?=",
        "Ünder =?utf-8?q?=0ABcc:x?= pressure",
    ],
)
def test_an_encoded_word_in_a_title_stays_what_was_written(title: str) -> None:
    sent = written(LETTER.but(subject=title), SENDER)
    head, _, body = sent.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert (b"Bcc" in names, names.count(b"Subject"), body.strip()) == (False, 1, b"It is there.")
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    told = message_from_bytes(sent)["Subject"]
    assert str(make_header(decode_header(told))) == title


@pytest.mark.parametrize("local", ["=?utf-8?q?x=0ay?=", "=?utf-8?b?!?=", "=?utf-7?q?+?=", "=?utf-8?q?=80?="])
def test_an_address_that_looks_like_an_encoded_word_is_an_address(local: str) -> None:
    address = f"{local}@example.com"
    assert f"To: {address}\r\n".encode() in written(LETTER.but(to=address), SENDER)


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
