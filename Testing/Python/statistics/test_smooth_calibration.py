"""Splines, smooth calibration, scaled Brier scores and limits of decision curves: truths that are known beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline
from scipy.special import expit, logit

from EsoRadiomicsLib.core.errors import InputError, UsageError
from EsoRadiomicsLib.statistics.decision_curve import decision_curve, survival_decision_curve
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.scaled_brier import binary_brier, scaled_brier, scaled_integrated_brier
from EsoRadiomicsLib.statistics.smooth_calibration import (
    SmoothCalibration,
    smooth_binary_calibration,
    smooth_survival_calibration,
)
from EsoRadiomicsLib.statistics.splines import restricted_cubic, spline_knots


def test_the_basis_spans_the_natural_cubic_splines_of_its_knots() -> None:
    knots = np.array([-1.0, 0.2, 1.5, 4.0, 4.5])
    natural = CubicSpline(knots, [0.3, -1.0, 2.0, 0.5, 0.7], bc_type="natural")
    basis = np.column_stack([np.ones(5), restricted_cubic(knots, knots)])
    weights = np.linalg.solve(basis, natural(knots))
    inside = np.linspace(-1, 4.5, 60)
    found = np.column_stack([np.ones(60), restricted_cubic(inside, knots)]) @ weights
    np.testing.assert_allclose(found, natural(inside), atol=1e-10)


def test_a_spline_is_straight_beyond_its_outer_knots() -> None:
    knots = np.array([0.0, 1.0, 2.0, 4.0])
    for beyond in ([-3.0, -2.0, -1.0], [5.0, 6.0, 7.0]):
        np.testing.assert_allclose(np.diff(restricted_cubic(beyond, knots), n=2, axis=0), 0, atol=1e-12)


def test_the_basis_is_rcspline_evals_by_hand() -> None:
    """Knots 0, 1, 2 at x = 1.5: ((1.5)³ − 2·(0.5)³) / 2², Hmisc's norm = 2."""
    assert restricted_cubic([1.5], np.array([0.0, 1.0, 2.0])).tolist() == [[1.5, (3.375 - 2 * 0.125) / 4]]


def test_knots_stand_where_hmisc_puts_them() -> None:
    many = np.arange(1001) / 1000
    assert spline_knots(many, 3).tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert spline_knots(many, 5).tolist() == pytest.approx([0.05, 0.275, 0.5, 0.725, 0.95])
    assert spline_knots(many, 7)[[0, 1, 6]].tolist() == pytest.approx([0.025, 0.025 + 0.95 / 6, 0.975])
    few = np.arange(1.0, 61)
    assert spline_knots(few, 4)[[0, -1]].tolist() == [5, 56]
    with pytest.raises(InputError, match="more distinct values"):
        spline_knots(np.arange(50) % 2, 3)
    with pytest.raises(UsageError, match="3 to 7 knots, not 8"):
        spline_knots(many, 8)


def binary_truth(seed: int, n: int, stretch: float) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of known log odds, and predictions whose log odds are ``stretch`` times as large."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-0.5, 1, n)
    return (rng.random(n) < expit(log_odds)).astype(int), expit(stretch * log_odds)


def survival_truth(seed: int, n: int, stretch: float) -> tuple[Survival, np.ndarray, np.ndarray]:
    """Exponential times with random censoring; the right survival at time 1 and one from stretched log hazards."""
    rng = np.random.default_rng(seed)
    log_hazard = rng.normal(-0.7, 0.8, n)
    time, censored = rng.exponential(np.exp(-log_hazard)), rng.uniform(0.5, 4, n)
    right, wrong = (np.exp(-np.exp(-0.7 + k * (log_hazard + 0.7))) for k in (1, stretch))
    return Survival(np.minimum(time, censored), time <= censored), right, wrong


def middle(curve: SmoothCalibration) -> slice:
    return slice(10, int(0.8 * len(curve.predicted)))


def test_predictions_that_are_too_extreme_are_drawn_back_to_the_true_risks() -> None:
    outcome, predicted = binary_truth(1, 20_000, 2)
    curve = smooth_binary_calibration(outcome, predicted)
    truth = expit(logit(curve.predicted) / 2)
    np.testing.assert_allclose(curve.observed[middle(curve)], truth[middle(curve)], atol=0.02)
    assert curve.ici == pytest.approx(np.mean(np.abs(expit(logit(predicted) / 2) - predicted)), abs=0.01)
    assert curve.e50 < curve.e90 < curve.emax
    right = smooth_binary_calibration(*binary_truth(1, 20_000, 1))
    assert right.ici < 0.01


def test_smooth_calibration_of_survival_finds_the_true_risks() -> None:
    outcome, _, wrong = survival_truth(2, 8_000, 2)
    curve = smooth_survival_calibration(outcome, wrong, 1.0)
    log_hazard = np.log(-np.log1p(-np.minimum(curve.predicted, 1 - 1e-9)))
    truth = -np.expm1(-np.exp(-0.7 + (log_hazard + 0.7) / 2))
    np.testing.assert_allclose(curve.observed[middle(curve)], truth[middle(curve)], atol=0.03)
    outcome, right, _ = survival_truth(2, 8_000, 2)
    assert smooth_survival_calibration(outcome, right, 1.0).ici < 0.015


@pytest.mark.parametrize("kind", ["binary", "survival"])
def test_the_limits_of_the_curve_hold_the_truth_about_as_often_as_they_say(kind: str) -> None:
    held = []
    for seed in range(60):
        if kind == "binary":
            curve = smooth_binary_calibration(*binary_truth(seed, 250, 1))
        else:
            outcome, right, _ = survival_truth(seed, 250, 1)
            curve = smooth_survival_calibration(outcome, right, 1.0)
        at = np.searchsorted(curve.predicted, 0.4)
        held.append(curve.lower[at] <= curve.predicted[at] <= curve.upper[at])
    assert 0.85 <= np.mean(held) <= 1


def test_rows_of_one_patient_widen_the_limits() -> None:
    outcome, predicted = binary_truth(3, 200, 1)
    patient = np.tile(np.arange(200), 3)
    together = smooth_binary_calibration(np.tile(outcome, 3), np.tile(predicted, 3), patient)
    alone = smooth_binary_calibration(np.tile(outcome, 3), np.tile(predicted, 3))
    assert ((together.upper - together.lower) > 1.4 * (alone.upper - alone.lower)).mean() > 0.8


def test_predictions_of_two_values_are_calibrated_by_a_straight_line() -> None:
    outcome = np.array([0, 0, 0, 1] * 25 + [0, 1, 1, 1] * 25)
    curve = smooth_binary_calibration(outcome, np.repeat([0.2, 0.6], 100))
    assert curve.observed[[0, -1]] == pytest.approx([0.25, 0.75], abs=1e-6)


def test_nobody_at_the_horizon_is_a_sentence() -> None:
    outcome, right, _ = survival_truth(4, 50, 1)
    with pytest.raises(InputError, match="Nobody was followed up to time 99"):
        smooth_survival_calibration(outcome, right, 99)


def test_a_model_that_knows_nothing_has_an_ipa_of_zero_and_a_perfect_one_of_one() -> None:
    outcome = np.array([0, 1, 1, 0, 1])
    score = binary_brier(outcome, np.full(5, 0.6))
    assert score.model.value == pytest.approx(0.24) and score.ipa == pytest.approx(0)
    assert binary_brier(outcome, outcome.astype(float)).ipa == 1
    complete = Survival(np.arange(1, 11, dtype=float), np.ones(10, dtype=bool))
    assert scaled_brier(complete, np.full(10, 0.3), 4.5).null.value == pytest.approx(0.6 * 0.4)
    # 4 died, predicted 0.3 alive; 6 live.
    error = 0.4 * 0.3**2 + 0.6 * 0.7**2
    assert scaled_brier(complete, np.full(10, 0.3), 4.5).ipa == pytest.approx(1 - error / 0.24)


def test_the_integrated_score_is_the_area_under_the_scores_over_time() -> None:
    outcome, _, _ = survival_truth(5, 300, 1)
    times = np.array([0.5, 1.0, 2.0])
    survival = np.column_stack([np.full(300, s) for s in (0.8, 0.6, 0.4)])
    found = scaled_integrated_brier(outcome, survival, times)
    each = [scaled_brier(outcome, survival[:, k], float(t)) for k, t in enumerate(times)]
    for name, mean in (("model", found.model), ("null", found.null)):
        values = [getattr(score, name).value for score in each]
        assert mean == pytest.approx(((values[0] + values[1]) / 2 * 0.5 + (values[1] + values[2]) / 2) / 1.5)
    assert found.ipa == 1 - found.model / found.null


@pytest.mark.parametrize("kind", ["binary", "survival"])
def test_limits_of_a_decision_curve_agree_with_the_bootstrap(kind: str) -> None:
    thresholds, rng = np.array([0.2, 0.4, 0.6]), np.random.default_rng(6)
    binary_outcome, risk = binary_truth(6, 300, 1)
    outcome, right, _ = survival_truth(6, 300, 1)

    def curve(rows: np.ndarray) -> pd.DataFrame:
        if kind == "binary":
            found = decision_curve(binary_outcome[rows], risk[rows], thresholds)
        else:
            found = survival_decision_curve(outcome[rows], 1 - right[rows], 1.0, thresholds)
        return pd.DataFrame({"model": found.model, "half": (found.upper - found.lower) / 2})

    spread = np.std([curve(rng.integers(0, 300, 300)).model for _ in range(400)], axis=0)
    np.testing.assert_allclose(curve(np.arange(300)).half, 1.96 * spread, rtol=0.2)
