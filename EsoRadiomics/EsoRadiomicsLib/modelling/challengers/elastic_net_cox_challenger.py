"""Challenger for survival: a Cox model with the elastic net, half lasso and half ridge, of scikit-survival."""

from __future__ import annotations

import warnings
from types import ModuleType

import numpy as np

from ...core.errors import InputError
from ...statistics.crossvalidation import assign_folds
from ...statistics.inputs import BoolArray, FloatArray, Survival
from ...statistics.likelihood import CoxLikelihood
from .challenger import Challenger, Predictor, survival_records

_FOLDS, _PENALTIES = 5, 25


def _learn(package: ModuleType, features: FloatArray, outcome: Survival | BoolArray, seed: int) -> Predictor:
    """The penalty by 5-fold cross-validated partial likelihood."""
    assert isinstance(outcome, Survival)
    records, likelihood = survival_records(outcome), CoxLikelihood(outcome)

    def path(rows: np.ndarray, penalties: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        """Penalties (L,) from the largest down, coefficients (p, L); zeros where the path ends early."""
        net = package.CoxnetSurvivalAnalysis(
            l1_ratio=0.5, alphas=penalties, n_alphas=_PENALTIES, alpha_min_ratio=0.05, tol=1e-5, max_iter=10**6
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                net.fit(features[rows], records[rows])
        except (ArithmeticError, ValueError) as error:
            raise InputError(f"The elastic net finds no path ({error}).") from error
        return net.alphas_, net.coef_

    penalties, coefficients = path(np.arange(len(features)), None)
    folds = assign_folds(outcome.event, _FOLDS, seed)
    losses: FloatArray = np.zeros(len(penalties))
    for fold in np.unique(folds):
        rest = np.flatnonzero(folds != fold)
        kept = likelihood[rest]
        _, found = path(rest, penalties)
        eta = features @ found
        losses = (
            losses[: eta.shape[1]] + likelihood.deviances(eta)[: len(losses)] - kept.deviances(eta[rest])[: len(losses)]
        )
    beta = coefficients[:, int(losses.argmin())]
    return lambda others: others @ beta


CHALLENGER = Challenger("elastic-net Cox model", False, "sksurv.linear_model", "scikit-survival", _learn)
