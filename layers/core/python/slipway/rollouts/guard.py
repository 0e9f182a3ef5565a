"""How strongly the bad units of a rollout speak against its treatment, at any time and however often one looks.

A stage is a period with one treatment share w of the exposed units. Of each distinct unit with a bad event (first one after an
exposure, once per rollout) only its arm is used: whatever the base rate is, and however it drifts, the next bad unit is in
treatment with probability p = w r / ((1 - w) + w r), where r is the ratio of the rates, treatment to control. So

    log e_k = sum over stages of  c1 ln(1 + h_k) - (c0 + c1) ln(1 + p h_k)        p at r = 1 + margin,  h_k of `HARMS`
    E       = mean of the e_k

is a likelihood ratio against "r is at most 1 + margin", a supermartingale there, and reaches 1 / alpha with probability alpha
at most, at whatever time one stops. Where higher is better, swap the arms (`Stage.swapped`). A share of 0 or 1 compares
nothing: such a stage tells nothing, whatever is counted in it.

Sources: Lindon and Malek 2022 (arXiv 2011.03567), anytime-valid inference for multinomial count data; Howard, Ramdas, McAuliffe
and Sekhon 2021 (1810.08240), confidence sequences; Johari, Koomen, Pekelis and Walsh 2017, always-valid p-values; Waudby-Smith
et al. 2021 (2103.06476); Lindon, Sanden and Shirikian 2022 (2205.14762), guarded deployments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

# Relative harms beyond the margin that are bet on, with equal weights.
HARMS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 9.0)
# (ln(1 + h), h): what a bad unit in treatment adds, and what p is multiplied by; for the ratios above and below the boundary.
_ABOVE = tuple((math.log1p(harm), harm) for harm in HARMS)
_BELOW = tuple((-math.log1p(harm), -harm / (1.0 + harm)) for harm in HARMS)
_BOTH = _ABOVE + _BELOW
_LARGEST = math.log(1.7976931348623157e308)
_FAR = 700.0  # a logarithm of a ratio beyond which nothing changes any more

Bets = Sequence[tuple[float, float]]


class Stage(NamedTuple):
    """`share`: of the exposed units in treatment, 0 to 1; `control`, `treatment`: distinct units with a bad event."""

    share: float
    control: int
    treatment: int

    @property
    def swapped(self) -> Stage:
        """The arms exchanged, for events of which fewer are worse."""
        return Stage(1.0 - self.share, self.treatment, self.control)


def evidence(stages: Iterable[Stage], margin: float = 0.0) -> float:
    """E against "the rates' ratio is at most 1 + margin"; 1.0 where nothing was counted, `inf` beyond what a float holds.

    Raises ValueError for a share outside of 0 to 1, a negative count or a negative margin."""
    return _exp(log_evidence(stages, margin))


def log_evidence(stages: Iterable[Stage], margin: float = 0.0) -> float:
    """The natural logarithm of E, which never overflows. Raises ValueError as `evidence` does."""
    return _mean(_bets(_telling(stages), _boundary(margin), _ABOVE))


def threshold(alpha: float, guards: int = 1) -> float:
    """ln(guards / alpha): the log evidence at which one of so many guards steps back; holds under any dependence of theirs.

    Raises ValueError for an alpha that is not between 0 and 1, or no guard."""
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    if guards < 1:
        raise ValueError(f"guards must be at least 1, not {guards}")
    return math.log(guards / alpha)


def p_value(peak: float) -> float:
    """The always-valid p of the largest log evidence so far: at most alpha with probability alpha, without harm."""
    return math.exp(-max(0.0, peak))


def confidence(stages: Iterable[Stage], alpha: float) -> tuple[float, float]:
    """The ratios of the rates, treatment to control, that are not refuted: {r: E_r < 1 / alpha}, E_r two-sided around r.

    A confidence sequence: it covers the true ratio at all times with probability 1 - alpha. From 0 where treatment has no
    bad unit, to `inf` where control has none; (0, inf) for nothing counted. Ends are accurate to about 1e-9 of their value.
    Raises ValueError as `evidence` does, and for an alpha that is not between 0 and 1."""
    told, level = _telling(stages), threshold(alpha)
    control, treatment = sum(stage.control for stage in told), sum(stage.treatment for stage in told)
    centre = _log_ratio(told)
    if centre is None:
        return 0.0, math.inf
    if math.isfinite(centre):
        start, step = centre, 4.0 / math.sqrt(min(control, treatment))
    else:  # nothing is likelier than the end itself: look from where it can no longer be told from it
        start, step = math.copysign(80.0, centre) + _log_odds(told[0].share), 16.0

    def refuted(at: float) -> float:
        return _mean(_bets(told, at, _BOTH)) - level

    low = _crossing(refuted, start, -step) if treatment else -math.inf
    high = _crossing(refuted, start, step) if control else math.inf
    return _exp(low), _exp(high)


def ratio(stages: Iterable[Stage]) -> float | None:
    """The likeliest ratio of the rates, one for all stages; 0.0 or `inf` where an arm has no bad unit, None where both."""
    centre = _log_ratio(_telling(stages))
    return None if centre is None else _exp(centre)


def no_worse(stages: Iterable[Stage], alpha: float, margin: float = 0.0) -> bool:
    """Whether it is proven that the treatment is no worse than the margin: the upper end is below 1 + margin.

    That is when it is safe to advance before the hold is over. Raises ValueError as `confidence` and `evidence` do."""
    _boundary(margin)
    return confidence(stages, alpha)[1] < 1.0 + margin


def more_units(
    stages: Sequence[Stage], exposed: int, alpha: float, margin: float = 0.0, guards: int = 1, true: float | None = None
) -> float:
    """About how many more units must be exposed until the question is settled, at the share of the last stage.

    `exposed`: units so far; `true`: the ratio that is supposed, by default the likeliest one. Above 1 + margin the question
    is settled by E >= guards / alpha, below by `no_worse`. With q the probability that a bad unit is in treatment at `true`,
    a bet k grows by g_k = q ln(1 + h_k) - ln(1 + p h_k) with each bad unit, and one of K bets alone settles it at
    e_k = K * level: so bad units = min over k with g_k > 0 of (ln(K * level) - log e_k) / g_k, and units = that divided by
    the bad units per exposed unit so far. `inf` where nothing bad was counted yet, or `true` is at the boundary itself.
    Raises ValueError as `evidence` and `threshold` do."""
    told, boundary = _telling(stages), _boundary(margin)
    supposed = ratio(told) if true is None else true
    bad = sum(stage.control + stage.treatment for stage in told)
    if supposed is None or bad == 0 or exposed < 1:
        return math.inf
    if supposed < 0:
        raise ValueError(f"true must be at least 0, not {supposed}")
    harm = supposed > 1.0 + margin
    bets, level = (_ABOVE, threshold(alpha, guards)) if harm else (_BELOW, threshold(alpha))
    wanted = level + math.log(len(_ABOVE if harm else _BOTH))
    share = told[-1].share
    p = _in_treatment(share, boundary)
    q = 1.0 if supposed == math.inf else share * supposed / ((1.0 - share) + share * supposed)
    needed = math.inf
    for log, (log_ratio, harmed) in zip(_bets(told, boundary, bets), bets, strict=True):
        growth = q * log_ratio - math.log1p(p * harmed)
        if growth > 1e-12:
            needed = min(needed, max(0.0, wanted - log) / growth)
    return needed * exposed / bad


def sample_ratio(counts: Sequence[int], shares: Sequence[float], k: float = 100.0) -> float:
    """E against "units fall into the arms by these shares": a Dirichlet-multinomial mixture around them, concentration k.

    `inf` beyond what a float holds. Raises ValueError for a negative count, a share not between 0 and 1, shares that do not
    sum to 1, lengths that differ, or a k that is not positive. Source: Lindon and Malek 2022."""
    return _exp(log_sample_ratio(counts, shares, k))


def log_sample_ratio(counts: Sequence[int], shares: Sequence[float], k: float = 100.0) -> float:
    """Its natural logarithm. Over stages with units of their own the logarithms add up."""
    if len(counts) != len(shares):
        raise ValueError(f"counts and shares must be as many: {len(counts)} and {len(shares)}")
    if any(count < 0 for count in counts):
        raise ValueError(f"counts must be at least 0: {list(counts)}")
    if not all(0.0 < share < 1.0 for share in shares):
        raise ValueError(f"shares must be between 0 and 1: {list(shares)}")
    if abs(math.fsum(shares) - 1.0) > 1e-9:
        raise ValueError(f"shares must sum to 1: {list(shares)}")
    return log_mixture(counts, [k * share for share in shares]) - math.fsum(
        count * math.log(share) for count, share in zip(counts, shares, strict=True)
    )


def log_mixture(counts: Sequence[int], prior: Sequence[float]) -> float:
    """ln of the probability of an ordered sequence with these counts when the shares are drawn from Dirichlet(prior).

    Raises ValueError for a prior that is not positive."""
    if not all(0.0 < each < math.inf for each in prior):
        raise ValueError(f"k must be positive and finite: {list(prior)}")
    whole = math.fsum(prior)
    parts = [math.lgamma(whole), -math.lgamma(whole + sum(counts))]
    for count, each in zip(counts, prior, strict=True):
        parts += (math.lgamma(each + count), -math.lgamma(each))
    return math.fsum(parts)


def _telling(stages: Iterable[Stage]) -> list[Stage]:
    """The stages that compare something, after all were checked."""
    told = []
    for stage in stages:
        share, control, treatment = stage
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share must be from 0 to 1, not {share}")
        if control < 0 or treatment < 0:
            raise ValueError(f"counts must be at least 0: control {control}, treatment {treatment}")
        if 0.0 < share < 1.0:
            told.append(stage)
    return told


def _boundary(margin: float) -> float:
    if not 0.0 <= margin < math.inf:
        raise ValueError(f"margin must be at least 0 and finite, not {margin}")
    return math.log1p(margin)


def _log_odds(share: float) -> float:
    return math.log(share / (1.0 - share))


def _in_treatment(share: float, log_ratio: float) -> float:
    """The probability that a bad unit is in treatment at that ratio of the rates: a logistic function of its logarithm."""
    odds = log_ratio + _log_odds(share)
    return 1.0 / (1.0 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1.0 + math.exp(odds))


def _bets(told: list[Stage], boundary: float, bets: Bets) -> list[float]:
    """log e of each bet, against the boundary with that logarithm."""
    parts = [
        (treatment, -(control + treatment), _in_treatment(share, boundary))
        for share, control, treatment in told
        if control + treatment
    ]
    log1p, fsum = math.log1p, math.fsum
    return [fsum([one * log_ratio + all * log1p(p * harm) for one, all, p in parts]) for log_ratio, harm in bets]


def _mean(logs: list[float]) -> float:
    """ln of the mean of the exponentials."""
    most = max(logs)
    return most + math.log(math.fsum(math.exp(log - most) for log in logs) / len(logs))


def _log_ratio(told: list[Stage]) -> float | None:
    """Where the bad units in treatment are as many as expected: those expected only rise with the ratio."""
    treatment = sum(stage.treatment for stage in told)
    control = sum(stage.control for stage in told)
    if not treatment or not control:
        return None if treatment == control else math.inf if treatment else -math.inf

    def missing(at: float) -> float:
        return math.fsum((s.control + s.treatment) * _in_treatment(s.share, at) for s in told) - treatment

    start = math.log(treatment / control)
    odds = [_log_odds(stage.share) for stage in told]
    # With one share for all the answer is start - odds; with several it lies between those of the largest and the smallest.
    return _root(missing, start - max(odds) - 1e-9, start - min(odds) + 1e-9)


def _crossing(above: Callable[[float], float], start: float, step: float) -> float:
    """From `start`, where it is negative, in strides that double: where it turns positive; infinite where it never does.

    On the way out, the bets on the side of the start stay below 1 in all and the others rise (log-concave likelihood)."""
    near, far = start, start + step
    while above(far) < 0.0:
        if abs(far) > _FAR:
            return math.copysign(math.inf, step)
        near, step = far, 2.0 * step
        far = near + step
    return _root(above, near, far)


def _root(function: Callable[[float], float], one: float, other: float) -> float:
    """Between two places where it differs in sign: regula falsi with Illinois halving, bisection where that is slow."""
    at_one, at_other = function(one), function(other)
    for turn in range(200):
        if abs(one - other) < 1e-10 or at_other == 0.0:
            break
        at = (
            (one + other) / 2 if turn % 4 == 3 or at_one == at_other else other - at_other * (other - one) / (at_other - at_one)
        )
        found = function(at)
        if (found < 0.0) != (at_other < 0.0):
            one, at_one = other, at_other
        else:
            at_one /= 2
        other, at_other = at, found
    return other


def _exp(log: float) -> float:
    return math.exp(log) if log <= _LARGEST else math.inf
