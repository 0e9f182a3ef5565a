"""What says how a text sounds: the lexicon, and Comprehend against the shapes that botocore knows of it."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from slipway.adapters.client import Refused
from slipway.adapters.comprehend import MOST, Comprehend
from slipway.adapters.lexicon import Lexicon
from slipway.ports import StoreUnavailable


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love the new search, it is great", "positive"),
        ("Thank you, this is so helpful!", "positive"),
        ("This is terrible and awful", "negative"),
        ("It is not good at all", "negative"),
        ("I hate that it is so ugly", "negative"),
        ("The list has three columns", "neutral"),
        ("", "neutral"),
    ],
)
def test_the_lexicon_knows_english(text: str, label: str) -> None:
    assert Lexicon().label(text, "en") == label


def test_the_lexicon_knows_nothing_else() -> None:
    lexicon = Lexicon()
    assert {lexicon.label("Das ist super toll, love it", spoken) for spoken in ("de", "fr", "ja", "unknown")} == {"unknown"}


def test_a_very_long_text_is_read_from_its_beginning() -> None:
    assert Lexicon().label("I love this. " + "word " * 2_000 + "I hate this, it is awful and terrible.", "en") == "positive"


def asked(*answers: tuple[str, dict[str, str], str]) -> Comprehend:
    """Comprehend that is asked so: text and language, and what it finds."""
    client = boto3.client("comprehend", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="s")
    stub = Stubber(client)
    for text, named, found in answers:
        stub.add_response("detect_sentiment", {"Sentiment": found}, {"Text": text, **named})
    stub.activate()
    return Comprehend(client)


@pytest.mark.parametrize(
    ("found", "label"), [("POSITIVE", "positive"), ("NEGATIVE", "negative"), ("NEUTRAL", "neutral"), ("MIXED", "neutral")]
)
def test_comprehend_is_asked_in_the_language_of_the_text(found: str, label: str) -> None:
    assert asked(("Sehr gut", {"LanguageCode": "de"}, found)).label("Sehr gut", "de") == label


def test_comprehend_is_not_asked_in_a_language_that_it_does_not_know() -> None:
    assert asked().label("Velmi pěkné", "cs") == "unknown"


def test_comprehend_is_sent_no_more_than_it_takes_and_whole_letters() -> None:
    text = "é" * MOST
    assert asked(("é" * (MOST // 2), {"LanguageCode": "fr"}, "NEUTRAL")).label(text, "fr") == "neutral"


def test_what_comprehend_refuses_is_told_and_what_passes_is_tried_again() -> None:
    client = boto3.client("comprehend", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="s")
    stub = Stubber(client)
    stub.add_client_error("detect_sentiment", "ThrottlingException", http_status_code=400)
    stub.add_client_error("detect_sentiment", "AccessDeniedException", http_status_code=403)
    stub.activate()
    with pytest.raises(StoreUnavailable):
        Comprehend(client).label("Very good", "en")
    with pytest.raises(Refused):
        Comprehend(client).label("Very good", "en")
