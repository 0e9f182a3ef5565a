"""What a survey came to: the score, how sure it is, and how it differs by release and by what people were served."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

from pydantic import Field

from slipway.feedback.answers import ANSWER
from slipway.feedback.item import RATINGS
from slipway.feedback.means import ALPHA, mean
from slipway.feedback.survey import EXAMPLE, ID, Kind
from slipway.ports import Span, Store, every
from slipway.resources import Stored
from slipway.shape import Shape
from slipway.tables import FEEDBACK

MOST_GROUPS = 100  # releases, and variants, that are told apart: those with the most answers
PROMOTERS, DETRACTORS = 9, 6  # from, and to: of an nps

Scores = Counter[int]
Group = TypeVar("Group", bound=Hashable)


class ScoreView(Shape):
    """`low` to `high` holds the true score at every look at once, with probability 1 - `alpha`; so does `at_least` alone."""

    answers: int
    score: float | None = Field(description="of nps promoters less detractors, in percent; else the mean. null: no answers")
    standard_error: float | None = Field(description="of one look that was planned before; null of fewer than two answers")
    low: float
    high: float
    at_least: float


class ReleaseView(ScoreView):
    release: str | None = Field(description="null: the answer named none")


class VariantView(ScoreView):
    flag: str
    variant: str


class ResultsView(ScoreView):
    survey: str = Field(pattern=ID, examples=[EXAMPLE])
    kind: Kind
    cap: int
    alpha: float
    distribution: dict[str, int] = Field(description="answers by score, each score of the scale")
    releases: list[ReleaseView] = Field(description="the 100 with the most answers")
    variants: list[VariantView] = Field(description="that who answered was served; the 100 with the most answers")


def results(store: Store, survey: Stored) -> dict[str, Any]:
    """A ResultsView: reads every answer."""
    kind, (least, most) = survey.data["kind"], RATINGS[survey.data["kind"]]
    whole = Scores()
    releases, variants = defaultdict[str | None, Scores](Scores), defaultdict[tuple[str, str], Scores](Scores)
    for row in every(store, FEEDBACK, survey.id, Span(prefix=ANSWER)):
        score = int(row["score"])
        whole[score] += 1
        releases[row.get("release")][score] += 1
        for flag, served in row.get("flags", {}).items():
            variants[flag, served["variant"]][score] += 1
    return {
        "survey": survey.id,
        "kind": kind,
        "cap": int(survey.data["cap"]),
        "alpha": ALPHA,
        "distribution": {str(score): whole[score] for score in range(least, most + 1)},
        **_scored(kind, whole),
        "releases": [{"release": name, **_scored(kind, scores)} for name, scores in _largest(releases)],
        "variants": [
            {"flag": flag, "variant": variant, **_scored(kind, scores)} for (flag, variant), scores in _largest(variants)
        ],
    }


def _largest(groups: Mapping[Group, Scores]) -> list[tuple[Group, Scores]]:
    return sorted(groups.items(), key=lambda group: (-group[1].total(), str(group[0])))[:MOST_GROUPS]


def _scored(kind: str, scores: Scores) -> dict[str, Any]:
    """A ScoreView."""
    bounds = RATINGS[kind]
    if kind == "nps":
        bounds, told = (-100, 100), Scores()
        for score, times in scores.items():
            told[100 * ((score >= PROMOTERS) - (score <= DETRACTORS))] += times
        scores = told
    found = mean(scores, *bounds)
    return {
        "answers": found.count,
        "score": found.mean,
        "standard_error": found.standard_error,
        "low": found.low,
        "high": found.high,
        "at_least": found.at_least,
    }
