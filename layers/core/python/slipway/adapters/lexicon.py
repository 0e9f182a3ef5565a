"""`slipway.feedback.sentiment.Sentiments` over the English lexicon of VADER (Hutto and Gilbert, 2014), here in the function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.feedback.sentiment import UNKNOWN

if TYPE_CHECKING:
    from vader import SentimentIntensityAnalyzer

FAR = 0.05  # from 0, of -1 to 1: what its authors take for more than neutral
MOST = 2_000  # letters


class Lexicon:
    by = "lexicon"

    def __init__(self) -> None:
        self._vader: SentimentIntensityAnalyzer | None = None

    def label(self, text: str, language: str) -> str:
        if language != "en":
            return UNKNOWN
        if self._vader is None:
            from vader import SentimentIntensityAnalyzer  # ten thousand words: who is told ratings alone does without

            self._vader = SentimentIntensityAnalyzer()
        score = float(self._vader.polarity_scores(text[:MOST])["compound"])
        return "positive" if score >= FAR else "negative" if score <= -FAR else "neutral"
