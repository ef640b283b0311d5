"""The two likelihoods of the LASSO: Cox (Breslow ties, as glmnet) and logistic, as functions of the linear predictor.

Both are *profiles*: the Cox baseline hazard and the logistic intercept are already maximised out, so neither changes
when a constant is added to the linear predictor, and one solver serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from .inputs import BoolArray, FloatArray, IntArray, Survival, binary


class Expansion(NamedTuple):
    """A likelihood around one linear predictor (n,)."""

    value: float
    """Mean negative log-likelihood."""
    gradient: FloatArray
    """Its derivative (n,) by the linear predictor."""
    curvature: Callable[[FloatArray], FloatArray]
    """X (n, k) → Xᵀ·∇²value·X (k, k)."""
    intercept: float
    """What to add to the linear predictor for the log odds; 0 in a Cox model, which has none."""


class Likelihood(Protocol):
    """What the LASSO needs of an outcome of ``n`` patients."""

    n: int
    min_gain: float
    """glmnet ends a path when five λ explain less than this share more deviance."""

    def __call__(self, eta: FloatArray) -> Expansion: ...

    def __getitem__(self, rows: IntArray | BoolArray) -> Likelihood: ...

    def deviance(self, here: Expansion) -> float: ...


class CoxLikelihood:
    """Cox's partial likelihood with Breslow's treatment of tied events."""

    min_gain = 1e-3

    def __init__(self, outcome: Survival) -> None:
        self.outcome = outcome
        self.n = len(outcome)
        # With the longest follow-up first, the risk set of an event time is every row down to the last of its ties.
        self._order = np.argsort(-outcome.time, kind="stable")
        descending = -outcome.time[self._order]
        self._died = outcome.event[self._order].astype(np.float64)
        times, group = np.unique(descending, return_inverse=True)
        deaths = np.bincount(group, self._died)
        last_at_risk = np.searchsorted(descending, times, side="right") - 1
        self._deaths = deaths[deaths > 0]
        self._last = last_at_risk[deaths > 0]
        self._first_event = np.searchsorted(self._last, np.arange(self.n))
        self._saturated = -float(np.sum(self._deaths * np.log(self._deaths)))

    def __getitem__(self, rows: IntArray | BoolArray) -> CoxLikelihood:
        return CoxLikelihood(self.outcome[rows])

    def __call__(self, eta: FloatArray) -> Expansion:
        ordered = eta[self._order]
        shift = float(ordered.max())
        relative = np.exp(ordered - shift)
        at_risk = np.cumsum(relative)[self._last]
        log_likelihood = self._died @ ordered - self._deaths @ (np.log(at_risk) + shift)
        # Breslow's cumulative hazard of each row: the events of times at which it was still at risk.
        hazard = np.append(np.cumsum((self._deaths / at_risk)[::-1])[::-1], 0.0)[self._first_event]
        expected = relative * hazard
        gradient = np.empty(self.n)
        gradient[self._order] = (expected - self._died) / self.n

        def curvature(columns: FloatArray) -> FloatArray:
            x = columns[self._order]
            spread = np.sqrt(expected)[:, None] * x
            means = np.cumsum(relative[:, None] * x, axis=0)[self._last] / at_risk[:, None]
            between = np.sqrt(self._deaths)[:, None] * means
            return (spread.T @ spread - between.T @ between) / self.n

        return Expansion(-log_likelihood / self.n, gradient, curvature, 0.0)

    def deviance(self, here: Expansion) -> float:
        """2·(l_saturated − l), with l_saturated = −Σ d·ln d over tied events (glmnet's ``coxnet.deviance``)."""
        return 2 * (self._saturated + self.n * here.value)


class LogisticLikelihood:
    """The Bernoulli likelihood of ``outcome`` (n,) with the intercept that fits best for each linear predictor."""

    min_gain = 1e-5

    def __init__(self, outcome: BoolArray) -> None:
        self.outcome = binary(outcome)
        self.n = len(outcome)
        self._y = outcome.astype(np.float64)

    def __getitem__(self, rows: IntArray | BoolArray) -> LogisticLikelihood:
        return LogisticLikelihood(self.outcome[rows])

    def __call__(self, eta: FloatArray) -> Expansion:
        intercept = self.intercept(eta)
        log_odds = eta + intercept
        probability = expit(log_odds)
        weight = probability * (1 - probability)

        def curvature(columns: FloatArray) -> FloatArray:
            # Centring by the weighted mean is what profiling the intercept does to the second derivative.
            centred = columns - weight @ columns / max(weight.sum(), np.finfo(float).tiny)
            spread = np.sqrt(weight)[:, None] * centred
            return spread.T @ spread / self.n

        value = float(np.mean(np.logaddexp(0, log_odds) - self._y * log_odds))
        return Expansion(value, (probability - self._y) / self.n, curvature, intercept)

    def deviance(self, here: Expansion) -> float:
        """−2·log-likelihood: the saturated model of a 0/1 outcome has likelihood 1."""
        return 2 * self.n * here.value

    def intercept(self, eta: FloatArray) -> float:
        """The intercept at which predicted and observed events agree in number."""
        rate = float(self._y.mean())

        def excess(intercept: float) -> float:
            return float(expit(eta + intercept).mean()) - rate

        # At these ends every single probability is below, or above, the rate.
        low, high = logit(rate) - eta.max() - 1e-3, logit(rate) - eta.min() + 1e-3
        return float(brentq(excess, low, high, xtol=1e-13))
