"""The mean of bounded scores, and what may be said of it however often somebody looks.

    two_sided    half the width of a confidence sequence of a sum: true at every moment at once, with probability 1 - alpha
    one_sided    how far a sum ever rises

Normal mixture (Howard, Ramdas, McAuliffe, Sekhon: Time-uniform, nonparametric, nonasymptotic confidence sequences, The Annals
of Statistics 49 (2021), arXiv 1810.08240): a score within [a, b] is sub-Gaussian with variance (b - a)^2 / 4 whatever its
distribution, so `v`, the variance so far, is that times the number of answers. No answer changes the bound but by its number.
"""

from __future__ import annotations

from math import erfc, log, log1p, sqrt

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ALPHA = 0.05
TUNED = 100  # answers at which the intervals are the narrowest; chosen before any came
HALVINGS = 60


class Mean(Value):
    """Of `count` scores. `low` to `high` holds the true mean at every look at once in 95 of 100 surveys; so does
    `at_least` alone. `standard_error` is for a single look; None of fewer than two."""

    count: int
    mean: float | None
    standard_error: float | None
    low: float
    high: float
    at_least: float


def mean(counts: Mapping[int, int], least: int, most: int, alpha: float = ALPHA) -> Mean:
    """`counts`: how often each score came, which is `least` to `most`."""
    count = sum(counts.values())
    if not count:
        return Mean(0, None, None, float(least), float(most), float(least))
    found = sum(score * times for score, times in counts.items()) / count
    squares = sum((score - found) ** 2 * times for score, times in counts.items())
    error = sqrt(squares / (count - 1) / count) if count > 1 else None
    spread = (most - least) / count
    half, below = (bound(count / 4, alpha, TUNED / 4) * spread for bound in (two_sided, one_sided))
    return Mean(count, found, error, max(found - half, least), min(found + half, most), max(found - below, least))


def best_rho(v: float, alpha: float) -> float:
    """What makes the two-sided bound the smallest at `v`."""
    threshold = -2 * log(alpha)
    return v / (threshold + log1p(threshold))


def two_sided(v: float, alpha: float, v_opt: float) -> float:
    rho = best_rho(v_opt, alpha)
    return sqrt((v + rho) * (log1p(v / rho) - 2 * log(alpha)))


def one_sided(v: float, alpha: float, v_opt: float) -> float:
    """By halving: the supermartingale grows with the sum."""
    rho = best_rho(v_opt, 2 * alpha)
    low, high = 0.0, two_sided(v, alpha, v_opt) + sqrt(v + rho)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _one_sided_log(middle, v, rho) < -log(alpha) else (low, middle)
    return high


def _one_sided_log(s: float, v: float, rho: float) -> float:
    # Half the normal mixture, over the tilts that look upwards.
    upwards = erfc(-s / sqrt(2 * (v + rho))) / 2
    return log(4 * rho / (v + rho)) / 2 + s * s / (2 * (v + rho)) + log(upwards)
