"""IBEX's intensity histogram: statistics of the CT numbers in the ROI, and percentiles of its binned histogram."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def bin_probabilities(values: np.ndarray, limits: tuple[float, float], n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres and probabilities of the bins, as IBEX takes them from MATLAB's ``hist``.

    ``n_bins`` + 1 centres from limit to limit; a bin reaches from the middle between two centres, without it, to the
    next, with it. An end bin that also holds values beyond the limits is left out, but its voxels count in the
    denominator.
    """
    centres = np.linspace(*limits, n_bins + 1)
    bins = np.searchsorted((centres[1:] + centres[:-1]) / 2, values, side="left")
    p = np.bincount(bins, minlength=centres.size) / values.size
    inside = slice(int(centres[0] > values.min()), centres.size - int(centres[-1] < values.max()))
    return centres[inside], p[inside]


def percentile(values: np.ndarray, percent: float) -> float:
    """MATLAB's ``prctile``: the k-th of n sorted values is the 100 (k − ½)/n percentile, linear in between."""
    return float(np.percentile(values, percent, method="hazen"))


def percentile_area(centres: np.ndarray, p: np.ndarray, percent: float) -> float:
    """The CT number below which ``percent`` of the histogram lies, linear between bin centres.

    NaN where the first bin alone holds more: IBEX does not extrapolate.
    """
    cumulative = np.cumsum(p)
    cumulative = cumulative * 100 / cumulative[-1]
    distinct, first = np.unique(cumulative, return_index=True)
    return float(np.interp(percent, distinct, centres[first], left=np.nan, right=np.nan))


def _moment(values: np.ndarray, power: int) -> float:
    """The standardised central moment with divisor n; NaN where all values are equal."""
    centred = values - values.mean()
    spread = float(np.sqrt((centred**2).mean()))
    return float((centred**power).mean() / spread**power) if spread > 0 else np.nan


def kurtosis(values: np.ndarray) -> float:
    """Fourth moment, not “excess”: 3 for a normal distribution (PyRadiomics' first-order Kurtosis)."""
    return _moment(values, 4)


HISTOGRAM_FORMULAS: dict[str, Callable[[np.ndarray], float]] = {
    "InterQuartileRange": lambda x: percentile(x, 75) - percentile(x, 25),
    "Kurtosis": kurtosis,
    "MeanAbsoluteDeviation": lambda x: float(np.abs(x - x.mean()).mean()),
    "MedianAbsoluteDeviation": lambda x: float(np.median(np.abs(x - np.median(x)))),
    "Range": lambda x: float(np.ptp(x)),
    "Skewness": lambda x: _moment(x, 3),
}
