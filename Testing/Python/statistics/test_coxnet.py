"""The two solvers of the LASSO-Cox path, ours and scikit-survival's Coxnet, on every golden set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import UsageError
from EsoRadiomicsLib.statistics.coxnet import coxnet_path
from EsoRadiomicsLib.statistics.crossvalidation import cross_validate_cox
from EsoRadiomicsLib.statistics.inputs import Survival, survival
from EsoRadiomicsLib.statistics.lasso import LambdaGrid, LassoPath, lasso_path, own_path, where_glmnet_stops
from EsoRadiomicsLib.statistics.likelihood import CoxLikelihood, LogisticLikelihood

pytest.importorskip("sksurv.linear_model", reason="scikit-survival (GPL) is not installed")
Golden = Callable[[str], Any]
Data = tuple[pd.DataFrame, Survival, np.ndarray]


def golden_set(golden: Golden, name: str) -> Data:
    """Features as they are, outcome and folds."""
    if name == "generated":
        clinical = golden("cohort_clinical.csv")
        training = (clinical.cohort == "train").to_numpy()
        features = golden("cohort_features.csv.gz").drop(columns="id")[training]
        clinical = clinical[training]
        return features, survival(clinical.time, clinical.event), clinical.foldid.to_numpy()
    table = golden("plain_cv_glmnet_input.csv.gz" if name == "heavy-tailed" else "pbc_cc.csv")
    features = (
        table.filter(regex=r"^f\d") if name == "heavy-tailed" else table.drop(columns=["time", "event", "foldid"])
    )
    folds = table.fold if name == "heavy-tailed" else table.foldid
    return features, survival(table.time, table.event), folds.to_numpy()


@pytest.mark.parametrize(("name", "first"), [("generated", 24), ("heavy-tailed", 40), ("pbc", 44)])
@pytest.mark.parametrize("standardize", [True, False])
def test_both_solvers_come_to_the_same_path(golden: Golden, name: str, first: int, standardize: bool) -> None:
    features, outcome, _ = golden_set(golden, name)
    if not standardize:
        features = (features - features.mean()) / features.std(ddof=1)
    grid = LambdaGrid(100 if name == "pbc" else first, None if name == "pbc" else 0.01 ** ((first - 1) / 99))
    ours, theirs = (
        lasso_path(features, CoxLikelihood(outcome), grid, standardize, walk=walk) for walk in (own_path, coxnet_path)
    )
    assert len(ours.lambdas) == len(theirs.lambdas) == first
    np.testing.assert_allclose(theirs.lambdas, ours.lambdas, rtol=1e-12)
    scale = features.std(ddof=0).to_numpy() if standardize else 1.0
    np.testing.assert_allclose(theirs.coefficients * scale, ours.coefficients * scale, rtol=0, atol=3e-4)
    np.testing.assert_allclose(theirs.deviance_ratio, ours.deviance_ratio, rtol=0, atol=1e-5)


def test_both_solvers_choose_what_cv_glmnet_chooses(golden: Golden) -> None:
    features, outcome, folds = golden_set(golden, "heavy-tailed")
    lambdas = golden("plain_cv_glmnet_cox_standardize.csv")["lambda"].to_numpy()[:30]
    ours, theirs = (
        cross_validate_cox(features, outcome, folds, lambdas=lambdas, walk=walk) for walk in (own_path, coxnet_path)
    )
    assert (theirs.curve.index_min, theirs.curve.index_1se) == (ours.curve.index_min, ours.curve.index_1se)
    np.testing.assert_allclose(theirs.curve.mean, ours.curve.mean, rtol=0, atol=1e-4)


def test_coxnet_is_for_cox_models() -> None:
    features = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 2)))
    with pytest.raises(UsageError, match="of Cox models only"):
        lasso_path(features, LogisticLikelihood(np.arange(30) % 2 == 0), walk=coxnet_path)


def test_the_rule_that_ends_a_path_is_the_one_our_solver_ends_by(golden: Golden) -> None:
    features, outcome, _ = golden_set(golden, "pbc")
    likelihood = CoxLikelihood(outcome)
    stopped: LassoPath = lasso_path(features, likelihood)
    whole = lasso_path(features, likelihood, np.append(stopped.lambdas, stopped.lambdas[-1] * 0.95 ** np.arange(1, 9)))
    assert where_glmnet_stops(whole.deviance_ratio, likelihood) == len(stopped.lambdas)
