"""Decision curves: the net benefit of treating the patients above a risk threshold.

Net benefit = true positives/n − false positives/n · threshold/(1 − threshold); treating nobody has 0 (Vickers & Elkin,
Med Decis Making 2006; for survival Vickers et al., BMC Med Inform Decis Mak 2008). Equal to ``dcurves``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError, UsageError
from .competing import causes, event_free, event_free_at, incidence_parts
from .estimate import sums_of_patients, z_value
from .inputs import BoolArray, FloatArray, Survival, binary, numbers


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit of the ``model`` and of treating ``everybody`` at each of ``thresholds``; all (T,).

    ``lower`` and ``upper`` are pointwise limits of the model's net benefit.
    """

    thresholds: FloatArray
    model: FloatArray
    everybody: FloatArray
    lower: FloatArray
    upper: FloatArray


def decision_curve(
    outcome: npt.ArrayLike,
    probability: FloatArray,
    thresholds: FloatArray,
    level: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> DecisionCurve:
    """For an ``outcome`` (n,) coded 0/1 and its predicted ``probability`` (n,).

    The limits are of whole patients where ``clusters`` (n,) say whose row each is.
    """
    event = binary(outcome)
    _check(thresholds, probability, len(event))
    rows, variances = [], []
    for threshold in thresholds:
        treated = probability >= threshold
        rate = float(event[treated].mean()) if treated.any() else 0.0
        rows.append((treated.mean(), rate, rate * (1 - rate) / max(int(treated.sum()), 1)))
        if clusters is not None:
            parts = treated * (event - rate) / max(int(treated.sum()), 1)
            variances.append(_of_patients(threshold, treated, rate, parts, clusters))
    return _curve(thresholds, np.array(rows), len(event), float(event.mean()), level, np.array(variances))


def survival_decision_curve(
    outcome: Survival,
    risk: FloatArray,
    time: float,
    thresholds: FloatArray,
    level: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> DecisionCurve:
    """For the predicted ``risk`` (n,) of the event by ``time``; event rates among the treated are Kaplan–Meier's.

    Aalen–Johansen's where events compete (dcurves, stdca's ``cmprsk``).

    NaN where the treated were not followed that long. ``clusters`` as in :func:`decision_curve`.

    Raises:
        InputError: nobody was followed that long.
    """
    _check(thresholds, risk, len(outcome))
    prevalence = 1 - float(event_free(outcome, time)[0])
    if not np.isfinite(prevalence):
        raise InputError(f"Nobody was followed to {time:g}, so it is not known how many have the event by then.")
    rows, variances = [], []
    for threshold in thresholds:
        treated = risk >= threshold
        if not treated.any():
            rows.append((0.0, 0.0, 0.0))
            variances.append(0.0)
            continue
        free, se = event_free_at(outcome[treated], time)
        rows.append((treated.mean(), 1 - free, se**2))
        if clusters is not None:
            parts = np.zeros(len(outcome))
            there = np.unique(outcome.time[treated]).searchsorted(time, side="right")
            if there:
                parts[treated] = incidence_parts(causes(outcome[treated]))[:, there - 1]
            variances.append(_of_patients(threshold, treated, 1 - free, parts, clusters))
    return _curve(
        thresholds, np.array(rows), len(outcome), prevalence, level, np.array(variances if clusters is not None else [])
    )


def _of_patients(
    threshold: float, treated: BoolArray, rate: float, parts: FloatArray, clusters: npt.ArrayLike
) -> float:
    """Variance of a net benefit over whole patients, ``parts`` (n,) being what each row adds to the event ``rate``."""
    odds, share = threshold / (1 - threshold), float(treated.mean())
    each = (treated - share) / len(treated) * (rate * (1 + odds) - odds) + share * (1 + odds) * parts
    return float((sums_of_patients(each[:, None], clusters) ** 2).sum())


def _curve(
    thresholds: FloatArray, rows: FloatArray, n: int, prevalence: float, level: float, variances: FloatArray
) -> DecisionCurve:
    """From the share of patients treated, their event rate and its variance (T, 3).

    The net benefit is share·(rate·(1 + odds) − odds); given who is treated, the two factors are independent. Where
    there are ``variances`` (T,) of whole patients they are taken.
    """
    odds = thresholds / (1 - thresholds)
    share, rate, variance = rows.T
    gain = rate * (1 + odds) - odds
    spread = gain**2 * share * (1 - share) / n + (share * (1 + odds)) ** 2 * variance
    reach = z_value(level) * np.sqrt(variances if len(variances) else spread)
    benefit = share * gain
    return DecisionCurve(thresholds, benefit, prevalence - (1 - prevalence) * odds, benefit - reach, benefit + reach)


def _check(thresholds: FloatArray, probability: FloatArray, n: int) -> None:
    numbers(probability, "the predicted probability", n)
    if ((thresholds < 0) | (thresholds >= 1)).any():
        raise UsageError("Risk thresholds lie between 0 and 1.")
    if ((probability < 0) | (probability > 1)).any():
        raise UsageError("A decision curve needs predicted probabilities between 0 and 1, not a score.")
