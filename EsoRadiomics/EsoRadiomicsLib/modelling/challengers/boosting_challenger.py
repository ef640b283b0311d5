"""Challenger for a binary outcome: gradient boosting with small trees (Friedman, Ann Stat 2001) of scikit-learn."""

from __future__ import annotations

from types import ModuleType

from ...statistics.inputs import BoolArray, FloatArray, Survival
from .challenger import Challenger, Predictor


def _learn(package: ModuleType, features: FloatArray, outcome: Survival | BoolArray, seed: int) -> Predictor:
    boosting = package.GradientBoostingClassifier(
        n_estimators=100, learning_rate=0.05, max_depth=2, subsample=0.7, max_features="sqrt", random_state=seed
    )
    boosting.fit(features, outcome)
    return boosting.decision_function


CHALLENGER = Challenger("gradient boosting", True, "sklearn.ensemble", "scikit-learn", _learn)
