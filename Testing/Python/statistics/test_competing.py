"""Competing events: against lifelines, scikit-survival, R's Breslow Cox model, and patients whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.competing import (
    Competing,
    competing,
    cumulative_incidence,
    incidence_observed_expected,
    incidence_of_causes,
)
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.fine_gray import fit_fine_gray
from EsoRadiomicsLib.statistics.inputs import survival
from EsoRadiomicsLib.statistics.kaplan_meier import kaplan_meier

Golden = Callable[[str], Any]


def patients(seed: int, n: int = 300, censored: bool = True) -> tuple[pd.DataFrame, Competing]:
    """Fine and Gray's own model of cause 1 (JASA 1999): coefficients 0.5 and −0.5, p = 0.6 at baseline."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    relative = np.exp(x @ [0.5, -0.5])
    ever = 1 - 0.4**relative
    first = rng.random(n) < ever
    u = rng.random(n)
    to_event = -np.log(1 - (1 - (1 - u * ever) ** (1 / relative)) / 0.6)
    to_other = rng.exponential(1 / np.exp(0.3 * x[:, 0]))
    time = np.where(first, to_event, to_other)
    loss = rng.uniform(0.3, 3, n) if censored else np.full(n, np.inf)
    cause = np.where(time <= loss, np.where(first, 1, 2), 0)
    return pd.DataFrame(x, columns=["a", "b"]), Competing(np.minimum(time, loss), cause)


def test_the_incidence_of_bone_marrow_transplants_is_scikit_survivals() -> None:
    sksurv = pytest.importorskip("sksurv.nonparametric", reason="scikit-survival (GPL) is not installed")
    from sksurv.datasets import load_bmt

    _, y = load_bmt()
    outcome = Competing(y["ftime"], y["status"].astype(int))
    time, peer, limits = sksurv.cumulative_incidence_competing_risks(
        y["status"], y["ftime"], conf_type="log-log", var_type="Aalen"
    )
    for cause in (1, 2):
        curve = cumulative_incidence(outcome, cause)
        np.testing.assert_allclose(curve.at(time), peer[cause], atol=1e-12)
        lower, upper = curve.band(time)
        np.testing.assert_allclose(lower, limits[cause][0], atol=0.02)
        np.testing.assert_allclose(upper, limits[cause][1], atol=0.02)


def test_the_incidence_and_its_error_are_those_of_lifelines() -> None:
    lifelines = pytest.importorskip("lifelines")
    _, outcome = patients(1)
    peer = lifelines.AalenJohansenFitter(calculate_variance=True).fit(outcome.time, outcome.cause, 1)
    curve, at = cumulative_incidence(outcome), np.array([0.2, 0.5, 1.0, 2.0])
    rows = peer.cumulative_density_.index.to_numpy()
    where = np.searchsorted(rows, at, side="right") - 1
    np.testing.assert_allclose(curve.at(at), peer.cumulative_density_.to_numpy()[where, 0], atol=1e-12)
    np.testing.assert_allclose(curve.se_at(at) ** 2, peer.variance_.to_numpy()[where], rtol=0.02)


def test_without_competing_events_the_incidence_is_one_minus_kaplan_meier(golden: Golden) -> None:
    table = golden("lung_cc.csv")
    outcome = survival(table.time, table.event)
    curve, km = cumulative_incidence(competing(table.time, table.event)), kaplan_meier(outcome)
    np.testing.assert_allclose(curve.incidence, 1 - km.survival, atol=1e-12)
    np.testing.assert_allclose(curve.se[:-1], (km.survival * km.se_log)[:-1], atol=1e-12)


def test_the_incidences_of_all_causes_and_survival_add_up_to_one() -> None:
    _, outcome = patients(2)
    together = sum(cumulative_incidence(outcome, cause).incidence for cause in (1, 2))
    np.testing.assert_allclose(together, 1 - kaplan_meier(outcome.any_event).survival, atol=1e-12)
    naive = 1 - kaplan_meier(outcome.cause_specific()).survival
    assert naive[-1] > cumulative_incidence(outcome).incidence[-1] + 0.05


def test_by_hand_with_four_patients() -> None:
    """Death of one of four, failure of one of three, censoring, failure of the last: 3/4·1/3 = 1/4, then + 1/2."""
    curve = cumulative_incidence(competing([1, 2, 3, 4], [2, 1, 0, 1]))
    assert curve.at([0.5, 1, 2, 3.5, 4]).tolist() == pytest.approx([0, 0, 0.25, 0.25, 0.75])
    assert np.isnan(curve.at([5]))[0]


def test_without_competing_events_fine_gray_is_the_breslow_cox_model(golden: Golden) -> None:
    table, expected = golden("analysis_table.csv"), golden("coxph.json")["multi_breslow"]
    train = table[table.cohort == "train"]
    model = fit_fine_gray(train[["N", "CR", "rad"]], competing(train.time, train.event))
    np.testing.assert_allclose(model.coefficients, list(expected["coef"].values()), atol=1e-6)
    np.testing.assert_allclose(model.se, list(expected["se"].values()), rtol=0.25)
    baseline = golden("coxph_basehaz_uncentered.csv")
    np.testing.assert_allclose(model.baseline.at(baseline.time), baseline.H0_breslow, atol=1e-5)


def test_without_censoring_competing_events_are_patients_who_stay_for_ever() -> None:
    x, outcome = patients(3, censored=False)
    for_ever = competing(np.where(outcome.cause == 2, 1e6, outcome.time), outcome.cause == 1)
    found, expected = fit_fine_gray(x, outcome), fit_fine_gray(x, for_ever)
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e-8)
    np.testing.assert_allclose(found.covariance, expected.covariance, atol=1e-8)
    # No ties, so that Breslow's likelihood is Efron's.
    np.testing.assert_allclose(found.coefficients, fit_cox(x, for_ever.cause_specific()).coefficients, atol=1e-6)


def test_the_coefficients_are_those_of_a_cox_model_of_weighted_episodes() -> None:
    """As R's ``finegray`` writes them, fitted by lifelines: episodes between the times of censoring."""
    lifelines = pytest.importorskip("lifelines")
    x, outcome = patients(4, n=120)
    censored = np.sort(outcome.time[outcome.cause == 0])
    at_risk = np.array([(outcome.time >= t).sum() for t in censored])

    def remaining(t: float) -> float:
        return float(np.prod((1 - 1 / at_risk)[censored < t]))

    rows = []
    for i, (time, cause) in enumerate(zip(outcome.time, outcome.cause, strict=True)):
        rows.append((i, 0.0, time, cause == 1, 1.0))
        if cause == 2:
            ends = [t for t in censored if t > time] + [outcome.time.max() + 1]
            for start, stop in zip([time, *ends[:-1]], ends, strict=True):
                # From just after one censoring to the next the weight is the same.
                rows.append((i, start, stop, False, remaining(stop) / remaining(time)))
    table = pd.DataFrame(rows, columns=["id", "start", "stop", "event", "weight"]).join(x, on="id")
    table = table[table.weight > 0]
    peer = lifelines.CoxTimeVaryingFitter().fit(
        table,
        id_col="id",
        event_col="event",
        start_col="start",
        stop_col="stop",
        weights_col="weight",
        fit_options={"precision": 1e-10},
    )
    np.testing.assert_allclose(fit_fine_gray(x, outcome).coefficients, peer.params_[["a", "b"]], atol=1e-5)


def test_the_intervals_of_fine_gray_hold_the_truth_as_often_as_they_say() -> None:
    held, coefficients, errors = [], [], []
    for seed in range(200):
        model = fit_fine_gray(*patients(seed, n=250))
        held.append(np.abs(model.coefficients - [0.5, -0.5]) < 1.96 * model.se)
        coefficients.append(model.coefficients)
        errors.append(model.se)
    assert np.mean(coefficients, axis=0) == pytest.approx([0.5, -0.5], abs=0.03)
    assert ((np.mean(held, axis=0) > 0.91) & (np.mean(held, axis=0) < 0.98)).all()
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(coefficients, axis=0), rtol=0.12)


def test_predicted_incidences_are_the_true_ones() -> None:
    x, outcome = patients(5, n=4000)
    model = fit_fine_gray(x, outcome)
    for values in ([0.0, 0.0], [1.0, -1.0]):
        truth = 1 - (1 - 0.6 * (1 - np.exp(-1.0))) ** np.exp(np.dot(values, [0.5, -0.5]))
        row = pd.DataFrame([values], columns=["a", "b"])
        assert model.incidence(row, [1.0])[0, 0] == pytest.approx(truth, abs=0.03)
    causes = {cause: fit_cox(x, outcome.cause_specific(cause)) for cause in (1, 2)}
    predicted = incidence_of_causes(causes, x, [0.5, 1.0])
    assert predicted.mean(axis=0) == pytest.approx(cumulative_incidence(outcome).at([0.5, 1.0]), abs=0.02)


def test_observed_over_expected_counts_the_competing_events() -> None:
    x, outcome = patients(6, n=1000)
    predicted = fit_fine_gray(x, outcome).incidence(x, [1.0])[:, 0]
    ratio = incidence_observed_expected(outcome, predicted, 1.0)
    assert ratio.value == pytest.approx(1, abs=0.03) and ratio.lower < 1 < ratio.upper
    naive = np.full(1000, 1 - kaplan_meier(outcome.cause_specific()).at(1.0)[0])
    assert incidence_observed_expected(outcome, naive, 1.0).upper < 1


def test_rows_of_one_patient_do_not_narrow_the_intervals() -> None:
    x, outcome = patients(7, n=100)
    rows = np.tile(np.arange(100), 2)
    once, twice = fit_fine_gray(x, outcome), fit_fine_gray(x.iloc[rows], outcome[rows], rows)
    np.testing.assert_allclose(twice.coefficients, once.coefficients, atol=0.02)
    np.testing.assert_allclose(twice.se, once.se, rtol=0.02)


def test_what_cannot_be_estimated_is_a_sentence() -> None:
    with pytest.raises(InputError, match="Code causes as 0 = censored"):
        competing([1, 2], [0, 1.5])
    with pytest.raises(InputError, match="greater than 0"):
        competing([0, 2], [0, 1])
    with pytest.raises(InputError, match=r"No patient had the event \(cause 1\)"):
        competing([1, 2], [0, 2])
    with pytest.raises(UsageError, match="2 follow-up times but 3 causes"):
        competing([1, 2], [0, 1, 2])
    x, outcome = patients(8, n=60)
    with pytest.raises(InputError, match="no finite hazard ratio for 'seen'"):
        fit_fine_gray(x.assign(seen=(outcome.cause == 1).astype(int)), outcome)
    with pytest.raises(InputError, match="cannot be compared at time 99"):
        incidence_observed_expected(outcome, np.full(60, 0.2), 99)
