"""Gaps filled by chained equations and models pooled by Rubin's rules, by hand; R's mice is in test_imputed_fit."""

from __future__ import annotations

import numpy as np
import pytest

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.statistics.imputation import chained_equations, nelson_aalen
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.rubin import pool_curves, rubin
from EsoRadiomicsLib.statistics.survival_curve import HazardCurve


def test_rubins_rules_are_those_of_his_book() -> None:
    """Three estimates 1, 2, 3 with variance 0.5: mean 2, between 1, total 0.5 + 4/3."""
    mean, covariance = rubin(np.array([[1.0], [2.0], [3.0]]), np.full((3, 1, 1), 0.5))
    assert mean == pytest.approx([2.0])
    assert covariance[0, 0] == pytest.approx(0.5 + 4 / 3)
    # Of two coefficients the covariance between them counts, too: by hand for M = 2.
    mean, covariance = rubin(np.array([[0.0, 0.0], [2.0, 4.0]]), np.array([np.eye(2), 3 * np.eye(2)]))
    assert mean == pytest.approx([1.0, 2.0])
    assert covariance == pytest.approx(np.array([[2 + 1.5 * 2, 1.5 * 4], [1.5 * 4, 2 + 1.5 * 8]]))


def test_the_nelson_aalen_hazard_is_that_of_a_hand_worked_table() -> None:
    outcome = Survival(np.array([4.0, 1.0, 3.0, 3.0, 2.0]), np.array([True, True, True, False, False]))
    assert nelson_aalen(outcome) == pytest.approx([0.2 + 1 / 3 + 1, 0.2, 0.2 + 1 / 3, 0.2 + 1 / 3, 0.2])


def test_a_column_without_any_value_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be imputed"):
        chained_equations(np.column_stack([np.full(9, np.nan), np.arange(9.0)]), 2, 1)


def test_curves_are_pooled_as_rubins_rules_pool_a_hazard() -> None:
    def curve(hazard: float) -> HazardCurve:
        return HazardCurve(np.ones(1), np.array([hazard]), np.array([0.5]), np.array([[hazard]]), np.eye(1), 2.0)

    found = pool_curves([curve(1.0), curve(2.0), curve(3.0)])  # as in the book's example above
    assert (found.hazard[0], found.drift[0, 0]) == (2, 2)
    assert found.variance[0] == pytest.approx(0.5 + 4 / 3)
