"""The figures of a model: the numbers in them are the statistics', and the same data give the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from EsoRadiomicsLib.reporting.figures.calibration_plot import calibration_figure, probability_calibration_figure
from EsoRadiomicsLib.reporting.figures.chance_plot import chance_figure
from EsoRadiomicsLib.reporting.figures.cutoff_plot import cutoff_scan_figure
from EsoRadiomicsLib.reporting.figures.decision_curve_plot import decision_curve_figure
from EsoRadiomicsLib.reporting.figures.kaplan_meier_plot import RiskGroup, kaplan_meier_figure
from EsoRadiomicsLib.reporting.figures.lasso_plot import coefficient_path_figure, cv_curve_figure
from EsoRadiomicsLib.reporting.figures.roc_plot import roc_figure
from EsoRadiomicsLib.reporting.figures.style import to_svg
from EsoRadiomicsLib.statistics.calibration import calibration_edges, km_calibration
from EsoRadiomicsLib.statistics.crossvalidation import CvCurve, LassoCv
from EsoRadiomicsLib.statistics.cutoff import max_logrank
from EsoRadiomicsLib.statistics.decision_curve import decision_curve
from EsoRadiomicsLib.statistics.inputs import Survival, survival
from EsoRadiomicsLib.statistics.kaplan_meier import kaplan_meier
from EsoRadiomicsLib.statistics.lasso import LassoPath
from EsoRadiomicsLib.statistics.roc import roc_curve
from EsoRadiomicsLib.statistics.smooth_calibration import (
    SmoothCalibration,
    smooth_binary_calibration,
    smooth_survival_calibration,
)

RNG = np.random.default_rng(5)
SCORES = RNG.normal(size=60)
OUTCOME = survival(RNG.exponential(20 * np.exp(-SCORES)) + 0.1, RNG.integers(0, 2, 60))
EVENT = SCORES + RNG.normal(size=60) > 0
PROBABILITY = 1 / (1 + np.exp(-SCORES))


def groups() -> list[RiskGroup]:
    return [RiskGroup("low risk", OUTCOME[SCORES <= 0]), RiskGroup("high risk", OUTCOME[SCORES > 0])]


def lasso() -> LassoCv:
    lambdas = np.exp(np.linspace(0, -4, 20))
    coefficients = np.maximum(0, np.outer(-np.log(lambdas), [0.3, 0.2, 0.1]) - [0.1, 0.3, 0.4])
    path = LassoPath(("a", "b", "c"), lambdas, coefficients, np.zeros(20), np.linspace(0, 0.5, 20, dtype=float))
    mean = (np.log(lambdas) + 2) ** 2
    return LassoCv(path, CvCurve("deviance", lambdas, mean, np.full(20, 0.5), int(mean.argmin()), 6))


def km() -> Figure:
    return kaplan_meier_figure(groups(), title="T", endpoint="LPFS", unit="months", notes=["log-rank p = 0.01"])


def calibration() -> Figure:
    predicted = np.exp(-np.exp(SCORES) * 0.5)
    at = {12.0: km_calibration(OUTCOME, predicted, 12, calibration_edges(predicted, 15))}
    smooth: dict[float | None, SmoothCalibration] = {12.0: smooth_survival_calibration(OUTCOME, predicted, 12)}
    return calibration_figure(at, smooth, title="T", endpoint="LPFS", unit="months")


DRAWN: dict[str, Callable[[], Figure]] = {
    "coefficient path": lambda: coefficient_path_figure(lasso(), 8),
    "CV curve": lambda: cv_curve_figure(lasso(), "min"),
    "cut-off scan": lambda: cutoff_scan_figure(max_logrank(OUTCOME, SCORES), SCORES, 0.1),
    "Kaplan–Meier": km,
    "calibration": calibration,
    "calibration of probabilities": lambda: probability_calibration_figure(
        EVENT, PROBABILITY, smooth_binary_calibration(EVENT, PROBABILITY), title="T", what="event"
    ),
    "ROC": lambda: roc_figure({"m": roc_curve(EVENT, SCORES)}, {"m": "m: AUC 0.8"}, title="T"),
    "decision curve": lambda: decision_curve_figure(
        {"m": decision_curve(EVENT, PROBABILITY, np.arange(1, 100) / 100)}, title="T"
    ),
    "chance": lambda: chance_figure(np.linspace(0.4, 0.6, 20, dtype=float), 0.7, 0.05, title="T", metric="AUC"),
}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_data_give_the_same_bits(name: str) -> None:
    assert to_svg(DRAWN[name]()) == to_svg(DRAWN[name]())


def test_the_numbers_at_risk_are_those_of_the_curves() -> None:
    found = texts(km())
    for group in groups():
        for time in (0, 24, 48):
            assert str(int((group.outcome.time >= time).sum())) in found
    assert "Number at risk" in found and "log-rank p = 0.01" in found


def test_a_kaplan_meier_curve_is_drawn_as_steps_through_its_survival() -> None:
    axes = km().axes[1]
    line = axes.lines[0]
    low = kaplan_meier(groups()[0].outcome)
    assert line.get_drawstyle() == "steps-post"
    assert line.get_ydata() == pytest.approx(np.append(1, low.survival))


def test_long_group_names_are_wrapped_and_leave_the_plot_free() -> None:
    name = "intermediate risk of progression (high Rad-score or HRR mutated)"
    long = [RiskGroup(name, group.outcome) for group in groups()]
    figure = kaplan_meier_figure(long, title="T", endpoint="PFS", unit="months")
    assert figure.axes[1].get_legend() is None
    assert any("\n" in text for text in texts(figure))


def test_the_cv_curve_names_both_lambdas_and_which_was_used() -> None:
    curve = lasso().curve
    found = texts(cv_curve_figure(lasso(), "1se"))
    assert f"λ min = {curve.lambda_min:.4f}" in found
    assert f"λ 1-SE = {curve.lambda_1se:.4f} (used)" in found


def test_a_calibration_group_that_died_out_has_no_limits_but_is_drawn() -> None:
    outcome = Survival(np.arange(1, 41, dtype=float), np.ones(40, dtype=bool))
    predicted = np.linspace(0.05, 0.95, 40, dtype=float)
    at = {38.0: km_calibration(outcome, predicted, 38, calibration_edges(predicted, 10))}
    assert to_svg(calibration_figure(at, {}, title="T", endpoint="OS", unit="months"))
