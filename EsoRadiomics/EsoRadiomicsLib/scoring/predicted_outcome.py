"""An outcome model for one patient: linear predictor, survival, cumulative incidence; bounds where something lacks.

S(t) = S0(t)^exp(linear predictor), with S0 at linear predictor 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import ScoreError
from ..core.translation import tr
from ..studies.card_parts import Group, Outcome, Quantity, Term
from ..studies.study import Study


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest possible value; equal where everything is known."""

    low: float
    high: float

    @property
    def known(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True)
class SurvivalAt:
    """Survival probability, or cumulative incidence, at a horizon (in the outcome's unit), with its evidence."""

    time: float
    bounds: Bounds
    evidence: str


def finite_sum(study: Study, terms: list[float]) -> float:
    """The sum of terms that are all numbers: what is compared with a cut-off must be one.

    Raises:
        ScoreError: one is not, or the sum is beyond all numbers.
    """
    try:
        total = math.fsum(terms)
    except (OverflowError, ValueError):  # infinite terms of both signs
        total = math.nan
    if not math.isfinite(total):
        raise ScoreError(
            tr(
                "A score of “{study_title}” is not computed: a feature, a coefficient or a mean in it is no "
                "finite number, or far too large. Check the table, the study card and the reference cohort.",
                study_title=tr(study.title),
            )
        )
    return total


def survival_at(baseline: float, linear_predictor: float) -> float:
    """S(t) = S0(t)^exp(lp), S0 at linear predictor 0."""
    return baseline ** math.exp(min(linear_predictor, 700.0))  # beyond, exp overflows; S is 0 long before


def linear_predictor(
    study: Study,
    outcome: Outcome,
    rad_score: float,
    group: Group | None,
    given: Mapping[str, float],
    terms: Sequence[Term] | None = None,
) -> Bounds:
    """Of the outcome's event; with ``terms`` that of what competes with it."""
    low = high = outcome.intercept
    for term in outcome.terms if terms is None else terms:
        if term.kind == "rad-score":
            values: Sequence[float] = (rad_score,)
        elif term.kind == "risk-group":
            cutoff = study.signature.cutoff if study.signature else None
            values = (1.0 if cutoff and group == cutoff.above else 0.0,)
        elif term.name in given:
            values = (given[term.name],)
        else:
            values = term.between(study.covariates[term.name].extremes)
        effects = [term.effect(value) for value in values]
        low, high = finite_sum(study, [low, min(effects)]), finite_sum(study, [high, max(effects)])
    return Bounds(low, high)


def survival_by(time: float, baseline: Quantity, predictor: Bounds) -> SurvivalAt:
    bounds = Bounds(survival_at(baseline.value, predictor.high), survival_at(baseline.value, predictor.low))
    return SurvivalAt(time, bounds, baseline.evidence)


def incidences(
    study: Study, outcome: Outcome, rad_score: float, group: Group | None, given: Mapping[str, float]
) -> tuple[SurvivalAt, ...]:
    """Cumulative incidence by each horizon; while a covariate is missing the widest range that its values allow."""
    own = linear_predictor(study, outcome, rad_score, group, given)
    two = outcome.of_two_hazards
    if two is None:
        free = (survival_by(time, baseline, own) for time, baseline in outcome.baseline)
        return tuple(SurvivalAt(at.time, Bounds(1 - at.bounds.high, 1 - at.bounds.low), at.evidence) for at in free)
    other = linear_predictor(study, outcome, rad_score, group, given, two.terms)
    return tuple(
        SurvivalAt(
            time,
            Bounds(two.incidence(time, own.low, other.high), two.incidence(time, own.high, other.low)),
            baseline.evidence,
        )
        for time, baseline in outcome.baseline
    )
