"""Challenger for survival: gradient boosting of Cox's partial likelihood with small trees, scikit-survival's."""

from __future__ import annotations

from types import ModuleType

from ...statistics.inputs import BoolArray, FloatArray, Survival
from .challenger import Challenger, Predictor, survival_records


def _learn(package: ModuleType, features: FloatArray, outcome: Survival | BoolArray, seed: int) -> Predictor:
    boosting = package.GradientBoostingSurvivalAnalysis(
        n_estimators=100, learning_rate=0.05, max_depth=2, subsample=0.7, max_features="sqrt", random_state=seed
    )
    return boosting.fit(features, survival_records(outcome)).predict


CHALLENGER = Challenger("gradient boosting (Cox)", False, "sksurv.ensemble", "scikit-survival", _learn)
