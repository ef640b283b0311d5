"""Units and scales: follow-up and features of a table that are far from those a card was built on, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.formatting import number, some
from ..scoring.score import OUTSIDE_REFERENCE_Z
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study
from .model_cohort import Cohort, study_unit

UNLIKE_TIMES = 4.0
"""Cohorts of one disease differ by less; weeks and months differ by 4.3, days, months and years by 12 and more."""
UNLIKE_SD = 10.0


def scale_warnings(study: Study, cohort: Cohort, reference: ReferenceCohort | None = None) -> tuple[str, ...]:
    """Sentences on a cohort whose times or features seem to be in other units than the card's.

    Args:
        study: the card, or the study whose protocol is followed.
        cohort: the patients.
        reference: where the card's means and SDs come from, if not from the card.
    """
    return (*_times(study, cohort), *_features(study, cohort, reference))


def _times(study: Study, cohort: Cohort) -> Iterator[str]:
    expected = _median_of(study)
    if cohort.survival is None or expected is None:
        return
    # With constant hazard: the median time to the event, whatever the share that is censored.
    found = math.log(2) * float(cohort.survival.time.sum()) / cohort.survival.n_events
    times = max(found / expected, expected / found)
    if times < UNLIKE_TIMES:
        return
    unit = study_unit(study)
    yield (
        f"By events per time of follow-up, half of these patients have the event within {number(found, 3)} {unit}; in "
        f"the card's patients that took {number(expected, 3)} {unit}, {times:.0f} times "
        f"{'less' if found > expected else 'more'}. Check the unit of the times (--time-unit days, months or years): "
        "numbers at fixed times mean nothing if it is wrong."
    )


def _median_of(study: Study) -> float | None:
    """Median time to the event that a card tells: by its baseline survival, or else by its groups' medians."""
    if study.outcome is not None and study.outcome.baseline:
        rates = [
            -math.log(quantity.value) / float(time)
            for time, quantity in study.outcome.baseline
            if quantity.value is not None and 0 < quantity.value < 1
        ]
        if rates:
            return math.log(2) / float(np.mean(rates))
    medians = list(_medians(study.card.get("signature")))
    return math.exp(float(np.mean(np.log(medians)))) if medians else None


def _medians(node: Any) -> Iterator[float]:
    cutoff = (node or {}).get("cutoff") or {}
    for side in ("above", "below"):
        for row in (cutoff.get(side) or {}).get("medians", ()):
            value = (row.get("value") or {}).get("value")
            if isinstance(value, (int, float)) and value > 0:
                yield float(value)


def _features(study: Study, cohort: Cohort, reference: ReferenceCohort | None) -> Iterator[str]:
    far, wide = [], []
    for feature in study.signature.features if study.signature else ():
        if feature.name not in cohort.features:
            continue
        mean, sd = _known(feature, reference)
        if mean is None or sd is None or sd <= 0:
            continue
        values = cohort.features[feature.name].to_numpy(dtype=np.float64)
        z = (float(np.median(values)) - mean) / sd
        spread = float(values.std(ddof=1)) / sd if len(values) > 2 else 1.0
        if abs(z) > OUTSIDE_REFERENCE_Z:
            far.append(f"{feature.name} ({abs(z):.1f} SD {'above' if z > 0 else 'below'})")
        elif not 1 / UNLIKE_SD < spread < UNLIKE_SD:
            wide.append(f"{feature.name} ({number(spread, 2)} times)")
    if far:
        yield (
            f"The median of these patients lies far from the card's mean: {some(far)}. Check that the features were "
            "measured with the card's settings and are not scaled or standardised."
        )
    if wide:
        yield (
            f"The SD in these patients is far from the card's: {some(wide)}. Check that the features were measured "
            "with the card's settings and are not scaled or standardised."
        )


def _known(feature: Any, reference: ReferenceCohort | None) -> tuple[float | None, float | None]:
    if feature.mean and feature.sd:
        return feature.mean.value, feature.sd.value
    found = reference.features.get(feature.name) if reference else None
    return (found.mean, found.sd) if found else (None, None)
