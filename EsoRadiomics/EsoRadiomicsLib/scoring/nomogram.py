"""Geometry of a nomogram as R's rms draws it: points, ticks and the patient's place, in numbers; nothing is drawn here.

The same geometry is drawn into files by :mod:`EsoRadiomicsLib.reporting.figures` and by the interactive view, where a
variable is dragged: :meth:`Nomogram.place` is a few additions.

Formulas (rms ``nomogram``): with β_j the coefficient of variable j and its axis from a_j to b_j, the variable whose
|β_j|·(b_j − a_j) is largest gets 100 points, ``sc = 100 / max_j |β_j|·(b_j − a_j)``,
``points_j(x) = sc·(β_j·x − min_j)`` with ``min_j`` the least β_j·x on the axis, and
``linear predictor = total / sc + Intercept``, ``Intercept = Σ min_j``. Survival is ``S(t) = S0(t)^exp(lp)`` with
``S0`` at linear predictor 0; a logistic model's probability is ``1 / (1 + exp(−lp))``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..core.errors import StudyError
from ..core.formatting import plain
from ..core.translation import mark, tr
from ..studies.card_parts import UNSURE, Outcome, Quantity, Term
from ..studies.study import Study
from .predicted_outcome import Bounds, survival_at
from .score import Score

MAX_POINTS = 100.0
INTERVALS = 10
_EXTREME_PROBABILITIES = (0.01, 0.05, 0.95, 0.99)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its value there, its label, and where it lies in points."""

    value: float
    label: str
    points: float


@dataclass(frozen=True)
class Row:
    """One variable: ``points(x) = points_per_lp · (effect(x) − least)``, ``effect`` being the term's part of it.

    Of a spline the points along its axis may run to and fro, as rms draws them. ``kind`` and ``name`` are those of the
    study's term, ``ticks`` its axis, ``limits`` the least and the largest value a patient can have where it is missing;
    a ``discrete`` variable has only its ticks' values.
    """

    kind: str
    name: str
    label: str
    term: Term
    points_per_lp: float
    least: float
    ticks: tuple[Tick, ...]
    limits: tuple[float, float]
    discrete: bool

    def points(self, value: float) -> float:
        """Points of a value; below 0 or above 100 where the value lies outside the axis."""
        return self.points_per_lp * (self.term.effect(value) - self.least)

    @property
    def folded(self) -> bool:
        """Whether the points do not run one way along the axis."""
        along = [tick.points for tick in self.ticks]
        return along not in (sorted(along), sorted(along, reverse=True))

    def sides(self, tick: Tick) -> tuple[int, ...]:
        """Where a tick's label may stand: 1 the usual side of the axis, −1 the other, as rms staggers levels.

        Of a folded axis the parts where points rise and where they fall are told apart so.
        """
        if self.discrete:
            return (1, -1)
        k = min(self.ticks.index(tick), len(self.ticks) - 2)
        falling = self.folded and self.ticks[k].points > self.ticks[k + 1].points
        return (-1,) if falling else (1,)

    def nearest(self, points: float) -> float:
        """The value at (or, on a discrete axis, nearest to) a place on the points scale, within the axis."""
        if self.discrete:
            return min(self.ticks, key=lambda tick: abs(tick.points - points)).value
        low, high = self.ticks[0].value, self.ticks[-1].value
        if self.term.curve is not None:
            return min(self.term.curve.between(low, high), key=lambda value: abs(self.points(value) - points))
        slope = self.points_per_lp * self.term.coefficient.value
        if slope == 0:
            return low
        return min(max((points + self.points_per_lp * self.least) / slope, low), high)


@dataclass(frozen=True)
class OutcomeAxis:
    """One scale below the total points: survival at ``time``, or the probability of a logistic outcome (``time`` None).

    ``baseline`` is the survival at linear predictor 0 (None for a logistic outcome), ``evidence`` where it comes from.
    ``incidence``: the scale is of 1 − ``S0^exp(lp)``, the risk of an event with which others compete.
    Tick values are probabilities from 0 to 1, their labels are percent.
    """

    label: str
    time: float | None
    baseline: float | None
    evidence: str
    ticks: tuple[Tick, ...]
    incidence: bool = False

    def probability(self, linear_predictor: float) -> float:
        """``S0^exp(lp)``, 1 minus that for an incidence, or ``1 / (1 + exp(−lp))`` for a logistic outcome."""
        value = _probability(self.baseline, linear_predictor)
        return 1 - value if self.incidence else value


@dataclass(frozen=True)
class Place:
    """A patient on a nomogram; what rests on a missing variable runs from the least to the largest possible.

    Attributes:
        values: the variables that are known, by row name.
        points: by row name.
        total: total points.
        linear_predictor: of the study's outcome model (its intercept included).
        outcomes: survival or probability (0 to 1) for each of the nomogram's outcome axes.
    """

    values: Mapping[str, float]
    points: Mapping[str, Bounds]
    total: Bounds
    linear_predictor: Bounds
    outcomes: tuple[Bounds, ...]


@dataclass(frozen=True)
class Nomogram:
    """All axes of a nomogram.

    ``title`` is the study's, ``points`` the scale on top (0 to 100), ``total`` the total-points axis; ticks of
    ``linear_predictor`` and of the ``outcomes`` lie on the total-points axis. ``reconstructed``: some number behind
    it is not the study's own. ``note`` says why there are no outcome axes, else it is empty.
    """

    title: str
    rows: tuple[Row, ...]
    points: tuple[Tick, ...]
    total: tuple[Tick, ...]
    linear_predictor: tuple[Tick, ...]
    outcomes: tuple[OutcomeAxis, ...]
    points_per_lp: float
    intercept: float
    reconstructed: bool
    note: str

    def place(self, values: Mapping[str, float]) -> Place:
        """Where a patient with these values (by row name) lies; a variable that is not given is missing."""
        points = {}
        for row in self.rows:
            ends = (values[row.name],) if row.name in values else row.term.between(row.limits)
            found = [row.points(value) for value in ends]
            points[row.name] = Bounds(min(found), max(found))
        total = Bounds(sum(b.low for b in points.values()), sum(b.high for b in points.values()))
        lp = Bounds(*(total_points / self.points_per_lp + self.intercept for total_points in (total.low, total.high)))
        pairs = [sorted((axis.probability(lp.low), axis.probability(lp.high))) for axis in self.outcomes]
        known = {row.name: values[row.name] for row in self.rows if row.name in values}
        return Place(known, points, total, lp, tuple(Bounds(low, high) for low, high in pairs))


def build_nomogram(study: Study) -> Nomogram | None:
    """The nomogram of a study's :func:`outcome_model`, or None where there is none.

    Raises:
        StudyError: a continuous variable without an axis range, or a model in which nothing has an effect.
    """
    outcome = outcome_model(study)
    if outcome is None:
        return None
    axes = [_axis_values(study, term) for term in outcome.terms]
    terms = list(zip(outcome.terms, axes, strict=True))
    effects = [[term.effect(value) for value in axis] for term, axis in terms]
    widest = max(max(effect) - min(effect) for effect in effects)
    if widest == 0:
        raise StudyError(
            tr("No nomogram can be drawn for {study_id}: every coefficient at $.outcome.terms is 0.", study_id=study.id)
        )
    scale = MAX_POINTS / widest
    rows = tuple(
        _row(study, term, axis, scale, min(effect)) for (term, axis), effect in zip(terms, effects, strict=True)
    )
    intercept = outcome.intercept + sum(min(effect) for effect in effects)
    total = pretty(0.0, sum(max(tick.points for tick in row.ticks) for row in rows), INTERVALS)
    lp_range = (intercept, total[-1] / scale + intercept)
    predictor = [lp for lp in pretty(*lp_range, INTERVALS) if lp_range[0] <= lp <= lp_range[1]]
    return Nomogram(
        title=tr(study.title),
        rows=rows,
        points=tuple(_number_tick(p, p) for p in pretty(0.0, MAX_POINTS, INTERVALS)),
        total=tuple(_number_tick(p, p) for p in total),
        linear_predictor=tuple(_number_tick(lp, (lp - intercept) * scale) for lp in predictor),
        outcomes=_outcome_axes(study, outcome, scale, intercept, lp_range),
        points_per_lp=scale,
        intercept=intercept,
        reconstructed=any(quantity.evidence in UNSURE for quantity in _quantities(outcome)),
        note=_note(outcome),
    )


def outcome_model(study: Study) -> Outcome | None:
    """The study's outcome model; a logistic signature without one is a model itself: log-odds = Rad-score.

    The axis of such a Rad-score then reaches from a probability of 1 % to one of 99 %.
    """
    signature = study.signature
    if study.outcome is not None or signature is None or signature.link != "logistic":
        return study.outcome
    reach = _linear_predictor(None, _EXTREME_PROBABILITIES[-1])
    whole, axis = Quantity(1.0, "published"), Quantity([-reach, reach], "published")
    term = Term("rad-score", signature.name, whole, axis)
    return Outcome(
        "logistic", tr("probability: {of}", of=tr(signature.probability_of or study.endpoint)), "", 0.0, (term,), ()
    )


def patient_values(study: Study, score: Score) -> dict[str, float]:
    """What is known of a scored patient, by the nomogram's row names."""
    return known_values(study, score.rad_score, score.group.id if score.group else None, score.covariates)


def known_values(
    study: Study, rad_score: float, group: str | None, covariates: Mapping[str, float]
) -> dict[str, float]:
    """What is known of a patient with this Rad-score and risk group (its identifier), by the nomogram's row names."""
    values: dict[str, float] = {}
    outcome = outcome_model(study)
    for term in outcome.terms if outcome else ():
        if term.kind == "rad-score":
            values[term.name] = rad_score
        elif term.kind == "risk-group" and group is not None:
            assert study.signature is not None and study.signature.cutoff is not None  # it gave the group
            values[term.name] = float(group == study.signature.cutoff.above.id)
        elif term.name in covariates:
            values[term.name] = covariates[term.name]
    return values


def pretty(low: float, high: float, n: int) -> list[float]:
    """R's ``pretty(c(low, high), n)``: about ``n`` intervals of 1, 2 or 5 times a power of ten that cover low to high.

    Source: R documentation of ``pretty`` (high.u.bias 1.5, u5.bias 2.75). Needs low < high.
    """
    bias, bias5 = 1.5, 2.75
    cell = (high - low) / n
    exponent = math.floor(math.log10(cell))
    base = 10.0**exponent
    step = 1
    if 2 * base - cell < bias * (cell - base):
        step = 2
        if 5 * base - cell < bias5 * (cell - 2 * base):
            step = 5
            if 10 * base - cell < bias * (cell - 5 * base):
                step = 10
    unit = step * base
    slack = 1e-10
    first, last = math.floor(low / unit + slack), math.ceil(high / unit - slack)
    return [round(i * unit, max(-exponent, 0)) + 0.0 for i in range(first, last + 1)]


def _note(outcome: Outcome) -> str:
    if outcome.of_two_hazards is not None:
        return tr(
            "The risk rests on the hazard of {event}, too, so that no one scale shows it: it is computed for each "
            "patient.",
            event=tr(outcome.of_two_hazards.event),
        )
    if outcome.kind == "logistic" or outcome.curve is not None or outcome.competing is not None:
        return ""
    return tr(_NO_CURVE) if outcome.baseline else tr(_NO_BASELINE)


_NO_BASELINE = mark(
    "The study publishes no baseline survival, so total points rank patients but no survival can be read from them."
)
_NO_CURVE = mark(
    "No survival curve with a 95 % band: the study prints neither its whole baseline nor its coefficients' covariance."
)


def horizon(time: float, unit: str) -> str:
    """``"1-year"`` for 12 months, ``"18-month"`` for 18."""
    if unit == "months" and time % 12 == 0:
        return tr("{n:g}-year", n=time / 12)
    return tr("{n:g}-{unit}", n=time, unit=tr(unit.removesuffix("s")))


def at_horizon(time: float, unit: str, endpoint: str) -> str:
    """``"1-year LPFS"``; an endpoint that names the time itself (2-year local control) stays as it is."""
    prefix, shown = horizon(time, unit), tr(endpoint)
    return shown if shown.startswith(prefix) else tr("{horizon} {endpoint}", horizon=prefix, endpoint=shown)


def risk_of(time: float, outcome: Outcome, endpoint: str) -> str:
    """``"2-year risk of local failure"``: a cumulative incidence's name."""
    return tr("{horizon} risk of {endpoint}", horizon=horizon(time, outcome.unit), endpoint=tr(endpoint))


def _axis_values(study: Study, term: Term) -> list[float]:
    """rms's rule: the values themselves where they are few (levels), else a pretty axis that covers the range."""
    if term.kind == "risk-group":
        return [0.0, 1.0]
    covariate = study.covariates.get(term.name) if term.kind == "covariate" else None
    if covariate is not None and covariate.levels is not None:
        return sorted(covariate.levels)
    span = term.axis.value if term.axis is not None else covariate.range if covariate is not None else None
    if not span or not span[0] < span[1]:
        raise StudyError(
            tr(
                "No nomogram can be drawn for {study_id}: the term “{term_name}” at $.outcome.terms needs an "
                "“axis” [low, high] with low < high.",
                study_id=study.id,
                term_name=term.name,
            )
        )
    return pretty(span[0], span[1], INTERVALS)


def _row(study: Study, term: Term, axis: list[float], scale: float, least: float) -> Row:
    covariate = study.covariates.get(term.name) if term.kind == "covariate" else None
    labels = [plain(value) for value in axis]
    label, limits = tr(term.name), (axis[0], axis[-1])
    if covariate is not None:
        label = tr(covariate.label) + (f" ({tr(covariate.unit)})" if covariate.unit else "")
        limits = (min(covariate.extremes), max(covariate.extremes))
        if covariate.levels is not None:
            labels = [tr(covariate.levels[value]) for value in axis]
    elif term.kind == "risk-group":
        assert study.signature is not None and study.signature.cutoff is not None  # check_card sees to it
        labels = [tr(study.signature.cutoff.below.label), tr(study.signature.cutoff.above.label)]
    ticks = tuple(
        Tick(value, text, scale * (term.effect(value) - least)) for value, text in zip(axis, labels, strict=True)
    )
    discrete = term.kind == "risk-group" or (covariate is not None and covariate.levels is not None)
    return Row(term.kind, term.name, label, term, scale, least, ticks, limits, discrete)


def _outcome_axes(
    study: Study, outcome: Outcome, scale: float, intercept: float, lp_range: tuple[float, float]
) -> tuple[OutcomeAxis, ...]:
    incidence = outcome.competing is not None
    if outcome.of_two_hazards is not None:
        return ()
    if outcome.kind == "logistic":
        horizons: list[tuple[str, float | None, float | None, str]] = [(tr(outcome.label), None, None, "published")]
    else:
        horizons = [
            (
                risk_of(time, outcome, study.endpoint) if incidence else at_horizon(time, outcome.unit, study.endpoint),
                time,
                survival.value,
                survival.evidence,
            )
            for time, survival in outcome.baseline
        ]
    axes = []
    for label, time, baseline, evidence in horizons:
        low, high = sorted(_probability(baseline, lp) for lp in lp_range)
        if incidence:
            low, high = 1 - high, 1 - low
        round_values = pretty(low, high, INTERVALS) if low < high else []
        values = {q for q in (*round_values, *_EXTREME_PROBABILITIES) if low <= q <= high and 0 < q < 1}
        ticks = tuple(
            Tick(q, plain(100 * q), scale * (_linear_predictor(baseline, 1 - q if incidence else q) - intercept))
            for q in sorted(values)
        )
        axes.append(OutcomeAxis(label, time, baseline, evidence, ticks, incidence))
    return tuple(axes)


def _probability(baseline: float | None, lp: float) -> float:
    lp = min(max(lp, -700.0), 700.0)  # beyond, exp overflows; the probability is 0 or 1 long before
    return 1 / (1 + math.exp(-lp)) if baseline is None else survival_at(baseline, lp)


def _linear_predictor(baseline: float | None, probability: float) -> float:
    """Inverse of :func:`_probability`."""
    if baseline is None:
        return math.log(probability / (1 - probability))
    return math.log(math.log(probability) / math.log(baseline))


def _number_tick(value: float, points: float) -> Tick:
    return Tick(value, plain(value), points)


def _quantities(outcome: Outcome) -> list[Quantity]:
    """Every number behind a nomogram."""
    axes = [term.axis for term in outcome.terms if term.axis is not None]
    return [term.coefficient for term in outcome.terms] + axes + [survival for _, survival in outcome.baseline]
