"""Figures of agreement studies: they show the table's own numbers, and everything lies on the page."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from EsoRadiomicsLib.agreement.bland_altman import bland_altman
from EsoRadiomicsLib.agreement.comparison import Agreement, agreement
from EsoRadiomicsLib.agreement.kept_features import Rule
from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.extraction.pyradiomics.feature_names import ALL
from EsoRadiomicsLib.reporting.figures.bland_altman_plot import bland_altman_figure
from EsoRadiomicsLib.reporting.figures.icc_map_plot import icc_map_figure
from EsoRadiomicsLib.reporting.figures.icc_plot import icc_figure
from EsoRadiomicsLib.reporting.figures.style import BLUE, VERMILLION, to_svg

# Bland & Altman, Lancet 1986;i:307, table 1: peak flow (l/min) of 17 people, Wright and mini Wright meter.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


@pytest.fixture(scope="module")
def table(golden: Callable[[str], Any]) -> pd.DataFrame:
    """30 cases, reader A twice and reader B once; the values are generated, the 851 names are real."""
    rng = np.random.default_rng(5)
    readings = [golden(f"icc_reader{reader}.csv.gz").drop(columns="id").set_axis(ALL, axis=1) for reader in "AB"]
    again = readings[0] + rng.normal(0, 0.15, readings[0].shape) * readings[0].std().to_numpy()
    rows = [
        frame.assign(case=range(30), reader=reader, session=session)
        for frame, reader, session in ((readings[0], "A", 1), (again, "A", 2), (readings[1], "B", 1))
    ]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def whole(table: pd.DataFrame) -> Agreement:
    return agreement(table, Rule(0.75))


@pytest.fixture(scope="module")
def signature(table: pd.DataFrame) -> Agreement:
    """17 features, the longest names among them, one constant."""
    names = sorted(ALL, key=len)[-16:]
    constant = table.assign(original_glcm_Idn=1.0)
    return agreement(constant, Rule(0.8, strict=True, lower_bound=True), features=[*names, "original_glcm_Idn"])


def ydata(line: Any) -> np.ndarray:
    return np.asarray(line.get_ydata())


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_the_curve_shows_every_icc_of_the_table_in_order(whole: Agreement) -> None:
    figure = icc_figure(whole)
    for axes, comparison in zip(figure.axes[1:], whole.comparisons, strict=True):
        drawn = [ydata(line) for line in axes.lines if line.get_marker() == "."]
        points = np.concatenate([y[~np.isnan(y)] for y in drawn])
        np.testing.assert_allclose(np.sort(points), np.sort(comparison.table["icc"]))
        assert (np.diff(np.nansum(drawn, axis=0)) >= 0).all()
        assert [ydata(line)[0] for line in axes.lines if line.get_marker() == "None"] == [0.75]


def test_features_that_pass_and_fail_are_counted_beside_the_curve(whole: Agreement) -> None:
    inter = whole.comparisons[0].table["verdict"].value_counts()
    shown = texts(icc_figure(whole))
    assert {f"{inter['kept']} pass", f"{inter['dropped']} fail", "readers A, B; 30 cases"} <= set(shown)
    assert f"{len(whole.kept.features)} of 851 features kept" in shown


def test_few_features_are_drawn_with_their_names(signature: Agreement) -> None:
    figure = icc_figure(signature)
    assert set(signature.table["feature"]) <= set(texts(figure))
    assert any(text.strip() == "no ICC (constant)" for text in texts(figure))
    for axes, comparison in zip(figure.axes[1:], signature.comparisons, strict=True):
        markers = [line for line in axes.lines if line.get_marker() == "o"]
        kept = [line for line in markers if to_hex(line.get_markerfacecolor()).upper() == BLUE]
        failed = [line for line in markers if to_hex(line.get_color()).upper() == VERMILLION]
        verdicts = comparison.table["verdict"].value_counts()
        assert (len(kept), len(failed)) == (verdicts.get("kept", 0), verdicts.get("dropped", 0))
        assert all(to_hex(line.get_markerfacecolor()) == "#ffffff" for line in failed)


def test_the_map_shows_the_counts_of_the_result_and_their_totals(whole: Agreement) -> None:
    shown = texts(icc_map_figure(whole))
    for row in whole.counts.itertuples():
        assert f"{row.kept}/{row.n}" in shown
    assert f"{len(whole.kept.features)}/851" in shown
    assert len([text for text in shown if "/" in text and text[0].isdigit()]) == 10 * 8 - 8


def test_features_of_one_image_have_no_second_row_for_all_images(whole: Agreement) -> None:
    table = whole.table[whole.table["image"] == "original"]
    shown = texts(icc_map_figure(Agreement(whole.rule, whole.comparisons, table, {}, {}, ())))
    assert len([text for text in shown if "/" in text and text[0].isdigit()]) == 8
    assert shown.count("all") == 2  # the columns


def test_a_median_below_a_band_does_not_read_as_its_limit(whole: Agreement) -> None:
    table = whole.table.assign(icc=0.7499)
    figure = icc_map_figure(Agreement(whole.rule, whole.comparisons, table, {}, {}, ()))
    assert "0.74" in texts(figure) and "0.75" not in texts(figure)
    cells = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert "#bfdcee" in {to_hex(cell.get_facecolor()) for cell in cells}


@pytest.mark.parametrize("rule", [Rule(0.75), Rule(0.9, lower_bound=True, form="C,k")], ids=str)
@pytest.mark.parametrize("draw", [icc_figure, icc_map_figure])
@pytest.mark.parametrize("features", [None, ALL[:1], tuple(sorted(ALL, key=len)[-20:])])
def test_everything_lies_on_the_page(
    table: pd.DataFrame, rule: Rule, draw: object, features: tuple[str, ...] | None
) -> None:
    assert_on_the_page(draw(agreement(table, rule, features=features)))  # type: ignore[operator]


def test_a_bland_altman_plot_shows_its_numbers_on_the_page(whole: Agreement) -> None:
    feature = max(ALL, key=len)
    for comparison in whole.comparisons:
        figure = bland_altman_figure(comparison, feature)
        assert_on_the_page(figure)
        a, b = comparison.ratings[:, 0, ALL.index(feature)], comparison.ratings[:, 1, ALL.index(feature)]
        limits = bland_altman(a, b)
        levels = [ydata(line)[0] for line in figure.axes[1].lines if len(ydata(line)) == 2]
        np.testing.assert_allclose(sorted(levels), sorted([0, limits.lower, limits.bias, limits.upper]))
        points = next(line for line in figure.axes[1].lines if line.get_marker() == "o")
        np.testing.assert_allclose(np.asarray(points.get_xydata()), np.column_stack([(a + b) / 2, a - b]))


def assert_on_the_page(figure: Figure) -> None:
    drawn = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
    width, height = figure.get_size_inches()
    assert drawn.x0 >= 0 and drawn.y0 >= 0 and drawn.x1 <= width and drawn.y1 <= height, drawn


def test_the_same_result_gives_the_same_picture(signature: Agreement) -> None:
    assert to_svg(icc_figure(signature)) == to_svg(icc_figure(signature))


@pytest.mark.parametrize(
    ("feature", "raters", "message"),
    [
        ("original_glcm_Idm1", None, r"no feature “original_glcm_Idm1”\. Did you mean “original_glcm_Idm"),
        ("original_glcm_Idm", ("A", "C"), "no reader or session “C”"),
    ],
)
def test_a_feature_or_reader_that_is_not_there_is_refused(
    whole: Agreement, feature: str, raters: tuple[str, str] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        bland_altman_figure(whole.comparisons[0], feature, raters)


def test_limits_of_agreement_are_those_of_bland_and_altman_1986() -> None:
    limits = bland_altman(WRIGHT, MINI)
    assert limits.n == 17
    assert limits.bias == pytest.approx(-2.1, abs=0.05)
    assert limits.sd == pytest.approx(38.8, abs=0.05)
    assert limits.bias_ci == pytest.approx((-22.0, 17.8), abs=0.1)
    # The paper takes 2 SD for the limits and sqrt(3/n)·SD for their standard error; we take 1.96 and the 1999 formula.
    assert (limits.lower, limits.upper) == pytest.approx((-79.7, 75.5), abs=0.04 * 38.8 + 0.1)
    assert limits.lower_ci == pytest.approx((-114.3, -45.1), abs=2.5)
    assert limits.upper_ci == pytest.approx((40.9, 110.1), abs=2.5)
    swapped = bland_altman(MINI, WRIGHT)
    assert (swapped.bias, swapped.lower, swapped.upper) == pytest.approx((-limits.bias, -limits.upper, -limits.lower))


def test_limits_of_agreement_leave_out_missing_readings_and_need_three_cases() -> None:
    holes = np.array(WRIGHT, dtype=float)
    holes[[0, 5]] = np.nan
    assert bland_altman(holes, MINI) == bland_altman(np.delete(WRIGHT, [0, 5]), np.delete(MINI, [0, 5]))
    with pytest.raises(InputError, match="at least three cases with both readings; there are 2"):
        bland_altman([1, 2, np.nan], [1, 3, 4])
