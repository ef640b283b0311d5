"""ROC curves, AUC, Table 1 and its tests, and binary decision curves, against pROC, base R and stdca."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.decision_curve import decision_curve
from EsoRadiomicsLib.statistics.estimate import paired_difference
from EsoRadiomicsLib.statistics.fisher import fisher_exact
from EsoRadiomicsLib.statistics.logistic import fit_logistic
from EsoRadiomicsLib.statistics.roc import auc, classification, roc_curve
from EsoRadiomicsLib.statistics.table_one import Comparison, compare_counts, compare_numbers, is_normal, table_one

Golden = Callable[[str], Any]


@pytest.fixture(scope="module")
def status(golden: Golden) -> pd.DataFrame:
    return golden("roc_input.csv")


@pytest.fixture(scope="module")
def cohort(golden: Golden) -> pd.DataFrame:
    return golden("analysis_table.csv")


# ROC


@pytest.mark.parametrize("marker", ["lp", "rad", "N"])
def test_auc_interval_and_youden_cut_equal_proc(golden: Golden, status: pd.DataFrame, marker: str) -> None:
    expected = golden("roc_delong.json")[marker]
    area = auc(status.y, status[marker])
    assert (area.value, area.se**2) == pytest.approx((expected["auc"], expected["var"]), rel=1e-12)
    assert [area.lower, area.value, area.upper] == pytest.approx(expected["ci"], rel=1e-12)
    curve, best = roc_curve(status.y, status[marker]), expected["youden"][0]
    assert curve.thresholds[curve.youden] == pytest.approx(best["threshold"], rel=1e-12)
    counts = classification(status.y == 1, status[marker] > best["threshold"])
    for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
        assert getattr(counts, name) == pytest.approx(best[name], rel=1e-12)
    assert curve.sensitivity[curve.youden] == pytest.approx(counts.sensitivity)
    assert curve.specificity[curve.youden] == pytest.approx(counts.specificity)


def test_delongs_paired_test_equals_proc(golden: Golden, status: pd.DataFrame) -> None:
    results = golden("roc_delong.json")
    lp, rad, stage = (auc(status.y, status[marker]) for marker in ("lp", "rad", "N"))
    test = paired_difference(lp, rad)
    assert (test.z, test.p) == pytest.approx((results["test_lp_vs_rad"]["z"], results["test_lp_vs_rad"]["p"]), rel=1e-9)
    assert [test.lower, test.upper] == pytest.approx(results["test_lp_vs_rad"]["ci"], rel=1e-9)
    assert lp.influence @ rad.influence == pytest.approx(results["cov_lp_rad"], rel=1e-9)
    test = paired_difference(lp, stage)
    # R loses digits of this tiny p.
    assert test.z == pytest.approx(results["test_lp_vs_N"]["z"], rel=1e-9)
    assert test.p == pytest.approx(results["test_lp_vs_N"]["p"], rel=1e-3)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=4, max_size=40))
def test_the_area_under_the_drawn_curve_is_the_auc(patients: list[tuple[bool, int]]) -> None:
    outcome = np.array([True, False, *[event for event, _ in patients[2:]]])
    score = np.array([value for _, value in patients], dtype=float)
    area, curve = auc(outcome, score), roc_curve(outcome, score)
    assert np.trapezoid(curve.sensitivity[::-1], 1 - curve.specificity[::-1]) == pytest.approx(area.value)
    u = stats.mannwhitneyu(score[outcome], score[~outcome]).statistic
    assert area.value == pytest.approx(u / outcome.sum() / (~outcome).sum())


def test_a_rule_is_judged_by_its_counts() -> None:
    counts = classification(np.array([1, 1, 1, 0, 0]) == 1, np.array([1, 1, 0, 1, 0]) == 1)
    assert (counts.true_positive, counts.false_positive, counts.true_negative, counts.false_negative) == (2, 1, 1, 1)
    assert (counts.sensitivity, counts.specificity, counts.ppv, counts.npv) == (2 / 3, 1 / 2, 2 / 3, 1 / 2)
    assert (counts.accuracy, counts.f1) == (3 / 5, 2 / 3)
    nobody = classification(np.array([True, False]), np.array([False, False]))
    assert np.isnan(nobody.ppv) and nobody.f1 == 0


def test_an_auc_needs_both_outcomes() -> None:
    with pytest.raises(InputError, match="All 3 patients have the same outcome"):
        auc([1, 1, 1], [1, 2, 3])


# Tests of Table 1


@pytest.mark.parametrize("position", range(5))
def test_chi_square_and_fisher_equal_r(golden: Golden, position: int) -> None:
    expected = golden("tables_misc.json")["chi2_fisher"][position]
    table = np.array(expected["table"])
    assert fisher_exact(table) == pytest.approx(expected["fisher_p"], abs=1e-9)
    plain, corrected = compare_counts(table), compare_counts(table, yates=True)
    if np.min(expected["expected"]) < 5:
        assert plain.test == "Fisher" and plain.statistic is None and plain.p == fisher_exact(table)
    else:
        assert (plain.statistic, plain.p) == pytest.approx((expected["chisq"], expected["p"]), rel=1e-9)
        assert (corrected.statistic, corrected.p) == pytest.approx(
            (expected["chisq_yates"], expected["p_yates"]), rel=1e-9
        )


def test_fisher_of_n_stage_by_cohort_equals_r(golden: Golden) -> None:
    expected = golden("tables_misc.json")["cohort_by_N"]
    assert fisher_exact(np.array(expected["table"])) == pytest.approx(expected["fisher_p"], abs=1e-9)


@given(st.lists(st.integers(0, 12), min_size=4, max_size=4))
def test_fisher_of_two_by_two_tables_equals_scipy(cells: list[int]) -> None:
    table = np.array(cells).reshape(2, 2)
    if table.sum():
        assert fisher_exact(table) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-7)


def test_a_table_too_large_to_count_is_sampled_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.array([[12, 5, 7], [9, 3, 10], [4, 8, 6]])
    exact = fisher_exact(table)
    monkeypatch.setattr("EsoRadiomicsLib.statistics.fisher._MAX_STEPS", 10)
    assert fisher_exact(table) == fisher_exact(table) == pytest.approx(exact, abs=0.005)


def test_tests_of_numbers_equal_r(golden: Golden, cohort: pd.DataFrame) -> None:
    results, train, valid = (
        golden("tables_misc.json"),
        cohort[cohort.cohort == "train"],
        cohort[cohort.cohort == "valid"],
    )
    ages = train.age.to_numpy(float), valid.age.to_numpy(float)
    assert all(is_normal(age) for age in ages)
    same(compare_numbers(*ages), "t", results["student_age"]["t"], results["student_age"]["p"])
    # A monotone transformation leaves ranks as they are, but not the shape.
    skewed = compare_numbers(*[np.exp(age) for age in ages])
    same(skewed, "Mann–Whitney", results["wilcox_age"]["W"], results["wilcox_age"]["p"])
    by_stage = compare_numbers(*[part.rad.to_numpy() for _, part in train.groupby("N")])
    same(by_stage, "Kruskal–Wallis", results["kruskal_rad_N"]["H"], results["kruskal_rad_N"]["p"])


def same(comparison: Comparison, test: str, statistic: float, p: float) -> None:
    assert comparison.test == test
    assert (comparison.statistic, comparison.p) == pytest.approx((statistic, p), rel=1e-9)


def test_table_one_counts_describes_and_tests(cohort: pd.DataFrame) -> None:
    table = cohort[["age", "sex", "N"]].astype({"age": float})
    table["sex"] = table.sex.map({0: "female", 1: "male"})
    table["skewed"] = np.exp(cohort.rad * 3)
    table.loc[[0, 3], "age"] = np.nan
    rows = table_one(table, cohort.cohort, categorical=["N"])
    lines = [(row.variable, row.level) for row in rows]
    assert lines == [
        ("age", ""),
        ("age", "missing"),
        ("sex", "female"),
        ("sex", "male"),
        ("N", "0"),
        ("N", "1"),
        ("N", "2"),
        ("N", "3"),
        ("skewed", ""),
    ]
    cells = {line: row.cells for line, row in zip(lines, rows, strict=True)}
    assert cells["age", "missing"] == ("2", "0") and cells["N", "0"] == ("18 (11.6 %)", "8 (12.1 %)")
    assert cells["age", ""][1] == "62.9 ± 7.8" and "–" in cells["skewed", ""][0]
    tests = [row.comparison.test for row in rows if row.comparison]
    assert tests == ["t", "χ²", "Fisher", "Mann–Whitney"]


def test_table_one_says_what_is_wrong() -> None:
    table = pd.DataFrame({"a": [1.0, 2, np.nan, np.nan]})
    with pytest.raises(InputError, match="'a' is missing in all patients of the group 'y'"):
        table_one(table, ["x", "x", "y", "y"])
    with pytest.raises(InputError, match="at least two groups; all patients are in 'x'"):
        table_one(table, ["x"] * 4)
    with pytest.raises(UsageError, match="3 group labels for 4"):
        table_one(table, ["x", "y", "y"])
    with pytest.raises(UsageError, match="row or column of the table is empty"):
        compare_counts(np.array([[0, 0], [1, 2]]))


def test_values_that_are_all_equal_are_compared_without_a_warning() -> None:
    comparison = compare_numbers(np.ones(5), np.array([1, 2, 3, 4, 5.0]))
    assert comparison.test == "Mann–Whitney" and 0 < comparison.p < 1
    constant = table_one(pd.DataFrame({"a": [1.0] * 6, "b": ["x"] * 6}), list("uuuvvv"))
    assert constant[0].cells == ("1 (1–1)", "1 (1–1)") and constant[1].comparison is None


# Decision curve


def test_the_binary_decision_curve_equals_stdca(golden: Golden, status: pd.DataFrame, cohort: pd.DataFrame) -> None:
    expected = golden("tables_misc.json")["dca_binary"]
    patients = status[["id", "y"]].merge(cohort, on="id")
    probability = fit_logistic(patients[["rad", "N", "CR"]], patients.y).probability(patients)
    curve = decision_curve(patients.y, probability, np.array(expected["threshold"]))
    np.testing.assert_allclose(curve.model, expected["nb_model"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.everybody, expected["nb_all"], rtol=0, atol=1e-12)
