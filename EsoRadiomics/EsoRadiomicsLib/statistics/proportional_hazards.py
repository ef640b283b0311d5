"""Do the hazard ratios of a Cox model hold at all times? The score test of R's ``cox.zph`` (survival 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from .cox import CoxModel
from .inputs import BoolArray, FloatArray, Survival, select_columns
from .kaplan_meier import kaplan_meier


@dataclass(frozen=True)
class ProportionalHazards:
    """χ² (p,) with one degree of freedom and ``p`` (p,) of each variable; both also for all variables together."""

    names: tuple[str, ...]
    chi2: FloatArray
    p: FloatArray
    global_chi2: float
    global_p: float


def proportional_hazards(model: CoxModel, features: pd.DataFrame, outcome: Survival) -> ProportionalHazards:
    """Test whether coefficients drift with 1 − Kaplan–Meier, in the patients ``model`` was fitted to.

    Score test of β(t) = β + θ·g(t) at θ = 0 with Efron ties (Grambsch & Therneau, Biometrika 1994, without their
    approximation that the variance is the same at all times).
    """
    x = select_columns(features, model.names)
    relative = np.exp((x - model.means) @ model.coefficients)
    curve = kaplan_meier(outcome)
    before = np.append(1.0, curve.survival[:-1])
    size = len(model.names)
    drift = np.zeros(size)
    information = np.zeros((3, size, size))
    for time, survival in zip(curve.time[curve.events > 0], before[curve.events > 0], strict=True):
        dying = outcome.event & (outcome.time == time)
        residual, variance = _at_event_time(x, relative, outcome.time >= time, dying)
        transformed = 1 - survival
        drift += transformed * residual
        information += np.array([1, transformed, transformed**2])[:, None, None] * variance
    spread = information[2] - information[1] @ np.linalg.solve(information[0], information[1])
    chi2 = drift**2 / np.diag(spread)
    together = float(drift @ np.linalg.solve(spread, drift))
    return ProportionalHazards(
        model.names, chi2, stats.chi2.sf(chi2, 1), together, float(stats.chi2.sf(together, size))
    )


def _at_event_time(
    x: FloatArray, relative: FloatArray, at_risk: BoolArray, dying: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Covariates (p,) of the dying less those expected, and their variance (p, p), summed over Efron's steps."""
    residual = x[dying].sum(axis=0)
    variance = np.zeros((x.shape[1], x.shape[1]))
    for removed in np.arange(dying.sum()) / dying.sum():
        weight = relative * at_risk - removed * relative * dying
        mean = weight @ x / weight.sum()
        centred = x - mean
        residual = residual - mean
        variance += (weight[:, None] * centred).T @ centred / weight.sum()
    return residual, variance
