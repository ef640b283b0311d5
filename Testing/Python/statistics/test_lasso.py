"""LASSO paths and their cross-validation against glmnet, scikit-survival and the optimality conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.crossvalidation import (
    CoxMeasure,
    LassoCv,
    LogisticMeasure,
    assign_folds,
    check_folds,
    cross_validate_cox,
    cross_validate_logistic,
)
from EsoRadiomicsLib.statistics.gaussian_lasso import cross_validate_gaussian
from EsoRadiomicsLib.statistics.inputs import Survival, survival
from EsoRadiomicsLib.statistics.lasso import LambdaGrid, LassoPath, lasso_path
from EsoRadiomicsLib.statistics.likelihood import CoxLikelihood, LogisticLikelihood

Golden = Callable[[str], Any]
# R was asked for the first 60 of the 100 default values of λ.
GRID = LambdaGrid(60, 0.01 ** (59 / 99))


class Cohort:
    """The 155 training patients of the generated cohort."""

    def __init__(self, golden: Golden) -> None:
        clinical = golden("cohort_clinical.csv")
        features = golden("cohort_features.csv.gz").drop(columns="id")
        training = clinical.cohort == "train"
        self.mean, self.sd = features[training].mean(), features[training].std(ddof=1)
        self.everybody = (features - self.mean) / self.sd
        self.features = self.everybody[training]
        self.clinical = clinical[training]
        self.outcome = survival(self.clinical.time, self.clinical.event)
        self.folds = self.clinical.foldid
        self.response = self.clinical.resp


@pytest.fixture(scope="module")
def cohort(golden: Golden) -> Cohort:
    return Cohort(golden)


@pytest.fixture(scope="module")
def pbc(golden: Golden) -> tuple[pd.DataFrame, Survival, pd.Series]:
    table = golden("pbc_cc.csv")
    features = table.drop(columns=["time", "event", "foldid"])
    return (features - features.mean()) / features.std(ddof=1), survival(table.time, table.event), table.foldid


def dense(golden: Golden, name: str, path: LassoPath) -> np.ndarray:
    expected = np.zeros_like(path.coefficients)
    columns = {feature: column for column, feature in enumerate(path.names)}
    for feature, index, value in golden(name).itertuples(index=False):
        expected[index, columns[feature]] = value
    return expected


def same_curve(result: LassoCv, expected: pd.DataFrame, at_tail: float = 1e-2) -> None:
    curve, upto = result.curve, slice(0, result.curve.index_min + 1)
    np.testing.assert_allclose(curve.lambdas, expected["lambda"], rtol=1e-8)
    np.testing.assert_allclose(curve.mean[upto], expected.cvm[upto], rtol=0, atol=1e-4)
    np.testing.assert_allclose(curve.se[upto], expected.cvsd[upto], rtol=0, atol=1e-4)
    np.testing.assert_allclose(curve.mean, expected.cvm, rtol=0, atol=at_tail)


def test_the_cox_path_equals_glmnet(golden: Golden, cohort: Cohort) -> None:
    path = lasso_path(cohort.features, CoxLikelihood(cohort.outcome), GRID, standardize=False)
    expected = golden("cox_lasso_path.csv")
    coefficients = dense(golden, "cox_lasso_coef_sparse.csv.gz", path)
    np.testing.assert_allclose(path.lambdas, expected["lambda"], rtol=1e-8)
    assert path.n_selected.tolist() == expected.df.tolist()
    # To λ_min; R's own solution at the tail violates the optimality conditions by 1e-6.
    np.testing.assert_allclose(path.coefficients[:24], coefficients[:24], rtol=0, atol=1e-4)
    np.testing.assert_allclose(path.coefficients, coefficients, rtol=0, atol=1e-3)
    np.testing.assert_allclose(path.deviance_ratio, expected.dev_ratio, rtol=0, atol=1e-5)
    assert path.selected(23) == pytest.approx(golden("cox_lasso_summary.json")["coef_lambda_min"], abs=1e-4)


def test_the_rad_score_of_every_patient_equals_that_of_r(golden: Golden, cohort: Cohort) -> None:
    summary, expected = golden("cox_lasso_summary.json")["default"], golden("cox_lasso_radscore.csv.gz")
    path = lasso_path(cohort.features, CoxLikelihood(cohort.outcome), GRID, standardize=False)
    coefficients, _ = path.at(np.array([summary["lambda_min"], summary["lambda_1se"]]))
    rad_scores = cohort.everybody.to_numpy() @ coefficients.T
    np.testing.assert_allclose(rad_scores, expected[["radscore_min", "radscore_1se"]], rtol=0, atol=2e-4)


def test_the_logistic_path_equals_glmnet(golden: Golden, cohort: Cohort) -> None:
    path = lasso_path(cohort.features, LogisticLikelihood(cohort.response.to_numpy() == 1), GRID, standardize=False)
    expected = golden("binom_lasso_path.csv")
    np.testing.assert_allclose(path.lambdas, expected["lambda"], rtol=1e-12)
    np.testing.assert_allclose(path.intercepts, expected.a0, rtol=0, atol=1e-5)
    coefficients = dense(golden, "binom_lasso_coef_sparse.csv.gz", path)
    np.testing.assert_allclose(path.coefficients, coefficients, rtol=0, atol=1e-4)
    np.testing.assert_allclose(path.deviance_ratio, expected.dev_ratio, rtol=0, atol=1e-6)
    assert path.n_selected.tolist() == expected.df.tolist()


def test_the_cox_path_stops_where_glmnet_stops(golden: Golden, pbc: tuple[pd.DataFrame, Survival, pd.Series]) -> None:
    features, outcome, _ = pbc
    expected = golden("pbc_cox_lasso_coef.csv")
    path = lasso_path(features, CoxLikelihood(outcome), standardize=False)
    assert len(path.lambdas) == len(expected) == 44
    np.testing.assert_allclose(path.lambdas, expected["lambda"], rtol=1e-8)
    np.testing.assert_allclose(path.coefficients, expected[list(path.names)], rtol=0, atol=1e-6)


def test_scikit_survival_comes_to_the_same_cox_solution(cohort: Cohort) -> None:
    coxnet = pytest.importorskip("sksurv.linear_model", reason="scikit-survival (GPL) is not installed")
    path = lasso_path(
        cohort.features, CoxLikelihood(cohort.outcome), LambdaGrid(24, 0.01 ** (23 / 99)), standardize=False
    )
    y = np.array(
        list(zip(cohort.outcome.event, cohort.outcome.time, strict=True)), dtype=[("event", "?"), ("time", "f8")]
    )
    peer = coxnet.CoxnetSurvivalAnalysis(l1_ratio=1.0, alphas=path.lambdas, tol=1e-12, max_iter=10**7)
    np.testing.assert_allclose(path.coefficients, peer.fit(cohort.features, y).coef_.T, rtol=0, atol=1e-4)


def cox_gradient(x: np.ndarray, outcome: Survival, beta: np.ndarray) -> np.ndarray:
    """Of the mean negative log partial likelihood, event by event as in Breslow's definition."""
    gradient = np.zeros(x.shape[1])
    for case in np.flatnonzero(outcome.event):
        at_risk = x[outcome.time >= outcome.time[case]]
        weight = np.exp(at_risk @ beta)
        gradient -= x[case] - weight @ at_risk / weight.sum()
    return gradient / len(x)


@given(seed=st.integers(0, 10_000), n=st.integers(15, 60), p=st.integers(1, 80), ties=st.booleans())
@settings(max_examples=40)
def test_cox_solutions_fulfil_the_optimality_conditions(seed: int, n: int, p: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    times = rng.exponential(np.exp(-x[:, 0]))
    outcome = Survival(np.ceil(3 * times) if ties else times, rng.random(n) < 0.7)
    path = lasso_path(pd.DataFrame(x), CoxLikelihood(outcome), LambdaGrid(12, 0.05), standardize=False)
    for penalty, beta in zip(path.lambdas, path.coefficients, strict=True):
        slope = cox_gradient(x, outcome, beta)
        active = beta != 0
        tolerance = 1e-7 * max(1, path.lambdas[0])
        np.testing.assert_allclose(slope[active], -penalty * np.sign(beta[active]), rtol=0, atol=tolerance)
        assert (np.abs(slope[~active]) <= penalty + tolerance).all()


@given(seed=st.integers(0, 10_000), n=st.integers(15, 60), p=st.integers(1, 80))
@settings(max_examples=40)
def test_logistic_solutions_fulfil_the_optimality_conditions(seed: int, n: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    y = rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))
    y[:2] = True, False
    path = lasso_path(pd.DataFrame(x), LogisticLikelihood(y), LambdaGrid(12, 0.05), standardize=False)
    for penalty, beta, intercept in zip(path.lambdas, path.coefficients, path.intercepts, strict=True):
        residual = 1 / (1 + np.exp(-intercept - x @ beta)) - y
        slope, active = x.T @ residual / n, beta != 0
        assert abs(residual.mean()) < 1e-9
        tolerance = 1e-7 * max(1, path.lambdas[0])
        np.testing.assert_allclose(slope[active], -penalty * np.sign(beta[active]), rtol=0, atol=tolerance)
        assert (np.abs(slope[~active]) <= penalty + tolerance).all()


@pytest.mark.parametrize(
    ("measure", "name", "index_min", "index_1se"),
    [
        ("deviance", "cox_lasso_cv_fixedlambda.csv", 23, 1),
        pytest.param("c_index", "cox_lasso_cv_cindex.csv", 29, 3, marks=pytest.mark.slow),
    ],
)
def test_cox_cross_validation_with_given_penalties_equals_cv_glmnet(
    golden: Golden, cohort: Cohort, measure: CoxMeasure, name: str, index_min: int, index_1se: int
) -> None:
    expected = golden(name)
    lambdas = expected["lambda"].to_numpy()
    result = cross_validate_cox(
        cohort.features, cohort.outcome, cohort.folds, lambdas=lambdas, measure=measure, standardize=False
    )
    assert (result.curve.index_min, result.curve.index_1se) == (index_min, index_1se)
    if measure == "deviance":
        same_curve(result, expected)
    else:
        # R's coefficients are not converged far enough to rank two nearly equal patients the same at every λ.
        np.testing.assert_allclose(result.curve.mean, expected.cvm, rtol=0, atol=5e-3)
        assert np.mean(np.abs(result.curve.mean - expected.cvm) < 1e-9) > 0.6


def test_cox_cross_validation_on_the_default_grid_equals_cv_glmnet(golden: Golden, cohort: Cohort) -> None:
    result = cross_validate_cox(cohort.features, cohort.outcome, cohort.folds, lambdas=GRID, standardize=False)
    same_curve(result, golden("cox_lasso_cv_default.csv"))
    summary = golden("cox_lasso_summary.json")["default"]
    assert result.curve.lambda_min == pytest.approx(summary["lambda_min"], rel=1e-8)
    assert result.curve.lambda_1se == pytest.approx(summary["lambda_1se"], rel=1e-8)
    assert result.path.n_selected[result.curve.index_min] == summary["n_min"]
    assert result.path.n_selected[result.curve.index_1se] == summary["n_1se"]


@pytest.mark.slow
def test_a_plain_call_of_cv_glmnet_chooses_the_same_penalties(golden: Golden, cohort: Cohort) -> None:
    result = cross_validate_cox(cohort.features, cohort.outcome, cohort.folds, standardize=False)
    summary, expected = (
        golden("cox_lasso_summary.json")["default_thresh1e7"],
        golden("cox_lasso_cv_default_thresh1e-7.csv"),
    )
    assert len(result.curve.lambdas) == len(expected) == 100
    assert result.curve.lambda_min == pytest.approx(summary["lambda_min"], rel=1e-8)
    assert result.curve.lambda_1se == pytest.approx(summary["lambda_1se"], rel=1e-8)
    # R's default threshold leaves this much of the curve.
    np.testing.assert_allclose(result.curve.mean[:24], expected.cvm[:24], rtol=0, atol=1e-3)


def test_folds_that_stop_early_are_read_at_their_last_penalty_as_in_cv_glmnet(
    golden: Golden, pbc: tuple[pd.DataFrame, Survival, pd.Series]
) -> None:
    result = cross_validate_cox(*pbc, standardize=False)
    same_curve(result, golden("pbc_cox_lasso_cv.csv"), at_tail=1e-5)
    summary = golden("pbc_summary.json")
    assert result.curve.lambda_min == pytest.approx(summary["lambda_min"], rel=1e-8)
    assert result.curve.lambda_1se == pytest.approx(summary["lambda_1se"], rel=1e-8)


def test_time_in_days_or_years_makes_no_difference(golden: Golden) -> None:
    table = golden("pbc_cc.csv")
    features = table[["age", "bili", "albumin", "protime"]]
    z = (features - features.mean()) / features.std(ddof=1)
    days = lasso_path(z, CoxLikelihood(survival(table.time * 365.25, table.event)), LambdaGrid(20))
    years = lasso_path(z, CoxLikelihood(survival(table.time, table.event)), LambdaGrid(20))
    np.testing.assert_allclose(days.coefficients, years.coefficients, rtol=0, atol=1e-10)


def test_logistic_cross_validation_on_the_default_grid_equals_cv_glmnet(golden: Golden, cohort: Cohort) -> None:
    result = cross_validate_logistic(cohort.features, cohort.response, cohort.folds, lambdas=GRID, standardize=False)
    same_curve(result, golden("binom_lasso_cv_default.csv"), at_tail=1e-5)
    summary = golden("binom_lasso_summary.json")["default"]
    assert result.curve.lambda_min == pytest.approx(summary["lambda_min"], rel=1e-12)
    assert result.curve.lambda_1se == pytest.approx(summary["lambda_1se"], rel=1e-12)


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        ("deviance", "binom_lasso_cv_fixedlambda.csv"),
        ("class", "binom_lasso_cv_fixedlambda_class.csv"),
        ("auc", "binom_lasso_cv_fixedlambda_auc.csv"),
    ],
)
def test_logistic_cross_validation_with_given_penalties_equals_cv_glmnet(
    golden: Golden, cohort: Cohort, measure: LogisticMeasure, name: str
) -> None:
    expected = golden(name)
    lambdas = expected["lambda"].to_numpy()
    result = cross_validate_logistic(
        cohort.features, cohort.response, cohort.folds, lambdas=lambdas, measure=measure, standardize=False
    )
    same_curve(result, expected, at_tail=1e-5)
    if measure == "auc":
        summary = golden("binom_lasso_summary.json")["auc"]
        assert result.curve.lambda_min == pytest.approx(summary["lambda_min"], rel=1e-12)
        assert result.curve.lambda_1se == pytest.approx(summary["lambda_1se"], rel=1e-12)


def test_the_curve_of_repeated_cross_validation_is_the_mean_of_its_splits(cohort: Cohort) -> None:
    x, outcome = cohort.features.iloc[:, :30], cohort.outcome
    folds = np.array([assign_folds(outcome.event, 5, seed) for seed in (1, 2, 3)])
    together = cross_validate_cox(x, outcome, folds)
    alone = [cross_validate_cox(x, outcome, each).curve for each in folds]
    for split, curve in zip(together.splits, alone, strict=True):
        np.testing.assert_array_equal(split.mean, curve.mean)
    np.testing.assert_allclose(together.curve.mean, np.mean([curve.mean for curve in alone], axis=0))
    np.testing.assert_allclose(together.curve.se, np.mean([curve.se for curve in alone], axis=0))


def test_a_feature_that_a_fold_may_not_use_is_as_good_as_absent_there(cohort: Cohort) -> None:
    x, outcome = cohort.features.iloc[:, :12], cohort.outcome
    folds = assign_folds(outcome.event, 5, seed=1)
    allowed = np.ones((5, 12), dtype=bool)
    allowed[:, 4:] = False
    lambdas = cross_validate_cox(x, outcome, folds).path.lambdas
    found = cross_validate_cox(x, outcome, folds, lambdas=lambdas, allowed=allowed)
    expected = cross_validate_cox(x.iloc[:, :4], outcome, folds, lambdas=lambdas)
    np.testing.assert_allclose(found.curve.mean, expected.curve.mean, rtol=0, atol=1e-8)
    assert found.path.n_selected[-1] > 4


def test_a_curve_without_any_finite_value_is_an_error(monkeypatch: pytest.MonkeyPatch, cohort: Cohort) -> None:
    monkeypatch.setattr(CoxLikelihood, "deviances", lambda self, eta: np.full(eta.shape[1], np.nan))
    folds = assign_folds(cohort.outcome.event, 5, seed=1)
    with pytest.raises(InputError, match="not finite at any λ"):
        cross_validate_cox(cohort.features.iloc[:, :3], cohort.outcome, folds)


def test_solutions_between_two_penalties_are_interpolated_and_clamped_at_the_ends() -> None:
    path = LassoPath(("a",), np.array([3.0, 1.0]), np.array([[0.0], [4.0]]), np.array([1.0, 2.0]), np.array([0.0, 0.5]))
    coefficients, intercepts = path.at(np.array([9.0, 2.5, 1.0, 0.1]))
    assert coefficients[:, 0].tolist() == [0, 1, 4, 4] and intercepts.tolist() == [1, 1.25, 2, 2]


def test_a_copied_feature_does_not_disturb_the_lasso(cohort: Cohort) -> None:
    some = cohort.features.iloc[:, :40]
    grid = LambdaGrid(15, 0.1)
    alone = lasso_path(some, CoxLikelihood(cohort.outcome), grid)
    twice = lasso_path(some.assign(copy=some.iloc[:, 0]), CoxLikelihood(cohort.outcome), grid)
    together = twice.coefficients[:, :40].copy()
    together[:, 0] += twice.coefficients[:, 40]
    np.testing.assert_allclose(together, alone.coefficients, rtol=0, atol=1e-7)


def test_features_that_were_not_z_scored_are_refused(cohort: Cohort) -> None:
    raw = cohort.features.iloc[:, :3] * np.array([1e-6, 1, 1e6])
    with pytest.raises(InputError, match=r"one scale.*original_shape_00.*original_shape_02.*z-score"):
        lasso_path(raw, CoxLikelihood(cohort.outcome), standardize=False)


def test_folds_spread_the_events_and_are_the_same_for_the_same_seed(cohort: Cohort) -> None:
    folds = assign_folds(cohort.outcome.event, 10, seed=1)
    assert (folds == assign_folds(cohort.outcome.event, 10, seed=1)).all()
    assert (folds != assign_folds(cohort.outcome.event, 10, seed=2)).any()
    events = np.bincount(folds[cohort.outcome.event])[1:]
    assert sorted(set(np.bincount(folds)[1:])) == [15, 16] and events.max() - events.min() <= 1


def test_too_few_events_for_the_folds_are_an_error() -> None:
    event = np.arange(60) < 6
    with pytest.raises(InputError, match=r"6 events in 10 folds, fold 7, 8, 9, 10 has no event.*fewer folds"):
        assign_folds(event, 10, seed=1)
    with pytest.raises(UsageError, match="at least 3 folds, not 2"):
        check_folds(np.arange(60) % 2, event)
    with pytest.raises(UsageError, match="5 fold numbers for 60"):
        check_folds(np.arange(5), event)


def test_a_fold_too_small_for_an_auc_is_an_error(cohort: Cohort) -> None:
    folds = assign_folds(cohort.response.to_numpy() == 1, 20, seed=1)
    with pytest.raises(InputError, match=r"fold of 8 patients is too small.*at least 10"):
        cross_validate_logistic(cohort.features.iloc[:, :5], cohort.response, folds, measure="auc")


def test_a_training_part_with_one_outcome_only_is_an_error() -> None:
    y = np.arange(30) % 10 != 0
    features = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 2)))
    folds = np.where(y, np.arange(30) % 3, 0)
    with pytest.raises(InputError, match="same outcome"):
        cross_validate_logistic(features, y, folds)


def test_penalties_must_be_greater_than_zero(cohort: Cohort) -> None:
    with pytest.raises(UsageError, match="greater than 0"):
        lasso_path(cohort.features.iloc[:, :2], CoxLikelihood(cohort.outcome), np.array([0.1, 0.0]))


def test_data_without_any_solution_are_an_error_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("EsoRadiomicsLib.statistics.lasso._MAX_STEPS", 0)
    features = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 2)))
    with pytest.raises(InputError, match="does not converge"):
        lasso_path(features, LogisticLikelihood(np.arange(30) % 2 == 0))


@pytest.mark.parametrize("penalty", [0.02, 0.1, 0.4])
def test_the_gaussian_lasso_is_scikit_learns_at_the_same_penalty(penalty: float) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(4)
    features = pd.DataFrame(rng.normal(size=(90, 12)) * rng.uniform(0.5, 20, 12), columns=[f"f{j}" for j in range(12)])
    target = (
        1.5 + features["f0"] / features["f0"].std() - 0.6 * features["f3"] / features["f3"].std() + rng.normal(size=90)
    )
    path = cross_validate_gaussian(features, target, np.arange(90) % 5, lambdas=np.array([1.0, penalty])).path
    scale = features.std(ddof=0)
    model = linear_model.Lasso(alpha=penalty, tol=1e-12, max_iter=100_000).fit(features / scale, target)
    assert path.coefficients[-1] == pytest.approx(model.coef_ / scale.to_numpy(), abs=1e-6)
    assert path.intercepts[-1] == pytest.approx(model.intercept_, abs=1e-5)
