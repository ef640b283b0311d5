"""Cut-offs that split patients by survival: the maximally selected log-rank statistic with honest p, and a plain scan.

A cut-off chosen for the largest difference overstates it. The p values here allow for the choice (R's ``maxstat``);
the p of an ordinary log-rank test at the chosen cut does not. Groups are "marker ≤ cut" and "marker > cut".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import comb

from ..core.errors import InputError, UsageError
from .estimate import two_sided_p
from .inputs import FloatArray, IntArray, Survival, numbers
from .kaplan_meier import risk_shares

# The exact distribution needs counts of subsets; beyond this R overflows, and the table no longer fits in memory.
_MAX_EXACT = 170


@dataclass(frozen=True)
class MaxLogRank:
    """The standardised log-rank ``statistics`` (C,) of the C possible ``cuts``, and the largest of them.

    ``p_lau92`` and ``p_lau94`` are its p allowing for the choice, by Lausen & Schumacher (Biometrics 1992) and by
    Lausen, Sauerbrei & Schumacher (1994); the second is an upper bound, here kept at 1.
    """

    cut: float
    statistic: float
    cuts: FloatArray
    statistics: FloatArray
    p_lau92: float
    p_lau94: float


def max_logrank(outcome: Survival, marker: npt.ArrayLike, min_share: float = 0.1, max_share: float = 0.9) -> MaxLogRank:
    """The best cut among those that leave at least ``min_share``, at most ``max_share`` of the patients below."""
    values = numbers(marker, "the marker", len(outcome))
    cuts, below = _candidates(values, min_share, max_share)
    statistics = _standardised(_logrank_scores(outcome), values, below)
    best = int(np.argmax(np.round(statistics, 12)))
    b = float(statistics[best])
    return MaxLogRank(
        float(cuts[best]), b, cuts, statistics, _lau92(b, min_share, max_share), _lau94(b, len(outcome), below)
    )


def exact_p(outcome: Survival, marker: npt.ArrayLike, min_share: float = 0.1, max_share: float = 0.9) -> float:
    """Hothorn & Lausen's p (Comput Stat Data Anal 2003) of the largest statistic, of scores rounded to n steps.

    Exact up to the rounding and an inequality between neighbouring cuts; for at most 170 patients (seconds). R's
    ``pmaxstat`` drops the subsets whose scores add up to 0, so that its p can be smaller in the fourth digit.
    """
    n = len(outcome)
    if n > _MAX_EXACT:
        raise UsageError(f"The exact p is for at most {_MAX_EXACT} patients, not {n}; use Lausen's p values.")
    scores = _logrank_scores(outcome)
    scores = np.round((scores - scores.min()) * n / np.ptp(scores))
    values = numbers(marker, "the marker", n)
    _, below = _candidates(values, min_share, max_share)
    b = float(_standardised(scores, values, below).max())
    scores = scores.astype(np.int64)
    sums = np.arange(scores.sum() + 1)
    chances = _subset_sums(scores)
    groups = np.arange(1, n)
    mean, sd = _permutation_moments(scores.astype(np.float64), groups)
    deviation = (sums - mean[:, None]) / sd[:, None]
    extreme = (np.abs(deviation) > b) & (chances > 0)
    # Of a cut that is extreme, leave out what certainly was extreme one patient earlier, whoever comes next.
    p = 0.0
    for size in below:
        row = size - 1
        p += chances[row, extreme[row]].sum()
        if size - 1 in below:
            low = extreme[row - 1] & (deviation[row - 1] < 0)
            stays_low = low[: len(sums) - scores.max()] & extreme[row, scores.max() :]
            stays_high = extreme[row - 1] & (deviation[row - 1] > 0) & extreme[row]
            p -= chances[row - 1, : len(stays_low)][stays_low].sum() + chances[row - 1, stays_high].sum()
    return min(float(p), 1.0)


def logrank_scan(outcome: Survival, marker: npt.ArrayLike, cuts: FloatArray) -> FloatArray:
    """χ² (C,) of the ordinary log-rank test at each of ``cuts``, for the figure of a cut-off scan."""
    values = numbers(marker, "the marker", len(outcome))
    above = (values[:, None] > cuts).astype(np.float64)
    deaths, spread, share = risk_shares(outcome, above)
    difference = outcome.event @ above - deaths @ share
    return difference**2 / (spread @ (share * (1 - share)))


def _logrank_scores(outcome: Survival) -> FloatArray:
    """Event − Σ 1/(n − rank + 1) over the events up to the patient's time; tied patients share the last rank."""
    order = np.argsort(outcome.time, kind="stable")
    rank = np.searchsorted(outcome.time[order], outcome.time, side="right")
    hazard = np.cumsum((outcome.event / (len(outcome) - rank + 1))[order])
    return outcome.event - hazard[rank - 1]


def _candidates(marker: FloatArray, min_share: float, max_share: float) -> tuple[FloatArray, IntArray]:
    """Every value a cut may take, and how many patients have at most that value."""
    values, counts = np.unique(marker, return_counts=True)
    below = np.cumsum(counts)
    n = len(marker)
    allowed = (below >= max(1, math.floor(n * min_share))) & (below <= math.floor(n * max_share)) & (below < n)
    if not allowed.any():
        raise InputError(
            f"No cut-off leaves between {min_share:.0%} and {max_share:.0%} of the patients below it: the marker has "
            f"only {len(values)} distinct values."
        )
    return values[allowed], below[allowed]


def _standardised(scores: FloatArray, marker: FloatArray, below: IntArray) -> FloatArray:
    """|sum of scores below a cut − its expectation| / SD, over random assignments of the scores to the patients."""
    sums = np.cumsum(scores[np.argsort(marker, kind="stable")])[below - 1]
    mean, sd = _permutation_moments(scores, below)
    return np.abs(sums - mean) / sd


def _permutation_moments(scores: FloatArray, sizes: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean and SD of the sum of ``sizes`` scores drawn without replacement."""
    n = len(scores)
    spread = n * np.sum(scores**2) - scores.sum() ** 2
    return sizes / n * scores.sum(), np.sqrt(sizes * (n - sizes) / (n**2 * (n - 1)) * spread)


def _subset_sums(scores: IntArray) -> FloatArray:
    """Probability (n − 1, Σ scores + 1) that m = 1 … n − 1 scores drawn without replacement add up to each sum."""
    n, total = len(scores), int(scores.sum())
    counts = np.zeros((n + 1, total + 1))
    counts[0, 0] = 1
    for score in scores:
        counts[1:, score:] += counts[:-1, : total + 1 - score].copy()
    return counts[1:n] / comb(n, np.arange(1, n))[:, None]


def _lau92(b: float, min_share: float, max_share: float) -> float:
    if b < 1:
        return 1.0
    density = math.exp(-(b**2) / 2) / math.sqrt(2 * math.pi)
    odds = max_share * (1 - min_share) / ((1 - max_share) * min_share)
    return max(0.0, 4 * density / b + density * (b - 1 / b) * math.log(odds))


def _lau94(b: float, n: int, below: IntArray) -> float:
    first, second = below[:-1], below[1:]
    t = np.sqrt(1 - first * (n - second) / ((n - first) * second))
    between = float(np.sum(math.exp(-(b**2) / 2) / math.pi * (t - (b**2 / 4 - 1) * t**3 / 6)))
    return min(1.0, two_sided_p(b) + between)
