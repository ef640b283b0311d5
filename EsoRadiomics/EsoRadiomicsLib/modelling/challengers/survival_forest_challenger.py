"""Challenger for survival: a random survival forest (Ishwaran et al., Ann Appl Stat 2008) of scikit-survival."""

from __future__ import annotations

from types import ModuleType

from ...statistics.inputs import BoolArray, FloatArray, Survival
from .challenger import Challenger, Predictor, survival_records


def _learn(package: ModuleType, features: FloatArray, outcome: Survival | BoolArray, seed: int) -> Predictor:
    forest = package.RandomSurvivalForest(
        n_estimators=200, min_samples_leaf=8, max_features="sqrt", n_jobs=1, random_state=seed
    )
    return forest.fit(features, survival_records(outcome)).predict


CHALLENGER = Challenger("random survival forest", False, "sksurv.ensemble", "scikit-survival", _learn)
