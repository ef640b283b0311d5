"""Quantiles of Student's t against closed forms and scipy's."""

from __future__ import annotations

import math

import pytest
from scipy.special import stdtrit

from EsoRadiomicsLib.statistics.student_t import t_two_sided


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_quantiles_with_one_and_two_degrees_are_those_of_the_closed_forms(level: float) -> None:
    assert t_two_sided(level, 1) == pytest.approx(math.tan(math.pi * level / 2), rel=1e-12)
    assert t_two_sided(level, 2) == pytest.approx(level * math.sqrt(2 / (1 - level**2)), rel=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_quantiles_equal_those_of_scipy_for_small_and_large_cohorts(level: float) -> None:
    for degrees in (*range(1, 60), 299, 1000, 4999):
        # scipy before 1.16 is 1e-11 off, where the closed forms above are exact.
        assert t_two_sided(level, degrees) == pytest.approx(stdtrit(degrees, (1 + level) / 2), rel=1e-9)
