"""How what somebody told sounds: by the rating where there is one, else by the text, where its language can be told.

{"label": "negative" | "neutral" | "positive" | "unknown", "by": "rating" | "lexicon" | "comprehend"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

UNKNOWN = "unknown"
# Of each scale, the highest rating that is negative, and the highest that is neutral. For nps these are its detractors and
# passives; ces asks how easy it was.
SCALES = {"rating": (2, 3), "csat": (2, 3), "nps": (6, 8), "ces": (3, 4)}


class Sentiments(Protocol):
    """`by`: what it is called where it is the one that says so."""

    @property
    def by(self) -> str: ...

    def label(self, text: str, language: str) -> str:
        """negative, neutral or positive; UNKNOWN of a language that it does not know."""


def sentiment(data: Mapping[str, Any], text: str, language: str, sentiments: Sentiments) -> dict[str, str]:
    """Of an item; `text`: what was written, "" for nothing."""
    if "rating" in data:
        return {"label": rated(data["type"], int(data["rating"])), "by": "rating"}
    label = sentiments.label(text, language) if text and language != UNKNOWN else UNKNOWN
    return {"label": label, "by": sentiments.by}


def rated(type: str, rating: int) -> str:
    negative, neutral = SCALES[type]
    return "negative" if rating <= negative else "neutral" if rating <= neutral else "positive"
