"""Competing events in R's numbers, and how predictions are judged where a patient can no longer have the event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.calibration import km_calibration, survival_calibration
from EsoRadiomicsLib.statistics.competing import (
    Competing,
    causes,
    competing,
    cumulative_incidence,
    event_free,
    incidence_of_causes,
)
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.decision_curve import survival_decision_curve
from EsoRadiomicsLib.statistics.discrimination import auc_at, brier, harrell, uno
from EsoRadiomicsLib.statistics.fine_gray import fit_fine_gray
from EsoRadiomicsLib.statistics.gray_test import gray_test
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.scaled_brier import scaled_brier
from EsoRadiomicsLib.statistics.smooth_calibration import smooth_survival_calibration

Golden = Callable[[str], Any]
AT = [12.0, 24.0, 36.0]


@pytest.fixture
def table(golden: Golden) -> pd.DataFrame:
    return golden("competing.csv")


def follow_up(table: pd.DataFrame) -> Survival:
    return Survival(table.time.to_numpy(float), (table.cause == 1).to_numpy(), (table.cause == 2).to_numpy())


def uncensored(seed: int, n: int = 80) -> tuple[Survival, np.ndarray]:
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    first, second = rng.exponential(np.exp(-risk)), rng.exponential(1.5, n)
    return Survival(np.minimum(first, second), first < second, first >= second), risk


def test_incidence_cause_specific_and_fine_gray_models_are_rs(table: pd.DataFrame, golden: Golden) -> None:
    r, outcome = golden("competing.json"), competing(table.time, table.cause)
    curve = cumulative_incidence(outcome)
    assert curve.at(AT) == pytest.approx(r["aj_failure"], abs=1e-12)
    assert curve.se_at(AT) == pytest.approx(r["aj_failure_se"], rel=1e-9)
    assert event_free(follow_up(table), AT) == pytest.approx(1 - np.array(r["aj_failure"]), abs=1e-12)
    x = table[["rad", "stage", "age"]]
    new = pd.DataFrame([[0, 2, 64], [1, 3, 70]], columns=x.columns)
    fine_gray = fit_fine_gray(x, outcome)
    assert fine_gray.coefficients == pytest.approx(r["crr_coef"], abs=5e-5)
    assert fine_gray.se == pytest.approx(r["crr_se"], rel=1e-3)
    assert fine_gray.incidence(new, AT)[1] == pytest.approx(r["crr_incidence_1_3_70"], abs=5e-4)
    models = {cause: fit_cox(x, outcome.cause_specific(cause)) for cause in (1, 2)}
    assert models[1].coefficients == pytest.approx(r["cause1_coef"], abs=1e-8)
    predicted = incidence_of_causes(models, new, AT)
    assert predicted[0] == pytest.approx(r["csc_incidence_0_2_64"], abs=1e-9)
    assert predicted[1] == pytest.approx(r["csc_incidence_1_3_70"], abs=1e-9)


def test_grays_test_is_cuminc_s(table: pd.DataFrame, golden: Golden) -> None:
    r, outcome = golden("competing.json"), competing(table.time, table.cause)
    swapped = Competing(outcome.time, np.choose(outcome.cause, [0, 2, 1]))
    for found, name in (
        (gray_test(outcome, table.group), "gray_group"),
        (gray_test(outcome, table.stage), "gray_stage"),
        (gray_test(swapped, table.group), "gray_group_death"),
    ):
        assert (found.chi2, found.p, found.df) == pytest.approx(tuple(r[name]), rel=1e-8)
    with pytest.raises(InputError, match="at least two groups"):
        gray_test(outcome, np.ones(len(outcome)))
    with pytest.raises(UsageError, match="2 group labels"):
        gray_test(outcome, [1, 2])


def test_who_died_first_stays_at_risk_in_wolbers_c(table: pd.DataFrame, golden: Golden) -> None:
    found = harrell(follow_up(table), table.rad.to_numpy())
    assert (found.value, found.se) == pytest.approx(tuple(golden("competing.json")["wolbers_c"]), abs=1e-10)


def test_without_censoring_auc_and_brier_are_those_of_the_event_by_then() -> None:
    outcome, risk = uncensored(1)
    had = outcome.event & (outcome.time <= 0.7)
    pairs = np.sign(risk[had][:, None] - risk[~had]) / 2 + 0.5
    assert auc_at(outcome, risk, 0.7).value == pytest.approx(pairs.mean(), abs=1e-12)
    predicted = 1 / (1 + np.exp(risk))
    assert brier(outcome, predicted, 0.7).value == pytest.approx(np.mean((predicted - ~had) ** 2), abs=1e-12)
    null = scaled_brier(outcome, predicted, 0.7).null.value
    assert null == pytest.approx(had.mean() * (1 - had.mean()), abs=1e-12)
    # And Uno's index of all events is Wolbers'.
    assert uno(outcome, risk).value == pytest.approx(harrell(outcome, risk).value, abs=1e-12)


@pytest.mark.parametrize("measure", [auc_at, brier])
def test_the_errors_are_those_of_the_jackknife(measure: Callable[..., Any], table: pd.DataFrame) -> None:
    outcome, risk = follow_up(table), table.rad.to_numpy()
    prediction = risk if measure is auc_at else 1 / (1 + np.exp(risk))
    n = len(outcome)
    rows = np.arange(n)
    left_out = np.array([measure(outcome[rows != i], prediction[rows != i], 24).value for i in range(n)])
    jackknife = np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2))
    assert measure(outcome, prediction, 24).se == pytest.approx(jackknife, rel=0.02)


def test_the_weights_make_up_for_patients_lost_to_follow_up() -> None:
    """Censored versions of large cohorts give what the whole follow-up gives."""
    rng = np.random.default_rng(5)
    outcome, risk = uncensored(6, n=4000)
    lost = rng.exponential(1.5, len(outcome))
    seen = outcome.time <= lost
    assert outcome.competed is not None
    censored = Survival(np.minimum(outcome.time, lost), outcome.event & seen, outcome.competed & seen)
    predicted = 1 / (1 + np.exp(risk))
    assert auc_at(censored, risk, 0.6).value == pytest.approx(auc_at(outcome, risk, 0.6).value, abs=0.02)
    assert brier(censored, predicted, 0.6).value == pytest.approx(brier(outcome, predicted, 0.6).value, abs=0.01)
    assert uno(censored, risk, 0.6).value == pytest.approx(uno(outcome, risk, 0.6).value, abs=0.02)


def test_calibration_is_held_against_the_incidence_and_not_against_kaplan_meier(table: pd.DataFrame) -> None:
    outcome, x = follow_up(table), table[["rad", "stage", "age"]]
    free = 1 - fit_fine_gray(x, causes(outcome)).incidence(x, 24)[:, 0]
    risk = np.log(-np.log(free))
    found = survival_calibration(outcome, risk, free, 24)
    # A Fine–Gray model in its own patients: slope 1 and, on average, as many events as there were.
    assert found.slope.value == pytest.approx(1, abs=1e-6)
    assert found.observed_expected.value == pytest.approx(1, abs=0.02)
    whole = km_calibration(outcome, free, 24, np.array([0.0, 1.0]))
    assert whole.observed[0] == pytest.approx(event_free(outcome, 24)[0], abs=1e-12)
    assert whole.lower[0] < whole.observed[0] < whole.upper[0]
    naive = Survival(outcome.time, outcome.event)
    assert survival_calibration(naive, risk, free, 24).observed_expected.value > 1.08
    assert smooth_survival_calibration(outcome, free, 24).ici < 0.05
    curve = survival_decision_curve(outcome, 1 - free, 24, np.array([0.0, 0.2]))
    assert curve.model[0] == pytest.approx(1 - event_free(outcome, 24)[0], abs=1e-12)


@pytest.mark.slow
def test_where_groups_and_markers_mean_nothing_the_tests_and_limits_say_so_as_often_as_they_should() -> None:
    """1000 tied, censored cohorts of 80 whose groups differ in death only: binomial limits of 5 % are 3.7 to 6.4 %."""
    rng = np.random.default_rng(0)
    rejected, held = [], []
    for _ in range(1000):
        group, first = rng.integers(0, 2, 80), rng.random(80) < 0.5
        time = np.where(first, rng.exponential(1, 80), rng.exponential(1.5, 80) / (1 + group))
        lost = rng.uniform(0.3, 3, 80)
        cause = np.where(time <= lost, np.where(first, 1, 2), 0)
        time = np.minimum(time, lost).round(2) + 0.01
        rejected.append(gray_test(Competing(time, cause), group).p < 0.05)
        found = auc_at(Survival(time, cause == 1, cause == 2), rng.normal(size=80), 0.8)
        held.append(found.lower <= 0.5 <= found.upper)
    assert 0.037 < np.mean(rejected) < 0.064 and 0.93 < np.mean(held) < 0.97
