"""How good a model is in one cohort: discrimination, error, calibration, risk groups, usefulness.

What cannot be computed (nobody followed to a horizon, one risk group empty …) becomes a sentence, not a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ..errors import EsoRadiomicsError
from ..modelling.calibration import (
    Calibration,
    CalibrationGroups,
    calibration_edges,
    km_calibration,
    logistic_calibration,
    survival_calibration,
)
from ..modelling.cox import Baseline, fit_cox
from ..modelling.decision_curve import DecisionCurve, decision_curve, survival_decision_curve
from ..modelling.discrimination import auc_at, brier, harrell, integrated_brier, uno
from ..modelling.estimate import Estimate, paired_difference
from ..modelling.inputs import BoolArray, FloatArray, Survival
from ..modelling.kaplan_meier import follow_up, logrank
from ..modelling.roc import RocCurve, auc, classification, roc_curve
from .markers import Marker

_CALIBRATION_GROUPS = 5
_SMALLEST_GROUP = 15
_THRESHOLDS = np.arange(1, 100) / 100
_GRID_POINTS = 30
T = TypeVar("T")


@dataclass(frozen=True)
class Measure:
    """One number of one model in one cohort, with 95 % limits where there are any; ``time`` is None or a horizon."""

    model: str
    metric: str
    time: float | None
    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Contrast:
    """A measure of ``model`` minus that of ``rival`` in the same patients, with 95 % limits and p."""

    model: str
    rival: str
    metric: str
    time: float | None
    value: float
    lower: float
    upper: float
    p: float


@dataclass(frozen=True)
class Evaluation:
    """Everything measured in one ``cohort`` (training, validation …); the first model is the card's own.

    ``calibration`` holds groups by horizon, ``curves`` decision curves by model at ``decision_time`` (None for a
    binary outcome), ``roc`` curves by model; ``missing`` are sentences on what could not be computed.
    """

    cohort: str
    n: int
    n_events: int
    follow_up: float | None
    measures: tuple[Measure, ...]
    contrasts: tuple[Contrast, ...]
    calibration: Mapping[float, CalibrationGroups]
    curves: Mapping[str, DecisionCurve]
    decision_time: float | None
    roc: Mapping[str, RocCurve]
    missing: tuple[str, ...]

    @property
    def stem(self) -> str:
        """The cohort's name as part of a file name."""
        return self.cohort.replace(", ", "-").replace(" ", "-")

    def find(self, metric: str, time: float | None = None, model: str | None = None) -> Measure | None:
        """A measure of a model (default: the first), None where it could not be computed."""
        wanted = model or (self.measures[0].model if self.measures else "")
        return next((m for m in self.measures if (m.model, m.metric, m.time) == (wanted, metric, time)), None)


class _Collector:
    """Measures as they come, and a sentence for each that cannot be computed."""

    def __init__(self, outcome: Survival | BoolArray) -> None:
        self.outcome = outcome
        self.measures: list[Measure] = []
        self.contrasts: list[Contrast] = []
        self.missing: list[str] = []

    def attempt(self, what: str, compute: Callable[..., T], *arguments: Any) -> T | None:
        """What ``compute`` gives of the arguments, or None and a sentence."""
        try:
            return compute(*arguments)
        except EsoRadiomicsError as error:
            self.missing.append(f"{what}: {error}")
            return None

    def compared(
        self,
        metric: str,
        time: float | None,
        predictions: Mapping[str, FloatArray],
        estimate: Callable[..., Estimate],
        *arguments: Any,
    ) -> None:
        """``estimate(outcome, prediction, …)`` of every model, and its difference from the first."""
        what = metric if time is None else f"{metric} at {time:g}"
        first: tuple[str, Estimate] | None = None
        for model, prediction in predictions.items():
            found = self.attempt(f"{what} of {model}", estimate, self.outcome, prediction, *arguments)
            if found is None:
                continue
            self.measures.append(Measure(model, metric, time, found.value, found.lower, found.upper))
            if first is None:
                first = model, found
                continue
            d = paired_difference(first[1], found)
            self.contrasts.append(Contrast(first[0], model, metric, time, d.value, d.lower, d.upper, d.p))

    def calibrated(self, model: str, time: float | None, fitted: Calibration, *, with_slope: bool) -> None:
        """Intercept, observed/expected and slope with their limits; the slope is the same at all times."""
        named = [
            ("calibration intercept", time, fitted.intercept),
            ("observed/expected", time, fitted.observed_expected),
        ]
        if with_slope:
            named.append(("calibration slope", None, fitted.slope))
        self.measures += [Measure(model, name, at, i.value, i.lower, i.upper) for name, at, i in named if i is not None]


def evaluate_survival(
    cohort: str,
    outcome: Survival,
    markers: Sequence[Marker],
    horizons: Sequence[float],
    above: BoolArray | None = None,
    baseline: Baseline | None = None,
) -> Evaluation:
    """Evaluate survival ``markers``, the card's own first.

    ``above`` (n,) are the patients above the cut-off; ``baseline`` the first model's cumulative hazard, which allows
    the integrated Brier score on a fine grid and the calibration intercept.
    """
    found = _Collector(outcome)
    risks = {marker.name: marker.risk for marker in markers}
    found.compared("C-index", None, risks, harrell)
    if horizons:
        found.compared("Uno C", max(horizons), risks, uno, max(horizons))
    for time in horizons:
        found.compared("AUC", time, risks, auc_at, time)
        found.compared("Brier", time, {m.name: m.survival[time] for m in markers if time in m.survival}, brier, time)
    main = markers[0]
    groups: dict[float, CalibrationGroups] = {}
    for k, (time, survival) in enumerate(main.survival.items()):
        expected = None if baseline is None else baseline.at(np.minimum(outcome.time, time)) * np.exp(main.risk)
        fitted = found.attempt(
            f"Calibration at {time:g}", survival_calibration, outcome, main.risk, survival, time, expected
        )
        if fitted is not None:
            found.calibrated(main.name, time, fitted, with_slope=k == 0)
        size = max(_SMALLEST_GROUP, len(outcome) // _CALIBRATION_GROUPS)
        groups[time] = km_calibration(outcome, survival, time, calibration_edges(survival, size))
    if main.survival:
        score = found.attempt("Integrated Brier score", _integrated_brier, outcome, main, baseline)
        if score is not None:
            found.measures.append(Measure(main.name, "integrated Brier", max(main.survival), score))
    if above is not None:
        _risk_groups(found, outcome, above)
    decision_time, curves = _decision(found, outcome, markers)
    return Evaluation(
        cohort,
        len(outcome),
        outcome.n_events,
        follow_up(outcome).quantile()[0],
        tuple(found.measures),
        tuple(found.contrasts),
        groups,
        curves,
        decision_time,
        {},
        tuple(found.missing),
    )


def evaluate_binary(
    cohort: str, outcome: BoolArray, markers: Sequence[Marker], above: BoolArray | None = None
) -> Evaluation:
    """Evaluate logistic ``markers``, the card's own first.

    Its positive patients are those ``above`` (n,) the cut-off; without one, as for the other models, those with a
    probability of at least 0.5.
    """
    found = _Collector(outcome)
    found.compared("AUC", None, {marker.name: marker.risk for marker in markers}, auc)
    roc = {m.name: roc_curve(outcome, m.risk) for m in markers}
    for k, marker in enumerate(markers):
        positive = above if above is not None and k == 0 else None
        if positive is None and marker.probability is not None:
            positive = marker.probability >= 0.5
        if positive is not None:
            _classified(found, marker.name, outcome, positive)
    curves = {}
    for marker in markers:
        p = marker.probability
        if p is None:
            continue
        found.measures.append(Measure(marker.name, "Brier", None, float(np.mean((outcome - p) ** 2))))
        curves[marker.name] = decision_curve(outcome, p, _THRESHOLDS)
    main = markers[0]
    if main.probability is not None:
        fitted = found.attempt("Calibration", logistic_calibration, outcome, main.risk)
        if fitted is not None:
            found.calibrated(main.name, None, fitted, with_slope=True)
    return Evaluation(
        cohort,
        len(outcome),
        int(outcome.sum()),
        None,
        tuple(found.measures),
        tuple(found.contrasts),
        {},
        curves,
        None,
        roc,
        tuple(found.missing),
    )


def _integrated_brier(outcome: Survival, main: Marker, baseline: Baseline | None) -> float:
    """Over the card's horizons, or from the first event to the last horizon where the whole baseline is known."""
    if baseline is None:
        times = np.array(sorted(main.survival))
        return integrated_brier(outcome, np.column_stack([main.survival[time] for time in times]), times)
    times = np.linspace(outcome.time[outcome.event].min(), max(main.survival), _GRID_POINTS)
    return integrated_brier(outcome, np.exp(-np.exp(main.risk)[:, None] * baseline.at(times)), times)


def _risk_groups(found: _Collector, outcome: Survival, above: BoolArray) -> None:
    """Log-rank p and hazard ratio of the group above the cut-off."""
    test = found.attempt("Log-rank test", logrank, outcome, above)
    if test is not None:
        found.measures.append(Measure("risk group", "log-rank p", None, test.p))
    table = pd.DataFrame({"risk group": above.astype(np.float64)})
    fitted = found.attempt("Hazard ratio of the risk group", fit_cox, table, outcome)
    if fitted is not None:
        ratio, low, high = fitted.hazard_ratios()
        found.measures.append(
            Measure("risk group", "hazard ratio", None, float(ratio[0]), float(low[0]), float(high[0]))
        )


def _decision(
    found: _Collector, outcome: Survival, markers: Sequence[Marker]
) -> tuple[float | None, dict[str, DecisionCurve]]:
    """Decision curves at the middle one of the card's horizons."""
    times = sorted(markers[0].survival)
    if not times:
        return None, {}
    time = times[len(times) // 2]
    curves = {}
    for marker in markers:
        if time in marker.survival:
            risk: FloatArray = 1 - marker.survival[time]
            curve = found.attempt(
                f"Decision curve of {marker.name}", survival_decision_curve, outcome, risk, time, _THRESHOLDS
            )
            if curve is not None:
                curves[marker.name] = curve
    return time, curves


def _classified(found: _Collector, model: str, outcome: BoolArray, positive: BoolArray) -> None:
    counts = classification(outcome, positive)
    named = {
        "accuracy": counts.accuracy,
        "F1": counts.f1,
        "sensitivity": counts.sensitivity,
        "specificity": counts.specificity,
        "PPV": counts.ppv,
        "NPV": counts.npv,
    }
    found.measures += [Measure(model, name, None, value) for name, value in named.items()]
