"""The survival curve that a fitted card predicts for one patient, with its 95 % band; no published card can."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.formatting import some
from ..core.translation import mark, tr
from ..statistics.survival_curve import PredictedSurvival
from ..studies.study import Study
from .nomogram import pretty
from .predicted_outcome import Bounds
from .score_text import percent

CAPTION = mark(
    "Band: 95 % limits at each time (log–log), for how well the model's patients tell baseline "
    "and coefficients. That the features were chosen in the same patients, and other hospitals, "
    "are not in it."
)


@dataclass(frozen=True)
class PatientCurve:
    """A patient's predicted survival over time.

    Attributes:
        worst, best: the curves of the least and the most favourable of the possible values; the same where all is
            known.
        missing: what is not given; then there is no band.
        endpoint, unit: of the study, of its times.
        marks: the card's horizons, within the follow-up.
    """

    worst: PredictedSurvival
    best: PredictedSurvival
    missing: tuple[str, ...]
    endpoint: str
    unit: str
    marks: tuple[float, ...]

    @property
    def last(self) -> float:
        """The last time that is predicted."""
        return float(self.best.time[-1])

    def at(self, time: float) -> tuple[float, float]:
        """Least and largest survival at a time; the same where all is known."""
        k = self._step(time)
        return float(self.worst.survival[k]), float(self.best.survival[k])

    def words(self, time: float) -> str:
        """``"38 % (24–52 %)"`` with the limits; ``"12–45 %"``, the possible values, while something is missing."""
        k = self._step(time)
        survival = percent(Bounds(*self.at(time)))
        return survival if self.missing else f"{survival} ({percent(Bounds(self.best.lower[k], self.best.upper[k]))})"

    def _step(self, time: float) -> int:
        return int(np.searchsorted(self.best.time, time, side="right")) - 1

    @property
    def note(self) -> str:
        """What a reader must know before trusting it."""
        if not self.missing:
            return tr(CAPTION)
        return tr(
            "Both ends of what is possible, as long as {missing} is not given; then no band is drawn.",
            missing=some(map(tr, self.missing)),
        )


def patient_curve(study: Study, values: Mapping[str, float]) -> PatientCurve | None:
    """The curve of a patient with these values (by name of the outcome model's terms), None where the card has none.

    Args:
        study: whose card may hold the whole baseline.
        values: as :func:`EsoRadiomicsLib.scoring.nomogram.patient_values` gives them; what is left out is missing.
    """
    outcome = study.outcome
    if outcome is None or outcome.curve is None:
        return None
    beta = np.array([beta for term in outcome.terms for beta in term.betas])
    missing = tuple(term.name for term in outcome.terms if term.name not in values)
    ends = []
    for choose in (max, min):
        x = np.array(
            [
                column
                for term in outcome.terms
                for column in term.columns(
                    values[term.name]
                    if term.name in values
                    else choose(term.between(study.covariates[term.name].extremes), key=term.effect)
                )
            ]
        )
        ends.append(outcome.curve.of(x, outcome.intercept + float(x @ beta)))
    marks = tuple(time for time, _ in outcome.baseline if time <= outcome.curve.last_follow_up)
    return PatientCurve(ends[0], ends[1], missing, study.endpoint, outcome.unit, marks)


def time_ticks(longest: float, unit: str) -> list[float]:
    """Every 6, 12 or 24 months …, so that years can be read off; R's pretty numbers for other units."""
    if unit != "months":
        return [tick for tick in pretty(0.0, longest, 6) if tick <= longest]
    step = next((step for step in (3, 6, 12, 24, 36, 60) if longest / step <= 9), 120)
    return [float(step * k) for k in range(math.floor(longest / step) + 1)]
