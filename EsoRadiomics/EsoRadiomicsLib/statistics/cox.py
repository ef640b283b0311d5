"""Cox regression: inference by lifelines (Efron ties), and the baseline hazard and survival that belong to it in R."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ..core.errors import InputError
from ..core.optional import require
from .estimate import two_sided_p, z_value
from .inputs import FloatArray, Survival, check_independent, feature_matrix, select_columns

# ln HR per SD: an error of this size means that the likelihood has no maximum, not that the sample is small.
_DIVERGED = 10.0


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


@dataclass(frozen=True)
class CoxModel:
    """A Cox model of p variables fitted to n patients; the linear predictor Σ β·x is not centred.

    ``log_likelihoods`` are those without and with the variables, ``means`` (p,) the variables' means.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    covariance: FloatArray = field(repr=False)
    log_likelihoods: tuple[float, float]
    means: FloatArray
    n: int
    n_events: int
    baseline: Baseline = field(repr=False)

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
        return np.exp(-np.exp(linear_predictor)[:, None] * self.baseline.at(times))


def fit_cox(features: pd.DataFrame, outcome: Survival) -> CoxModel:
    """Fit ``features`` (n, p), any scale, by maximum partial likelihood with Efron's treatment of ties (R's ``coxph``).

    Raise InputError for constant or linearly dependent variables, for more variables than events, and where the
    likelihood has no maximum because a variable separates the patients with the event from the others.
    """
    names, x = feature_matrix(features, len(outcome))
    check_independent(names, x)
    if outcome.n_events <= len(names):
        raise InputError(
            f"{outcome.n_events} events are too few for a Cox model of {len(names)} variables; leave variables out."
        )
    columns = [f"x{k}" for k in range(len(names))]
    table = pd.DataFrame(x, columns=columns).assign(time=outcome.time, event=outcome.event)
    lifelines = require("lifelines", "modelling", "Building a model")
    try:
        with warnings.catch_warnings():
            # Its warnings are advice to programmers; what they hint at is checked below.
            warnings.simplefilter("ignore")
            # Its damped default steps end 1e-4 away from R; full Newton steps to the end agree to 1e-14.
            exact = {"precision": 1e-13, "r_precision": 0, "step_size": 1.0}
            fit = lifelines.CoxPHFitter().fit(table, "time", "event", fit_options=exact)
    except lifelines.exceptions.ConvergenceError as error:
        raise InputError(f"The Cox model of {', '.join(names)} does not converge ({error}).") from error
    coefficients = fit.params_[columns].to_numpy()
    covariance = fit.variance_matrix_.loc[columns, columns].to_numpy()
    error_per_sd = np.sqrt(np.diag(covariance)) * x.std(axis=0)
    if not (error_per_sd < _DIVERGED).all():
        worst = names[int(np.argmax(np.nan_to_num(error_per_sd, nan=np.inf)))]
        raise InputError(
            f"The Cox model has no finite hazard ratio for '{worst}': all events, or none, fall on one side of it. "
            "Leave it out or merge its categories."
        )
    fitted = float(fit.log_likelihood_)
    return CoxModel(
        names=names,
        coefficients=coefficients,
        covariance=covariance,
        log_likelihoods=(fitted - fit.log_likelihood_ratio_test().test_statistic / 2, fitted),
        means=x.mean(axis=0),
        n=len(outcome),
        n_events=outcome.n_events,
        baseline=efron_baseline(outcome, x @ coefficients),
    )


def efron_baseline(outcome: Survival, linear_predictor: FloatArray) -> Baseline:
    """R's cumulative baseline hazard of an Efron fit (``basehaz``), at linear predictor 0.

    At a time with d events H0 grows by Σ_{l<d} 1 / (Σ_at risk e^lp − l/d·Σ_events e^lp).
    """
    relative = np.exp(linear_predictor)
    times = np.unique(outcome.time[outcome.event])
    steps = []
    for time in times:
        dying = relative[outcome.event & (outcome.time == time)]
        at_risk = relative[outcome.time >= time].sum()
        removed = np.arange(len(dying)) / len(dying) * dying.sum()
        steps.append(np.sum(1 / (at_risk - removed)))
    return Baseline(times, np.cumsum(steps), float(outcome.time.max()))
