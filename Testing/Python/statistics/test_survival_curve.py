"""Predicted survival curves with their limits, against R's survfit.coxph and simulated patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.statistics.cox import fit_cox, hazard_curve
from EsoRadiomicsLib.statistics.inputs import Survival, survival
from EsoRadiomicsLib.statistics.survival_curve import HazardCurve

Golden = Callable[[str], Any]
SETS: dict[str, tuple[list[str], dict[int, tuple[float, ...]]]] = {
    "train": (["N", "CR", "rad"], {1: (1, 0, 0), 2: (3, 0, 1.1), 3: (0, 1, -1.4)}),
    "lung": (["age", "sex", "ph.ecog"], {1: (62, 1, 1), 2: (80, 2, 2)}),
}


def curves_of(x: pd.DataFrame, outcome: Survival) -> tuple[np.ndarray, HazardCurve]:
    fitted = fit_cox(x, outcome)
    return fitted.coefficients, hazard_curve(x.to_numpy(), outcome, fitted.coefficients, fitted.covariance)


@pytest.mark.parametrize("name", SETS)
def test_curves_and_their_log_log_limits_equal_survfit(golden: Golden, name: str) -> None:
    columns, patients = SETS[name]
    table = golden("lung_cc.csv") if name == "lung" else golden("analysis_table.csv").query("cohort == 'train'")
    beta, curves = curves_of(table[columns].astype(float), survival(table.time, table.event))
    expected = golden("survfit_coxph.csv").query("set == @name")
    for patient, values in patients.items():
        x = np.array(values, dtype=float)
        found, r = curves.of(x, float(x @ beta)), expected[expected.patient == patient]
        assert found.time[1:-1].tolist() == pytest.approx(r.time.tolist())
        for column in ("survival", "lower", "upper"):
            np.testing.assert_allclose(getattr(found, column)[1:-1], r[column], rtol=1e-6, err_msg=column)
        _, se = curves.at(float(r.time.iloc[40]), x[None, :], np.array([x @ beta]))
        assert se[0] == pytest.approx(r.se_hazard.iloc[40], rel=1e-6)


def test_a_curve_begins_with_certainty_and_ends_with_the_last_follow_up() -> None:
    x = pd.DataFrame({"age": [50.0, 60.0, 55.0, 70.0, 65.0, 52.0]})
    outcome = survival([3.0, 2.0, 5.0, 1.0, 4.0, 9.0], [1, 1, 0, 1, 1, 0])
    beta, curves = curves_of(x, outcome)
    found = curves.of(np.array([60.0]), float(60 * beta[0]))
    assert (found.time[0], found.survival[0], found.lower[0], found.upper[0]) == (0, 1, 1, 1)
    assert found.time[-1] == 9 and found.survival[-1] == found.survival[-2]
    assert np.all(found.lower <= found.survival) and np.all(found.survival <= found.upper)
    assert [float(value[0]) for value in curves.at(0.5, np.array([[60.0]]), np.array([1.0]))] == [0, 0]


def test_the_limits_hold_the_true_survival_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(150, 2))
        time, censored = rng.exponential(np.exp(-0.7 * x[:, 0] + 0.4 * x[:, 1])), rng.uniform(0.5, 3, 150)
        outcome = Survival(np.minimum(time, censored), time <= censored)
        beta, curves = curves_of(pd.DataFrame(x, columns=["a", "b"]), outcome)
        patient = np.array([1.0, -0.5])
        found = curves.of(patient, float(patient @ beta))
        k = np.searchsorted(found.time, 0.5, side="right") - 1
        truth = np.exp(-0.5 * np.exp(0.7 + 0.2))
        held.append(found.lower[k] <= truth <= found.upper[k])
    assert 0.91 <= np.mean(held) <= 0.985


def test_limits_beyond_all_numbers_say_that_nothing_is_known() -> None:
    x = pd.DataFrame({"age": [50.0, 60.0, 55.0, 70.0, 65.0, 52.0]})
    _, curves = curves_of(x, survival([3.0, 2.0, 5.0, 1.0, 4.0, 9.0], [1, 1, 0, 1, 1, 0]))
    for broken in (
        curves,
        replace(curves, covariance=np.array([[1e308]])),
        replace(curves, drift=curves.drift * 1e308),
    ):
        found = broken.of(np.array([1e9]), 1e9)
        assert found.survival[1:].tolist() == [0] * 5
        assert found.lower[1:].tolist() == [0] * 5 and found.upper[1:].tolist() == [1] * 5
