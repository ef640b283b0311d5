"""Kaplan–Meier, log-rank, cut-offs, discrimination and decision curves for survival, against R and definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.cutoff import exact_p, logrank_scan, max_logrank
from EsoRadiomicsLib.statistics.decision_curve import survival_decision_curve
from EsoRadiomicsLib.statistics.discrimination import auc_at, brier, harrell, integrated_brier, uno
from EsoRadiomicsLib.statistics.estimate import paired_difference
from EsoRadiomicsLib.statistics.inputs import Survival, survival
from EsoRadiomicsLib.statistics.kaplan_meier import Limits, follow_up, kaplan_meier, logrank, numbers_at_risk
from EsoRadiomicsLib.statistics.roc import auc

Golden = Callable[[str], Any]


class Patients:
    """One part of the generated cohort: outcome, clinical columns, ``rad`` and the linear predictor ``lp``."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self.outcome = survival(table.time, table.event)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.table[column].to_numpy(dtype=float)


@pytest.fixture(scope="module")
def cohort(golden: Golden) -> dict[str, Patients]:
    table = golden("analysis_table.csv").merge(golden("cox_lp.csv"), on="id")
    return {name: Patients(part) for name, part in table.groupby("cohort")}


@st.composite
def outcomes(draw: st.DrawFn) -> Survival:
    """Small cohorts with ties between events and censorings, and at least one event."""
    n = draw(st.integers(4, 30))
    times = draw(st.lists(st.integers(1, 12), min_size=n, max_size=n))
    events = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return Survival(np.array(times, dtype=float), np.array([True, *events[1:]]))


# Kaplan–Meier


def test_the_survival_curve_equals_survfit(golden: Golden, cohort: dict[str, Patients]) -> None:
    curve, expected = kaplan_meier(cohort["train"].outcome), golden("km_train_overall.csv")
    assert curve.at_risk.tolist() == expected["n.risk"].tolist()
    assert curve.events.tolist() == expected["n.event"].tolist()
    assert curve.censored.tolist() == expected["n.censor"].tolist()
    for mine, column in (
        (curve.time, "time"),
        (curve.survival, "surv"),
        (curve.se_log, "std.err_cumhaz"),
        (curve.lower, "lower_log"),
        (curve.upper, "upper_log"),
    ):
        np.testing.assert_allclose(mine, expected[column], rtol=1e-12)


@pytest.mark.parametrize("limits", ["log", "log-log", "plain"])
@pytest.mark.parametrize("group", [0, 1])
def test_survival_and_limits_at_one_two_and_three_years_equal_survfit(
    golden: Golden, cohort: dict[str, Patients], limits: Limits, group: int
) -> None:
    results, train = golden("km_logrank.json"), cohort["train"]
    members = (train["rad"] > results["cut_median"]) == bool(group)
    curve = kaplan_meier(train.outcome[members], limits)
    lower, upper = curve.band([12, 24, 36])
    expected = [row for row in results["km_at"] if row["conf.type"] == limits and row["group"] == f"g={group}"]
    np.testing.assert_allclose(curve.at([12, 24, 36]), [row["surv"] for row in expected], rtol=1e-12)
    np.testing.assert_allclose(
        curve.at([12, 24, 36]) * curve.standard_error([12, 24, 36]), [row["std.err"] for row in expected], rtol=1e-12
    )
    np.testing.assert_allclose(lower, [row["lower"] for row in expected], rtol=1e-12)
    np.testing.assert_allclose(upper, [row["upper"] for row in expected], rtol=1e-12)
    at_risk = numbers_at_risk(train.outcome[members], [12, 24, 36])
    assert at_risk.tolist() == [row["n.risk"] for row in expected]


def test_medians_and_median_follow_up_equal_survfit(golden: Golden, cohort: dict[str, Patients]) -> None:
    results, outcome = golden("km_logrank.json"), cohort["train"].outcome
    for curve, name in (
        (kaplan_meier(outcome), "median_log"),
        (kaplan_meier(outcome, "log-log"), "median_loglog"),
        (follow_up(outcome), "reverse_km_followup"),
    ):
        assert curve.quantile() == pytest.approx(list(results[name].values()))
    low_risk = cohort["train"]["rad"] <= results["cut_median"]
    assert np.isnan(kaplan_meier(outcome[low_risk]).quantile()).all()
    assert kaplan_meier(outcome[~low_risk]).quantile() == pytest.approx((2.9, 2.3, 5.6))


def test_a_median_on_a_level_stretch_is_its_middle_as_in_r() -> None:
    assert kaplan_meier(survival([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 1])).quantile()[0] == 4.5
    assert kaplan_meier(survival([1, 2, 3, 4], [1, 1, 0, 0])).quantile()[0] == 2


def test_survival_is_unknown_beyond_the_last_follow_up_unless_nobody_was_left() -> None:
    assert kaplan_meier(survival([1, 2, 3], [1, 1, 0])).at([0.5, 2, 3, 4])[:3] == pytest.approx([1, 1 / 3, 1 / 3])
    assert np.isnan(kaplan_meier(survival([1, 2, 3], [1, 1, 0])).at(4)[0])
    assert kaplan_meier(survival([1, 2, 3], [1, 1, 1])).at(4)[0] == 0


@given(outcomes())
def test_without_censoring_the_curve_is_the_share_of_patients_alive(outcome: Survival) -> None:
    curve = kaplan_meier(Survival(outcome.time, np.ones(len(outcome), dtype=bool)))
    np.testing.assert_allclose(curve.survival, [(outcome.time > time).mean() for time in curve.time], atol=1e-12)


def test_unknown_confidence_limits_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'log', 'log-log' or 'plain'; 'exact'"):
        kaplan_meier(survival([1, 2], [1, 1]), "exact")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"confidence level.*such as 0\.95; 95 was given"):
        kaplan_meier(survival([1, 2], [1, 1]), level=95)


# Log-rank


def test_the_log_rank_test_equals_survdiff(golden: Golden, cohort: dict[str, Patients]) -> None:
    results, train = golden("km_logrank.json"), cohort["train"]
    test, expected = logrank(train.outcome, train["rad"] > results["cut_median"]), results["logrank"]
    assert test.chi2 == pytest.approx(expected["chisq"], rel=1e-12)
    # R loses digits of this tiny p as 1 − pchisq.
    assert test.p == pytest.approx(expected["p"], rel=1e-5) and test.df == 1
    np.testing.assert_allclose(test.observed, expected["obs"])
    np.testing.assert_allclose(test.expected, expected["exp"], rtol=1e-12)
    np.testing.assert_allclose(test.variance, expected["var"], rtol=1e-12)


def test_the_log_rank_test_of_four_groups_equals_survdiff(golden: Golden, cohort: dict[str, Patients]) -> None:
    test, expected = logrank(cohort["train"].outcome, cohort["train"]["N"]), golden("km_logrank.json")["logrank_N"]
    assert (test.chi2, test.p) == pytest.approx((expected["chisq"], expected["p"]), rel=1e-9)
    assert test.df == expected["df"] == 3 and test.groups == ("0.0", "1.0", "2.0", "3.0")
    np.testing.assert_allclose(test.expected, expected["exp"], rtol=1e-12)


def test_a_log_rank_test_of_one_group_is_an_error() -> None:
    outcome = survival([1, 2, 3], [1, 1, 0])
    with pytest.raises(InputError, match="at least two groups; all patients are in 'low'"):
        logrank(outcome, ["low"] * 3)
    with pytest.raises(InputError, match="has no group"):
        logrank(outcome, np.array(["low", None, "high"], dtype=object))
    with pytest.raises(UsageError, match="2 group labels for 3"):
        logrank(outcome, ["low", "high"])


# Cut-offs


@pytest.mark.parametrize(
    ("part", "marker", "name", "key"),
    [
        ("train", "rad", "maxstat.json", "tests"),
        ("valid", "rad", "maxstat_more.json", "valid_rad"),
        ("train", "age", "maxstat_more.json", "train_age"),
    ],
)
def test_the_maximally_selected_statistic_and_its_p_equal_maxstat(
    golden: Golden, cohort: dict[str, Patients], part: str, marker: str, name: str, key: str
) -> None:
    expected = {row["pmethod"]: row for row in golden(name)[key]}
    best = max_logrank(cohort[part].outcome, cohort[part][marker])
    assert best.cut == pytest.approx(expected["Lau92"]["cut"])
    assert best.statistic == pytest.approx(expected["Lau92"]["stat"], rel=1e-12)
    assert best.p_lau92 == pytest.approx(expected["Lau92"]["p"], rel=1e-9)
    # Lau94 is a bound that R leaves above 1, and R loses digits where it is tiny.
    assert best.p_lau94 == pytest.approx(min(1, expected["Lau94"]["p"]), rel=1e-7)


def test_every_candidate_cut_and_its_statistic_equal_maxstat(golden: Golden, cohort: dict[str, Patients]) -> None:
    expected = golden("maxstat.json")
    best = max_logrank(cohort["train"].outcome, cohort["train"]["rad"])
    np.testing.assert_allclose(best.cuts, expected["cuts"], rtol=1e-12)
    np.testing.assert_allclose(best.statistics, expected["stats"], rtol=1e-11)


def test_the_exact_p_equals_hothorn_and_lausen_in_maxstat(golden: Golden, cohort: dict[str, Patients]) -> None:
    train = {row["pmethod"]: row["p"] for row in golden("maxstat.json")["tests"]}
    assert exact_p(cohort["train"].outcome, cohort["train"]["rad"]) == pytest.approx(train["HL"], rel=1e-9)
    # With many patients censored last, R leaves out the groups of patients whose scores are all 0.
    valid = {row["pmethod"]: row["p"] for row in golden("maxstat_more.json")["valid_rad"]}
    mine = exact_p(cohort["valid"].outcome, cohort["valid"]["rad"])
    assert valid["HL"] < mine < valid["HL"] * 1.001


def test_the_exact_p_is_refused_for_many_patients() -> None:
    n = 171
    with pytest.raises(UsageError, match=r"at most 170 patients, not 171.*Lausen"):
        exact_p(survival(np.arange(1, n + 1), np.ones(n)), np.arange(n))


def test_the_p_of_a_selected_cut_keeps_its_level_under_chance() -> None:
    """A plain log-rank p at the best cut is below 0.05 in about half of all meaningless markers."""
    rng = np.random.default_rng(20240611)
    adjusted, plain = [], []
    for _ in range(200):
        outcome = Survival(rng.exponential(size=80), rng.random(80) < 0.7)
        marker = rng.normal(size=80)
        best = max_logrank(outcome, marker)
        adjusted.append(best.p_lau92 < 0.05)
        plain.append(logrank(outcome, marker > best.cut).p < 0.05)
    assert np.mean(adjusted) < 0.07 and np.mean(plain) > 0.3


def test_the_scan_of_plain_log_rank_tests_equals_survdiff(golden: Golden, cohort: dict[str, Patients]) -> None:
    expected, train = golden("cut_logrank_scan.csv"), cohort["train"]
    scan = logrank_scan(train.outcome, train["rad"], expected.cut.to_numpy())
    np.testing.assert_allclose(scan, expected.chisq, rtol=1e-11)


def test_a_marker_without_an_allowed_cut_is_an_error() -> None:
    marker = np.append(np.zeros(19), 1)
    with pytest.raises(InputError, match=r"between 10% and 90%.*only 2 distinct values"):
        max_logrank(survival(np.arange(1, 21), np.ones(20)), marker)


# Concordance


@pytest.mark.parametrize(
    ("part", "marker", "key"),
    [
        ("train", "lp", "train"),
        ("valid", "lp", "valid"),
        ("train", "rad", "train_rad"),
        ("valid", "rad", "valid_rad"),
        ("train", "N", "train_N"),
    ],
)
def test_harrell_and_uno_with_their_errors_equal_r(
    golden: Golden, cohort: dict[str, Patients], part: str, marker: str, key: str
) -> None:
    expected = golden("concordance.json")[key]
    c, weighted = (measure(cohort[part].outcome, cohort[part][marker]) for measure in (harrell, uno))
    assert (c.value, c.se) == pytest.approx((expected["C"], expected["se"]), rel=1e-12)
    assert c.se == pytest.approx(expected["hmisc_SD_Dxy"] / 2, rel=1e-12)
    # R was asked for ± 1.96 standard errors.
    assert (c.lower, c.upper) == pytest.approx((expected["ci_lo"], expected["ci_hi"]), abs=1e-5)
    assert (weighted.value, weighted.se) == pytest.approx((expected["uno_C"], expected["uno_se"]), rel=1e-12)


def test_the_paired_difference_of_two_concordances_equals_r(golden: Golden, cohort: dict[str, Patients]) -> None:
    expected, valid = golden("concordance.json")["compare_valid_lp_vs_rad"], cohort["valid"]
    first, second = harrell(valid.outcome, valid["lp"]), harrell(valid.outcome, valid["rad"])
    test = paired_difference(first, second)
    assert (test.value, test.se, test.z) == pytest.approx((expected["diff"], expected["se"], expected["z"]), rel=1e-10)
    assert first.influence @ second.influence == pytest.approx(expected["var"][0][1], rel=1e-10)


@given(outcomes(), st.integers(0, 1000))
def test_harrell_counts_pairs_as_its_definition_says(outcome: Survival, seed: int) -> None:
    risk = np.random.default_rng(seed).integers(0, 5, len(outcome)).astype(float)
    agree = pairs = 0.0
    for i in np.flatnonzero(outcome.event):
        for j in range(len(outcome)):
            later = outcome.time[j] > outcome.time[i]
            if later or (outcome.time[j] == outcome.time[i] and not outcome.event[j]):
                pairs += 1
                agree += 1 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0
    if pairs:
        assert harrell(outcome, risk).value == pytest.approx(agree / pairs)
        assert harrell(outcome, -risk).value == pytest.approx(1 - agree / pairs)
        assert 0 <= uno(outcome, risk, tau=8).lower <= 1
    else:
        with pytest.raises(InputError, match="No two patients can be compared"):
            harrell(outcome, risk)


def test_markers_of_different_patients_cannot_be_compared_in_pairs(cohort: dict[str, Patients]) -> None:
    train, valid = (harrell(part.outcome, part["rad"]) for part in (cohort["train"], cohort["valid"]))
    with pytest.raises(UsageError, match=r"same patients.*155 patients with 66"):
        paired_difference(train, valid)


def test_a_marker_does_not_differ_from_itself(cohort: dict[str, Patients]) -> None:
    c = harrell(cohort["valid"].outcome, cohort["valid"]["rad"])
    assert (paired_difference(c, c).value, paired_difference(c, c).p) == (0, 1)


def test_a_missing_marker_is_an_error_that_names_the_row(cohort: dict[str, Patients]) -> None:
    risk = cohort["valid"].table.set_index("id").rad.copy()
    risk.iloc[2] = np.nan
    with pytest.raises(InputError, match=rf"missing or infinite for the risk in row {risk.index[2]};"):
        harrell(cohort["valid"].outcome, risk)
    with pytest.raises(UsageError, match="3 values of the risk for 66 patients"):
        auc_at(cohort["valid"].outcome, [1, 2, 3], 12)


# Time-dependent AUC and Brier score


@pytest.mark.parametrize("part", ["train", "valid"])
def test_time_dependent_auc_and_its_error_equal_risk_regression(
    golden: Golden, cohort: dict[str, Patients], part: str
) -> None:
    for row in golden("td_auc_riskRegression.json")[part]["auc"]:
        area = auc_at(cohort[part].outcome, cohort[part]["lp"], row["times"])
        assert area.value == pytest.approx(row["AUC"], rel=1e-12)
        assert area.se == pytest.approx(row["se"], rel=1e-7)
        assert (area.lower, area.upper) == pytest.approx((row["lower"], row["upper"]), rel=1e-7)


@pytest.mark.parametrize("part", ["train", "valid"])
def test_brier_score_and_its_error_equal_risk_regression(
    golden: Golden, cohort: dict[str, Patients], part: str
) -> None:
    for row in golden("td_auc_riskRegression.json")[part]["brier"]:
        # R was given expit(lp) as the risk, to check the formula alone.
        score = brier(cohort[part].outcome, 1 - expit(cohort[part]["lp"]), row["times"])
        assert score.value == pytest.approx(row["Brier"], rel=1e-12)
        assert score.se == pytest.approx(row["se"], rel=2e-4)


@given(outcomes(), st.integers(0, 1000))
def test_without_censoring_the_scores_are_the_plain_ones(outcome: Survival, seed: int) -> None:
    complete = Survival(outcome.time, np.ones(len(outcome), dtype=bool))
    time = float(np.median(outcome.time))
    if (outcome.time <= time).all():
        return
    predicted = np.random.default_rng(seed).integers(1, 9, len(outcome)) / 10
    died = outcome.time <= time
    assert auc_at(complete, -predicted, time).value == pytest.approx(auc(died, -predicted).value)
    assert brier(complete, predicted, time).value == pytest.approx(np.mean((~died - predicted) ** 2))


def test_the_errors_of_ipcw_scores_agree_with_the_bootstrap(cohort: dict[str, Patients]) -> None:
    valid, rng = cohort["valid"], np.random.default_rng(1)
    predicted = 1 - expit(valid["lp"])
    samples = rng.integers(0, 66, size=(400, 66))
    areas = [auc_at(valid.outcome[rows], valid["lp"][rows], 24).value for rows in samples]
    scores = [brier(valid.outcome[rows], predicted[rows], 24).value for rows in samples]
    assert auc_at(valid.outcome, valid["lp"], 24).se == pytest.approx(np.std(areas), rel=0.15)
    assert brier(valid.outcome, predicted, 24).se == pytest.approx(np.std(scores), rel=0.15)


def test_the_integrated_brier_score_of_a_constant_score_is_that_score() -> None:
    outcome = survival(np.arange(1, 21), np.ones(20))
    coin = np.full((20, 4), 0.5)
    assert integrated_brier(outcome, coin, [3, 7, 12, 15]) == pytest.approx(0.25)
    with pytest.raises(UsageError, match="increasing order"):
        integrated_brier(outcome, coin, [7, 3, 12, 15])


def test_a_time_without_patients_on_both_sides_is_an_error() -> None:
    outcome = survival([2, 3, 4, 5], [1, 0, 1, 0])
    with pytest.raises(InputError, match="time 1 cannot be computed: no patient had the event by then"):
        auc_at(outcome, [1, 2, 3, 4], 1)
    with pytest.raises(InputError, match="no patient was followed beyond then"):
        auc_at(outcome, [1, 2, 3, 4], 5)
    with pytest.raises(InputError, match="Nobody was followed beyond time 5"):
        brier(outcome, [0.5] * 4, 5)


# Decision curve


def test_the_survival_decision_curve_equals_stdca(golden: Golden, cohort: dict[str, Patients]) -> None:
    expected = golden("tables_misc.json")["dca_survival_u36_valid"]
    curve = survival_decision_curve(
        cohort["valid"].outcome, np.array(expected["risk"]), 36, np.array(expected["threshold"])
    )
    np.testing.assert_allclose(curve.model, expected["nb_model"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.everybody, expected["nb_all"], rtol=0, atol=1e-11)


def test_treating_nobody_has_no_net_benefit_and_a_score_is_not_a_risk() -> None:
    outcome = survival([1, 2, 3, 4], [1, 1, 0, 0])
    assert survival_decision_curve(outcome, np.full(4, 0.1), 2, np.array([0.5])).model.tolist() == [0]
    with pytest.raises(UsageError, match="between 0 and 1, not a score"):
        survival_decision_curve(outcome, np.array([-1, 0, 1, 2.0]), 2, np.array([0.5]))
    with pytest.raises(UsageError, match="thresholds lie between 0 and 1"):
        survival_decision_curve(outcome, np.full(4, 0.1), 2, np.array([1.0]))
    with pytest.raises(InputError, match="Nobody was followed to 5"):
        survival_decision_curve(outcome, np.full(4, 0.1), 5, np.array([0.5]))
