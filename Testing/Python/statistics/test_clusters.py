"""Rows that belong together, and tests of several coefficients: against lifelines and the definitions, row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.chunk_tests import likelihood_ratio, wald_chunk
from EsoRadiomicsLib.statistics.cox import fit_cox
from EsoRadiomicsLib.statistics.discrimination import harrell
from EsoRadiomicsLib.statistics.efron import EfronLikelihood
from EsoRadiomicsLib.statistics.estimate import clustered, paired_difference
from EsoRadiomicsLib.statistics.inputs import Survival
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
