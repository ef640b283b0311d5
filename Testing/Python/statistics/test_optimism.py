"""The .632+ estimate and what predictions of nothing give, against the paper and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.statistics.optimism import no_information_brier, no_information_survival_brier, point632plus


def test_the_632_plus_rule_is_the_papers_in_its_three_cases() -> None:
    # No overfitting: .368 apparent + .632 out of bag. Complete overfitting: out of bag alone.
    assert point632plus(0.7, 0.7, 0.5).value == pytest.approx(0.7)
    assert point632plus(0.9, 0.5, 0.5).value == pytest.approx(0.5)
    # By hand: R = (0.8 − 0.65)/(0.8 − 0.5) = 0.5, w = 0.632/(1 − 0.184) = 0.77451.
    found = point632plus(0.8, 0.65, 0.5)
    assert found.weight == pytest.approx(0.774510, abs=1e-6)
    assert found.value == pytest.approx(0.8 - 0.774510 * 0.15, abs=1e-6)
    # A Brier score is better when it is smaller.
    assert 0.10 < point632plus(0.10, 0.20, 0.25).value < 0.20


def test_useless_predictions_have_the_brier_score_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    event, predicted = rng.uniform(size=30) < 0.4, rng.uniform(size=30)
    pairs = np.mean([(y - p) ** 2 for y in event.astype(float) for p in predicted])
    assert no_information_brier(event, predicted) == pytest.approx(pairs)
    # Without censoring before the horizon the survival score is the binary one.
    outcome = Survival(np.where(event, 5.0, 20.0) + rng.uniform(size=30), event)
    assert no_information_survival_brier(outcome, 1 - predicted, 10) == pytest.approx(pairs)
