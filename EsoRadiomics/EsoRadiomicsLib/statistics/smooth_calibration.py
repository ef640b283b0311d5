"""Smooth calibration: the observed risk as a curve of the predicted one, and how far the two lie apart on average.

Austin, Harrell & van Klaveren, Stat Med 2020 (survival), and rms ``val.prob``'s idea for binary outcomes: the outcome
is modelled on a restricted cubic spline of the predictions, so that no groups have to be cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from ..core.errors import InputError
from .competing import causes
from .cox import fit_cox, hazard_curve
from .estimate import z_value
from .fine_gray import fit_fine_gray
from .inputs import FloatArray, Survival, binary, numbers
from .logistic import fit_logistic
from .splines import restricted_cubic, spline_knots
from .survival_curve import log_log_limits

_GRID = 100
_MANY_EVENTS = 100
_EDGE = 1e-6


@dataclass(frozen=True)
class SmoothCalibration:
    """Risks of the event, from the lowest to the highest predicted one: ``predicted`` against ``observed`` (G,).

    ``lower`` and ``upper`` (G,) are pointwise limits of the curve. Over the n patients |observed − predicted| has the
    mean ``ici``, the median ``e50``, the 90th percentile ``e90`` and the maximum ``emax``.
    """

    predicted: FloatArray
    observed: FloatArray
    lower: FloatArray
    upper: FloatArray
    ici: float
    e50: float
    e90: float
    emax: float


def smooth_survival_calibration(
    outcome: Survival,
    survival: npt.ArrayLike,
    time: float,
    clusters: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> SmoothCalibration:
    """Of the predicted ``survival`` (n,) at ``time``: a Cox model on a spline of ln(−ln S).

    Where events compete it is Fine and Gray's model, without limits (Austin et al., Diagn Progn Res 2022;6:2).
    Raise InputError where nobody was followed to ``time`` or the predictions hardly differ.
    """
    risk = 1 - numbers(survival, "the predicted survival", len(outcome))
    if time > outcome.time.max():
        raise InputError(f"Nobody was followed up to time {time:g}, so no prediction can be checked there.")
    grid = np.linspace(risk.min(), risk.max(), _GRID)
    basis = _Basis(_complementary_log_log(risk), outcome.n_events)
    table = basis(_complementary_log_log(risk))
    if outcome.competed is not None:
        incidence = fit_fine_gray(table, causes(outcome), clusters)
        observed, curve = (
            incidence.incidence(rows, time)[:, 0] for rows in (table, basis(_complementary_log_log(grid)))
        )
        unknown = np.full(_GRID, np.nan)
        return _summary(risk, observed, grid, curve, unknown, unknown)
    model = fit_cox(table, outcome, clusters)
    curves = hazard_curve(table.to_numpy(), outcome, model.coefficients, model.covariance)
    hazard, _ = curves.at(time, table.to_numpy(), model.linear_predictor(table))
    along = basis(_complementary_log_log(grid))
    curve, se = curves.at(time, along.to_numpy(), model.linear_predictor(along))
    worst, best = log_log_limits(curve, se, z_value(level))
    return _summary(risk, -np.expm1(-hazard), grid, -np.expm1(-curve), 1 - best, 1 - worst)


def smooth_binary_calibration(
    outcome: npt.ArrayLike, probability: npt.ArrayLike, clusters: npt.ArrayLike | None = None, level: float = 0.95
) -> SmoothCalibration:
    """Of the predicted ``probability`` (n,) of an ``outcome`` (n,) coded 0/1: a logistic model on its log odds' spline.

    Raise InputError where the predictions hardly differ or separate the outcomes.
    """
    event = binary(outcome)
    risk = numbers(probability, "the predicted probability", len(event))
    grid = np.linspace(risk.min(), risk.max(), _GRID)
    basis = _Basis(_log_odds(risk), min(int(event.sum()), int((~event).sum())))
    model = fit_logistic(basis(_log_odds(risk)), event, clusters)
    design = np.column_stack([np.ones(_GRID), basis(_log_odds(grid)).to_numpy()])
    eta = design @ np.append(model.intercept, model.coefficients)
    reach = z_value(level) * np.sqrt(np.einsum("ij,jk,ik->i", design, model.covariance, design))
    observed = model.probability(basis(_log_odds(risk)))
    return _summary(risk, observed, grid, expit(eta), expit(eta - reach), expit(eta + reach))


class _Basis:
    """A spline of the predictions, as flexible as the number of events bears; straight where they take few values."""

    def __init__(self, values: FloatArray, n_events: int) -> None:
        try:
            self._knots: FloatArray | None = spline_knots(values, 4 if n_events >= _MANY_EVENTS else 3)
        except InputError:
            self._knots = None

    def __call__(self, values: FloatArray) -> pd.DataFrame:
        columns = values[:, None] if self._knots is None else restricted_cubic(values, self._knots)
        return pd.DataFrame(columns, columns=[f"prediction {k}" for k in range(1, columns.shape[1] + 1)])


def _summary(
    risk: FloatArray, observed: FloatArray, grid: FloatArray, curve: FloatArray, lower: FloatArray, upper: FloatArray
) -> SmoothCalibration:
    apart = np.abs(observed - risk)
    e50, e90 = np.quantile(apart, [0.5, 0.9])
    return SmoothCalibration(grid, curve, lower, upper, float(apart.mean()), float(e50), float(e90), float(apart.max()))


def _log_odds(risk: FloatArray) -> FloatArray:
    return logit(np.clip(risk, _EDGE, 1 - _EDGE))


def _complementary_log_log(risk: FloatArray) -> FloatArray:
    return np.log(-np.log1p(-np.clip(risk, _EDGE, 1 - _EDGE)))
