"""Rows that belong together, and tests of several coefficients: against lifelines and the definitions, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.calibration import (
    calibration_edges,
    km_calibration,
    logistic_calibration,
    survival_calibration,
)
from EsoRadiomicsLib.statistics.chunk_tests import likelihood_ratio, wald_chunk
from EsoRadiomicsLib.statistics.competing import competing, cumulative_incidence
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.decision_curve import decision_curve, survival_decision_curve
from EsoRadiomicsLib.statistics.discrimination import auc_over_time, harrell
from EsoRadiomicsLib.statistics.efron import EfronLikelihood
from EsoRadiomicsLib.statistics.estimate import clustered, paired_difference
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.kaplan_meier import kaplan_meier
from EsoRadiomicsLib.statistics.logistic import fit_logistic


def nodes(
    seed: int, patients: int = 60, each: int = 3, ties: bool = False
) -> tuple[pd.DataFrame, Survival, np.ndarray]:
    """Several nodes a patient whose features and times are alike."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), each)
    x = rng.normal(size=(patients, 2))[patient] + 0.3 * rng.normal(size=(len(patient), 2))
    frailty = rng.gamma(2, 0.5, patients)[patient]
    time = rng.exponential(1 / (frailty * np.exp(0.5 * x[:, 0])))
    time = np.ceil(4 * time) if ties else time
    return pd.DataFrame(x, columns=["a", "b"]), Survival(time, rng.random(len(time)) < 0.7), patient


def test_cluster_robust_errors_of_a_cox_model_equal_those_of_lifelines() -> None:
    lifelines = pytest.importorskip("lifelines")
    x, outcome, patient = nodes(1)
    table = x.assign(time=outcome.time, event=outcome.event, patient=patient)
    peer = lifelines.CoxPHFitter().fit(table, "time", "event", cluster_col="patient", fit_options={"precision": 1e-12})
    model = fit_cox(x, outcome, patient)
    np.testing.assert_allclose(model.coefficients, peer.params_, rtol=1e-6)
    np.testing.assert_allclose(model.se, peer.standard_errors_, rtol=1e-5)
    assert model.n_clusters == 60 and fit_cox(x, outcome).n_clusters is None


@pytest.mark.parametrize("ties", [False, True])
def test_each_patients_part_of_the_score_follows_from_efrons_definition(ties: bool) -> None:
    x, outcome, _ = nodes(2, patients=20, ties=ties)
    values, beta = x.to_numpy(), np.array([0.4, -0.2])
    relative = np.exp(values @ beta)
    expected = np.zeros_like(values)
    for time in np.unique(outcome.time[outcome.event]):
        dying, at_risk = outcome.event & (outcome.time == time), outcome.time >= time
        d = dying.sum()
        for gone in range(d):
            weight = relative * (at_risk - gone / d * dying)
            mean = weight @ values / weight.sum()
            expected += dying[:, None] * (values - mean) / d
            expected -= (weight / weight.sum())[:, None] * (values - mean)
    point = EfronLikelihood(values, outcome)(beta)
    np.testing.assert_allclose(point.scores, expected, rtol=0, atol=1e-12)


def test_robust_errors_of_a_cox_model_are_near_the_jackknifes_that_leaves_patients_out() -> None:
    x, outcome, patient = nodes(3, patients=80)
    model = fit_cox(x, outcome, patient)
    left_out = [fit_cox(x[patient != p], outcome[patient != p]).coefficients for p in range(80)]
    jackknife = np.sqrt(np.sum((left_out - model.coefficients) ** 2, axis=0))
    np.testing.assert_allclose(model.se, jackknife, rtol=0.15)
    assert (model.se > fit_cox(x, outcome).se).all()


def test_kaplan_meier_errors_of_whole_patients_are_those_of_rs_survfit(golden: Callable[[str], Any]) -> None:
    table, expected = golden("clustered_curves.csv"), golden("clustered_curves.json")
    outcome, times = Survival(table["time"].to_numpy(float), table["cause"].to_numpy() == 1), expected["times"]
    curve = kaplan_meier(outcome, clusters=table["id"])
    np.testing.assert_allclose(curve.at(times), expected["survival"], rtol=1e-12)
    np.testing.assert_allclose(curve.at(times) * curve.standard_error(times), expected["se"], rtol=1e-12)
    np.testing.assert_allclose(curve.band(times), [expected["lower"], expected["upper"]], rtol=1e-12)
    other = kaplan_meier(outcome, "log-log", clusters=table["id"])
    np.testing.assert_allclose(other.band(times), [expected["log_log_lower"], expected["log_log_upper"]], rtol=1e-12)
    assert curve.quantile() == pytest.approx(expected["median"])
    # Rows of a patient each are Greenwood's.
    alone = kaplan_meier(outcome, clusters=np.arange(len(table)))
    np.testing.assert_allclose(alone.standard_error(times), kaplan_meier(outcome).standard_error(times), rtol=1e-9)


def test_errors_of_an_incidence_follow_from_leaving_patients_out(golden: Callable[[str], Any]) -> None:
    """Each row a patient: the delta method's (R's survfit); several rows: near the jackknife over patients."""
    table, times = golden("clustered_curves.csv"), [3, 8, 15, 24, 36]
    outcome, patient = competing(table["time"], table["cause"]), table["id"].to_numpy()
    own = cumulative_incidence(outcome, clusters=np.arange(len(table)))
    np.testing.assert_allclose(own.se, cumulative_incidence(outcome).se, atol=1e-12)
    curve = cumulative_incidence(outcome, clusters=patient)
    left_out = [cumulative_incidence(outcome[patient != each]).at(times) for each in np.unique(patient)]
    jackknife = np.sqrt(np.sum((np.array(left_out) - curve.at(times)) ** 2, axis=0))
    np.testing.assert_allclose(curve.se_at(times), jackknife, rtol=0.05)
    assert (curve.se_at(times) > 1.15 * own.se_at(times)).all()


def test_calibration_counts_patients_and_not_their_rows() -> None:
    """Every row twice under its patient's name: all limits stay, where counting rows would narrow them."""
    x, outcome, _ = nodes(6, patients=120, each=1)
    risk = 0.4 * x["a"].to_numpy()
    survival = np.exp(-0.8 * np.exp(risk))
    twice = np.tile(np.arange(120), 2)
    doubled = Survival(np.tile(outcome.time, 2), np.tile(outcome.event, 2))
    once = survival_calibration(outcome, risk, survival, 0.8)
    again = survival_calibration(doubled, np.tile(risk, 2), np.tile(survival, 2), 0.8, clusters=twice)
    for first, second in ((once.observed_expected, again.observed_expected), (once.intercept, again.intercept)):
        np.testing.assert_allclose([second.lower, second.upper], [first.lower, first.upper], rtol=1e-9)
    edges = calibration_edges(survival, 40)
    groups = km_calibration(outcome, survival, 0.8, edges)
    found = km_calibration(doubled, np.tile(survival, 2), 0.8, edges, clusters=twice)
    np.testing.assert_allclose(found.lower, groups.lower, rtol=1e-9)
    event, odds = outcome.event, 0.5 + risk
    alone = logistic_calibration(event, odds, clusters=np.arange(120))
    pairs = logistic_calibration(np.tile(event, 2), np.tile(odds, 2), clusters=twice)
    plain = logistic_calibration(event, odds)
    for name in ("observed_expected", "intercept"):
        first, second, naive = (getattr(each, name) for each in (alone, pairs, plain))
        np.testing.assert_allclose([second.lower, second.upper], [first.lower, first.upper], rtol=1e-9)
        np.testing.assert_allclose(first.upper - first.lower, naive.upper - naive.lower, rtol=0.1)


def test_decision_curves_and_auc_over_time_count_patients() -> None:
    x, outcome, _ = nodes(7, patients=150, each=1)
    whose, rows = np.arange(150), np.tile(np.arange(150), 2)
    risk, at = 1 / (1 + np.exp(-x["a"].to_numpy())), np.array([0.2, 0.4, 0.6])
    for one, own, two in (
        (
            survival_decision_curve(outcome, risk, 0.8, at),
            survival_decision_curve(outcome, risk, 0.8, at, clusters=whose),
            survival_decision_curve(outcome[rows], risk[rows], 0.8, at, clusters=rows),
        ),
        (
            decision_curve(outcome.event, risk, at),
            decision_curve(outcome.event, risk, at, clusters=whose),
            decision_curve(outcome.event[rows], risk[rows], at, clusters=rows),
        ),
    ):
        np.testing.assert_allclose(own.upper - own.lower, one.upper - one.lower, rtol=1e-6)
        np.testing.assert_allclose([two.model, two.lower, two.upper], [own.model, own.lower, own.upper], rtol=1e-9)
    times = np.array([0.4, 0.8])
    once, twice = (auc_over_time(outcome[who], risk[who], times, clusters=who) for who in (whose, rows))
    np.testing.assert_allclose(twice.upper - twice.lower, once.upper - once.lower, rtol=0.02)


def test_rows_written_twice_do_not_make_the_errors_smaller() -> None:
    x, outcome, _ = nodes(4, each=1)
    rows = np.arange(len(x))
    once = fit_logistic(x, outcome.event, rows)
    twice = fit_logistic(pd.concat([x, x]), np.tile(outcome.event, 2), np.tile(rows, 2))
    np.testing.assert_allclose(twice.se, once.se, rtol=1e-9)
    naive = fit_logistic(pd.concat([x, x]), np.tile(outcome.event, 2)).se
    np.testing.assert_allclose(naive, fit_logistic(x, outcome.event).se / np.sqrt(2), rtol=1e-9)


def test_the_error_of_a_c_index_counts_patients_and_not_their_rows() -> None:
    x, outcome, patient = nodes(5)
    naive = harrell(outcome, x.a)
    robust = clustered(naive, patient)
    assert robust.value == naive.value and robust.se > 1.15 * naive.se
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(400):
        rows = np.concatenate([np.flatnonzero(patient == p) for p in rng.integers(0, 60, 60)])
        draws.append(harrell(outcome[rows], x.a.to_numpy()[rows]).value)
    assert robust.se == pytest.approx(np.std(draws), rel=0.15)
    difference = paired_difference(robust, clustered(harrell(outcome, x.b), patient))
    assert difference.se > 0


def test_more_coefficients_than_patients_have_no_robust_error() -> None:
    x, outcome, _ = nodes(6)
    with pytest.raises(InputError, match="2 patients are too few for 2 coefficients"):
        fit_cox(x, outcome, np.arange(len(x)) % 2)
    with pytest.raises(UsageError, match="5 cluster labels for 180 rows"):
        fit_cox(x, outcome, np.arange(5))


def test_the_likelihood_ratio_test_holds_its_level_on_noise() -> None:
    rng = np.random.default_rng(7)
    p_values = []
    for _ in range(300):
        x = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])
        outcome = Survival(rng.exponential(np.exp(-x.a)), rng.random(120) < 0.7)
        p_values.append(likelihood_ratio(fit_cox(x[["a"]], outcome), fit_cox(x, outcome)).p)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert stats.binomtest(int((np.array(p_values) < 0.05).sum()), 300, 0.05).pvalue > 0.01


def test_wald_and_likelihood_ratio_of_one_coefficient_are_the_models_own() -> None:
    x, outcome, _ = nodes(8)
    small, large = fit_cox(x[["a"]], outcome), fit_cox(x, outcome)
    assert wald_chunk(large, ["b"]).p == pytest.approx(large.p[1], rel=1e-12)
    found = likelihood_ratio(small, large)
    assert found.chi2 == pytest.approx(2 * (large.log_likelihoods[1] - small.log_likelihoods[1])) and found.df == 1
    logistic = fit_logistic(x, outcome.event)
    assert wald_chunk(logistic, ["a"]).p == pytest.approx(logistic.p[0], rel=1e-12)
    assert likelihood_ratio(fit_logistic(x[["a"]], outcome.event), logistic).df == 1


def test_models_that_are_not_nested_are_not_compared() -> None:
    x, outcome, patient = nodes(9)
    a, b, both = fit_cox(x[["a"]], outcome), fit_cox(x[["b"]], outcome), fit_cox(x, outcome)
    with pytest.raises(UsageError, match="b is not a smaller model of a"):
        likelihood_ratio(b, a)
    with pytest.raises(UsageError, match="fitted to the same patients"):
        likelihood_ratio(fit_cox(x[["a"]][:90], outcome[np.arange(90)]), both)
    with pytest.raises(UsageError, match="no likelihood-ratio test"):
        likelihood_ratio(a, fit_cox(x, outcome, patient))
    with pytest.raises(UsageError, match="no variable c"):
        wald_chunk(both, ["c"])
