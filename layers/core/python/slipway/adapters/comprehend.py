"""`slipway.feedback.sentiment.Sentiments` over Amazon Comprehend, which reads what people wrote: it is off by default."""

from __future__ import annotations

from typing import Any

from slipway.adapters import boto
from slipway.adapters.client import Counts
from slipway.feedback.sentiment import UNKNOWN

LANGUAGES = frozenset({"en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh"})
MOST = 5_000  # bytes of a text


class Comprehend:
    by = "comprehend"

    def __init__(self, comprehend: Any = None) -> None:
        self.counts = Counts()
        self._client = comprehend or boto.client("comprehend")

    def label(self, text: str, language: str) -> str:
        """Raises StoreUnavailable, Refused."""
        if language not in LANGUAGES:
            return UNKNOWN
        start = text.encode()[:MOST].decode(errors="ignore")
        call = self._client.detect_sentiment
        answer = boto.call("DetectSentiment", call, self.counts, Text=start, LanguageCode=language)
        found = str(answer["Sentiment"]).lower()
        return found if found in ("negative", "neutral", "positive") else "neutral"  # and mixed
