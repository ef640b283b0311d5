"""Limits of agreement of two readings of one feature (Bland & Altman)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from ..core.errors import InputError
from .icc import CONFIDENCE, MIN_CASES

Interval = tuple[float, float]


@dataclass(frozen=True)
class BlandAltman:
    """Bias and 95 % limits of agreement with their 95 % confidence intervals, in the feature's own unit.

    Attributes:
        n: cases with both readings.
        bias: mean difference, first reading minus second.
        sd: standard deviation of the differences (n − 1).
        lower, upper: limits of agreement, bias ∓ 1.96 sd.
        bias_ci, lower_ci, upper_ci: confidence intervals of these three.
    """

    n: int
    bias: float
    sd: float
    lower: float
    upper: float
    bias_ci: Interval
    lower_ci: Interval
    upper_ci: Interval


def bland_altman(first: ArrayLike, second: ArrayLike) -> BlandAltman:
    """Limits of agreement of the cases that have both readings.

    Variance of a limit: sd²·(1/n + 1.96²/(2(n − 1))), with Student's t for the intervals (Bland & Altman, Lancet
    1986;i:307 and Stat Methods Med Res 1999;8:135).

    Args:
        first, second: (cases,); NaN where a reading is missing.

    Raises:
        InputError: fewer than three cases with both readings.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    difference = difference[np.isfinite(difference)]
    n = len(difference)
    if n < MIN_CASES:
        raise InputError(f"Limits of agreement need at least three cases with both readings; there are {n}.")
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    tail = (1 + CONFIDENCE) / 2
    z, t = float(ndtri(tail)), float(stdtrit(n - 1, tail))
    of_bias = t * sd / np.sqrt(n)
    of_limit = t * sd * np.sqrt(1 / n + z**2 / (2 * (n - 1)))
    lower, upper = bias - z * sd, bias + z * sd
    return BlandAltman(
        n=n,
        bias=bias,
        sd=sd,
        lower=lower,
        upper=upper,
        bias_ci=(bias - of_bias, bias + of_bias),
        lower_ci=(lower - of_limit, lower + of_limit),
        upper_ci=(upper - of_limit, upper + of_limit),
    )
