"""The two likelihoods of the LASSO: Cox (Breslow ties, as glmnet) and logistic, as functions of the linear predictor.

Both are *profiles*: the Cox baseline hazard and the logistic intercept are already maximised out, so neither changes
when a constant is added to the linear predictor, and one solver serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import expit, logit

from .inputs import BoolArray, FloatArray, IntArray, Survival, binary

_MAX_STEPS = 200


class Expansion(NamedTuple):
    """A likelihood around one linear predictor (n,)."""

    value: float
    """Mean negative log-likelihood."""
    gradient: FloatArray
    """Its derivative (n,) by the linear predictor."""
    curvature: Callable[[FloatArray], FloatArray]
    """Features in rows, X (k, n) → X·∇²value·Xᵀ (k, k)."""
    intercept: float
    """What to add to the linear predictor for the log odds; 0 in a Cox model, which has none."""


class Likelihood(Protocol):
    """What the LASSO needs of an outcome of ``n`` patients."""

    n: int
    order: IntArray
    """The rows (n,) in the order in which this likelihood is fastest."""
    has_intercept: bool
    min_gain: float
    """glmnet ends a path when five λ explain less than this share more deviance."""

    def __call__(self, eta: FloatArray) -> Expansion: ...

    def __getitem__(self, rows: IntArray | BoolArray) -> Likelihood: ...

    def deviance(self, here: Expansion) -> float: ...


class CoxLikelihood:
    """Cox's partial likelihood with Breslow's treatment of tied events.

    Sums over risk sets are kept as logarithms, so that no linear predictor, however large, makes them 0 or infinite.
    """

    has_intercept = False
    min_gain = 1e-3

    def __init__(self, outcome: Survival) -> None:
        self.outcome = outcome
        self.n = len(outcome)
        # With the longest follow-up first, the risk set of an event time is every row down to the last of its ties.
        self.order = np.argsort(-outcome.time, kind="stable")
        in_order = bool((np.diff(self.order) > 0).all())
        self._sorted: slice | IntArray = slice(None) if in_order else self.order
        descending = -outcome.time[self.order]
        self._died = outcome.event[self.order].astype(np.float64)
        times, group = np.unique(descending, return_inverse=True)
        deaths = np.bincount(group, self._died)
        last_at_risk = np.searchsorted(descending, times, side="right") - 1
        self._deaths = deaths[deaths > 0]
        self._log_deaths, self._root_deaths = np.log(self._deaths), np.sqrt(self._deaths)
        self._last = last_at_risk[deaths > 0]
        self._first_event = np.searchsorted(self._last, np.arange(self.n))
        self._saturated = -float(self._deaths @ self._log_deaths)

    def __getitem__(self, rows: IntArray | BoolArray) -> CoxLikelihood:
        return CoxLikelihood(self.outcome[rows])

    def __call__(self, eta: FloatArray) -> Expansion:
        ordered = eta[self._sorted]
        log_at_risk = np.logaddexp.accumulate(ordered)[self._last]
        # Breslow's cumulative hazard of each row: the events of times at which it was still at risk.
        log_hazard = np.full(len(self._deaths) + 1, -np.inf)
        np.logaddexp.accumulate((self._log_deaths - log_at_risk)[::-1], out=log_hazard[-2::-1])
        expected = np.exp(ordered + log_hazard[self._first_event])
        gradient = np.empty(self.n)
        gradient[self._sorted] = (expected - self._died) / self.n

        def curvature(features: FloatArray) -> FloatArray:
            x = features[:, self._sorted]
            relative = np.exp(ordered - ordered.max())
            # Where a risk set underflows its mean counts as 0: the curvature is then too large, never too small.
            at_risk = np.maximum(np.cumsum(relative)[self._last], np.finfo(float).tiny)
            means = np.cumsum(relative * x, axis=1)[:, self._last] * (self._root_deaths / at_risk)
            spread = np.sqrt(expected) * x
            return (spread @ spread.T - means @ means.T) / self.n

        log_likelihood = self._died @ ordered - self._deaths @ log_at_risk
        return Expansion(-float(log_likelihood) / self.n, gradient, curvature, 0.0)

    def deviance(self, here: Expansion) -> float:
        """2·(l_saturated − l), with l_saturated = −Σ d·ln d over tied events (glmnet's ``coxnet.deviance``)."""
        return 2 * (self._saturated + self.n * here.value)

    def deviances(self, eta: FloatArray) -> FloatArray:
        """The deviance (L,) of each column of ``eta`` (n, L)."""
        ordered = eta[self._sorted]
        log_at_risk = np.logaddexp.accumulate(ordered)[self._last]
        return 2 * (self._saturated - self._died @ ordered + self._deaths @ log_at_risk)


class LogisticLikelihood:
    """The Bernoulli likelihood of ``outcome`` (n,) with the intercept that fits best for each linear predictor."""

    has_intercept = True
    min_gain = 1e-5

    def __init__(self, outcome: BoolArray) -> None:
        self.outcome = binary(outcome)
        self.n = len(outcome)
        self.order: IntArray = np.arange(self.n)
        self._y = self.outcome.astype(np.float64)

    def __getitem__(self, rows: IntArray | BoolArray) -> LogisticLikelihood:
        return LogisticLikelihood(self.outcome[rows])

    def __call__(self, eta: FloatArray) -> Expansion:
        intercept, probability = self._profile(eta)
        log_odds = eta + intercept
        weight = probability * (1 - probability)

        def curvature(features: FloatArray) -> FloatArray:
            # Centring by the weighted mean is what profiling the intercept does to the second derivative.
            means = features @ weight / max(float(weight.sum()), np.finfo(float).tiny)
            spread = np.sqrt(weight) * (features - means[:, None])
            return spread @ spread.T / self.n

        value = float(np.logaddexp(0, log_odds).sum() - self._y @ log_odds) / self.n
        return Expansion(value, (probability - self._y) / self.n, curvature, intercept)

    def deviance(self, here: Expansion) -> float:
        """−2·log-likelihood: the saturated model of a 0/1 outcome has likelihood 1."""
        return 2 * self.n * here.value

    def intercept(self, eta: FloatArray) -> float:
        """The intercept at which predicted and observed events agree in number."""
        return self._profile(eta)[0]

    def _profile(self, eta: FloatArray) -> tuple[float, FloatArray]:
        """That intercept and the probabilities (n,) with it.

        By Newton's steps, kept between two ends at which every single probability is below, or above, the rate.
        """
        events = float(self._y.sum())
        middle = float(logit(events / self.n))
        low, high = middle - float(eta.max()) - 1e-3, middle - float(eta.min()) + 1e-3
        intercept = middle - float(eta.sum()) / self.n
        for _ in range(_MAX_STEPS):
            probability = expit(eta + intercept)
            excess = float(probability.sum()) - events
            if abs(excess) < 1e-12 * self.n:
                break
            low, high = (low, intercept) if excess > 0 else (intercept, high)
            slope = float(probability @ (1 - probability))
            newton = intercept - excess / slope if slope > 0 else np.inf
            intercept = newton if low < newton < high else (low + high) / 2
        return intercept, probability
