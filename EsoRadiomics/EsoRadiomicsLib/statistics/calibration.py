"""Do predicted probabilities come true? In groups, as rms draws it, and as slope, intercept, observed/expected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit

from ..core.errors import InputError
from .competing import causes, cumulative_incidence, event_free_at
from .cox import CoxModel, fit_cox
from .estimate import Interval, sums_of_patients, wald_interval
from .fine_gray import FineGrayModel, fit_fine_gray
from .inputs import FloatArray, IntArray, Survival, binary, numbers
from .kaplan_meier import Limits, kaplan_meier
from .likelihood import LogisticLikelihood
from .logistic import fit_logistic

_LARGEST_SHIFT = 20.0
"""Hazards 5·10⁸ times as large or small as predicted."""


@dataclass(frozen=True)
class CalibrationGroups:
    """G groups of patients by predicted survival at ``time``, lowest first; every array but ``edges`` is (G,).

    ``observed`` is Kaplan–Meier's survival (1 − Aalen–Johansen's incidence where events compete) with its limits, NaN
    where a group was not followed that long; ``edges`` (G + 1,) bound the predicted survival of the groups.
    """

    time: float
    edges: FloatArray
    predicted: FloatArray
    observed: FloatArray
    lower: FloatArray
    upper: FloatArray
    n: IntArray
    n_events: IntArray


@dataclass(frozen=True)
class Calibration:
    """Perfect predictions have ``slope`` 1, ``intercept`` 0 and ``observed_expected`` 1.

    A slope below 1 means predictions too far apart (overfitting); an intercept above 0 or a ratio above 1, more events
    than predicted.
    """

    slope: Interval
    intercept: Interval
    observed_expected: Interval


@dataclass(frozen=True)
class HosmerLemeshow:
    """χ² of observed against expected events in groups by predicted probability."""

    chi2: float
    df: int
    p: float


def calibration_edges(survival: FloatArray, group_size: int = 50) -> FloatArray:
    """Bounds of ⌊n / group_size⌋ groups: quantiles of the predicted ``survival`` (n,) with 0 and 1 added, as in rms."""
    n_groups = max(1, len(survival) // group_size)
    return np.unique(np.quantile(np.concatenate([[0.0, 1.0], survival]), np.linspace(0, 1, n_groups + 1)))


def km_calibration(
    outcome: Survival,
    survival: npt.ArrayLike,
    time: float,
    edges: FloatArray,
    limits: Limits = "log",
    level: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> CalibrationGroups:
    """Predicted ``survival`` (n,) at ``time`` against Kaplan–Meier in groups (rms ``calibrate(cmethod="KM")``).

    rms draws a smooth curve by default; Python has no equal of it, so groups are used throughout. ``clusters`` (n,) say
    which rows are of one patient.
    """
    predicted = numbers(survival, "the predicted survival", len(outcome))
    group = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, len(edges) - 2)
    rows = []
    for g in range(len(edges) - 1):
        member = group == g
        if not member.any():
            rows.append((np.nan, np.nan, np.nan, np.nan, 0, 0))
            continue
        whose = None if clusters is None else np.asarray(clusters)[member]
        observed_there = _observed(outcome[member], time, limits, level, whose)
        rows.append((predicted[member].mean(), *observed_there, member.sum(), outcome[member].n_events))
    means, observed, low, high, n, n_events = np.array(rows).T
    return CalibrationGroups(time, edges, means, observed, low, high, n.astype(np.int64), n_events.astype(np.int64))


def survival_calibration(
    outcome: Survival,
    linear_predictor: npt.ArrayLike,
    survival: npt.ArrayLike,
    time: float,
    level: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> Calibration:
    """Calibration of a Cox model until ``time``, from its predictions for n patients, each (n,).

    Slope: the coefficient of the ``linear_predictor`` in a Cox model of its own, with limits robust to ``clusters``
    (n,). Observed/expected: (1 − Kaplan–Meier at ``time``) / mean(1 − ``survival`` at ``time``). Intercept: what is to
    be added to every linear predictor for that ratio to become 1; as in a logistic model it is 0 for a model that is
    right in the large.
    Where events compete the observed risk is Aalen–Johansen's, and the slope is that of Fine and Gray's model of the
    ``linear_predictor``, which is then ln(−ln(1 − risk)) (van Geloven et al., BMJ 2022;377:e069249).
    (Crowson, Atkinson & Therneau, Stat Methods Med Res 2016, take ln(events / Σ H0(follow-up)·e^lp) instead. That needs
    the whole baseline hazard, of which a study card holds the horizons only.)
    """
    predicted = numbers(survival, "the predicted survival", len(outcome))
    risk = numbers(linear_predictor, "the linear predictor", len(outcome))
    slope = calibration_model(outcome, risk, clusters)
    alive, se = event_free_at(outcome, time, clusters)
    if not 0 < alive < 1:
        raise InputError(
            f"Observed and expected events cannot be compared at time {time:g}: by then nobody, or everybody, had the "
            "event, or nobody was followed that long."
        )
    return Calibration(
        slope=wald_interval(float(slope.coefficients[0]), float(slope.se[0]), level),
        intercept=_in_the_large(predicted, alive, se, level),
        observed_expected=_ratio(1 - alive, float(np.mean(1 - predicted)), se / (1 - alive), level),
    )


def calibration_model(
    outcome: Survival, risk: FloatArray, clusters: npt.ArrayLike | None = None
) -> CoxModel | FineGrayModel:
    """The model of predictors ``risk`` (n,) alone, whose coefficient is the calibration slope."""
    table = pd.DataFrame({"linear predictor": risk})
    if outcome.competed is None:
        return fit_cox(table, outcome, clusters)
    return fit_fine_gray(table, causes(outcome), clusters)


def logistic_calibration(
    outcome: npt.ArrayLike, log_odds: npt.ArrayLike, level: float = 0.95, clusters: npt.ArrayLike | None = None
) -> Calibration:
    """Calibration of a logistic model, from its predicted ``log_odds`` (n,) of an ``outcome`` (n,) coded 0/1.

    Slope: the coefficient of the log odds in a logistic model of its own. Intercept: that of a model with the log odds
    as an offset (calibration in the large; Cox 1958). Observed/expected: events / Σ probabilities. All limits are
    robust to ``clusters`` (n,), rows of one patient.
    """
    event = binary(outcome)
    predicted = numbers(log_odds, "the log odds", len(event))
    slope = fit_logistic(pd.DataFrame({"log odds": predicted}), event, clusters)
    intercept = LogisticLikelihood(event).intercept(predicted)
    recalibrated = expit(predicted + intercept)
    information, rate = float(np.sum(recalibrated * (1 - recalibrated))), float(event.mean())
    intercept_se, ratio_se = 1 / math.sqrt(information), math.sqrt((1 - rate) / (rate * len(event)))
    if clusters is not None:
        parts = np.column_stack([(event - recalibrated) / information, (event - rate) / (rate * len(event))])
        intercept_se, ratio_se = np.sqrt((sums_of_patients(parts, clusters) ** 2).sum(axis=0))
    return Calibration(
        slope=wald_interval(float(slope.coefficients[0]), float(slope.se[1]), level),
        intercept=wald_interval(intercept, intercept_se, level),
        observed_expected=_ratio(rate, float(expit(predicted).mean()), ratio_se, level),
    )


def hosmer_lemeshow(outcome: npt.ArrayLike, probability: npt.ArrayLike, n_groups: int = 10) -> HosmerLemeshow:
    """Test of fit in the patients the model was built from, with ``n_groups`` − 2 degrees of freedom.

    Groups are quantiles of the ``probability`` (n,), as in R's ``ResourceSelection::hoslem.test``.
    """
    event = binary(outcome)
    predicted = numbers(probability, "the predicted probability", len(event))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, n_groups + 1)))
    if len(edges) < 4:
        raise InputError("The Hosmer–Lemeshow test needs at least three groups of patients with different predictions.")
    group = np.clip(np.searchsorted(edges, predicted) - 1, 0, len(edges) - 2)
    n, observed, expected = np.bincount(group), np.bincount(group, event), np.bincount(group, predicted)
    chi2 = float(np.sum((observed - expected) ** 2 / (expected * (1 - expected / n))))
    df = len(n) - 2
    return HosmerLemeshow(chi2, df, float(stats.chi2.sf(chi2, df)))


def _observed(
    outcome: Survival, time: float, limits: Limits, level: float, clusters: npt.ArrayLike | None
) -> tuple[float, float, float]:
    """Probability of not having had the event by ``time``, with limits: Kaplan–Meier's, or 1 − Aalen–Johansen's."""
    if outcome.competed is None:
        curve = kaplan_meier(outcome, limits, level, clusters)
        lower, upper = curve.band(time)
        return float(curve.at(time)[0]), float(lower[0]), float(upper[0])
    incidence = cumulative_incidence(causes(outcome), level=level, clusters=clusters)
    lower, upper = incidence.band(time)
    return 1 - float(incidence.at(time)[0]), 1 - float(upper[0]), 1 - float(lower[0])


def _in_the_large(survival: FloatArray, alive: float, alive_se: float, level: float) -> Interval:
    """The shift a with mean(``survival``^exp(a)) = ``alive``; its error is that of ``alive`` by the delta method."""

    def excess(shift: float) -> float:
        return float(np.mean(survival ** math.exp(shift))) - alive

    if excess(-_LARGEST_SHIFT) < 0 or excess(_LARGEST_SHIFT) > 0:
        raise InputError("The predicted survival is 0 or 1 in so many patients that no shift calibrates it.")
    shift = float(brentq(excess, -_LARGEST_SHIFT, _LARGEST_SHIFT, xtol=1e-12))
    hazard = -np.log(np.maximum(survival, np.finfo(float).tiny)) * math.exp(shift)
    return wald_interval(shift, alive_se / float(np.mean(hazard * np.exp(-hazard))), level)


def _ratio(observed: float, expected: float, se_of_log: float, level: float) -> Interval:
    logarithm = wald_interval(math.log(observed / expected), se_of_log, level)
    return Interval(math.exp(logarithm.value), math.exp(logarithm.lower), math.exp(logarithm.upper))
