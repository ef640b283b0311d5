"""Decision curves: the net benefit of treating the patients above a risk threshold.

Net benefit = true positives/n − false positives/n · threshold/(1 − threshold); treating nobody has 0 (Vickers & Elkin,
Med Decis Making 2006; for survival Vickers et al., BMC Med Inform Decis Mak 2008). Equal to ``dcurves``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.errors import UsageError
from .inputs import FloatArray, Survival, binary, numbers
from .kaplan_meier import kaplan_meier


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit of the ``model`` and of treating ``everybody`` at each of ``thresholds``; all (T,)."""

    thresholds: FloatArray
    model: FloatArray
    everybody: FloatArray


def decision_curve(outcome: npt.ArrayLike, probability: FloatArray, thresholds: FloatArray) -> DecisionCurve:
    """For an ``outcome`` (n,) coded 0/1 and its predicted ``probability`` (n,)."""
    event = binary(outcome)
    _check(thresholds, probability, len(event))
    rates = [(np.mean((probability >= t) & event), np.mean((probability >= t) & ~event)) for t in thresholds]
    return _curve(thresholds, np.array(rates), float(event.mean()))


def survival_decision_curve(outcome: Survival, risk: FloatArray, time: float, thresholds: FloatArray) -> DecisionCurve:
    """For the predicted ``risk`` (n,) of the event by ``time``; event rates among the treated are Kaplan–Meier's.

    NaN where the treated were not followed that long.
    """
    _check(thresholds, risk, len(outcome))
    rates = []
    for threshold in thresholds:
        treated = risk >= threshold
        event_rate = 1 - kaplan_meier(outcome[treated]).at(time)[0] if treated.any() else 0.0
        rates.append((event_rate * treated.mean(), (1 - event_rate) * treated.mean()))
    return _curve(thresholds, np.array(rates), 1 - float(kaplan_meier(outcome).at(time)[0]))


def _curve(thresholds: FloatArray, rates: FloatArray, prevalence: float) -> DecisionCurve:
    odds = thresholds / (1 - thresholds)
    return DecisionCurve(thresholds, rates[:, 0] - rates[:, 1] * odds, prevalence - (1 - prevalence) * odds)


def _check(thresholds: FloatArray, probability: FloatArray, n: int) -> None:
    numbers(probability, "the predicted probability", n)
    if ((thresholds < 0) | (thresholds >= 1)).any():
        raise UsageError("Risk thresholds lie between 0 and 1.")
    if ((probability < 0) | (probability > 1)).any():
        raise UsageError("A decision curve needs predicted probabilities between 0 and 1, not a score.")
