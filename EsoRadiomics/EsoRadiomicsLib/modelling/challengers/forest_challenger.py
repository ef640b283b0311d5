"""Challenger for a binary outcome: a random forest (Breiman, Mach Learn 2001) of scikit-learn."""

from __future__ import annotations

from types import ModuleType

from ...statistics.inputs import BoolArray, FloatArray, Survival
from .challenger import Challenger, Predictor


def _learn(package: ModuleType, features: FloatArray, outcome: Survival | BoolArray, seed: int) -> Predictor:
    forest = package.RandomForestClassifier(n_estimators=300, min_samples_leaf=3, n_jobs=1, random_state=seed)
    forest.fit(features, outcome)
    return lambda others: forest.predict_proba(others)[:, 1]


CHALLENGER = Challenger("random forest", True, "sklearn.ensemble", "scikit-learn", _learn)
