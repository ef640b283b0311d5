"""ICC of many features at once: R's ``psych::ICC``, the textbook table, and what must hold for any readings."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from EsoRadiomicsLib.agreement.icc import FORMS, Form, icc, parse_form
from EsoRadiomicsLib.core.errors import UsageError

ALL_FORMS = pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.label)

any_readings = arrays(
    np.float64,
    st.tuples(st.integers(3, 8), st.integers(2, 4), st.integers(1, 4)),
    elements=st.floats(-1000, 1000, width=32).map(lambda x: round(x, 2)),
)
for_any_readings = settings(derandomize=True, deadline=None, max_examples=60)


@pytest.fixture(scope="module")
def two_readers(golden: Callable[[str], Any]) -> np.ndarray:
    """(30 cases, 2 readers, 851 features)."""
    tables = [golden(f"icc_reader{reader}.csv.gz").drop(columns="id") for reader in "AB"]
    return np.stack([table.to_numpy() for table in tables], axis=1)


def same(a: object, b: object, tolerance: float) -> None:
    for name in ("value", "lower", "upper"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("model", "123")
def test_all_851_features_and_their_intervals_equal_r_psych(
    two_readers: np.ndarray, golden: Callable[[str], Any], model: str
) -> None:
    expected = golden("icc_psych.csv.gz")
    result = icc(two_readers, f"{model},1")
    np.testing.assert_allclose(result.value, expected[f"ICC{model}"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.lower, expected[f"ICC{model}_lo"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.upper, expected[f"ICC{model}_hi"], rtol=0, atol=1e-9)
    assert (result.n_cases == 30).all() and result.n_raters == 2


@ALL_FORMS
def test_the_table_of_shrout_and_fleiss_comes_out_in_all_six_forms(golden: Callable[[str], Any], form: Form) -> None:
    readings = golden("icc_shrout_fleiss_input.csv").to_numpy()[:, :, None]
    expected = golden("icc_shrout_fleiss.csv").set_index("type").loc[f"ICC{form.model}{'k' * form.average}"]
    result = icc(readings, form)
    np.testing.assert_allclose(
        [result.value[0], result.lower[0], result.upper[0]], expected[["icc", "lo", "hi"]].astype(float), atol=1e-12
    )
    printed = {"1,1": 0.17, "2,1": 0.29, "3,1": 0.71, "1,k": 0.44, "2,k": 0.62, "3,k": 0.91}
    assert round(result.value[0], 2) == printed[form.name]


def test_a_case_with_a_missing_reading_leaves_that_feature_only(two_readers: np.ndarray) -> None:
    holes = two_readers.copy()
    holes[4, 0, 10] = holes[7, 1, 10] = holes[7, 0, 11] = np.nan
    result, full = icc(holes), icc(two_readers)
    assert result.n_cases[[9, 10, 11]].tolist() == [30, 28, 29]
    others = np.delete(np.arange(851), [10, 11])
    np.testing.assert_allclose(result.value[others], full.value[others], rtol=1e-12)
    for feature, lost in ((10, [4, 7]), (11, [7])):
        rest = icc(np.delete(two_readers[:, :, [feature]], lost, axis=0))
        np.testing.assert_allclose(result.value[feature], rest.value[0], atol=1e-12)
        np.testing.assert_allclose(result.lower[feature], rest.lower[0], atol=1e-12)


def test_features_without_an_icc_are_nan_and_do_not_disturb_the_others(two_readers: np.ndarray) -> None:
    readings = two_readers[:, :, :5].copy()
    readings[:, :, 1] = 0.1 + 0.2
    readings[:, :, 2] = np.nan
    readings[2:, 0, 3] = np.nan
    result = icc(readings)
    assert np.isnan(result.value).tolist() == [False, True, True, True, False]
    assert result.constant.tolist() == [False, True, True, False, False]
    assert result.n_cases.tolist() == [30, 30, 0, 2, 30]
    np.testing.assert_allclose(result.value[[0, 4]], icc(two_readers).value[[0, 4]], rtol=1e-12)


def test_differences_in_the_last_digits_only_count_as_constant() -> None:
    rng = np.random.default_rng(1)
    readings = 3.7 * (1 + 1e-14 * rng.standard_normal((10, 2, 1)))
    assert icc(readings).constant[0]
    assert not icc(3.7 * (1 + 1e-6 * rng.standard_normal((10, 2, 1)))).constant[0]


@ALL_FORMS
def test_readings_that_agree_exactly_have_an_icc_of_one_with_a_closed_interval(form: Form) -> None:
    case = np.random.default_rng(2).normal(size=(6, 1, 1))
    result = icc(np.repeat(case, 3, axis=1), form)
    assert (result.value[0], result.lower[0], result.upper[0]) == (1.0, 1.0, 1.0)


def test_a_constant_shift_between_readers_is_disagreement_but_not_inconsistency() -> None:
    case = np.random.default_rng(3).normal(size=(12, 1, 1))
    shifted = np.concatenate([case, case + 2], axis=1)
    assert icc(shifted, "C,1").value[0] == pytest.approx(1)
    assert icc(shifted, "A,1").value[0] < 0.6
    assert icc(shifted, "1,1").value[0] < icc(shifted, "A,1").value[0]


def test_an_average_form_without_differences_between_cases_is_not_defined() -> None:
    case = np.random.default_rng(4).normal(size=(6, 1, 1))
    opposite = np.concatenate([case, -case], axis=1)
    for form in ("1,k", "2,k", "3,k"):
        assert np.isnan(icc(opposite, form).value[0])


@given(any_readings, st.sampled_from(list(FORMS)), st.floats(0.01, 100), st.floats(-100, 100))
@for_any_readings
def test_an_icc_has_no_unit(readings: np.ndarray, form: str, scale: float, shift: float) -> None:
    before, after = icc(readings, form), icc(readings * scale + shift, form)
    solid = ~(before.constant | after.constant) & (np.abs(before.value) < 100)
    np.testing.assert_allclose(after.value[solid], before.value[solid], rtol=1e-5, atol=1e-6)


@given(any_readings, st.sampled_from(list(FORMS)), st.randoms(use_true_random=False))
@for_any_readings
def test_the_order_of_cases_and_readers_does_not_matter(readings: np.ndarray, form: str, random: object) -> None:
    cases, raters = list(range(readings.shape[0])), list(range(readings.shape[1]))
    random.shuffle(cases)  # type: ignore[attr-defined]
    random.shuffle(raters)  # type: ignore[attr-defined]
    before, after = icc(readings, form), icc(readings[cases][:, raters], form)
    solid = np.abs(before.value) < 100
    np.testing.assert_allclose(after.value[solid], before.value[solid], rtol=1e-7, atol=1e-9)


@given(any_readings, st.sampled_from(list(FORMS)))
@for_any_readings
def test_many_features_at_once_give_what_each_gives_alone(readings: np.ndarray, form: str) -> None:
    together = icc(readings, form)
    for i in range(readings.shape[2]):
        alone = icc(readings[:, :, [i]], form)
        for name in ("value", "lower", "upper"):
            np.testing.assert_allclose(getattr(together, name)[i], getattr(alone, name)[0], rtol=1e-9, atol=1e-12)


@given(any_readings, st.sampled_from(list(FORMS)))
@for_any_readings
def test_the_interval_holds_the_estimate_which_is_at_most_one(readings: np.ndarray, form: str) -> None:
    result = icc(readings, form)
    counted = ~np.isnan(result.value)
    assert (result.value[counted] <= 1 + 1e-12).all()
    agreeing = counted & (np.nan_to_num(result.value) >= 0)
    assert (result.lower[agreeing] <= result.value[agreeing] + 1e-9).all()
    assert (result.value[agreeing] <= result.upper[agreeing] + 1e-9).all()


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e300])
def test_very_large_and_very_small_features_keep_their_icc(two_readers: np.ndarray, scale: float) -> None:
    readings = two_readers[:, :, :3] / np.abs(two_readers[:, :, :3]).max()
    np.testing.assert_allclose(icc(readings * scale).lower, icc(readings).lower, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "label", "other"),
    [
        ("2,1", "ICC(2,1)", "ICC(A,1)"),
        ("ICC(3,k)", "ICC(3,k)", "ICC(C,k)"),
        ("icc(a,1)", "ICC(2,1)", "ICC(A,1)"),
        ("C, K", "ICC(3,k)", "ICC(C,k)"),
        ("ICC(1)", "ICC(1,1)", "ICC(1)"),
        ("1,k", "ICC(1,k)", "ICC(k)"),
    ],
)
def test_a_form_is_found_by_either_naming(text: str, label: str, other: str) -> None:
    assert (parse_form(text).label, parse_form(text).mcgraw_wong) == (label, other)


def test_an_unknown_form_is_refused_with_the_forms_there_are() -> None:
    with pytest.raises(UsageError, match=r"“4,1” is no form of the ICC; choose from 1,1 \(= ICC\(1\)\), 2,1"):
        parse_form("4,1")


@pytest.mark.parametrize(
    ("shape", "message"),
    [((10, 1, 4), "two readings of each case"), ((2, 2, 4), "three cases"), ((10, 2), "cases × raters × features")],
)
def test_readings_that_cannot_have_an_icc_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        icc(np.ones(shape))
