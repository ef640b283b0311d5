"""One model from several: Rubin's rules for models fitted to tables whose gaps were filled in several times.

D. B. Rubin, Multiple Imputation for Nonresponse in Surveys, 1987: with estimates Q and covariances U of M models,
estimate = mean of Q, covariance = mean of U + (1 + 1/M) × covariance of the Q (R: ``mice::pool``). Limits and p take
the normal distribution; with 20 imputations or more Rubin's t has over 75 degrees of freedom even where half of the
information is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from .cox import CoxModel, efron_baseline
from .inputs import FloatArray, Survival, select_columns
from .logistic import LogisticModel
from .survival_curve import HazardCurve

_UNKNOWN = (float("nan"), float("nan"))
"""A likelihood is of one table; models of several have none."""


def rubin(estimates: FloatArray, covariances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Estimate (k,) and covariance (k, k) from M of each, (M, k) and (M, k, k)."""
    m = len(estimates)
    mean = estimates.mean(axis=0)
    between = (estimates - mean).T @ (estimates - mean) / (m - 1)
    return mean, covariances.mean(axis=0) + (1 + 1 / m) * between


def pool_cox(models: Sequence[CoxModel], tables: Sequence[pd.DataFrame], outcome: Survival) -> CoxModel:
    """The Cox model of M ``models`` of the same variables, fitted to one of the ``tables`` (n, p) each.

    Its baseline hazard is the mean of those that belong to the pooled coefficients in each table.
    """
    first = models[0]
    beta, covariance = rubin(
        np.array([model.coefficients for model in models]), np.array([model.covariance for model in models])
    )
    baselines = [efron_baseline(outcome, select_columns(table, first.names) @ beta) for table in tables]
    return replace(
        first,
        coefficients=beta,
        covariance=covariance,
        log_likelihoods=_UNKNOWN,
        means=np.mean([model.means for model in models], axis=0),
        baseline=replace(baselines[0], hazard=np.mean([baseline.hazard for baseline in baselines], axis=0)),
    )


def pool_curves(curves: Sequence[HazardCurve]) -> HazardCurve:
    """What predicted curves need, of M tables with the same outcome and the pooled coefficients and covariance.

    To the mean variance of the baseline hazard comes (1 + 1/M) × that between the tables.
    """
    hazards = np.array([curve.hazard for curve in curves])
    return replace(
        curves[0],
        hazard=hazards.mean(axis=0),
        variance=np.mean([curve.variance for curve in curves], axis=0)
        + (1 + 1 / len(curves)) * hazards.var(axis=0, ddof=1),
        drift=np.mean([curve.drift for curve in curves], axis=0),
    )


def pool_logistic(models: Sequence[LogisticModel]) -> LogisticModel:
    """The logistic model of M ``models`` of the same variables."""
    beta, covariance = rubin(
        np.array([[model.intercept, *model.coefficients] for model in models]),
        np.array([model.covariance for model in models]),
    )
    return replace(
        models[0], intercept=float(beta[0]), coefficients=beta[1:], covariance=covariance, deviances=_UNKNOWN
    )
