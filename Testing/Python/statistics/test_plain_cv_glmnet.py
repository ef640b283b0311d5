"""The call that authors write, cv.glmnet(x, y), on heavy-tailed features; linear predictors beyond what exp holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.statistics.crossvalidation import (
    LogisticMeasure,
    assign_folds,
    cross_validate_cox,
    cross_validate_logistic,
)
from EsoRadiomicsLib.statistics.inputs import Survival, survival
from EsoRadiomicsLib.statistics.likelihood import CoxLikelihood

Golden = Callable[[str], Any]


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        *((family, kind) for family in ("cox", "binomial", "binomial_auc") for kind in ("standardize", "raw")),
        ("cox", "zscore_then_default"),
        ("binomial", "zscore_then_default"),
    ],
)
def test_the_call_that_authors_write_gives_cv_glmnets_choice(golden: Golden, family: str, kind: str) -> None:
    """Heavy-tailed features, on which standardising once would choose another λ."""
    r, name = golden("plain_cv_glmnet.json"), f"{family}_{kind}"
    table = golden("plain_cv_glmnet_input.csv.gz")
    x = table.filter(regex=r"^f\d")
    if kind == "zscore_then_default":
        x = (x - x.mean()) / x.std(ddof=1)
    standardize = kind != "raw"
    if family == "cox":
        outcome = survival(table.time, table.event)
        cv = cross_validate_cox(x, outcome, table.fold, standardize=standardize)
    else:
        measure: LogisticMeasure = "auc" if family == "binomial_auc" else "deviance"
        cv = cross_validate_logistic(x, table.response, table.fold, measure=measure, standardize=standardize)
    curve, upto, recorded = cv.curve, slice(0, cv.curve.index_min + 1), golden(f"plain_cv_glmnet_{name}.csv")
    np.testing.assert_allclose(curve.lambdas, recorded["lambda"], rtol=1e-8)
    np.testing.assert_allclose(curve.mean[upto], recorded.cvm[upto], rtol=0, atol=1e-4)
    np.testing.assert_allclose(curve.se[upto], recorded.cvsd[upto], rtol=0, atol=1e-4)
    # R's solution at the tail is not converged.
    np.testing.assert_allclose(curve.mean, recorded.cvm, rtol=0, atol=3e-2)
    for rule, index in (("min", cv.curve.index_min), ("1se", cv.curve.index_1se)):
        expected = r[f"{name} lambda.{rule}"]
        coefficients = dict(expected["coefficients"])
        assert index + 1 == expected["index"]
        assert cv.path.intercepts[index] == pytest.approx(coefficients.pop("(Intercept)", 0.0), abs=1e-4)
        assert cv.path.selected(index) == pytest.approx(coefficients, abs=1e-4)


def test_standardising_once_is_another_choice_of_the_penalty(golden: Golden) -> None:
    table = golden("plain_cv_glmnet_input.csv.gz")
    x, outcome = table.filter(regex=r"^f\d"), survival(table.time, table.event)
    once = cross_validate_cox((x - x.mean()) / x.std(ddof=0), outcome, table.fold, standardize=False)
    anew = cross_validate_cox(x, outcome, table.fold)
    np.testing.assert_allclose(once.curve.lambdas[:60], anew.curve.lambdas[:60], rtol=1e-9)
    assert once.curve.index_min != anew.curve.index_min


def extreme(seed: int) -> tuple[pd.DataFrame, Survival]:
    """Few patients, and one whose values lie far out: its linear predictor takes exp beyond what a number holds."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 30))
    x[7] *= 4000
    return pd.DataFrame(x), Survival(rng.exponential(size=40), rng.random(40) < 0.6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(4))
def test_a_patient_far_out_takes_no_penalty_to_an_infinite_deviance(seed: int) -> None:
    features, outcome = extreme(seed)
    folds = assign_folds(outcome.event, 5, seed)
    cv = cross_validate_cox(features, outcome, folds)
    assert np.isfinite(cv.curve.mean).all() and np.isfinite(cv.curve.se).all()


@pytest.mark.filterwarnings("error")
def test_the_partial_likelihood_is_exact_where_exp_underflows() -> None:
    """Whoever has the largest linear predictor left first; by hand, risk set by risk set."""
    outcome = Survival(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, True]))
    eta = np.array([3000.0, 1.0, 0.0, -1.0])
    value = CoxLikelihood(outcome)(eta)
    later = np.log(np.exp(1) + 1 + np.exp(-1)) - 1 + np.log(1 + np.exp(-1)) - 0
    assert value.value == pytest.approx(later / 4, rel=1e-12)
    assert CoxLikelihood(outcome).deviances(eta[:, None])[0] == pytest.approx(2 * later, rel=1e-12)
    assert value.gradient.sum() == pytest.approx(0, abs=1e-12)
