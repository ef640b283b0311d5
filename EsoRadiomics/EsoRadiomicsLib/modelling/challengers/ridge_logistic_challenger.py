"""Challenger for a binary outcome: logistic regression on all features with a ridge penalty, of scikit-learn."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from ...statistics.crossvalidation import assign_folds
from ...statistics.inputs import BoolArray, FloatArray, Survival
from .challenger import Challenger, Predictor

_FOLDS = 5


def _learn(package: ModuleType, features: FloatArray, outcome: Survival | BoolArray, seed: int) -> Predictor:
    """The penalty by 5-fold cross-validated likelihood."""
    assert isinstance(outcome, np.ndarray)
    folds = assign_folds(outcome, _FOLDS, seed)
    penalties = np.logspace(-4, 0, 5)
    losses = []
    for penalty in penalties:
        loss = 0.0
        for fold in np.unique(folds):
            rest = folds != fold
            found = _ridge(package, features[rest], outcome[rest], penalty)
            log_odds = found.decision_function(features[~rest])
            loss += float(np.sum(np.logaddexp(0, log_odds) - outcome[~rest] * log_odds))
        losses.append(loss)
    return _ridge(package, features, outcome, penalties[int(np.argmin(losses))]).decision_function


def _ridge(package: ModuleType, features: FloatArray, outcome: BoolArray, penalty: float):  # type: ignore[no-untyped-def]
    return package.LogisticRegression(C=penalty, max_iter=500).fit(features, outcome)


CHALLENGER = Challenger("ridge logistic model", True, "sklearn.linear_model", "scikit-learn", _learn)
