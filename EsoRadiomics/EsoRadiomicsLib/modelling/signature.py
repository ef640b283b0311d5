"""The Rad-score of a cohort: filters, z-scores, LASSO with cross-validation — all of it on training patients only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..core.errors import InputError, UsageError
from ..statistics.crossvalidation import LassoCv, assign_folds, cross_validate_cox, cross_validate_logistic
from ..statistics.gaussian_lasso import cross_validate_gaussian
from ..statistics.inputs import FloatArray, IntArray, select_columns
from ..statistics.lasso import DEFAULT_GRID, LambdaGrid
from ..statistics.table_one import is_normal
from .model_cohort import Cohort
from .protocol_plan import Plan

_LINKS = {"cox": "cox", "binomial": "logistic", "gaussian": "linear"}
_CHANCE_SHUFFLES = 5
ICC_STEP = "reproducible between segmentations (ICC)"
UNIVARIATE_STEP = "different between the outcomes"


@dataclass(frozen=True)
class FittedSignature:
    """Rad-score = intercept + Σ coefficient × feature; × z-score where there are ``means`` and ``sds`` (k,).

    ``account`` says how many features each step left, as (what was done, how many).
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    intercept: float
    means: FloatArray | None
    sds: FloatArray | None
    link: str
    cv: LassoCv
    index: int
    account: tuple[tuple[str, int], ...]

    def inputs(self, features: pd.DataFrame) -> pd.DataFrame:
        """The signature's features (n, k) as they enter the sum."""
        x = select_columns(features, self.names)
        if self.means is not None and self.sds is not None:
            x = (x - self.means) / self.sds
        return pd.DataFrame(x, columns=list(self.names), index=features.index)

    def rad_score(self, features: pd.DataFrame) -> FloatArray:
        """Rad-score (n,) of any patients."""
        return self.inputs(features).to_numpy() @ self.coefficients + self.intercept


def draw_folds(cohort: Cohort, n_folds: int, seed: int) -> IntArray:
    """Fold 1…K of each row, events spread evenly; all rows of a patient are in one fold."""
    _, first, row_of = np.unique(np.asarray(cohort.patients, dtype=str), return_index=True, return_inverse=True)
    if int(cohort.event.sum()) < n_folds:
        raise InputError(
            f"{int(cohort.event.sum())} events are too few for {n_folds} folds: each fold needs one. Use fewer folds "
            "(--n-folds) or more patients."
        )
    return assign_folds(cohort.event[first], n_folds, seed)[row_of]


def fit_signature(
    plan: Plan,
    training: Cohort,
    folds: IntArray,
    kept: Collection[str] | None = None,
    lambdas: LambdaGrid | FloatArray = DEFAULT_GRID,
    explain: bool = True,
) -> FittedSignature:
    """Repeat the plan's filters, z-scores and LASSO on ``training``, cross-validated over ``folds`` (n,).

    ``kept`` are the features that passed an agreement study; None skips that filter. ``explain`` says, where no feature
    is selected, what shuffled outcomes select (which takes a few more runs).

    Raises:
        InputError: no feature is left by a filter or selected by the LASSO; see also :mod:`modelling.lasso`.
        UsageError: the plan needs an outcome that the cohort does not have.
    """
    features, account = _filtered(plan, training, kept)
    means = features.mean().to_numpy()
    # Without a z-score step the LASSO standardises inside and gives coefficients of the raw features, as glmnet does.
    sds = features.std(ddof=1 if plan.z_score else 0).to_numpy()
    scaled = (features - means) / sds
    cv = cross_validate(plan, training, scaled, folds, lambdas)
    index = cv.curve.index_min if plan.lasso.rule == "min" else cv.curve.index_1se
    chosen = cv.path.selected(index)
    if not chosen:
        raise InputError(_nothing_selected(plan, training, scaled, folds, cv) if explain else "No feature is selected.")
    at = [scaled.columns.get_loc(name) for name in chosen]
    coefficients, intercept = np.array(list(chosen.values())), float(cv.path.intercepts[index])
    account.append(
        (f"LASSO at λ {'min' if plan.lasso.rule == 'min' else '1-SE'} = {cv.curve.lambdas[index]:.4g}", len(at))
    )
    means, sds = means[at], sds[at]
    if not plan.z_score:
        coefficients = coefficients / sds
        intercept -= float(coefficients @ means)
    return FittedSignature(
        names=tuple(chosen),
        coefficients=coefficients,
        intercept=intercept,
        means=means if plan.z_score else None,
        sds=sds if plan.z_score else None,
        link=_LINKS[plan.lasso.family],
        cv=cv,
        index=index,
        account=tuple(account),
    )


def cross_validate(
    plan: Plan,
    training: Cohort,
    scaled: pd.DataFrame,
    folds: IntArray,
    lambdas: LambdaGrid | FloatArray = DEFAULT_GRID,
) -> LassoCv:
    """The plan's LASSO on features that are already on one scale."""
    family, measure = plan.lasso.family, plan.lasso.measure
    if family == "binomial":
        if training.binary is None:
            raise UsageError(f"{plan.study.id} models a binary outcome: name its column (coded 0/1) with --outcome.")
        kind = "auc" if measure == "auc" else "deviance"
        return cross_validate_logistic(scaled, training.binary, folds, lambdas=lambdas, measure=kind)  # type: ignore[arg-type]
    if training.survival is None:
        raise UsageError(f"{plan.study.id} models survival: name the columns with --time and --event.")
    if family == "gaussian":
        return cross_validate_gaussian(scaled, training.survival.event, folds, lambdas=lambdas)
    return cross_validate_cox(scaled, training.survival, folds, lambdas=lambdas)


def shuffled(cohort: Cohort, rng: np.random.Generator) -> Cohort:
    """The cohort with its outcomes dealt out anew, so that features and outcome have nothing to do with each other."""
    order = rng.permutation(len(cohort))
    mixed = cohort.rows(order)
    return Cohort(cohort.features, cohort.clinical, mixed.survival, mixed.binary, cohort.patients, cohort.covariates)


def _filtered(plan: Plan, training: Cohort, kept: Collection[str] | None) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    features = training.features
    account = [("features in the table", features.shape[1])]
    if kept is not None:
        features = features[[name for name in features.columns if name in kept]]
        account.append((ICC_STEP, features.shape[1]))
    varying = features.loc[:, (np.ptp(features.to_numpy(), axis=0) > 0)]
    if varying.shape[1] < features.shape[1]:
        account.append(("not constant in the training patients", varying.shape[1]))
    distinct = varying.loc[:, ~varying.T.duplicated().to_numpy()]
    if distinct.shape[1] < varying.shape[1]:
        account.append(("not a copy of another feature", distinct.shape[1]))
    if plan.univariate is not None and distinct.shape[1]:
        test, threshold, rule = plan.univariate
        p = np.array([_p_between(test, distinct[name].to_numpy(), training.event) for name in distinct.columns])
        distinct = distinct.loc[:, p < threshold if rule == "<" else p <= threshold]
        account.append((UNIVARIATE_STEP, distinct.shape[1]))
    if not distinct.shape[1]:
        raise InputError(
            f"No feature is left after “{account[-1][0]}”, so there is nothing to build a signature of. Chance alone "
            "would leave about the p limit's share of the features."
        )
    return distinct, account


def _p_between(test: str, values: FloatArray, event: np.ndarray) -> float:
    """p of a difference between patients with and without the event."""
    groups = values[event], values[~event]
    normal = test == "t-test" or (test == "t-test or mann-whitney" and all(is_normal(group) for group in groups))
    found = stats.ttest_ind(*groups) if normal else stats.mannwhitneyu(*groups, method="asymptotic")
    return float(found.pvalue)


def _nothing_selected(plan: Plan, training: Cohort, scaled: pd.DataFrame, folds: IntArray, cv: LassoCv) -> str:
    curve, sizes = cv.curve, cv.path.n_selected
    rng = np.random.default_rng(0)
    by_chance = []
    for _ in range(_CHANCE_SHUFFLES):
        noise = shuffled(training, rng)
        try:
            found = cross_validate(plan, noise, scaled, draw_folds(noise, len(np.unique(folds)), 0))
        except InputError:
            continue
        by_chance.append(int(found.path.n_selected[found.curve.index_min]))
    other = "min" if plan.lasso.rule == "1se" else "1se"
    size = int(sizes[curve.index_min if other == "min" else curve.index_1se])
    advice = (
        f"With --lambda-rule {other} the LASSO selects {size} features" if size else "The other rule for λ selects none"
    )
    return (
        f"The LASSO selects no feature at λ {plan.lasso.rule}: in these {len(training)} patients no feature predicts "
        f"the outcome better than chance in cross-validation. {advice}; with shuffled outcomes λ min selects "
        f"{', '.join(map(str, by_chance)) or 'no'} features. A model of this cohort would not hold elsewhere."
    )
