"""LASSO by least squares, as glmnet's ``gaussian`` family: minimise  RSS/(2n) + λ·Σ|βⱼ|  with a free intercept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from .crossvalidation import LassoCv, Seen, cross_validate
from .inputs import BoolArray, FloatArray, IntArray, numbers
from .lasso import DEFAULT_GRID, LambdaGrid
from .likelihood import Expansion


class GaussianLikelihood:
    """Half the mean squared error of a ``target`` (n,), the intercept profiled out."""

    has_intercept = True
    min_gain = 1e-5

    def __init__(self, target: FloatArray) -> None:
        self.target = target
        self.n = len(target)
        self.order: IntArray = np.arange(self.n)

    def __getitem__(self, rows: IntArray | BoolArray) -> GaussianLikelihood:
        return GaussianLikelihood(self.target[rows])

    def __call__(self, eta: FloatArray) -> Expansion:
        intercept = float(np.mean(self.target - eta))
        residual = self.target - eta - intercept

        def curvature(features: FloatArray) -> FloatArray:
            centred = features - features.mean(axis=1, keepdims=True)
            return centred @ centred.T / self.n

        return Expansion(float(np.mean(residual**2)) / 2, -residual / self.n, curvature, intercept)

    def deviance(self, here: Expansion) -> float:
        """Residual sum of squares."""
        return 2 * self.n * here.value


def cross_validate_gaussian(
    features: pd.DataFrame,
    target: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    lambdas: LambdaGrid | FloatArray = DEFAULT_GRID,
    standardize: bool = True,
    allowed: BoolArray | None = None,
    whole: BoolArray | None = None,
    seen: Seen | None = None,
) -> LassoCv:
    """LASSO of ``features`` (n, p) for ``target`` (n,), cross-validated by the mean squared error."""
    values = numbers(target, "the target")

    def mse(rows: IntArray, eta: FloatArray) -> tuple[FloatArray, float]:
        return np.mean((values[rows][:, None] - eta[rows]) ** 2, axis=0), len(rows)

    likelihood = GaussianLikelihood(values)
    return cross_validate(
        features, likelihood, values > 0, folds, lambdas, "mse", mse, standardize, allowed, whole, seen
    )
