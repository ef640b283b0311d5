"""Gaps in clinical variables: filled several times inside a fit, pooled by Rubin's rules, told by the card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_tables import Golden, generated_table, written

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.evaluation.added_value import added_value
from EsoRadiomicsLib.evaluation.assessment import assess
from EsoRadiomicsLib.evaluation.internal_validation import internal_validation
from EsoRadiomicsLib.evaluation.markers import CLINICAL
from EsoRadiomicsLib.modelling.completed import cox, imputed, logistic
from EsoRadiomicsLib.modelling.fit import Fit, fit_table
from EsoRadiomicsLib.modelling.fitted_card import Identity
from EsoRadiomicsLib.modelling.model_cohort import IMPUTE, Cohort, Columns
from EsoRadiomicsLib.statistics.cox import efron_baseline, fit_cox
from EsoRadiomicsLib.statistics.imputation import nelson_aalen
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.logistic import fit_logistic
from EsoRadiomicsLib.studies.study import load_study

COLUMNS = Columns(time="months", event="event", clinical=("HRR status", "stage"), split="cohort", missing=IMPUTE)


def with_gaps(seed: int = 5, n: int = 240) -> pd.DataFrame:
    """Generated patients, a fifth of whom lack their stage, above all those with the event; two lack the HRR status."""
    table = generated_table(n, seed=7)
    rng = np.random.default_rng(seed)
    table["stage"] = table["stage"].astype(float)
    table["HRR status"] = table["HRR status"].astype(float)
    table.loc[rng.uniform(size=n) < np.where(table["event"] == 1, 0.3, 0.1), "stage"] = np.nan
    table.loc[[3, n - 5], "HRR status"] = np.nan
    return table


def fitted(table: pd.DataFrame, folder: Path, columns: Columns = COLUMNS) -> Fit:
    return fit_table(
        written(table, folder), columns, load_study("escc-lpfs-ccrt"), Identity("ours", "Ours", "generated")
    )


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    return fitted(with_gaps(), tmp_path_factory.mktemp("gaps"))


def test_a_pooled_model_is_rubins_of_the_models_of_each_filling() -> None:
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=150), rng.normal(size=150)
    time = rng.exponential(np.exp(-x - 0.5 * z))
    outcome = Survival(time, rng.uniform(size=150) < 0.7)
    index = [f"P{k}" for k in range(150)]
    clinical = pd.DataFrame({"x": np.where(rng.uniform(size=150) < 0.3, np.nan, x), "z": z}, index=index)
    cohort = Cohort(pd.DataFrame(index=index), clinical, outcome, outcome.event, tuple(index))
    filled = imputed(cohort, 4, 11)
    assert len(filled.completed) == 4 and not imputed(cohort.complete, 4, 11).completed
    known = clinical["x"].notna()
    for each in filled.completed:
        assert each["x"][known].equals(clinical["x"][known]) and each["z"].equals(clinical["z"])
    models = [fit_cox(each, outcome) for each in filled.completed]
    pooled = cox(filled.clinical, filled)
    between = np.cov([model.coefficients for model in models], rowvar=False)
    total = np.mean([model.covariance for model in models], axis=0) + (1 + 1 / 4) * between
    assert pooled.coefficients == pytest.approx(np.mean([model.coefficients for model in models], axis=0), abs=1e-12)
    assert pooled.covariance == pytest.approx(total, abs=1e-12)
    baselines = [efron_baseline(outcome, each.to_numpy() @ pooled.coefficients).hazard for each in filled.completed]
    assert pooled.baseline.hazard == pytest.approx(np.mean(baselines, axis=0))
    by_event = logistic(filled.clinical, filled)
    alone = [fit_logistic(each, outcome.event) for each in filled.completed]
    assert by_event.intercept == pytest.approx(np.mean([model.intercept for model in alone]))
    # The same seed gives the same bits, another one other draws.
    assert all(a.equals(b) for a, b in zip(imputed(cohort, 4, 11).completed, filled.completed, strict=True))
    assert not imputed(cohort, 4, 12).completed[0].equals(filled.completed[0])


def test_pooled_models_are_those_of_rs_mice(golden: Golden) -> None:
    table, expected = golden("imputation_mice.csv"), golden("imputation_mice.json")
    outcome = Survival(table["time"].to_numpy(), table["event"].to_numpy() == 1)
    assert nelson_aalen(outcome) == pytest.approx(expected["hazard"], rel=1e-12)
    index = [f"P{k}" for k in range(len(table))]
    clinical = table[["x", "z"]].set_axis(index)
    filled = imputed(Cohort(pd.DataFrame(index=index), clinical, outcome, outcome.event, tuple(index)), 100, 1)
    by_time, by_event = cox(clinical, filled), logistic(clinical, filled)
    # Draws differ; what 100 and R's 400 of them leave to chance is 0.01.
    assert by_time.coefficients == pytest.approx(expected["cox"], abs=0.02)
    assert by_time.se == pytest.approx(expected["cox_se"], rel=0.08)
    assert [by_event.intercept, *by_event.coefficients] == pytest.approx(expected["logistic"], abs=0.02)
    assert by_event.se == pytest.approx(expected["logistic_se"], rel=0.08)


def simulated(seed: int, n: int = 400) -> Cohort:
    """x and its correlated neighbour z with log hazard ratios 0.4 and 0.5; x is missing by z, one way with the event
    and the other without: at random given what is known, but complete cases are chosen by the outcome."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    x = 0.6 * z + 0.8 * rng.normal(size=n)
    time, censored = rng.exponential(np.exp(-(0.4 * x + 0.5 * z))), rng.exponential(1.5, n)
    outcome = Survival(np.minimum(time, censored), time <= censored)
    lost = rng.uniform(size=n) < 1 / (1 + np.exp(1.2 - np.where(outcome.event, 1.5 * z, -1.5 * z)))
    index = [f"P{k}" for k in range(n)]
    clinical = pd.DataFrame({"x": np.where(lost, np.nan, x), "z": z}, index=index)
    return Cohort(pd.DataFrame(index=index), clinical, outcome, None, tuple(index))


@pytest.mark.slow
def test_imputation_is_right_where_complete_cases_are_biased() -> None:
    """100 cohorts whose truth is known and a third of whose x is lost."""
    truth, complete, pooled, errors = np.array([0.4, 0.5]), [], [], []
    for seed in range(100):
        cohort = simulated(seed)
        kept = cohort.complete
        assert kept.survival is not None
        complete.append(fit_cox(kept.clinical, kept.survival).coefficients)
        model = cox(cohort.clinical, imputed(cohort, 5, seed))
        pooled.append(model.coefficients)
        errors.append(model.se)
    assert np.mean(complete, axis=0)[1] < 0.25, "complete cases: half of the effect of z is lost"
    assert np.mean(pooled, axis=0) == pytest.approx(truth, abs=0.08)
    covered = (np.abs(np.array(pooled) - truth) < 1.96 * np.array(errors)).mean(axis=0)
    assert (covered > 0.88).all()
    assert np.mean(errors, axis=0) == pytest.approx(np.std(pooled, axis=0), rel=0.2)


def test_the_fit_counts_the_gaps_and_keeps_all_training_patients(fit: Fit) -> None:
    assert len(fit.training) == 160
    gaps = fit.training.gaps
    assert gaps["HRR status"] == 1 and gaps["stage"] > 20
    final = {term.name: term for term in (fit.model.final.terms if fit.model.final else ())}
    assert final and all(np.isfinite([term.coefficient, term.p]).all() for term in final.values())
    assert fit.model.multivariable is not None and fit.model.multivariable.n == 160
    n = len(fit.training) - len(fit.training.complete)
    assert any(f"{n} of 160 training patients have gaps" in warning for warning in fit.model.warnings)
    aside = fit.validation
    assert aside is not None
    lost = len(aside) - len(aside.complete)
    assert any(f"{lost} of the 80 patients set aside lack" in text for text in fit.study.card["limitations"])
    step = next(step for step in fit.study.card["protocol"]["steps"] if step["step"] == "impute")
    assert step["imputations"] >= 20 and step["gaps"] == gaps
    sides = assess(fit).sides
    assert [len(side.cohort) for side in sides] == [160 - n, 80 - lost]


def test_the_card_draws_the_curve_of_its_pooled_model(fit: Fit) -> None:
    outcome = fit.study.outcome
    assert outcome is not None and outcome.curve is not None and fit.model.training.completed
    nobody = np.zeros((1, len(outcome.curve.covariance)))
    for time, s0 in outcome.baseline:
        hazard, se = outcome.curve.at(time, nobody, np.zeros(1))
        assert np.exp(-hazard[0]) == pytest.approx(s0.value, abs=1e-9) and np.isfinite(se[0])


def test_patients_set_aside_teach_the_imputation_nothing(fit: Fit, tmp_path: Path) -> None:
    table = with_gaps()
    aside = table["cohort"] == "validation"
    table.loc[aside, "months"] = table.loc[aside, "months"].to_numpy()[::-1] + 1
    table.loc[aside, "event"] = 1 - table.loc[aside, "event"]
    again = fitted(table, tmp_path)
    assert again.study.card["signature"] == fit.study.card["signature"]
    assert again.study.card["outcome"] == fit.study.card["outcome"]


def test_every_resample_imputes_anew_and_tests_patients_without_gaps(fit: Fit) -> None:
    internal = internal_validation(fit.plan, fit.model, n=5)
    assert internal.n_failed == 0
    for name in (None, CLINICAL):
        found = internal.find("C-index", name)
        assert found is not None and 0.4 < found.value < 0.95
    tests = added_value(fit.plan, fit.model)
    assert {test.base for test in tests} >= {CLINICAL} and all(0 <= test.p <= 1 for test in tests)


def test_complete_cases_stay_the_default_with_their_number(tmp_path: Path) -> None:
    fit = fitted(with_gaps(), tmp_path, replace(COLUMNS, missing="complete"))
    assert len(fit.training) < 160 and not fit.training.gaps
    assert any("were left out (complete cases)" in warning for warning in fit.training.warnings)


def test_a_variable_that_most_patients_lack_and_several_rows_a_patient_are_refused(tmp_path: Path) -> None:
    table = with_gaps()
    table.loc[: len(table) * 2 // 3, "stage"] = np.nan
    with pytest.raises(InputError, match="“stage” is empty for"):
        fitted(table, tmp_path)
    aside = with_gaps()
    aside.loc[aside["cohort"] == "validation", "stage"] = np.nan
    aside["stage"] = aside["stage"].where(aside["cohort"] == "validation", aside["stage"].fillna(2))
    with pytest.raises(InputError, match="Each patient that was set aside lacks one of"):
        fitted(aside, tmp_path)
    rows = with_gaps()
    rows["who"] = [f"W{k // 2}" for k in range(len(rows))]
    with pytest.raises(UsageError, match="several rows cannot be imputed"):
        fitted(rows, tmp_path, replace(COLUMNS, patient="who"))
