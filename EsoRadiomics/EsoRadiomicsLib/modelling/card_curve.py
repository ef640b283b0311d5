"""A Cox model's part of a card that predicts a patient's survival curve with its band."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..statistics.cox import hazard_curve
from ..statistics.inputs import FloatArray, Survival
from .fitted_model import FittedModel


def curve_of(model: FittedModel, source: str) -> dict[str, Any]:
    """The card's ``curve`` by its name, of the final model; nothing where that is no Cox model."""
    final, followed = model.final, model.training.survival
    if final is None or final.covariance is None or followed is None:
        return {}
    beta = np.array([beta for term in final.terms for beta in term.betas])
    return {"curve": curve(model.columns(model.training), followed, beta, final.covariance, source)}


def curve(
    x: FloatArray, outcome: Survival, coefficients: FloatArray, covariance: FloatArray, source: str
) -> dict[str, Any]:
    """The whole baseline of a model fitted to ``x`` (n, p), and how sure it and the coefficients (p,) are."""
    found = hazard_curve(x, outcome, coefficients, covariance)
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
