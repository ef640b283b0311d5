"""Cox and logistic regression, their calibration and their optimism, against R's survival, glm and rms."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.calibration import (
    calibration_edges,
    hosmer_lemeshow,
    km_calibration,
    logistic_calibration,
    survival_calibration,
)
from EsoRadiomicsLib.statistics.cox import CoxModel, fit_cox
from EsoRadiomicsLib.statistics.discrimination import harrell
from EsoRadiomicsLib.statistics.inputs import IntArray, Survival, survival
from EsoRadiomicsLib.statistics.kaplan_meier import kaplan_meier
from EsoRadiomicsLib.statistics.lasso import lasso_path
from EsoRadiomicsLib.statistics.likelihood import LogisticLikelihood
from EsoRadiomicsLib.statistics.logistic import LogisticModel, fit_logistic
from EsoRadiomicsLib.statistics.proportional_hazards import proportional_hazards

Golden = Callable[[str], Any]
MODEL = ["N", "CR", "rad"]


@pytest.fixture(scope="module")
def train(golden: Golden) -> pd.DataFrame:
    table = golden("analysis_table.csv")
    return table[table.cohort == "train"].reset_index(drop=True)


@pytest.fixture(scope="module")
def outcome(train: pd.DataFrame) -> Survival:
    return survival(train.time, train.event)


@pytest.fixture(scope="module")
def model(train: pd.DataFrame, outcome: Survival) -> CoxModel:
    return fit_cox(train[MODEL], outcome)


@pytest.fixture(scope="module")
def status(golden: Golden) -> pd.DataFrame:
    """Patients whose status at 24 months is known: ``y`` and covariates."""
    return golden("roc_input.csv")[["id", "y"]].merge(golden("analysis_table.csv"), on="id")


def same_as_coxph(fitted: CoxModel, expected: dict[str, Any]) -> None:
    def column(name: str) -> list[float]:
        return list(expected[name].values())

    ratios, lower, upper = fitted.hazard_ratios()
    np.testing.assert_allclose(fitted.coefficients, column("coef"), rtol=0, atol=1e-6)
    np.testing.assert_allclose(fitted.se, column("se"), rtol=0, atol=1e-6)
    np.testing.assert_allclose(fitted.p, column("p"), rtol=1e-6)
    np.testing.assert_allclose(ratios, np.exp(column("coef")), rtol=1e-6)
    np.testing.assert_allclose(lower, column("hr_lo"), rtol=1e-6)
    np.testing.assert_allclose(upper, column("hr_hi"), rtol=1e-6)
    np.testing.assert_allclose(fitted.covariance, expected["vcov"], rtol=0, atol=1e-6)
    assert fitted.log_likelihoods == pytest.approx(expected["loglik"], abs=1e-8)
    assert fitted.likelihood_ratio[0] == pytest.approx(expected["lrt"], abs=1e-6)
    assert (fitted.n, fitted.n_events) == (expected["n"], expected["nevent"])


# Cox


def test_multivariable_cox_models_equal_coxph(
    golden: Golden, train: pd.DataFrame, outcome: Survival, model: CoxModel
) -> None:
    results = golden("coxph.json")
    same_as_coxph(model, results["multi_efron"])
    same_as_coxph(fit_cox(train[["T", "N", "stage", "CR", "rad"]], outcome), results["multi5_efron"])


@pytest.mark.parametrize("variable", ["T", "N", "stage", "age", "sex", "CR", "rad"])
def test_univariable_cox_models_equal_coxph(
    golden: Golden, train: pd.DataFrame, outcome: Survival, variable: str
) -> None:
    same_as_coxph(fit_cox(train[[variable]], outcome), golden("coxph.json")["uni"][variable])


def test_cox_models_of_the_lung_veteran_and_pbc_cohorts_equal_coxph(golden: Golden) -> None:
    results = golden("coxph.json")
    lung, veteran, pbc = golden("lung_cc.csv"), golden("veteran.csv"), golden("pbc_cc.csv")
    same_as_coxph(fit_cox(lung[["age", "sex", "ph.ecog"]], survival(lung.time, lung.event)), results["lung_efron"])
    veteran["trt2"] = (veteran.trt == 2).astype(int)
    covariates = veteran[["karno", "age", "trt2", "prior"]]
    same_as_coxph(fit_cox(covariates, survival(veteran.time, veteran.status)), results["veteran_efron"])
    covariates = pbc[["age", "edema", "albumin"]].assign(bili=np.log(pbc.bili), protime=np.log(pbc.protime))
    fitted, expected = fit_cox(covariates, survival(pbc.time, pbc.event)), golden("pbc_summary.json")["coxph"]
    order = ["age", "edema", "log(bili)", "albumin", "log(protime)"]
    mine = dict(zip(["age", "edema", "albumin", "log(bili)", "log(protime)"], fitted.coefficients, strict=True))
    assert [mine[name] for name in order] == pytest.approx([expected["coef"][name] for name in order], abs=1e-6)
    assert fitted.log_likelihoods == pytest.approx(expected["loglik"], abs=1e-8)


def test_the_baseline_hazard_is_the_efron_one_of_r(golden: Golden, model: CoxModel) -> None:
    expected = golden("coxph_basehaz_uncentered.csv")
    np.testing.assert_allclose(model.baseline.at(expected.time), expected.H0_efron, rtol=0, atol=1e-8)
    assert model.baseline.at([0])[0] == 0 and np.isnan(model.baseline.at([1e4])[0])


def test_linear_predictors_of_every_patient_equal_those_of_r(golden: Golden, model: CoxModel) -> None:
    expected = golden("cox_lp.csv").lp + model.means @ model.coefficients
    mine = model.linear_predictor(golden("analysis_table.csv"))
    # R centres the linear predictor, and may keep another constant.
    np.testing.assert_allclose(np.ptp(mine - expected), 0, atol=1e-6)


def test_predicted_survival_follows_from_the_baseline(model: CoxModel, outcome: Survival, train: pd.DataFrame) -> None:
    lp = model.linear_predictor(train)
    predicted = model.survival(lp, [12, 24, 36])
    np.testing.assert_allclose(predicted, np.exp(-model.baseline.at([12, 24, 36])) ** np.exp(lp)[:, None])
    assert (np.diff(predicted, axis=1) < 0).all()
    # Martingale residuals of the fitted patients add up to 0.
    expected_events = model.baseline.at(outcome.time) * np.exp(lp)
    assert expected_events.sum() == pytest.approx(outcome.n_events, rel=0.02)


def test_the_test_of_proportional_hazards_equals_cox_zph(
    golden: Golden, train: pd.DataFrame, outcome: Survival, model: CoxModel
) -> None:
    expected, test = golden("coxph.json")["zph_km_transform"], proportional_hazards(model, train, outcome)
    *each, together = expected["chisq"].values()
    np.testing.assert_allclose(test.chi2, each, rtol=0, atol=1e-7)
    assert test.global_chi2 == pytest.approx(together, abs=1e-7)
    assert [*test.p, test.global_p] == pytest.approx(list(expected["p"].values()), abs=1e-7)


def test_a_variable_that_separates_the_events_is_named(train: pd.DataFrame, outcome: Survival) -> None:
    with pytest.raises(InputError, match=r"no finite hazard ratio for 'seen'.*merge its categories"):
        fit_cox(train[["N", "rad"]].assign(seen=outcome.event.astype(int)), outcome)


def test_constant_dependent_and_too_many_variables_are_errors(train: pd.DataFrame, outcome: Survival) -> None:
    with pytest.raises(InputError, match="column flat has the same value in all 155 patients"):
        fit_cox(train[["N"]].assign(flat=1 / 3), outcome)
    with pytest.raises(InputError, match="column total follows exactly from the columns before it"):
        fit_cox(train[["N", "CR"]].assign(total=train.N + 2 * train.CR), outcome)
    with pytest.raises(InputError, match="Each of the columns twice, total follows exactly"):
        fit_cox(train[["N", "CR"]].assign(twice=2 * train.N, total=train.N + 2 * train.CR), outcome)
    few = Survival(outcome.time, np.arange(155) < 2)
    with pytest.raises(InputError, match="2 events are too few for a Cox model of 3 variables"):
        fit_cox(train[MODEL], few)


def test_other_patients_need_the_columns_of_the_model(train: pd.DataFrame, model: CoxModel) -> None:
    with pytest.raises(InputError, match="no column CR, which the model needs"):
        model.linear_predictor(train[["N", "rad"]])
    with pytest.raises(InputError, match=r"missing or infinite for 'rad' in row 7;"):
        model.linear_predictor(train[MODEL].assign(rad=train.rad.where(train.index != 7)))


def test_a_missing_package_is_reported_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, status: pd.DataFrame
) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(UsageError, match=r"package threadpoolctl.*pip install \"esoradiomics\[modelling\]\""):
        lasso_path(status[["rad", "N", "CR"]], LogisticLikelihood(status.y.to_numpy() == 1))


# Logistic


def test_the_logistic_model_equals_glm(golden: Golden, status: pd.DataFrame) -> None:
    expected = golden("roc_delong.json")["logistic"]
    fitted = fit_logistic(status[["rad", "N", "CR"]], status.y)
    assert [fitted.intercept, *fitted.coefficients] == pytest.approx(list(expected["coef"].values()), abs=1e-6)
    # glm takes the errors from the last step but one.
    assert fitted.se == pytest.approx(list(expected["se"].values()), abs=1e-4)
    assert fitted.deviances[1] == pytest.approx(expected["dev"], abs=1e-9)
    assert fitted.probability(status).sum() == pytest.approx(status.y.sum())


def test_the_logistic_errors_are_those_of_the_second_derivative(status: pd.DataFrame) -> None:
    fitted = fit_logistic(status[["rad", "age"]], status.y)
    design = np.column_stack([np.ones(len(status)), status.rad, status.age])

    def score(beta: np.ndarray) -> np.ndarray:
        return design.T @ (status.y - 1 / (1 + np.exp(-design @ beta)))

    beta = np.append(fitted.intercept, fitted.coefficients)
    steps = np.eye(3) * 1e-5
    hessian = np.array([(score(beta + step) - score(beta - step)) / 2e-5 for step in steps])
    np.testing.assert_allclose(score(beta), 0, atol=1e-6)
    np.testing.assert_allclose(fitted.covariance, np.linalg.inv(-hessian), rtol=1e-5)


def test_the_odds_ratio_of_a_two_by_two_table_is_the_cross_product() -> None:
    """Woolf: OR = ad/bc, SE(ln OR) = sqrt(1/a + 1/b + 1/c + 1/d)."""
    x, y = np.repeat([1, 1, 0, 0], [12, 5, 7, 20]), np.repeat([1, 0, 1, 0], [12, 5, 7, 20])
    fitted: LogisticModel = fit_logistic(pd.DataFrame({"x": x}), y)
    error = np.sqrt(1 / 12 + 1 / 5 + 1 / 7 + 1 / 20)
    ratio, lower, upper = fitted.odds_ratios()
    assert ratio[0] == pytest.approx(12 * 20 / 35)
    assert np.log(upper[0] / lower[0]) == pytest.approx(2 * 1.959964 * error, rel=1e-6)


def test_separated_outcomes_are_an_error_that_names_the_variable(status: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"no finite odds ratios.*above all 'marker'.*separate"):
        fit_logistic(status[["rad"]].assign(marker=status.y + 0.1 * status.rad), status.y)
    # Quasi-complete: one level of a category has only one outcome.
    with pytest.raises(InputError, match=r"above all 'level'"):
        fit_logistic(status[["rad"]].assign(level=status.y * (status.index % 2)), status.y)


def test_too_few_patients_of_the_rarer_outcome_are_an_error(status: pd.DataFrame) -> None:
    rare = np.arange(len(status)) < 2
    with pytest.raises(InputError, match="2 patients of the rarer outcome are too few for a logistic model of 3"):
        fit_logistic(status[MODEL], rare)


# Calibration


def test_calibration_by_groups_equals_rms(
    golden: Golden, model: CoxModel, train: pd.DataFrame, outcome: Survival
) -> None:
    expected = golden("validate_calibrate.json")["calibrate_KM_u36_m50"]
    predicted = model.survival(model.linear_predictor(train), [36])[:, 0]
    edges = calibration_edges(predicted, 50)
    # rms::cph stops at 1e-4 of its likelihood.
    np.testing.assert_allclose(edges, expected["cuts"], rtol=0, atol=1e-5)
    groups = km_calibration(outcome, predicted, 36, edges)
    rows = expected["apparent"]
    assert groups.n.tolist() == [row["n"] for row in rows]
    assert groups.n_events.tolist() == [row["events"] for row in rows]
    np.testing.assert_allclose(groups.predicted, [row["x"] for row in rows], rtol=0, atol=1e-5)
    km = [np.nan if row["KM"] is None else row["KM"] for row in rows]
    np.testing.assert_allclose(groups.observed, km, rtol=1e-12)


def test_an_empty_group_of_predictions_is_left_empty(outcome: Survival) -> None:
    groups = km_calibration(outcome, np.full(155, 0.8), 36, np.array([0, 0.5, 1]))
    assert groups.n.tolist() == [0, 155] and np.isnan(groups.observed[0])


def test_a_cox_model_is_perfectly_calibrated_in_its_own_patients(
    model: CoxModel, train: pd.DataFrame, outcome: Survival
) -> None:
    lp = model.linear_predictor(train)
    result = survival_calibration(outcome, lp, model.survival(lp, [36])[:, 0], 36)
    assert result.slope.value == pytest.approx(1, abs=1e-6) and result.slope.lower < 1 < result.slope.upper
    assert result.intercept.value == pytest.approx(0, abs=0.03)
    assert result.intercept.lower < 0 < result.intercept.upper
    assert result.observed_expected.value == pytest.approx(1, abs=0.03)


def test_calibration_of_survival_finds_what_was_spoilt(model: CoxModel, train: pd.DataFrame, outcome: Survival) -> None:
    lp = model.linear_predictor(train)
    predicted = model.survival(lp, [36])[:, 0]
    assert survival_calibration(outcome, 2 * lp, predicted, 36).slope.value == pytest.approx(0.5, abs=1e-6)
    # Squaring every survival probability doubles every hazard.
    twice, once = (survival_calibration(outcome, lp, survival, 36) for survival in (predicted**2, predicted))
    assert twice.intercept.value == pytest.approx(once.intercept.value - np.log(2))
    assert twice.observed_expected.value < once.observed_expected.value
    with pytest.raises(InputError, match=r"cannot be compared at time 1000"):
        survival_calibration(outcome, lp, predicted, 1000)
    with pytest.raises(InputError, match="no shift calibrates it"):
        survival_calibration(outcome, lp, np.where(lp > np.quantile(lp, 0.1), 0.0, 0.5), 36)


def test_the_intercept_of_equal_predictions_is_the_difference_on_the_log_minus_log_scale(outcome: Survival) -> None:
    """ln(−ln Kaplan–Meier) − ln(−ln S), with the limits of Kaplan–Meier on that scale ("log-log")."""
    lp = np.linspace(-1, 1, len(outcome))
    found = survival_calibration(outcome, lp, np.full(len(outcome), 0.6), 36).intercept
    curve = kaplan_meier(outcome, limits="log-log")
    expected = [np.log(np.log(value[0]) / np.log(0.6)) for value in (curve.at(36), *curve.band(36))]
    assert (found.value, found.upper, found.lower) == pytest.approx(expected, abs=1e-9)


def test_a_logistic_model_is_perfectly_calibrated_in_its_own_patients(status: pd.DataFrame) -> None:
    fitted = fit_logistic(status[MODEL], status.y)
    log_odds = fitted.linear_predictor(status)
    result = logistic_calibration(status.y, log_odds)
    assert (result.slope.value, result.observed_expected.value) == pytest.approx((1, 1), abs=1e-8)
    assert result.intercept.value == pytest.approx(0, abs=1e-8)
    shifted = logistic_calibration(status.y, log_odds / 2 + 1)
    assert shifted.intercept.upper < 0
    assert shifted.slope.value == pytest.approx(2) and shifted.observed_expected.upper < 1


def test_the_hosmer_lemeshow_test_equals_r(golden: Golden, status: pd.DataFrame) -> None:
    expected = golden("tables_misc.json")["hosmer_lemeshow"]
    test = hosmer_lemeshow(status.y, fit_logistic(status[["rad", "N", "CR"]], status.y).probability(status))
    assert (test.chi2, test.p) == pytest.approx((expected["stat"], expected["p"]), abs=1e-6)
    assert test.df == expected["df"]
    with pytest.raises(InputError, match="at least three groups"):
        hosmer_lemeshow(status.y, status.CR * 0.5 + 0.2)


# Bootstrap


@pytest.mark.parametrize("n_samples", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_optimism_of_discrimination_slope_and_calibration_equals_rms(
    golden: Golden, train: pd.DataFrame, outcome: Survival, model: CoxModel, n_samples: int
) -> None:
    expected = golden("validate_calibrate.json")
    own, calibration = expected["own_B50_stored_indices"], expected["calibrate_KM_u36_m50"]
    edges = calibration_edges(model.survival(model.linear_predictor(train), [36])[:, 0], 50)

    def fit(rows: IntArray) -> CoxModel:
        return fit_cox(train.loc[rows, MODEL], outcome[rows])

    def measure(fitted: CoxModel, rows: IntArray) -> np.ndarray:
        lp = fitted.linear_predictor(train.loc[rows])
        slope = fit_cox(pd.DataFrame({"lp": lp}), outcome[rows]).coefficients[0]
        groups = km_calibration(outcome[rows], fitted.survival(lp, [36])[:, 0], 36, edges)
        return np.array([2 * harrell(outcome[rows], lp).value - 1, slope, *(groups.observed - groups.predicted)])

    everybody = np.arange(len(train))
    samples = golden("bootstrap_indices_zero_based.csv").to_numpy()[:n_samples]
    fitted = [fit(rows) for rows in samples]
    training = np.array([measure(each, rows) for each, rows in zip(fitted, samples, strict=True)])
    test = np.array([measure(each, everybody) for each in fitted])
    apparent = measure(fit(everybody), everybody)
    assert apparent[0] == pytest.approx(own["Dxy_app"], abs=1e-9)
    np.testing.assert_allclose(training[:, 0], own["Dxy_boot"][:n_samples], rtol=0, atol=1e-9)
    np.testing.assert_allclose(test[:, 0], own["Dxy_test"][:n_samples], rtol=0, atol=1e-9)
    np.testing.assert_allclose(test[:, 1], own["slope_test"][:n_samples], rtol=0, atol=1e-6)
    if n_samples == 50:
        optimism = np.nanmean(training - test, axis=0)  # a group can be empty in a sample
        assert optimism[0] == pytest.approx(own["optimism"], abs=1e-9)
        assert (apparent - optimism)[1] == pytest.approx(own["slope_corrected"], abs=1e-6)
        np.testing.assert_allclose(optimism[2:], calibration["own_B50_optimism"], rtol=0, atol=1e-5)
