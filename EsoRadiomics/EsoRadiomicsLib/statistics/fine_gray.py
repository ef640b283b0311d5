"""Fine and Gray's model of a cumulative incidence: proportional hazards of the subdistribution (JASA 1999).

Who had a competing event stays at risk, with the weight G(t−)/G(T−) of not having been censored since (cmprsk ``crr``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..core.errors import InputError
from .censoring import Censoring
from .competing import Competing
from .cox import Baseline
from .estimate import cluster_sums, two_sided_p, z_value
from .inputs import FloatArray, check_independent, feature_matrix, select_columns

_MAX_STEPS = 50


@dataclass(frozen=True)
class FineGrayModel:
    """A model of p variables; a coefficient is the log ratio of subdistribution hazards per unit of its variable.

    ``baseline`` is the cumulative subdistribution hazard at linear predictor 0 (Breslow); ``means`` (p,) are the
    variables'.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    covariance: FloatArray = field(repr=False)
    n: int
    n_events: int
    n_competing: int
    means: FloatArray
    baseline: Baseline = field(repr=False)

    @property
    def se(self) -> FloatArray:
        """Standard errors (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def p(self) -> FloatArray:
        """Two-sided p (p,) of each coefficient by Wald's test."""
        return np.array([two_sided_p(z) for z in self.coefficients / self.se])

    def hazard_ratios(self, level: float = 0.95) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Subdistribution hazard ratios (p,) with their limits."""
        reach = z_value(level) * self.se
        return np.exp(self.coefficients), np.exp(self.coefficients - reach), np.exp(self.coefficients + reach)

    def linear_predictor(self, features: pd.DataFrame) -> FloatArray:
        """Σ β·x (n,) of any patients, by column name."""
        return select_columns(features, self.names) @ self.coefficients

    def incidence(self, features: pd.DataFrame, times: npt.ArrayLike) -> FloatArray:
        """Probability (n, m) of the event by ``times`` (m,): 1 − exp(−H0·e^lp)."""
        return 1 - self.survival(self.linear_predictor(features), times)

    def survival(self, linear_predictor: FloatArray, times: npt.ArrayLike) -> FloatArray:
        """1 minus the incidence, exp(−H0(t)·e^lp) (n, m), of n linear predictors at m times."""
        return np.exp(-np.exp(np.minimum(linear_predictor, 500.0))[:, None] * self.baseline.at(times))


def fit_fine_gray(features: pd.DataFrame, outcome: Competing, clusters: npt.ArrayLike | None = None) -> FineGrayModel:
    """Fit ``features`` (n, p), any scale, to the incidence of cause 1; tied events as Breslow's.

    The covariance is Fine and Gray's sandwich, which counts the estimation of G; with ``clusters`` (n,) it sums over
    the rows of a patient. Raise InputError as :func:`.cox.fit_cox` does.
    """
    names, x = feature_matrix(features, len(outcome))
    check_independent(names, x)
    n_events = int((outcome.cause == 1).sum())
    if n_events <= len(names):
        raise InputError(f"{n_events} events are too few for a model of {len(names)} variables; leave variables out.")
    means, spread = x.mean(axis=0), x.std(axis=0)
    risk_sets = _RiskSets((x - means) / spread, outcome)
    beta = np.zeros(len(names))
    for _ in range(_MAX_STEPS):
        gradient, information = risk_sets.derivatives(beta)
        if np.linalg.cond(information) > 1e12 or np.abs(beta).max() > 20:
            break
        step = np.linalg.solve(information, gradient)
        value = risk_sets.log_likelihood(beta)
        while risk_sets.log_likelihood(beta + step) < value - 1e-10 * abs(value):
            step = step / 2
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    else:
        step = np.ones(1)
    if np.abs(step).max() >= 1e-10:
        worst = names[int(np.abs(beta).argmax())]
        raise InputError(
            f"The model has no finite hazard ratio for '{worst}': all events, or none, fall on one side of it. Leave "
            "it out or merge its categories."
        )
    _, information = risk_sets.derivatives(beta)
    scores = risk_sets.scores(beta)
    if clusters is not None:
        scores = cluster_sums(scores, clusters)
    influence = scores @ np.linalg.inv(information) / spread
    coefficients = beta / spread
    hazard = np.cumsum(risk_sets.hazard_steps(beta)) * np.exp(-float(means @ coefficients))
    return FineGrayModel(
        names=names,
        coefficients=coefficients,
        covariance=influence.T @ influence,
        n=len(outcome),
        n_events=n_events,
        n_competing=int((outcome.cause > 1).sum()),
        means=means,
        baseline=Baseline(risk_sets.times, hazard, float(outcome.time.max())),
    )


class _RiskSets:
    """Weights (K, n) of all patients at the K distinct times of the event."""

    def __init__(self, x: FloatArray, outcome: Competing) -> None:
        self._x, self._outcome = x, outcome
        event, competed = outcome.cause == 1, outcome.cause > 1
        self.times, of_time = np.unique(outcome.time[event], return_inverse=True)
        self._event_time = np.searchsorted(self.times, outcome.time)
        self._event = event
        self._deaths = np.bincount(of_time).astype(np.float64)
        uncensored = Censoring(outcome.any_event)
        weight = (outcome.time >= self.times[:, None]).astype(np.float64)
        still = uncensored.before(self.times)[:, None] / uncensored.before(outcome.time)
        after = (outcome.time < self.times[:, None]) & competed
        weight[after] = still[after]
        self._weight, self._after = weight, after

    def log_likelihood(self, beta: FloatArray) -> float:
        eta, total, _ = self._sums(beta)
        return float(eta[self._event].sum() - self._deaths @ np.log(total))

    def derivatives(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradient (p,) and information (p, p)."""
        eta, total, mean = self._sums(beta)
        gradient = self._x[self._event].sum(axis=0) - self._deaths @ mean
        expected = np.exp(eta) * ((self._deaths / total) @ self._weight)
        information = self._x.T @ (expected[:, None] * self._x) - mean.T @ (self._deaths[:, None] * mean)
        return gradient, information

    def hazard_steps(self, beta: FloatArray) -> FloatArray:
        """Breslow's steps (K,) of the subdistribution hazard."""
        return self._deaths / self._sums(beta)[1]

    def scores(self, beta: FloatArray) -> FloatArray:
        """Each patient's part (n, p) of the gradient, with what it adds to the estimate of G (Fine & Gray, η + ψ)."""
        eta, total, mean = self._sums(beta)
        hazard = self._deaths / total
        relative = np.exp(eta)
        own = np.zeros_like(self._x)
        own[self._event] = self._x[self._event] - mean[self._event_time[self._event]]
        compensator = self._weight * hazard[:, None] * relative
        own -= self._x * compensator.sum(axis=0)[:, None] - compensator.T @ mean

        # ψ: a censoring at u lowers the weights, after u, of those whose competing event came before.
        time, censored = self._outcome.time, self._outcome.cause == 0
        moments = np.unique(time[censored])[:, None]
        at_risk = (time >= moments).sum(axis=1, keepdims=True)
        at_moment = (time == moments) & censored
        martingale = at_moment - (time >= moments) * at_moment.sum(axis=1, keepdims=True) / at_risk
        before = (self._outcome.cause > 1) & (time <= moments)
        first_later = np.searchsorted(self.times, moments[:, 0], side="right")
        for column in range(self._x.shape[1]):
            loss = np.where(self._after, compensator * (self._x[:, column] - mean[:, [column]]), 0.0)
            to_come = np.vstack([np.cumsum(loss[::-1], axis=0)[::-1], np.zeros(len(time))])
            lever = (to_come[first_later] * before).sum(axis=1, keepdims=True)
            own[:, column] += (martingale * lever / at_risk).sum(axis=0)
        return own

    def _sums(self, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Linear predictors (n,), weighted sums (K,) of their exponentials, and weighted means (K, p)."""
        eta = self._x @ beta
        weighted = self._weight * np.exp(eta)
        total = np.maximum(weighted.sum(axis=1), np.finfo(float).tiny)
        return eta, total, weighted @ self._x / total[:, None]
