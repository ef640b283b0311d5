"""How good a survival model is in one cohort: discrimination, error, calibration, risk groups, usefulness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..statistics.calibration import CalibrationGroups, calibration_edges, km_calibration, survival_calibration
from ..statistics.competing import causes, cumulative_incidence
from ..statistics.cox import fit_cox
from ..statistics.decision_curve import DecisionCurve, survival_decision_curve
from ..statistics.discrimination import AucOverTime, auc_at, auc_over_time, brier, harrell, uno
from ..statistics.gray_test import gray_test
from ..statistics.inputs import BoolArray, FloatArray, Survival
from ..statistics.kaplan_meier import follow_up, kaplan_meier, logrank
from ..statistics.scaled_brier import scaled_brier, scaled_integrated_brier
from ..statistics.smooth_calibration import SmoothCalibration, smooth_survival_calibration
from .markers import Marker
from .measures import ABOVE, BELOW, RISK_GROUPS, Collector, Evaluation, Measure

THRESHOLDS = np.arange(1, 100) / 100
_CALIBRATION_GROUPS = 5
_SMALLEST_GROUP = 15
_AUC_TIMES = 25
_FEWEST_FOR_AUC = 10
"""Patients with the event, and without it, below which an AUC at a time is not drawn."""


def evaluate_survival(
    cohort: str,
    outcome: Survival,
    markers: Sequence[Marker],
    horizons: Sequence[float],
    above: BoolArray | None = None,
    *,
    apparent: bool = False,
    clusters: Sequence[str] | None = None,
    competes: str = "",
) -> Evaluation:
    """Evaluate survival ``markers``, the card's own first; ``above`` (n,) are the patients above the cut-off.

    ``apparent``: in the patients that the card was built from; then nothing is tested. ``clusters`` (n,): whose
    row each is, where patients have several; ``competes``: what the outcome's competing event is called.

    What cannot be computed (nobody followed to a horizon, one risk group empty …) becomes a sentence, not a gap.
    """
    found = Collector(outcome, apparent, clusters)
    risks = {marker.name: marker.risk for marker in markers}
    found.compared("C-index", None, risks, harrell)
    if horizons:
        found.compared("Uno C", max(horizons), risks, uno, max(horizons))
    for time in horizons:
        found.compared("AUC", time, risks, auc_at, time)
    for time in horizons:
        predicted = {marker.name: marker.survival[time] for marker in markers if time in marker.survival}
        found.compared("Brier", time, predicted, brier, time)
        for model, survival in predicted.items():
            if (scaled := found.attempt(f"IPA of {model}", scaled_brier, outcome, survival, time)) is not None:
                found.beside_null(model, time, scaled)
    _integrated_brier(found, outcome, markers)
    main = markers[0]
    groups: dict[float, CalibrationGroups] = {}
    smooth: dict[float | None, SmoothCalibration] = {}
    for time, survival in main.survival.items():
        fitted = found.attempt(
            f"Calibration at {time:g}", survival_calibration, outcome, main.risk, survival, time, 0.95, found.clusters
        )
        if fitted is not None:
            first = not any(measure.metric == "calibration slope" for measure in found.measures)
            found.calibrated(main.name, time, fitted, with_slope=first)
        size = max(_SMALLEST_GROUP, len(outcome) // _CALIBRATION_GROUPS)
        groups[time] = km_calibration(
            outcome, survival, time, calibration_edges(survival, size), clusters=found.clusters
        )
        what = f"Smooth calibration at {time:g}"
        curve = found.attempt(what, smooth_survival_calibration, outcome, survival, time, found.clusters)
        if curve is not None:
            smooth[time] = curve
            found.smoothly(main.name, time, curve)
    if above is not None:
        _risk_groups(found, outcome, above, horizons)
    decision_time, curves = _decision(found, outcome, markers)
    return Evaluation(
        cohort=cohort,
        n=len(outcome),
        n_events=outcome.n_events,
        follow_up=follow_up(outcome).quantile()[0],
        measures=tuple(found.measures),
        contrasts=tuple(found.contrasts),
        calibration=groups,
        smooth=smooth,
        curves=curves,
        decision_time=decision_time,
        roc={},
        auc_over_time=_auc_over_time(outcome, markers, clusters),
        missing=tuple(found.missing),
        apparent=apparent,
        n_patients=None if clusters is None else len(set(clusters)),
        competes=competes,
        n_competing=0 if outcome.competed is None else int(outcome.competed.sum()),
    )


def _integrated_brier(found: Collector, outcome: Survival, markers: Sequence[Marker]) -> None:
    """Integrated over time up to the last horizon; of a model that knows its horizons only, the mean over these."""
    for marker in markers:
        horizons = [time for time in sorted(marker.survival) if time < outcome.time.max()]
        if marker.over_time is not None and horizons:
            last = horizons[-1]
            times = np.unique([0.0, *outcome.time[outcome.event & (outcome.time <= last)], last])
            how, predicted = "integrated", marker.over_time(times)
        elif len(horizons) > 1:
            times = np.array(horizons)
            how, predicted = "mean", np.column_stack([marker.survival[time] for time in horizons])
        else:
            continue
        what = f"{how.capitalize()} Brier score of {marker.name}"
        if (score := found.attempt(what, scaled_integrated_brier, outcome, predicted, times)) is not None:
            found.over_time(marker.name, how, horizons[-1], score)


def _risk_groups(found: Collector, outcome: Survival, above: BoolArray, horizons: Sequence[float]) -> None:
    """Log-rank p and hazard ratio of the group above the cut-off, and the median time of both.

    Where events compete Gray's p, the cause-specific hazard ratio, and the incidences at the horizons.
    """
    # A log-rank test would count every row as a patient; the hazard ratio's robust limits do not.
    untested = found.apparent or found.clusters is not None
    competing = None if outcome.competed is None else causes(outcome)
    if not untested and competing is not None:
        if (gray := found.attempt("Gray's test", gray_test, competing, above)) is not None:
            found.measures.append(Measure(RISK_GROUPS, "Gray's p", None, gray.p))
    elif not untested and (test := found.attempt("Log-rank test", logrank, outcome, above)) is not None:
        found.measures.append(Measure(RISK_GROUPS, "log-rank p", None, test.p))
    table = pd.DataFrame({"risk group": above.astype(np.float64)})
    fitted = found.attempt("Hazard ratio of the risk groups", fit_cox, table, outcome, found.clusters)
    if fitted is not None:
        ratio, low, high = fitted.hazard_ratios()
        found.measures.append(
            Measure(RISK_GROUPS, "hazard ratio", None, float(ratio[0]), float(low[0]), float(high[0]))
        )
    for name, member in ((ABOVE, above), (BELOW, ~above)):
        whose = None if found.clusters is None else np.asarray(found.clusters)[member]
        if member.any() and competing is None:
            curve = kaplan_meier(outcome[member], clusters=whose)
            found.measures.append(Measure(name, "median", None, *curve.quantile()))
        elif member.any() and competing is not None:
            incidence = cumulative_incidence(competing[member], clusters=whose)
            for time in horizons:
                lower, upper = incidence.band(time)
                row = Measure(name, "incidence", time, float(incidence.at(time)[0]), float(lower[0]), float(upper[0]))
                found.measures.append(row)


def _auc_over_time(
    outcome: Survival, markers: Sequence[Marker], clusters: Sequence[str] | None
) -> dict[str, AucOverTime]:
    """Each model's AUC while enough patients had, and enough had not, the event; empty where that is never so."""
    times = np.unique(outcome.time[outcome.event])
    cases = np.array([(outcome.event & (outcome.time <= time)).sum() for time in times])
    controls = np.array([(outcome.time > time).sum() for time in times])
    usable = times[(cases >= _FEWEST_FOR_AUC) & (controls >= _FEWEST_FOR_AUC)]
    if len(usable) < 2:
        return {}
    grid = np.linspace(usable[0], usable[-1], _AUC_TIMES)
    return {marker.name: auc_over_time(outcome, marker.risk, grid, clusters=clusters) for marker in markers}


def _decision(
    found: Collector, outcome: Survival, markers: Sequence[Marker]
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
                f"Decision curve of {marker.name}",
                survival_decision_curve,
                outcome,
                risk,
                time,
                THRESHOLDS,
                0.95,
                found.clusters,
            )
            if curve is not None:
                curves[marker.name] = curve
    return time, curves
