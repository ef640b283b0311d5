"""Logistic regression by maximum likelihood, with the standard errors that scikit-learn does not give (R's ``glm``)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from ..core.errors import InputError
from .estimate import cluster_sums, two_sided_p, z_value
from .inputs import FloatArray, binary, check_independent, feature_matrix, select_columns

_MAX_STEPS = 50
# Log odds per SD: an error of this size means that the likelihood has no maximum, not that the sample is small.
_DIVERGED = 10.0


@dataclass(frozen=True)
class LogisticModel:
    """A logistic model of p variables fitted to n patients; ``covariance`` (p + 1, p + 1) has the intercept first.

    ``deviances`` are those without and with the variables. With ``n_clusters`` the covariance is robust to rows that
    belong together.
    """

    names: tuple[str, ...]
    intercept: float
    coefficients: FloatArray
    covariance: FloatArray = field(repr=False)
    deviances: tuple[float, float]
    n: int
    n_events: int
    n_clusters: int | None = None

    @property
    def se(self) -> FloatArray:
        """Standard errors (p + 1,), that of the intercept first."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def p(self) -> FloatArray:
        """Two-sided p (p,) of each coefficient by Wald's test."""
        return np.array([two_sided_p(z) for z in self.coefficients / self.se[1:]])

    @property
    def likelihood_ratio(self) -> tuple[float, float]:
        """χ² and p of the test that no variable matters."""
        chi2 = self.deviances[0] - self.deviances[1]
        return chi2, float(stats.chi2.sf(chi2, len(self.names)))

    def odds_ratios(self, level: float = 0.95) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Odds ratios (p,) per unit of each variable, with their lower and upper confidence limits."""
        reach = z_value(level) * self.se[1:]
        return np.exp(self.coefficients), np.exp(self.coefficients - reach), np.exp(self.coefficients + reach)

    def linear_predictor(self, features: pd.DataFrame) -> FloatArray:
        """Log odds (n,) of any patients, by column name."""
        return self.intercept + select_columns(features, self.names) @ self.coefficients

    def probability(self, features: pd.DataFrame) -> FloatArray:
        """Probability (n,) of the outcome in any patients, by column name."""
        return expit(self.linear_predictor(features))


def fit_logistic(
    features: pd.DataFrame, outcome: npt.ArrayLike, clusters: npt.ArrayLike | None = None
) -> LogisticModel:
    """Fit ``features`` (n, p), any scale, to ``outcome`` (n,) coded 0/1.

    ``clusters`` (n,) say which rows belong to one patient: coefficients stay, the covariance becomes Huber and White's
    over clusters (rms ``robcov``; sandwich ``vcovCL`` without its small-sample factor).

    Raise InputError for constant or linearly dependent variables, for fewer patients of either outcome than
    variables, and where the variables separate the two outcomes, so that no finite odds ratio fits best.
    """
    event = binary(outcome)
    names, x = feature_matrix(features, len(event))
    fewer = min(int(event.sum()), int((~event).sum()))
    if fewer <= len(names):
        raise InputError(
            f"{fewer} patients of the rarer outcome are too few for a logistic model of {len(names)} variables; leave "
            "variables out."
        )
    check_independent(names, x)
    means, spread = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(len(x)), (x - means) / spread])
    beta, covariance = _newton(names, design, event)
    n_clusters = None
    if clusters is not None:
        scores = cluster_sums((event - expit(design @ beta))[:, None] * design, clusters)
        n_clusters = len(scores)
        influence = scores @ covariance
        covariance = influence.T @ influence
    # Back from z-scores to the variables' own units.
    to_raw = np.diag(np.append(1.0, 1 / spread))
    to_raw[0, 1:] = -means / spread
    beta = to_raw @ beta
    rate = float(event.mean())
    return LogisticModel(
        names=names,
        intercept=float(beta[0]),
        coefficients=beta[1:],
        covariance=to_raw @ covariance @ to_raw.T,
        deviances=(_deviance(np.full(len(x), logit(rate)), event), _deviance(beta[0] + x @ beta[1:], event)),
        n=len(event),
        n_events=int(event.sum()),
        n_clusters=n_clusters,
    )


def _newton(names: tuple[str, ...], design: FloatArray, event: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Coefficients and covariance for a ``design`` (n, p + 1) of an intercept and z-scores."""
    beta = np.zeros(design.shape[1])
    beta[0] = logit(event.mean())
    deviance = _deviance(design @ beta, event)
    for _ in range(_MAX_STEPS):
        probability = expit(design @ beta)
        information = design.T @ ((probability * (1 - probability))[:, None] * design)
        if 1 / np.linalg.cond(information) < 1e-12:
            break
        covariance = np.linalg.inv(information)
        error_per_sd = np.sqrt(np.diag(covariance))
        if error_per_sd.max() > _DIVERGED:
            break
        step = covariance @ (design.T @ (event - probability))
        if np.abs(step).max() < 1e-10:
            return beta + step, covariance
        while _deviance(design @ (beta + step), event) > deviance * (1 + 1e-12):
            step /= 2
        beta = beta + step
        deviance = _deviance(design @ beta, event)
    suspect = names[int(np.abs(beta[1:]).argmax())]
    raise InputError(
        f"The logistic model of {', '.join(names)} has no finite odds ratios: its variables, above all '{suspect}', "
        "separate the patients with the outcome from those without. Leave variables out or merge categories."
    )


def _deviance(log_odds: FloatArray, event: npt.NDArray[np.bool_]) -> float:
    return float(2 * np.sum(np.logaddexp(0, log_odds) - event * log_odds))
