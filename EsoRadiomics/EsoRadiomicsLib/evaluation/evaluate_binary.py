"""How good a logistic model is in one cohort: discrimination, classification, error, calibration, usefulness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..statistics.calibration import logistic_calibration
from ..statistics.decision_curve import decision_curve
from ..statistics.inputs import BoolArray
from ..statistics.roc import auc, classification, roc_curve
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
) -> Evaluation:
    """Evaluate logistic ``markers``, the card's own first.

    Its positive patients are those ``above`` (n,) the cut-off; without one, as for the other models, those with a
    probability of at least 0.5. ``apparent``: in the patients that the card was built from; then nothing is tested.
    """
    found = Collector(outcome, apparent)
    found.compared("AUC", None, {marker.name: marker.risk for marker in markers}, auc)
    curves = {}
    for k, marker in enumerate(markers):
        positive = above if k == 0 else None
        if positive is None and marker.probability is not None:
            positive = marker.probability >= 0.5
        if positive is not None:
            _classified(found, marker.name, outcome, positive)
    for marker in markers:
        if marker.probability is not None:
            error = float(np.mean((outcome - marker.probability) ** 2))
            found.measures.append(Measure(marker.name, "Brier", None, error))
            curves[marker.name] = decision_curve(outcome, marker.probability, THRESHOLDS)
    main = markers[0]
    if main.probability is not None:
        fitted = found.attempt("Calibration", logistic_calibration, outcome, main.risk)
        if fitted is not None:
            found.calibrated(main.name, None, fitted, with_slope=True)
    return Evaluation(
        cohort=cohort,
        n=len(outcome),
        n_events=int(outcome.sum()),
        follow_up=None,
        measures=tuple(found.measures),
        contrasts=tuple(found.contrasts),
        calibration={},
        curves=curves,
        decision_time=None,
        roc={marker.name: roc_curve(outcome, marker.risk) for marker in markers},
        auc_over_time={},
        missing=tuple(found.missing),
        apparent=apparent,
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
