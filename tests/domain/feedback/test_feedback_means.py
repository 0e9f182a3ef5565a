"""The mean of bounded scores: against the authors' own figures, and wrong as seldom as it says, whoever looks how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from math import inf, sqrt
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.feedback import means
from slipway.feedback.means import ALPHA, Mean, best_rho, mean, one_sided, two_sided

LOOKS, SURVEYS = 400, 200
# What is hard for a bound: all at the ends, one end hardly ever, an end and the middle, and what an nps is mostly like.
PEOPLE = [{-100: 1, 100: 1}, {-100: 1, 100: 19}, {-100: 1, 0: 1}, {-100: 2, 0: 3, 100: 5}]


def test_as_the_authors_have_it() -> None:
    """confseq's reference values."""
    assert two_sided(100, 0.05, 100) == pytest.approx(30.35209, abs=1e-5)
    assert one_sided(100, 0.05, 100) == pytest.approx(27.66071, abs=1e-5)
    assert best_rho(100, 0.05) == pytest.approx(12.60056, abs=1e-5)


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=50))
def test_the_mean_and_its_error(scores: list[int]) -> None:
    found = mean(Counter(scores), -100, 100)
    assert found.mean == pytest.approx(fmean(scores))
    assert found.standard_error == pytest.approx(stdev(scores) / sqrt(len(scores)), abs=1e-9)
    assert found.mean is not None
    assert -100 <= found.low <= found.at_least <= found.mean <= found.high <= 100


@given(st.lists(st.integers(1, 7), min_size=1, max_size=30), st.integers(1, 50))
def test_more_of_the_same_says_more(scores: list[int], times: int) -> None:
    once, often = (mean(Counter({score: n * k for score, n in Counter(scores).items()}), 1, 7) for k in (times, times + 1))
    assert often.high - often.low <= once.high - once.low + 1e-9
    assert often.mean == pytest.approx(once.mean)


def test_the_scale_does_not_matter() -> None:
    one, other = mean({0: 30, 1: 70}, 0, 1), mean({-100: 30, 100: 70}, -100, 100)
    assert [one.low * 200 - 100, one.at_least * 200 - 100] == pytest.approx([other.low, other.at_least])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds of a number of answers are the same each time."""
    for name in ("two_sided", "one_sided"):
        monkeypatch.setattr(means, name, cache(getattr(means, name)))


def missed(people: dict[int, int], ends: Callable[[Mean], tuple[float, float]]) -> float:
    """The share of surveys in which the true score was ever outside, looked at after each answer."""
    scores, weights = list(people), list(people.values())
    truth = sum(score * weight for score, weight in people.items()) / sum(weights)
    random, wrong = Random(str(people)), 0
    for _ in range(SURVEYS):
        counts = Counter[int]()
        for score in random.choices(scores, weights, k=LOOKS):
            counts[score] += 1
            low, high = ends(mean(counts, -100, 100))
            if not low <= truth <= high:
                wrong += 1
                break
    return wrong / SURVEYS


def of_one_look(found: Mean) -> tuple[float, float]:
    """What is wrong to look at more than once."""
    if found.mean is None or not found.standard_error or found.count < 30:
        return -inf, inf
    return found.mean - 1.96 * found.standard_error, found.mean + 1.96 * found.standard_error


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("people", PEOPLE, ids=str)
def test_it_is_seldom_wrong_however_often_one_looks(people: dict[int, int]) -> None:
    assert missed(people, lambda found: (found.low, found.high)) <= ALPHA
    assert missed(people, lambda found: (found.at_least, inf)) <= ALPHA


@pytest.mark.usefixtures("quick")
def test_an_interval_of_one_look_is_found_out() -> None:
    assert missed(PEOPLE[0], of_one_look) > 3 * ALPHA


def test_it_is_tuned_to_a_hundred_answers() -> None:
    """There no other choice of what it is tuned to gives a smaller one."""
    widths = {tuned: two_sided(100 / 4, ALPHA, tuned / 4) for tuned in (50, 90, 100, 110, 200)}
    assert min(widths, key=widths.__getitem__) == 100
    halves = list(accumulate((mean({0: n, 1: n}, 0, 1).high - 0.5 for n in (50, 500, 5_000)), max))
    assert halves == [halves[0]] * 3
