"""Units and scales of a table: times in days, standardised features, and cohorts that are as they should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.modelling.model_cohort import Cohort
from EsoRadiomicsLib.modelling.scale_checks import scale_warnings
from EsoRadiomicsLib.statistics.inputs import Survival
from EsoRadiomicsLib.studies.reference_building import build_reference
from EsoRadiomicsLib.studies.reference_cohort import ReferenceCohort
from EsoRadiomicsLib.studies.study import Study, load_study

LPFS = load_study("escc-lpfs-ccrt")


def cohort(study: Study = LPFS, n: int = 200, scale: float = 1.0) -> Cohort:
    """Features N(100, 10), times exponential with a median of 14 months, a quarter censored."""
    rng = np.random.default_rng(1)
    assert study.signature is not None
    names = study.signature.names
    features = pd.DataFrame(rng.normal(100, 10, (n, len(names))), columns=list(names))
    times = rng.exponential(14 / np.log(2), n) * scale
    return Cohort(features, pd.DataFrame(index=features.index), Survival(times, rng.random(n) < 0.75), None, ())


@pytest.fixture
def reference() -> ReferenceCohort:
    return build_reference(cohort().features, LPFS.settings, label="ours")


def test_a_cohort_like_the_cards_is_not_warned_of(reference: ReferenceCohort) -> None:
    assert scale_warnings(LPFS, cohort(), reference) == ()


@pytest.mark.parametrize(("scale", "told"), [(30.4, "times less"), (5, "times less"), (1 / 12, "times more")])
def test_times_in_another_unit_are_caught_against_the_cards_own(scale: float, told: str) -> None:
    (warning,) = scale_warnings(LPFS, cohort(scale=scale))
    assert told in warning and "--time-unit days, months or years" in warning


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x: (x - x.mean()) / x.std(), "lies far from the card's mean"),
        (lambda x: x * 1000, "lies far from the card's mean"),
        (lambda x: 100 + (x - 100) / 50, "SD in these patients is far from the card's"),
    ],
)
def test_features_on_another_scale_are_named(change: Any, told: str, reference: ReferenceCohort) -> None:
    sound = cohort()
    first = sound.features.columns[0]
    changed = sound.features.assign(**{first: change(sound.features[first])})
    (warning,) = scale_warnings(LPFS, replace(sound, features=changed), reference)
    assert told in warning and first in warning
