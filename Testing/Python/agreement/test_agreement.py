"""Agreement studies from a long table: what is kept and why, and which tables are refused in which words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from readings_factory import reading_table

from EsoRadiomicsLib.agreement.comparison import Agreement, agreement
from EsoRadiomicsLib.agreement.kept_features import Rule
from EsoRadiomicsLib.core.errors import InputError

COLUMNS = ["feature", "image", "class", "n_cases", "icc", "lower", "upper", "verdict", "reason", "comparison"]


def renamed(table: pd.DataFrame) -> pd.DataFrame:
    """A golden table, its features named as PyRadiomics names them."""
    return table.rename(columns=lambda name: name.replace("wavelet_", "wavelet-"))


@pytest.fixture(scope="module")
def whole_study(golden: Callable[[str], Any]) -> pd.DataFrame:
    """30 cases, 2 readers, 851 features."""
    readings = [renamed(golden(f"icc_reader{reader}.csv.gz")).assign(reader=reader) for reader in "AB"]
    return pd.concat(readings, ignore_index=True).rename(columns={"id": "case"})


@pytest.fixture
def study() -> pd.DataFrame:
    """8 cases, readers A (sessions 1 and 2) and B, four features."""
    return reading_table()


RULE = Rule(0.75)


def verdicts(result: Agreement) -> dict[str, str]:
    return dict(zip(result.table["feature"], result.table["verdict"], strict=True))


def test_the_whole_way_from_the_table_gives_the_icc_and_intervals_of_r_psych(
    whole_study: pd.DataFrame, golden: Callable[[str], Any]
) -> None:
    expected = golden("icc_psych.csv.gz")
    result = agreement(whole_study.sample(frac=1, random_state=3), RULE)
    assert list(result.table.columns) == COLUMNS
    assert list(result.table["feature"]) == [name.replace("wavelet_", "wavelet-") for name in expected["feature"]]
    for column, r_column in (("icc", "ICC2"), ("lower", "ICC2_lo"), ("upper", "ICC2_hi")):
        np.testing.assert_allclose(result.table[column], expected[r_column], rtol=0, atol=1e-9)
    assert (result.table["n_cases"] == 30).all() and result.warnings == ()


@pytest.mark.parametrize(
    ("rule", "n_kept"),
    [(Rule(0.75), 573), (Rule(0.75, form="3,1"), 585), (Rule(0.75, lower_bound=True), 238)],
    ids=str,
)
def test_the_form_and_the_bound_decide_how_many_features_are_kept(
    whole_study: pd.DataFrame, golden: Callable[[str], Any], rule: Rule, n_kept: int
) -> None:
    expected = golden("icc_psych.csv.gz")
    judged = expected[f"ICC{rule.form[0]}{'_lo' * rule.lower_bound}"]
    result = agreement(whole_study, rule)
    assert len(result.kept.features) == n_kept == (judged >= 0.75).sum()


def test_counts_by_image_and_class_add_up(whole_study: pd.DataFrame) -> None:
    result = agreement(whole_study, RULE)
    counts = result.counts.set_index(["image", "class"])
    assert len(counts) == 7 + 8 * 6
    assert counts["n"].sum() == 851 and counts["kept"].sum() == 573
    assert counts.loc[("original", "shape"), "n"] == 14
    in_group = result.table[(result.table["image"] == "wavelet-HLL") & (result.table["class"] == "glcm")]
    assert counts.loc[("wavelet-HLL", "glcm"), "median_icc"] == in_group["icc"].median()
    assert counts.loc[("wavelet-HLL", "glcm"), "share"] == (in_group["icc"] >= 0.75).mean()


def test_only_features_that_pass_between_readers_and_between_sessions_are_kept(study: pd.DataFrame) -> None:
    result = agreement(study, Rule(0.9, observers="both"))
    assert [c.name for c in result.comparisons] == ["inter-observer", "intra-observer (A)"]
    assert [c.raters for c in result.comparisons] == [("A", "B"), ("1", "2")]
    assert verdicts(result) == {
        "original_glcm_Idn": "kept",
        "original_shape_Sphericity": "dropped",
        "wavelet-HLL_glcm_Idn": "dropped",
        "log-sigma-2-0-mm-3D_firstorder_Mean": "kept",
    }
    decided = result.table.set_index("feature")["comparison"]
    assert decided["original_shape_Sphericity"] == "intra-observer (A)"
    assert decided["wavelet-HLL_glcm_Idn"] == "inter-observer"


def test_one_kind_of_comparison_can_be_asked_for_alone(study: pd.DataFrame) -> None:
    inter = agreement(study, Rule(0.9, observers="inter"))
    intra = agreement(study, Rule(0.9, observers="intra"))
    assert [c.name for c in (*inter.comparisons, *intra.comparisons)] == ["inter-observer", "intra-observer (A)"]
    assert verdicts(inter)["original_shape_Sphericity"] == "kept"
    assert verdicts(intra)["wavelet-HLL_glcm_Idn"] == "kept"


def test_sessions_are_ordered_by_number_and_the_first_is_compared_between_readers(study: pd.DataFrame) -> None:
    renamed = study.assign(session=study["session"].map({1: "2", 2: "10"}))
    result = agreement(renamed, RULE)
    assert result.comparisons[1].raters == ("2", "10")
    pd.testing.assert_frame_equal(result.table, agreement(study, RULE).table)


def test_a_table_without_sessions_compares_readers(study: pd.DataFrame) -> None:
    first = study[study["session"] == 1]
    result = agreement(first.drop(columns="session"), RULE)
    pd.testing.assert_frame_equal(result.table, agreement(first, RULE).table)


def test_an_empty_session_cell_is_a_first_session(study: pd.DataFrame) -> None:
    blank = study.astype({"session": object})
    blank.loc[blank["reader"] == "B", "session"] = None
    np.testing.assert_array_equal(
        agreement(blank, RULE).comparisons[0].ratings, agreement(study, RULE).comparisons[0].ratings
    )


def test_three_readers_are_compared_at_once(study: pd.DataFrame) -> None:
    third = study[study["reader"] == "B"].assign(reader="C")
    third["original_glcm_Idn"] += np.linspace(-1, 1, len(third))
    result = agreement(pd.concat([study, third]), Rule(0.9, observers="inter"))
    assert result.comparisons[0].raters == ("A", "B", "C")
    assert result.comparisons[0].ratings.shape == (8, 3, 4)


def test_a_feature_without_an_icc_is_named_with_its_reason(study: pd.DataFrame) -> None:
    study["original_glcm_Idn"] = 0.5
    study.loc[study["case"] > "P01", "wavelet-HLL_glcm_Idn"] = np.nan
    result = agreement(study, Rule(0.75, observers="inter"))
    rows = result.table.set_index("feature")
    assert rows.loc["original_glcm_Idn", "verdict"] == "not computed"
    assert rows.loc["original_glcm_Idn", "reason"] == "constant: every reading is 0.5"
    assert "2 cases with a value in every reading" in rows.loc["wavelet-HLL_glcm_Idn", "reason"]
    assert "original_glcm_Idn" not in result.kept.features
    assert any("wavelet-HLL_glcm_Idn (2)" in warning for warning in result.warnings)


def test_an_average_icc_that_is_not_defined_is_named_so(study: pd.DataFrame) -> None:
    inter = study[study["session"] == 1].copy()
    inter["original_glcm_Idn"] = [sign * (case - 3.5) for case in range(8) for sign in (1, -1)]
    result = agreement(inter, Rule(0.75, form="2,k"))
    row = result.table.set_index("feature").loc["original_glcm_Idn"]
    assert row["verdict"] == "not computed" and row["reason"].startswith("ICC(2,k) is not defined")


def test_a_feature_equal_in_all_readings_is_kept_and_said_so(study: pd.DataFrame) -> None:
    inter = study[study["session"] == 1].copy()
    inter["original_glcm_Idn"] = np.repeat(np.arange(8) * 1.1, 2)
    row = agreement(inter, RULE).table.set_index("feature").loc["original_glcm_Idn"]
    assert (row["verdict"], row["reason"]) == ("kept", "all readings of each case are equal")


def test_a_dropped_feature_says_by_how_much(study: pd.DataFrame) -> None:
    result = agreement(study, Rule(0.9, form="C,1", strict=True, lower_bound=True))
    reason = result.table.set_index("feature").loc["wavelet-HLL_glcm_Idn", "reason"]
    assert reason.startswith("lower 95 % limit of ICC(3,1) is ")
    assert reason.endswith("not > 0.9")


def test_a_case_without_the_second_reader_is_left_out_and_named(study: pd.DataFrame) -> None:
    unbalanced = study[~((study["case"] == "P03") & (study["reader"] == "B"))]
    result = agreement(unbalanced, RULE)
    assert "P03" not in result.comparisons[0].cases and len(result.comparisons[0].cases) == 7
    assert "P03" in result.comparisons[1].cases
    assert result.warnings[-1] == ("inter-observer: 7 cases with all 2 readings used, 1 left out: P03 (no reader B).")
    without = agreement(study[study["case"] != "P03"], Rule(0.75, observers="inter"))
    np.testing.assert_array_equal(result.comparisons[0].ratings, without.comparisons[0].ratings)


def test_a_missing_cell_takes_its_case_out_of_that_feature_only(study: pd.DataFrame) -> None:
    study.loc[0, "original_glcm_Idn"] = np.nan
    result = agreement(study, Rule(0.75, observers="inter"))
    assert result.table["n_cases"].tolist() == [7, 8, 8, 8]
    assert "1 feature with missing values" in result.warnings[-1]
    assert "original_glcm_Idn (7)" in result.warnings[-1]


def test_fewer_than_three_complete_cases_are_refused(study: pd.DataFrame) -> None:
    few = study[(study["reader"] == "A") | (study["case"] < "P02")]
    with pytest.raises(InputError, match=r"inter-observer: 2 cases with all readings \(by reader: A: 8, B: 2\)"):
        agreement(few, RULE)


def test_one_reader_with_one_session_is_refused(study: pd.DataFrame) -> None:
    single = study[(study["reader"] == "A") & (study["session"] == 1)]
    with pytest.raises(InputError, match=r"one reader \(A\) with one reading of each case; an ICC needs two"):
        agreement(single, RULE)


@pytest.mark.parametrize(
    ("observers", "reader", "message"),
    [("both", "A", "The table has one reader"), ("inter", "A", "needs two"), ("intra", "B", "Each reader")],
)
def test_a_comparison_that_is_asked_for_but_not_in_the_table_is_refused(
    study: pd.DataFrame, observers: str, reader: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        agreement(study[study["reader"] == reader], Rule(0.75, observers=observers))
