"""Outcomes and features that cannot be used are refused with a sentence that says where and what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.inputs import binary, check_same_time_unit, feature_matrix, numbers, survival

PATIENTS = ["P1", "P2", "P3", "P4"]


def column(values: list[object]) -> pd.Series:
    return pd.Series(values, index=PATIENTS)


def test_a_good_outcome_is_taken_as_it_is() -> None:
    outcome = survival(column([1, 2.5, "3", 4]), column([True, 0, 1, False]))
    assert outcome.time.tolist() == [1, 2.5, 3, 4] and outcome.event.tolist() == [True, False, True, False]
    assert len(outcome) == 4 and outcome.n_events == 2
    assert outcome[np.array([3, 3, 0])].time.tolist() == [4, 4, 1]


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ([1, 0, -2, 4], [1, 0, 1, 0], r"greater than 0, but is not in row P2, P3\. Correct the dates"),
        ([1, None, 3, 4], [1, 0, 1, 0], "missing or infinite for the follow-up time in row P2; fill it in"),
        ([1, "two", 3, 4], [1, 0, 1, 0], r"Numbers are needed for .* none in row P2 \(but “two”\)"),
        ([1, 2, 3, 4], [1, np.nan, 1, 0], "missing or infinite for the event in row P2"),
        ([1, 2, 3, 4], [1, 2, 1, 2], r"values found are 1, 2\. It looks like R's coding 1 = censored, 2 = event"),
        ([1, 2, 3, 4], [0, 2, 1, 2], r"values found are 0, 1, 2\. If 2 is a competing event"),
        ([1, 2, 3, 4], [5, 0.5, 1, 0], r"1 = yes, 0 = no; the values found are 0, 0\.5, 1, 5\."),
        ([1, 2, 3, 4], [0, 0, 0, 0], "No patient had the event"),
    ],
)
def test_a_bad_outcome_is_refused(time: list[object], event: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        survival(column(time), column(event))


def test_rows_without_an_index_are_counted_from_one_and_a_long_list_is_cut() -> None:
    with pytest.raises(InputError, match="in row 1, 2, 3, 4, 5 and 3 more"):
        survival(np.zeros(8), np.ones(8))


def test_columns_of_different_length_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="3 follow-up times but 2 events"):
        survival([1, 2, 3], [1, 0])
    with pytest.raises(
        UsageError, match=r"One column of numbers is needed for the risk, not an array of shape \(2, 2\)"
    ):
        numbers(np.eye(2), "the risk")
    with pytest.raises(UsageError, match="2 rows of features but 3 outcomes"):
        feature_matrix(pd.DataFrame({"a": [1, 2]}), 3)
    with pytest.raises(UsageError, match="no feature column"):
        feature_matrix(pd.DataFrame(index=[1, 2]), 2)


def test_a_binary_outcome_needs_patients_of_both_kinds() -> None:
    assert binary([0, 1, 1]).tolist() == [False, True, True]
    with pytest.raises(InputError, match="All 2 patients have the same outcome"):
        binary([1, 1])


def test_constant_repeated_and_incomplete_features_are_named() -> None:
    features = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [0.1] * 4, "c": [1, 1, np.inf, 2]}, index=PATIENTS)
    with pytest.raises(InputError, match="The column b has the same value in all 4 patients"):
        feature_matrix(features[["a", "b"]], 4)
    with pytest.raises(InputError, match="for 'c' in row P3"):
        feature_matrix(features[["a", "c"]], 4)
    with pytest.raises(InputError, match="The column a occurs more than once"):
        feature_matrix(features[["a", "a"]], 4)


def test_days_against_months_are_noticed() -> None:
    months = survival([3, 12, 18, 40], [1, 1, 0, 0])
    days = survival(months.time * 30.4, months.event)
    longer = survival(months.time * 3, months.event)
    check_same_time_unit(months, longer)
    with pytest.raises(InputError, match=r"follow-up is 15 in one cohort and 456 in the other.*same unit"):
        check_same_time_unit(days, months)


@pytest.mark.parametrize("cell", ["1_000", "९", "0x10", "one"])
def test_what_only_a_programming_language_takes_for_a_number_is_none(cell: str) -> None:
    with pytest.raises(InputError, match="there is none in row B"):
        numbers(pd.Series(["1", cell, "3"], index=["A", "B", "C"]), "the age")
