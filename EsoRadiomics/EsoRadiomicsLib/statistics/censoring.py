"""The Kaplan–Meier curve G(t) of being uncensored: weights 1/G make up for patients lost to follow-up (IPCW)."""

from __future__ import annotations

import numpy as np

from .inputs import FloatArray, Survival
from .kaplan_meier import kaplan_meier


class Censoring:
    """G of one cohort; a competing event is no censoring.

    Where events and censorings share a time the events come first, as in prodlim and survival.
    """

    def __init__(self, outcome: Survival) -> None:
        outcome = outcome.ended
        curve = kaplan_meier(outcome)
        at_risk = np.maximum(curve.at_risk - curve.events, 1)
        self._outcome = outcome
        self._times = curve.time
        self._hazard = curve.censored / at_risk
        self._remaining = at_risk - curve.censored
        self._uncensored = np.append(1.0, np.cumprod(1 - self._hazard))

    def before(self, times: FloatArray) -> FloatArray:
        """G(t−): the probability of not having been censored before each of ``times``."""
        return self._uncensored[np.searchsorted(self._times, times, side="left")]

    def after(self, time: float) -> float:
        """G(t): the probability of not having been censored up to and including ``time``."""
        return float(self._uncensored[np.searchsorted(self._times, time, side="right")])

    def influence(self, loading: FloatArray, times: FloatArray) -> FloatArray:
        """Derivative (n,) of Σ loadingᵢ·ln G(timesᵢ−) by each patient's weight: what estimating G adds to an error.

        ``loading`` and ``times`` (m,). ln G = Σ ln(1 − c/Y), and a patient adds to the censored c at one time and to
        those at risk Y before it.
        """
        order = np.searchsorted(self._times, times, side="left")
        # later[k]: the loadings whose G contains the factor of time k.
        later = np.cumsum(np.bincount(order, loading, minlength=len(self._times) + 1)[::-1])[::-1][1:]
        share = np.divide(later, self._remaining, out=np.zeros(len(later)), where=self._remaining > 0)
        being_at_risk = np.append(0.0, np.cumsum(self._hazard * share))
        own = np.searchsorted(self._times, self._outcome.time)
        censored = ~self._outcome.event
        return being_at_risk[own + censored] - censored * share[own]
