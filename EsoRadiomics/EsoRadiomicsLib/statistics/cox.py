"""Cox regression as R's ``coxph`` (Efron ties), and the baseline hazard and survival that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ..core.errors import InputError
from .efron import EfronLikelihood
from .estimate import cluster_sums, two_sided_p, z_value
from .inputs import FloatArray, Survival, check_independent, feature_matrix, select_columns
from .survival_curve import HazardCurve

_LARGEST_PREDICTOR = 500.0


@dataclass(frozen=True)
class Baseline:
    """Cumulative baseline hazard at linear predictor 0: steps ``hazard`` (K,) at the event times ``time`` (K,)."""

    time: FloatArray
    hazard: FloatArray
    last_follow_up: float

    def at(self, times: npt.ArrayLike) -> FloatArray:
        """H0 at ``times`` (m,); NaN beyond the last follow-up, where nothing was observed."""
        asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
        hazard = np.append(0.0, self.hazard)[np.searchsorted(self.time, asked, side="right")]
        return np.where(asked > self.last_follow_up, np.nan, hazard)

    def shifted(self, by: float) -> Baseline:
        """That of linear predictors which are smaller ``by`` so much."""
        return Baseline(self.time, self.hazard * np.exp(by), self.last_follow_up)


@dataclass(frozen=True)
class CoxModel:
    """A Cox model of p variables fitted to n patients; the linear predictor Σ β·x is not centred.

    ``log_likelihoods`` are those without and with the variables, ``means`` (p,) the variables' means. With
    ``n_clusters`` the covariance is robust to rows that belong together.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    covariance: FloatArray = field(repr=False)
    log_likelihoods: tuple[float, float]
    means: FloatArray
    n: int
    n_events: int
    baseline: Baseline = field(repr=False)
    n_clusters: int | None = None

    @property
    def se(self) -> FloatArray:
        """Standard errors (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def p(self) -> FloatArray:
        """Two-sided p (p,) of each coefficient by Wald's test."""
        return np.array([two_sided_p(z) for z in self.coefficients / self.se])

    @property
    def likelihood_ratio(self) -> tuple[float, float]:
        """χ² and p of the test that no variable matters."""
        chi2 = 2 * (self.log_likelihoods[1] - self.log_likelihoods[0])
        return chi2, float(stats.chi2.sf(chi2, len(self.names)))

    def hazard_ratios(self, level: float = 0.95) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Hazard ratios (p,) per unit of each variable, with their lower and upper confidence limits."""
        reach = z_value(level) * self.se
        return np.exp(self.coefficients), np.exp(self.coefficients - reach), np.exp(self.coefficients + reach)

    def linear_predictor(self, features: pd.DataFrame) -> FloatArray:
        """Σ β·x (n,) of any patients, by column name."""
        return select_columns(features, self.names) @ self.coefficients

    def survival(self, linear_predictor: FloatArray, times: npt.ArrayLike) -> FloatArray:
        """S(t | lp) = exp(−H0(t)·e^lp), (n, m) for n linear predictors and m times; NaN beyond the last follow-up."""
        return np.exp(-np.exp(np.minimum(linear_predictor, _LARGEST_PREDICTOR))[:, None] * self.baseline.at(times))


def fit_cox(features: pd.DataFrame, outcome: Survival, clusters: npt.ArrayLike | None = None) -> CoxModel:
    """Fit ``features`` (n, p), any scale, by maximum partial likelihood with Efron's treatment of ties (R's ``coxph``).

    ``clusters`` (n,) say which rows belong to one patient: coefficients stay, the covariance becomes the grouped
    jackknife's (Lin & Wei, JASA 1989; R: ``coxph(cluster = )``).

    Raise InputError for constant or linearly dependent variables, for more variables than events or clusters, and
    where the likelihood has no maximum because a variable separates the patients with the event from the others.
    """
    names, x = feature_matrix(features, len(outcome))
    check_independent(names, x)
    if outcome.n_events <= len(names):
        raise InputError(
            f"{outcome.n_events} events are too few for a Cox model of {len(names)} variables; leave variables out."
        )
    means, spread = x.mean(axis=0), x.std(axis=0)
    likelihood = EfronLikelihood((x - means) / spread, outcome)
    coefficients, fitted = likelihood.maximum(names)
    null = likelihood(np.zeros(len(names))).log_likelihood
    covariance = np.linalg.inv(fitted.information)
    n_clusters = None
    if clusters is not None:
        scores = cluster_sums(fitted.scores, clusters)
        n_clusters = len(scores)
        influence = scores @ covariance
        covariance = influence.T @ influence
    coefficients = coefficients / spread
    return CoxModel(
        names=names,
        coefficients=coefficients,
        covariance=covariance / np.outer(spread, spread),
        log_likelihoods=(null, fitted.log_likelihood),
        means=means,
        n=len(outcome),
        n_events=outcome.n_events,
        baseline=efron_baseline(outcome, x @ coefficients),
        n_clusters=n_clusters,
    )


def efron_baseline(outcome: Survival, linear_predictor: FloatArray) -> Baseline:
    """R's cumulative baseline hazard of an Efron fit (``basehaz``), at linear predictor 0.

    At a time with d events H0 grows by Σ_{l<d} 1 / (Σ_at risk e^lp − l/d·Σ_events e^lp).
    """
    if np.abs(linear_predictor).max() > _LARGEST_PREDICTOR:
        raise InputError(
            f"A linear predictor of {linear_predictor[np.abs(linear_predictor).argmax()]:.0f} is too far from 0 for a "
            "baseline hazard: subtract a typical value from the variables first (a year of birth, say, less 1950)."
        )
    relative = np.exp(linear_predictor)
    times = np.unique(outcome.time[outcome.event])
    steps = [np.sum(1 / at_risk) for at_risk in _sums_at_risk(relative[:, None], outcome, times)]
    return Baseline(times, np.cumsum(steps), float(outcome.time.max()))


def hazard_curve(x: FloatArray, outcome: Survival, coefficients: FloatArray, covariance: FloatArray) -> HazardCurve:
    """What the predicted survival curves of a model fitted to ``x`` (n, p) need; see :mod:`.survival_curve`."""
    relative = np.exp(x @ coefficients)[:, None]
    times = np.unique(outcome.time[outcome.event])
    sums = list(_sums_at_risk(np.hstack([relative, relative * x]), outcome, times))
    return HazardCurve(
        time=times,
        hazard=np.cumsum([np.sum(1 / each[:, 0]) for each in sums]),
        variance=np.cumsum([np.sum(1 / each[:, 0] ** 2) for each in sums]),
        drift=np.cumsum([np.sum(each[:, 1:] / each[:, :1] ** 2, axis=0) for each in sums], axis=0),
        covariance=covariance,
        last_follow_up=float(outcome.time.max()),
    )


def _sums_at_risk(values: FloatArray, outcome: Survival, times: FloatArray) -> Iterator[FloatArray]:
    """For each time with d events the sums (d, m) of ``values`` (n, m) over those at risk, less l/d of the dying."""
    for time in times:
        dying = values[outcome.event & (outcome.time == time)]
        gone = np.arange(len(dying))[:, None] / len(dying)
        yield values[outcome.time >= time].sum(axis=0) - gone * dying.sum(axis=0)
