"""The statistic of a guard: its values, its laws, its bounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.rollouts.guard import (
    HARMS,
    Stage,
    confidence,
    evidence,
    log_evidence,
    log_mixture,
    log_sample_ratio,
    more_units,
    no_worse,
    p_value,
    ratio,
    sample_ratio,
    threshold,
)

SHARES = st.floats(0.001, 0.999)
STAGES = st.lists(st.builds(Stage, SHARES, st.integers(0, 500), st.integers(0, 500)), max_size=6)


def law(share: float, bad: int, rate_ratio: float) -> list[float]:
    """The probability of each number of bad units in treatment, among so many."""
    p = share * rate_ratio / (1.0 - share + share * rate_ratio)
    return [math.comb(bad, one) * p**one * (1.0 - p) ** (bad - one) for one in range(bad + 1)]


def mean(bad: Sequence[tuple[float, int]], rate_ratio: float, margin: float) -> float:
    """Of E over the exact law of stages (share, bad units)."""
    laws = [law(share, count, rate_ratio) for share, count in bad]
    terms = []
    for ones in itertools.product(*(range(count + 1) for _, count in bad)):
        stages = [Stage(share, count - one, one) for (share, count), one in zip(bad, ones, strict=True)]
        terms.append(math.prod(each[one] for each, one in zip(laws, ones, strict=True)) * evidence(stages, margin))
    return math.fsum(terms)


RAMP = [(0.05, 25), (0.5, 25)]


@pytest.mark.parametrize("margin", [0.0, 0.1])
@pytest.mark.parametrize("bad", [[(0.5, 60)], [(0.05, 60)], [(0.01, 8)], RAMP, [(0.01, 6), (0.05, 6), (0.25, 6), (0.5, 6)]])
def test_its_mean_at_the_boundary_is_one(bad: list[tuple[float, int]], margin: float) -> None:
    assert mean(bad, 1.0 + margin, margin) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_its_mean_is_below_one_where_treatment_is_better_and_far_above_where_it_is_worse(margin: float) -> None:
    assert mean(RAMP, 0.8, margin) < mean(RAMP, 0.95, margin) < 1.0
    assert mean(RAMP, 3.0, margin) > 1_000


def test_a_stage_as_it_is_written_down() -> None:
    """The formula, term by term as it is published, for two stages and a margin."""
    stages, d0 = [Stage(0.05, 40, 7), Stage(0.5, 30, 45)], math.log(1.1)
    terms = []
    for harm in HARMS:
        d, log = math.log(1 + harm), 0.0
        for w, c0, c1 in stages:
            after, before = (1 - w) + w * math.exp(d0 + d), (1 - w) + w * math.exp(d0)
            log += c1 * d - (c0 + c1) * (math.log(after) - math.log(before))
        terms.append(math.exp(log))
    assert evidence(stages, 0.1) == pytest.approx(math.fsum(terms) / len(terms), rel=1e-12)


@given(STAGES, st.floats(0, 2), st.randoms())
def test_order_and_batches_change_nothing(stages: list[Stage], margin: float, random: object) -> None:
    whole = log_evidence(stages, margin)
    halves = [
        half
        for share, control, treatment in stages
        for half in (
            Stage(share, control // 3, treatment // 2),
            Stage(share, control - control // 3, treatment - treatment // 2),
        )
    ]
    random.shuffle(halves)  # type: ignore[attr-defined]
    assert log_evidence(halves, margin) == pytest.approx(whole, rel=1e-9, abs=1e-9)


@given(STAGES, st.floats(0, 2), SHARES)
def test_it_rises_with_treatment_and_falls_with_control_and_margin(stages: list[Stage], margin: float, share: float) -> None:
    log = log_evidence(stages, margin)
    assert log_evidence([*stages, Stage(share, 0, 1)], margin) > log
    assert log_evidence([*stages, Stage(share, 1, 0)], margin) < log
    assert log_evidence(stages, margin + 0.1) <= log + 1e-12


BILLION = 10**9


def test_a_billion_is_no_trouble() -> None:
    assert evidence([Stage(0.5, BILLION, BILLION)]) == 0.0
    assert log_evidence([Stage(0.5, BILLION, BILLION)]) == pytest.approx(
        BILLION * math.log(1.05 / 1.025**2) - math.log(12), rel=1e-9
    )
    # The bet of 1.0 is the right one: p = 2/3 against 1/2.
    doubled = 2 * BILLION * math.log(4 / 3) + BILLION * math.log(2 / 3)
    assert log_evidence([Stage(0.5, BILLION, 2 * BILLION)]) == pytest.approx(doubled - math.log(12), rel=1e-9)
    assert evidence([Stage(0.5, BILLION, 2 * BILLION)]) == math.inf
    assert confidence([Stage(0.5, BILLION, 2 * BILLION)], 0.05) == pytest.approx((2.0, 2.0), rel=0.03)
    assert log_evidence([Stage(1e-9, BILLION, 3), Stage(1 - 1e-9, 3, BILLION)]) < 10


def test_it_is_infinite_only_beyond_a_float() -> None:
    """Treatment alone at one half: the bet of 9.0 gives 1.8182 a unit."""
    last = max(
        count for count in range(1_100, 1_300) if log_evidence([Stage(0.5, 0, count)]) <= math.log(1.7976931348623157e308)
    )
    assert 1e307 < evidence([Stage(0.5, 0, last)]) < math.inf
    assert evidence([Stage(0.5, 0, last + 1)]) == math.inf


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_stage_for_nobody_or_for_all_tells_nothing(share: float) -> None:
    told = [Stage(0.5, 4, 16)]
    for counts in ((0, 0), (0, 900), (900, 0), (3, 5)):
        stage = Stage(share, *counts)
        assert evidence([stage]) == 1.0
        assert confidence([stage], 0.05) == (0.0, math.inf)
        assert (ratio([stage]), more_units([stage], 10, 0.05)) == (None, math.inf)
        assert evidence([*told, stage]) == evidence(told)
        assert confidence([*told, stage], 0.05) == confidence(told, 0.05)
        assert more_units([*told, stage], 99, 0.05) == more_units(told, 99, 0.05)


WRONG: list[tuple[str, Callable[[], object]]] = [
    ("share", lambda: evidence([Stage(-0.1, 1, 1)])),
    ("share", lambda: evidence([Stage(1.1, 1, 1)])),
    ("share", lambda: evidence([Stage(math.nan, 1, 1)])),
    ("counts", lambda: evidence([Stage(0.5, -1, 1)])),
    ("counts", lambda: evidence([Stage(1.0, 1, -1)])),
    ("margin", lambda: evidence([], -0.1)),
    ("margin", lambda: evidence([], math.inf)),
    ("margin", lambda: no_worse([], 0.05, -0.1)),
    ("share", lambda: confidence([Stage(2.0, 1, 1)], 0.05)),
    ("alpha", lambda: confidence([], 0.0)),
    ("alpha", lambda: confidence([], 1.0)),
    ("alpha", lambda: threshold(math.nan)),
    ("guards", lambda: threshold(0.05, 0)),
    ("margin", lambda: more_units([Stage(0.5, 1, 1)], 10, 0.05, -1.0)),
    ("true", lambda: more_units([Stage(0.5, 1, 1)], 10, 0.05, true=-1.0)),
    ("counts", lambda: sample_ratio([1, -1], [0.5, 0.5])),
    ("shares must sum", lambda: sample_ratio([1, 1], [0.5, 0.4])),
    ("shares must be between", lambda: sample_ratio([1, 1], [1.0, 0.0])),
    ("as many", lambda: sample_ratio([1, 1], [0.5, 0.25, 0.25])),
    ("k must", lambda: sample_ratio([1, 1], [0.5, 0.5], 0.0)),
]


@pytest.mark.parametrize(("named", "call"), WRONG)
def test_what_is_wrong_is_named(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()


# --- the confidence sequence ----------------------------------------------------------------------------


def two_sided(stages: Sequence[Stage], at: float) -> float:
    """E against "the ratio is this", from the same bets in both directions, written down plainly."""
    terms = []
    for harm in HARMS:
        for factor in (1 + harm, 1 / (1 + harm)):
            log = 0.0
            for w, c0, c1 in stages:
                log += c1 * math.log(factor) - (c0 + c1) * math.log((1 - w + w * at * factor) / (1 - w + w * at))
            terms.append(math.exp(log))
    return math.fsum(terms) / len(terms)


@given(STAGES, st.sampled_from([0.01, 0.05, 0.5, 0.9]))
def test_its_ends_are_where_the_evidence_says_so(stages: list[Stage], alpha: float) -> None:
    low, high = confidence(stages, alpha)
    likeliest = ratio(stages)
    assert 0.0 <= low < high
    assert likeliest is None or low <= likeliest <= high
    for end, outside in ((low, 0.999), (high, 1.001)):
        if 0.0 < end < math.inf:
            assert two_sided(stages, end) == pytest.approx(1 / alpha, rel=1e-5)
            assert two_sided(stages, end * outside) > 1 / alpha > two_sided(stages, end / outside)


@given(st.lists(st.builds(Stage, SHARES, st.integers(1, 500), st.integers(1, 500)), min_size=1, max_size=6))
def test_at_the_likeliest_ratio_treatment_has_as_many_as_expected(stages: list[Stage]) -> None:
    at = ratio(stages)
    assert at is not None
    expected = math.fsum((c0 + c1) * w * at / (1 - w + w * at) for w, c0, c1 in stages)
    assert expected == pytest.approx(sum(stage.treatment for stage in stages), rel=1e-6)


def test_without_bad_units_in_an_arm_it_is_open() -> None:
    assert confidence([], 0.05) == (0.0, math.inf)
    assert confidence([Stage(0.5, 0, 0)], 0.05) == (0.0, math.inf)
    low, high = confidence([Stage(0.5, 0, 50)], 0.05)
    assert 8 < low < high == math.inf
    low, high = confidence([Stage(0.5, 50, 0)], 0.05)
    assert 0.0 == low < high < 1 / 8
    assert confidence([Stage(0.5, 1, 1)], 0.05) == (0.0, math.inf)
    low, high = confidence([Stage(1e-6, 10**9, 0)], 0.05)
    assert 0.0 == low < high < 0.01


@given(STAGES)
def test_arms_that_are_exchanged_turn_it_over(stages: list[Stage]) -> None:
    low, high = confidence(stages, 0.05)
    other_low, other_high = confidence([stage.swapped for stage in stages], 0.05)
    assert other_low == pytest.approx(1 / high, rel=1e-6, abs=1e-300)
    assert other_high == (pytest.approx(1 / low, rel=1e-6) if low else math.inf)


def test_the_true_ratio_is_refuted_with_probability_alpha_at_most() -> None:
    """At one look, by the exact law; at any look in the simulator."""
    for true in (0.5, 1.0, 2.0):
        outside = math.fsum(
            chance
            for one, chance in enumerate(law(0.25, 120, true))
            if not (lambda ends: ends[0] <= true <= ends[1])(confidence([Stage(0.25, 120 - one, one)], 0.05))
        )
        assert 0.0 < outside <= 0.05


def test_no_worse_than_the_margin() -> None:
    assert not no_worse([Stage(0.5, 100, 100)], 0.05, 0.2)
    assert no_worse([Stage(0.5, 1_000, 1_000)], 0.05, 0.2)
    assert not no_worse([Stage(0.5, 1_000, 1_000)], 0.05)
    assert no_worse([Stage(0.5, 100, 30)], 0.05)


def test_fewer_conversions_are_harm() -> None:
    lost = Stage(0.2, 400, 50)
    assert evidence([lost]) < 1 < 1 / 0.05 < evidence([lost.swapped])
    assert lost.swapped == Stage(0.8, 50, 400)


# --- p, thresholds, how much more -------------------------------------------------------------------------


def test_p_is_always_valid() -> None:
    assert p_value(math.log(40)) == pytest.approx(1 / 40)
    assert p_value(-3.0) == p_value(0.0) == 1.0
    assert p_value(1e9) == 0.0


def test_more_guards_ask_for_more() -> None:
    assert threshold(0.05) == pytest.approx(math.log(20))
    assert threshold(0.05, 4) == pytest.approx(math.log(80))


def test_the_units_that_are_needed_are_those_that_suffice() -> None:
    """Where just so many more come, in the expected proportion, it is settled; with two thirds of them it is not yet."""
    for true, margin in ((3.0, 0.0), (1.5, 0.1), (1.0, 0.2), (0.7, 0.0)):
        told, exposed, bad = Stage(0.5, 10, 10), 1_000, 20
        more = more_units([told], exposed, 0.05, margin, true=true) * bad / exposed
        for part, settled in ((1.01, True), (0.66, False)):
            in_treatment = round(more * part * true / (1 + true))
            after = [told, Stage(0.5, round(more * part) - in_treatment, in_treatment)]
            found = log_evidence(after, margin) >= threshold(0.05) if true > 1 + margin else no_worse(after, 0.05, margin)
            assert found is settled, (true, margin, part)


def test_there_is_no_telling_how_many_are_needed() -> None:
    assert more_units([], 100, 0.05) == math.inf
    assert more_units([Stage(0.5, 0, 0)], 100, 0.05) == math.inf
    assert more_units([Stage(0.5, 10, 10)], 100, 0.05) == math.inf  # as likely as not that it is at the boundary
    assert more_units([Stage(0.5, 0, 40)], 100, 0.05) == 0.0
    assert 0 < more_units([Stage(0.5, 0, 2)], 100, 0.05) < math.inf


# --- the sample ratio ---------------------------------------------------------------------------------------


def test_the_mixture_is_the_reference_s() -> None:
    """ssrm 1.0: counts [20, 17, 9] against (.4, .4, .2) from a flat prior."""
    counts, shares = [20, 17, 9], [0.4, 0.4, 0.2]
    flat = log_mixture(counts, [1.0, 1.0, 1.0]) - math.fsum(n * math.log(t) for n, t in zip(counts, shares, strict=True))
    assert flat == pytest.approx(-2.9505607858, abs=1e-9)
    assert log_sample_ratio(counts, [1 / 3] * 3, 3.0) == pytest.approx(
        log_mixture(counts, [1.0] * 3) + 46 * math.log(3), abs=1e-9
    )


def test_the_sample_ratio_s_mean_is_one_where_the_split_is_right() -> None:
    for share in (0.01, 0.25, 0.5):
        likely = [(one, chance) for one, chance in enumerate(law(share, 200, 1.0)) if chance]
        logs = [math.log(chance) + log_sample_ratio([200 - one, one], [1 - share, share]) for one, chance in likely]
        terms = [math.exp(log) for log in logs]
        assert math.fsum(terms) == pytest.approx(1.0, abs=1e-9)


def test_a_wrong_split_shows() -> None:
    assert sample_ratio([0, 0], [0.5, 0.5]) == pytest.approx(1.0)
    assert sample_ratio([5_000, 5_000], [0.5, 0.5]) < 1
    assert sample_ratio([5_300, 4_700], [0.5, 0.5]) > 1_000
    assert sample_ratio([BILLION, BILLION // 2], [0.5, 0.5]) == math.inf
    assert log_sample_ratio([BILLION, BILLION], [0.5, 0.5]) < 0
