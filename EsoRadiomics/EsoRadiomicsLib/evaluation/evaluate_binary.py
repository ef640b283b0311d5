"""How good a logistic model is in one cohort: discrimination, classification, error, calibration, usefulness."""

from __future__ import annotations

from collections.abc import Sequence

from ..statistics.calibration import logistic_calibration
from ..statistics.decision_curve import decision_curve
from ..statistics.inputs import BoolArray
from ..statistics.roc import auc, classification, roc_curve
from ..statistics.scaled_brier import binary_brier
from ..statistics.smooth_calibration import SmoothCalibration, smooth_binary_calibration
from .evaluate_survival import THRESHOLDS
from .markers import Marker
from .measures import Collector, Evaluation, Measure


def evaluate_binary(
    cohort: str,
    outcome: BoolArray,
    markers: Sequence[Marker],
    above: BoolArray | None = None,
    *,
    apparent: bool = False,
    clusters: Sequence[str] | None = None,
    n_own: int = 1,
) -> Evaluation:
    """Evaluate logistic ``markers``, the card's own first; the first ``n_own`` are compared with each other, too.

    Its positive patients are those ``above`` (n,) the cut-off; without one, as for the other models, those with a
    probability of at least 0.5. ``apparent``: in the patients that the card was built from; then nothing is tested.
    ``clusters`` (n,): whose row each is, where patients have several.
    """
    found = Collector(outcome, apparent, clusters)
    found.compared("AUC", None, {marker.name: marker.risk for marker in markers}, auc, among=n_own)
    curves = {}
    for k, marker in enumerate(markers):
        positive = above if k == 0 else None
        if positive is None and marker.probability is not None:
            positive = marker.probability >= 0.5
        if positive is not None:
            _classified(found, marker.name, outcome, positive)
    for marker in markers:
        if marker.probability is not None:
            scaled = binary_brier(outcome, marker.probability)
            limits = (scaled.model.lower, scaled.model.upper)
            found.measures.append(Measure(marker.name, "Brier", None, scaled.model.value, *limits))
            found.beside_null(marker.name, None, scaled)
            curves[marker.name] = decision_curve(outcome, marker.probability, THRESHOLDS, clusters=clusters)
    main = markers[0]
    smooth: dict[float | None, SmoothCalibration] = {}
    if main.probability is not None:
        fitted = found.attempt("Calibration", logistic_calibration, outcome, main.risk, 0.95, clusters)
        if fitted is not None:
            found.calibrated(main.name, None, fitted, with_slope=True)
        what = "Smooth calibration"
        curve = found.attempt(what, smooth_binary_calibration, outcome, main.probability, clusters)
        if curve is not None:
            smooth[None] = curve
            found.smoothly(main.name, None, curve)
    return Evaluation(
        cohort=cohort,
        n=len(outcome),
        n_events=int(outcome.sum()),
        follow_up=None,
        measures=tuple(found.measures),
        contrasts=tuple(found.contrasts),
        calibration={},
        smooth=smooth,
        curves=curves,
        decision_time=None,
        roc={marker.name: roc_curve(outcome, marker.risk) for marker in markers},
        auc_over_time={},
        missing=tuple(found.missing),
        apparent=apparent,
        n_patients=None if clusters is None else len(set(clusters)),
    )


def _classified(found: Collector, model: str, outcome: BoolArray, positive: BoolArray) -> None:
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
