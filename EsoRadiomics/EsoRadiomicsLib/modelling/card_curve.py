"""A Cox model's part of a card that predicts a patient's survival curve with its band."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..statistics.cox import hazard_curve
from ..statistics.inputs import FloatArray, Survival
from ..statistics.rubin import pool_curves
from ..statistics.survival_curve import HazardCurve
from .fitted_model import FittedModel


def curve_of(model: FittedModel, source: str) -> dict[str, Any]:
    """The card's ``curve`` by its name, of the final model; nothing where that is no Cox model."""
    final, followed = model.final, model.training.survival
    if final is None or final.covariance is None or followed is None:
        return {}
    beta = np.array([beta for term in final.terms for beta in term.betas])
    training = model.training
    filled = [replace(training, clinical=each, completed=()) for each in training.completed] or [training]
    curves = [hazard_curve(model.columns(each), followed, beta, final.covariance) for each in filled]
    return {"curve": _node(curves[0] if len(curves) == 1 else pool_curves(curves), source)}


def curve(
    x: FloatArray, outcome: Survival, coefficients: FloatArray, covariance: FloatArray, source: str
) -> dict[str, Any]:
    """The whole baseline of a model fitted to ``x`` (n, p), and how sure it and the coefficients (p,) are."""
    return _node(hazard_curve(x, outcome, coefficients, covariance), source)


def _node(found: HazardCurve, source: str) -> dict[str, Any]:
    return {
        "time": found.time.tolist(),
        "hazard": found.hazard.tolist(),
        "variance": found.variance.tolist(),
        "drift": found.drift.tolist(),
        "covariance": found.covariance.tolist(),
        "last_follow_up": found.last_follow_up,
        "evidence": "refit",
        "source": source,
    }
