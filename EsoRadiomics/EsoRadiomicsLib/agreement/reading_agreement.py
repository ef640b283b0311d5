"""How far the readings of a paper agree on a cohort: ICC of the scores, Cohen's κ of the groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cohort.cohort_in_readings import CaseInReadings
from .icc import MIN_CASES, icc


@dataclass(frozen=True)
class ReadingAgreement:
    """Agreement between the readings of a paper.

    Attributes:
        cases: with a score in every reading.
        icc: ICC(2,1) (value, lower, upper 95 % limit) of the score over readings; None with fewer than three cases.
        kappas: Cohen's κ of the groups of the card's own reading with those of each other one; None where it sees one
            group only.
        changing: cases whose group is not the same in all readings.
    """

    cases: int
    icc: tuple[float, float, float] | None
    kappas: tuple[float | None, ...]
    changing: tuple[str, ...]


def reading_agreement(cases: Sequence[CaseInReadings]) -> ReadingAgreement:
    """Compare the readings over the cases that have a score in each."""
    complete = [case for case in cases if None not in case.scores]
    scores = np.array([case.scores for case in complete], dtype=float)
    agreement = None
    if len(complete) >= MIN_CASES:
        found = icc(scores[:, :, None], "2,1")
        agreement = float(found.value[0]), float(found.lower[0]), float(found.upper[0])
    groups = [case.groups for case in complete]
    kappas = tuple(
        cohen_kappa([each[0] for each in groups], [each[i] for each in groups])
        for i in range(1, len(groups[0]) if groups else 1)
    )
    changing = tuple(case.case for case in complete if len(set(case.groups)) > 1)
    return ReadingAgreement(len(complete), agreement, kappas, changing)


def cohen_kappa(one: Sequence[object], other: Sequence[object]) -> float | None:
    """Cohen's κ (Educ Psychol Meas 1960;20:37) of two classifications; None where the first sees one class only."""
    n = len(one)
    observed = sum(a == b for a, b in zip(one, other, strict=True)) / n
    chance = sum((list(one).count(each) / n) * (list(other).count(each) / n) for each in {*one, *other})
    return None if len({*one}) < 2 else (observed - chance) / (1 - chance)
