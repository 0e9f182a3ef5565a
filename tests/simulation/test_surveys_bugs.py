"""Mistakes with surveys: each, put into the product, is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from slipway.feedback import answers, prompts
from slipway.feedback.answers import COUNT
from slipway.feedback.surveys import Surveys
from slipway.ports import Put, Update
from slipway.tables import FEEDBACK
from tests.simulation.enumeration import Bug, played
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.test_planted_bugs import caught

(SURVEYS,) = (scenario for scenario in SCENARIOS if scenario.name == "surveys")


def bare_count() -> Bug:
    """Counts answers, and does not look at the cap."""
    given = answers.given

    def careless(*told: Any) -> Any:
        return [write.but(condition=None) if isinstance(write, Update) else write for write in given(*told)]

    return Bug(patch.object(answers, "given", careless))


def forgotten_view() -> Bug:
    """Asks once, whether the prompt arrived or not."""
    return Bug(patch.object(prompts, "SAME_VIEW", 0))


def count_begun_anew() -> Bug:
    """A change of the cap writes what is left over what was taken."""
    beside = Surveys._beside

    def careless(self: Surveys, id: str, before: Any, after: Any) -> Any:
        anew = Put(FEEDBACK, {"pk": id, "sk": COUNT, "schema": 1, "over": -after["cap"]})
        return [anew if isinstance(write, Update) else write for write in beside(self, id, before, after)]

    return Bug(patch.object(Surveys, "_beside", careless))


@pytest.mark.parametrize(
    ("make", "suspect"),
    [(bare_count, "feedback"), (forgotten_view, "surveys"), (count_begun_anew, "surveys")],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_it_is_found(make: Callable[[], Bug], suspect: str) -> None:
    assert caught(make, SURVEYS, suspect).wrong


def test_the_mistake_alone_is_what_is_found() -> None:
    assert not played(SURVEYS).findings
