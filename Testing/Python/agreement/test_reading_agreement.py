"""Agreement between the readings of a paper: Cohen's κ as scikit-learn has it, and cases that change their group."""

from __future__ import annotations

import numpy as np
import pytest

from EsoRadiomicsLib.agreement.icc import icc
from EsoRadiomicsLib.agreement.reading_agreement import cohen_kappa, reading_agreement
from EsoRadiomicsLib.cohort.cohort_in_readings import CaseInReadings


@pytest.mark.parametrize("seed", range(5))
def test_cohens_kappa_is_that_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    one = rng.choice(["high", "low"], 40, p=[0.3, 0.7]).tolist()
    other = [each if rng.uniform() < 0.8 else "high" for each in one]
    assert cohen_kappa(one, other) == pytest.approx(metrics.cohen_kappa_score(one, other), rel=1e-12)


def test_a_reading_that_sees_one_group_only_has_no_kappa() -> None:
    assert cohen_kappa(["low"] * 5, ["low", "high", "low", "low", "low"]) is None


def test_cases_without_a_score_in_some_reading_are_left_out_and_changes_are_named() -> None:
    rows = [(0.1, 0.2, 0.3), (0.5, 0.1, 0.6), (0.9, 0.8, 1.0), (1.4, 1.2, 1.3)]
    groups = [tuple("high" if each >= 0.4 else "low" for each in row) for row in rows]
    cases = [CaseInReadings(f"P{i}", row, group) for i, (row, group) in enumerate(zip(rows, groups, strict=True))]
    cases.append(CaseInReadings("P9", (0.2, None, 0.1), ("low", None, "low")))
    found = reading_agreement(cases)
    assert found.cases == 4 and found.changing == ("P1",)
    expected = icc(np.array(rows)[:, :, None], "2,1")
    assert found.icc == (expected.value[0], expected.lower[0], expected.upper[0])
    assert found.kappas == (0.5, 1.0)
    assert (cases[1].same_group, cases[1].known) == (2, (0.5, 0.1, 0.6))
    assert (cases[4].same_group, cases[4].known) == (2, (0.2, 0.1))
