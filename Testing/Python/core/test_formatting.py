"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from EsoRadiomicsLib.core.formatting import capitalised, decimals, number, p_value, plain
from EsoRadiomicsLib.scoring.predicted_outcome import Bounds
from EsoRadiomicsLib.scoring.score_text import percent, points, rad_score, rule
from EsoRadiomicsLib.studies.card_parts import Cutoff, Group

HIGH, LOW = Group("high", "high risk", "worse"), Group("low", "low risk", "better")
CUTOFF = Cutoff(0.1411, ">=", HIGH, LOW, "published")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.14169, "0.1417"), (-1.0154, "−1.015"), (2.2, "2.200"), (7920000.0, "7.920×10⁶"), (2.987626e-9, "2.988×10⁻⁹")],
)
def test_a_number_has_four_digits_a_real_minus_and_readable_powers_of_ten(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("p", "text"), [(3e-15, "p < 0.001"), (0.0314, "p = 0.031"), (0.0999, "p = 0.100"), (0.4, "p = 0.40")]
)
def test_a_p_value_is_said_no_more_exactly_than_anyone_reads_it(p: float, text: str) -> None:
    assert p_value(p) == text


def test_columns_have_fixed_decimals_and_a_sign_except_for_zero() -> None:
    assert [decimals(value, 2) for value in (0.5, -0.5, 0.001, -0.001)] == ["+0.50", "−0.50", "0.00", "0.00"]


def test_a_heading_begins_large_and_keeps_abbreviations() -> None:
    assert [capitalised(text) for text in ("OS", "local progression-free survival", "无进展", "")] == [
        "OS",
        "Local progression-free survival",
        "无进展",
        "",
    ]


def test_a_number_of_a_card_is_shown_as_printed() -> None:
    assert [plain(value) for value in (0.1411, -50.0, 25.0)] == ["0.1411", "−50", "25"]
    assert rule(CUTOFF) == "≥ 0.1411"


@given(st.floats(-2, 2), st.sampled_from([0.1411, 0.36, -1.015, 0.961]), st.sampled_from([">=", ">"]))
@settings(derandomize=True, deadline=None)
def test_a_rounded_rad_score_is_on_the_same_side_of_its_cut_off(score: float, value: float, sign: str) -> None:
    cutoff = Cutoff(value, sign, HIGH, LOW, "published")
    shown = float(rad_score(score, cutoff).replace("−", "-").split("×")[0])
    if abs(score) > 1e-3:
        assert cutoff.group(shown) == cutoff.group(score)


def test_a_rad_score_just_below_its_cut_off_gets_the_digits_it_needs() -> None:
    assert rad_score(0.14109, CUTOFF) == "0.14109"
    assert rad_score(0.14109, None) == "0.1411"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.384, 0.384, "38 %"),
        (0.124, 0.451, "12–45 %"),
        (0.381, 0.384, "38 %"),
        (1e-9, 1e-9, "<1 %"),
        (0.999, 0.999, ">99 %"),
        (0.001, 0.052, "<1–5 %"),
    ],
)
def test_survival_is_in_whole_percent_and_never_0_or_100(low: float, high: float, text: str) -> None:
    assert percent(Bounds(low, high)) == text


def test_points_are_whole_and_a_range_where_something_is_missing() -> None:
    assert points(Bounds(42.89, 42.89)) == "43"
    assert points(Bounds(0.0, 62.9)) == "0–63"
    assert points(Bounds(-12.2, 3.0)) == "−12 to 3"
