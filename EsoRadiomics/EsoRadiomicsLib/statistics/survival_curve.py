"""The survival that a Cox model predicts for one patient over time, with limits; needs no more than NumPy.

With H0, its variance and x̄ (the mean of the variables among those at risk) at linear predictor 0, H(t | x) = e^lp·H0(t)
has the variance e^2lp·[var H0(t) + d'·V·d], d = ∫ (x − x̄(u)) dH0(u), V the coefficients' covariance (Tsiatis, Ann Stat
1981; R: ``survfit.coxph``). The limits are those of ln H: they stay within 0 and 1 (R: ``conf.type = "log-log"``).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .inputs import FloatArray

_Z95 = NormalDist().inv_cdf(0.975)
_LARGEST_PREDICTOR = 500.0


@dataclass(frozen=True)
class PredictedSurvival:
    """A step function: ``survival`` (K,) from ``time`` (K,) on, which begins with 1 at 0; 95 % limits at each time."""

    time: FloatArray
    survival: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, eq=False)
class HazardCurve:
    """What the curve of any patient needs, for a model of p variables with K times of an event.

    Attributes:
        time: (K,), rising.
        hazard, variance: (K,), cumulative hazard at linear predictor 0 and its variance with the coefficients known.
        drift: (K, p), ∫ x̄ dH0.
        covariance: (p, p), of the coefficients.
        last_follow_up: nothing is known of later times.
    """

    time: FloatArray
    hazard: FloatArray
    variance: FloatArray
    drift: FloatArray
    covariance: FloatArray
    last_follow_up: float

    def of(self, x: FloatArray, linear_predictor: float) -> PredictedSurvival:
        """The survival of a patient with the variables ``x`` (p,), up to the last follow-up."""
        factor = np.exp(min(linear_predictor, _LARGEST_PREDICTOR))
        hazard = factor * self.hazard
        with np.errstate(all="ignore"):  # a patient, or a card, beyond all numbers: nothing is known, see below
            lower, upper = log_log_limits(hazard, factor * self._se(x, slice(None)), _Z95)
        time = np.append(self.time, self.last_follow_up)
        steps = (np.concatenate([[1.0], values, values[-1:]]) for values in (np.exp(-hazard), lower, upper))
        return PredictedSurvival(np.append(0.0, time), *steps)

    def survival(self, linear_predictors: FloatArray, times: FloatArray) -> FloatArray:
        """Survival (n, m) of n patients at ``times`` (m,) up to the last follow-up."""
        hazard = np.append(0.0, self.hazard)[np.searchsorted(self.time, times, side="right")]
        return np.exp(-np.exp(np.minimum(linear_predictors, _LARGEST_PREDICTOR))[:, None] * hazard)

    def at(self, time: float, x: FloatArray, linear_predictors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Cumulative hazard (n,) and its standard error (n,) at one time, of patients ``x`` (n, p)."""
        k = int(np.searchsorted(self.time, time, side="right")) - 1
        factor = np.exp(linear_predictors)
        if k < 0:
            return 0 * factor, 0 * factor
        return factor * self.hazard[k], factor * self._se(x, k)

    def _se(self, x: FloatArray, k: int | slice) -> FloatArray:
        """Standard error of the cumulative hazard, but for the factor e^lp."""
        lever = x * np.expand_dims(self.hazard[k], -1) - self.drift[k]
        return np.sqrt(self.variance[k] + np.einsum("...j,jk,...k->...", lever, self.covariance, lever))


def log_log_limits(hazard: FloatArray, se: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    """Lower and upper limits of the survival exp(−hazard), from ``z`` standard errors of ln hazard.

    They are 0 and 1 where the standard error is no number.
    """
    reach = z * se / np.maximum(hazard, np.finfo(float).tiny)
    lower, upper = np.exp(-hazard * np.exp(reach)), np.exp(-hazard * np.exp(-reach))
    return np.nan_to_num(lower, nan=0.0), np.nan_to_num(upper, nan=1.0)
