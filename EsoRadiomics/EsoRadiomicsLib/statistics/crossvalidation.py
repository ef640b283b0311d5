"""K-fold cross-validation of the LASSO as ``cv.glmnet`` does it, and its two choices of λ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from scipy.stats import rankdata

from ..core.errors import InputError, UsageError
from .discrimination import harrell
from .inputs import BoolArray, FloatArray, IntArray, Survival, binary
from .lasso import DEFAULT_GRID, LambdaGrid, LassoPath, Walk, lasso_input, own_path, solve_path
from .likelihood import CoxLikelihood, Likelihood, LogisticLikelihood

CoxMeasure = Literal["deviance", "c_index"]
LogisticMeasure = Literal["deviance", "class", "auc"]
_LARGER_IS_BETTER = ("c_index", "auc")
_MIN_FOLD_FOR_AUC = 10

# (rows of the fold, linear predictors (n, L) of all patients by a model that has not seen the fold) →
# the measure at each λ (L,) and the weight of the fold.
FoldMeasure = Callable[[IntArray, FloatArray], tuple[FloatArray, float]]


# Training rows of a fold → the features (n, p) of all patients as made by these rows.
Seen = Callable[[IntArray], FloatArray]


@dataclass(frozen=True)
class CvCurve:
    """Cross-validated ``measure`` at the L values of λ: ``mean`` and its standard error ``se``, both (L,).

    λ_min is the largest λ at the best mean, λ_1se the largest whose mean is within one standard error of it.
    """

    measure: str
    lambdas: FloatArray
    mean: FloatArray
    se: FloatArray
    index_min: int
    index_1se: int

    @property
    def lambda_min(self) -> float:
        return float(self.lambdas[self.index_min])

    @property
    def lambda_1se(self) -> float:
        return float(self.lambdas[self.index_1se])


@dataclass(frozen=True)
class LassoCv:
    """The path of all patients and the curve that chooses a λ on it.

    With repeated cross-validation ``splits`` holds the curve of each split into folds and ``curve`` their average.
    """

    path: LassoPath
    curve: CvCurve
    splits: tuple[CvCurve, ...] = ()


def assign_folds(event: BoolArray, n_folds: int, seed: int) -> IntArray:
    """Fold 1…K of each patient (n,), at random but with the events, and the rest, spread evenly over the folds."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(event))
    # A stable sort keeps the random order within patients with and within patients without the event.
    dealt = shuffled[np.argsort(~event[shuffled], kind="stable")]
    folds = np.empty(len(event), dtype=np.int64)
    folds[dealt] = np.arange(len(event)) % n_folds + 1
    check_folds(folds, event)
    return folds


def check_folds(folds: IntArray, event: BoolArray) -> None:
    """Raise UsageError when folds do not fit the patients, InputError when one has no event."""
    if len(folds) != len(event):
        raise UsageError(f"There are {len(folds)} fold numbers for {len(event)} patients.")
    used = np.unique(folds)
    if len(used) < 3:
        raise UsageError(f"Cross-validation needs at least 3 folds, not {len(used)}.")
    if empty := [str(fold) for fold in used if not event[folds == fold].any()]:
        raise InputError(
            f"With {int(event.sum())} events in {len(used)} folds, fold {', '.join(empty)} has no event and cannot "
            "be evaluated: use fewer folds, or spread the events over them."
        )


def cross_validate_cox(
    features: pd.DataFrame,
    outcome: Survival,
    folds: npt.ArrayLike,
    *,
    lambdas: LambdaGrid | FloatArray = DEFAULT_GRID,
    measure: CoxMeasure = "deviance",
    standardize: bool = True,
    allowed: BoolArray | None = None,
    whole: BoolArray | None = None,
    seen: Seen | None = None,
    walk: Walk = own_path,
) -> LassoCv:
    """LASSO-Cox of ``features`` (n, p), cross-validated over ``folds`` (n,).

    ``standardize`` is ``cv.glmnet``'s: every fold standardises its own training rows anew. ``folds`` (R, n) repeat the
    cross-validation over R splits. ``allowed`` (K, p), or (R, K, p), says which features each fold's own path may use,
    in the order of the fold numbers: filters that look at the outcome belong inside the folds. ``whole`` (p,) are those
    that the path of all patients may use. ``seen`` gives the features (n, p) as a fold's training rows have it, where
    they are made anew in each fold. ``walk`` is the solver.

    Deviance of fold k: what all patients lose by a model without k, less what its own patients lose, per event of k
    (the "grouped" partial likelihood; van Houwelingen et al., Stat Med 2006).
    """
    likelihood = CoxLikelihood(outcome)

    def deviance(rows: IntArray, eta: FloatArray) -> tuple[FloatArray, float]:
        rest = np.setdiff1d(np.arange(len(outcome)), rows)
        kept = likelihood[rest]
        events = outcome[rows].n_events
        return (likelihood.deviances(eta) - kept.deviances(eta[rest])) / events, events

    def c_index(rows: IntArray, eta: FloatArray) -> tuple[FloatArray, float]:
        values = [harrell(outcome[rows], column).value for column in eta[rows].T]
        return np.array(values), len(rows)

    evaluate = {"deviance": deviance, "c_index": c_index}[measure]
    return cross_validate(
        features, likelihood, outcome.event, folds, lambdas, measure, evaluate, standardize, allowed, whole, seen, walk
    )


def cross_validate_logistic(
    features: pd.DataFrame,
    outcome: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    lambdas: LambdaGrid | FloatArray = DEFAULT_GRID,
    measure: LogisticMeasure = "deviance",
    standardize: bool = True,
    allowed: BoolArray | None = None,
    whole: BoolArray | None = None,
    seen: Seen | None = None,
) -> LassoCv:
    """LASSO-logistic of ``features`` (n, p) for ``outcome`` (n,) coded 0/1; the rest as :func:`cross_validate_cox`.

    ``deviance`` is per patient, with probabilities clipped to 1e-5 … 1 − 1e-5; ``class`` the share misclassified at
    probability 0.5; ``auc`` needs ten patients a fold.
    """
    event = binary(outcome)

    def deviance(rows: IntArray, eta: FloatArray) -> tuple[FloatArray, float]:
        observed = event[rows][:, None]
        probability = np.clip(expit(eta[rows]), 1e-5, 1 - 1e-5)
        return np.mean(-2 * np.log(np.where(observed, probability, 1 - probability)), axis=0), len(rows)

    def misclassified(rows: IntArray, eta: FloatArray) -> tuple[FloatArray, float]:
        return np.mean((eta[rows] > 0) != event[rows][:, None], axis=0), len(rows)

    def area(rows: IntArray, eta: FloatArray) -> tuple[FloatArray, float]:
        if len(rows) < _MIN_FOLD_FOR_AUC or event[rows].all():
            raise InputError(
                f"A fold of {len(rows)} patients is too small for its own AUC (at least {_MIN_FOLD_FOR_AUC}, of both "
                "outcomes): use fewer folds, or the deviance."
            )
        n_events = event[rows].sum()
        ranks = rankdata(eta[rows], axis=0)[event[rows]].sum(axis=0)
        return (ranks / n_events - (n_events + 1) / 2) / (len(rows) - n_events), len(rows)

    evaluate = {"deviance": deviance, "class": misclassified, "auc": area}[measure]
    likelihood = LogisticLikelihood(event)
    return cross_validate(
        features, likelihood, event, folds, lambdas, measure, evaluate, standardize, allowed, whole, seen
    )


def cross_validate(
    features: pd.DataFrame,
    likelihood: Likelihood,
    event: BoolArray,
    folds: npt.ArrayLike,
    lambdas: LambdaGrid | FloatArray,
    measure: str,
    evaluate: FoldMeasure,
    standardize: bool,
    allowed: BoolArray | None,
    whole: BoolArray | None = None,
    seen: Seen | None = None,
    walk: Walk = own_path,
) -> LassoCv:
    """As cv.glmnet: on a grid each fold walks its own λ and is read at those of all patients; given λ are shared."""
    names, x, lambdas = lasso_input(features, likelihood, lambdas, standardize)
    splits = np.atleast_2d(np.asarray(folds))
    for fold_of in splits:
        check_folds(fold_of, event)
    # A column of zeros is never selected.
    path = solve_path(names, x if whole is None else np.where(whole, x, 0.0), likelihood, lambdas, standardize, walk)
    shared = lambdas if isinstance(lambdas, LambdaGrid) else path.lambdas
    every_column = np.ones((1, 1, len(names)), dtype=bool)
    curves = []
    for split, fold_of in enumerate(splits):
        numbers_used = np.unique(fold_of)
        may_enter = np.broadcast_to(
            every_column if allowed is None else allowed, (len(splits), len(numbers_used), len(names))
        )
        values, weights = [], []
        for fold, columns in zip(numbers_used, may_enter[split], strict=True):
            rest = np.flatnonzero(fold_of != fold)
            here = x if seen is None else seen(rest)
            if columns.any():
                kept = np.where(columns, here[rest], 0.0)
                found = solve_path(names, kept, likelihood[rest], shared, standardize, walk)
                coefficients, intercepts = found.at(path.lambdas)
            else:  # every filter of this fold failed: it predicts all patients alike
                coefficients = np.zeros((len(path.lambdas), len(names)))
                intercepts = np.full(len(path.lambdas), likelihood[rest](np.zeros(len(rest))).intercept)
            value, weight = evaluate(np.flatnonzero(fold_of == fold), here @ coefficients.T + intercepts)
            values.append(value)
            weights.append(weight)
        mean = np.average(values, axis=0, weights=weights)
        se = np.sqrt(np.average((np.array(values) - mean) ** 2, axis=0, weights=weights) / (len(weights) - 1))
        curves.append(_curve(measure, path.lambdas, mean, se))
    together = _curve(
        measure, path.lambdas, np.mean([c.mean for c in curves], axis=0), np.mean([c.se for c in curves], axis=0)
    )
    return LassoCv(path, together, tuple(curves))


def _curve(measure: str, lambdas: FloatArray, mean: FloatArray, se: FloatArray) -> CvCurve:
    """The two choices of λ; where the measure is not finite, no λ is chosen."""
    loss = np.where(np.isfinite(mean), -mean if measure in _LARGER_IS_BETTER else mean, np.inf)
    index_min = int(np.argmin(loss))
    if not np.isfinite(loss[index_min]):
        raise InputError(
            f"The cross-validated {measure} is not finite at any λ; look for features with extreme values."
        )
    index_1se = int(np.argmax(loss <= loss[index_min] + se[index_min]))
    return CvCurve(measure, lambdas, mean, se, index_min, index_1se)
