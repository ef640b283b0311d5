"""Discrimination and error of survival predictions: Harrell's and Uno's C, time-dependent AUC, Brier score.

A marker of risk is higher in patients with the earlier event. Uno's C, the AUC and the Brier score replace patients
lost to follow-up by weight on those like them (inverse probability of censoring weights, G by Kaplan–Meier). Each
comes with a standard error; ``paired_difference`` compares two markers in the same patients. Who had a competing event
counts as a patient who will never have the event (Wolbers et al., Epidemiology 2009 and Biostatistics 2014; Blanche,
Dartigues & Jacqmin-Gadda, Stat Med 2013): one of the lower risk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError, UsageError
from .censoring import Censoring
from .estimate import Estimate, clustered, estimate_share
from .inputs import BoolArray, FloatArray, Survival, numbers

_PAIRS_AT_ONCE = 2**21


@dataclass(frozen=True)
class AucOverTime:
    """Time-dependent AUC at each of ``times`` (T,) with its confidence limits, all (T,)."""

    times: FloatArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray


def harrell(outcome: Survival, risk: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Share of comparable pairs in which the patient with the earlier event has the higher ``risk`` (n,); ties ½.

    The error is the infinitesimal jackknife's (R: ``survival::concordance``, also Hmisc's SD(Dxy)/2).
    """
    return _concordance(outcome, risk, outcome.event.astype(np.float64), np.ones(len(outcome)), level)


def uno(outcome: Survival, risk: npt.ArrayLike, tau: float | None = None, level: float = 0.95) -> Estimate:
    """Harrell's index with pairs weighted by 1/G(t)², so that it does not depend on the censoring (Uno et al. 2011).

    With ``tau`` only events up to that time count. R: ``concordance(timewt="n/G2")``, whose error takes G as known.
    """
    uncensored = Censoring(outcome).before(outcome.time)
    weight = outcome.event / uncensored**2
    if tau is not None:
        weight[outcome.time > tau] = 0
    return _concordance(outcome, risk, weight, uncensored, level)


def auc_at(outcome: Survival, risk: npt.ArrayLike, time: float, level: float = 0.95) -> Estimate:
    """AUC of ``risk`` (n,) for an event up to ``time`` against survival beyond it (Blanche et al., Stat Med 2013).

    R: timeROC, riskRegression ``Score``; the error counts the estimation of G. Raise InputError when nobody is on one
    of the sides.
    """
    marker = numbers(risk, "the risk", len(outcome))
    cases = outcome.event & (outcome.time <= time)
    beyond = outcome.time > time
    controls = beyond | _competed_by(outcome, time)
    if not cases.any() or not beyond.any():
        side = "had the event by" if not cases.any() else "was followed beyond"
        raise InputError(f"The AUC at time {time:g} cannot be computed: no patient {side} then; choose another time.")
    censoring = Censoring(outcome)
    uncensored = np.where(beyond, censoring.after(time), censoring.before(outcome.time))
    case, control = cases / uncensored, controls / uncensored
    # higher[i, j]: patient i has a higher risk than control j; ties count one half.
    higher = 0.5 + 0.5 * np.sign(marker[:, None] - marker[None, controls])
    exceeded = higher @ control[controls]
    exceeding = np.zeros(len(outcome))
    exceeding[controls] = case @ higher
    pairs = case.sum() * control.sum()
    value = float(case @ exceeded / pairs)
    of_pairs = case * (exceeded - value * control.sum()) + control * (exceeding - value * case.sum())
    influence = (of_pairs + censoring.influence(-of_pairs, _until(outcome, time))) / pairs
    return estimate_share(value, _sample(influence), level)


def auc_over_time(
    outcome: Survival,
    risk: npt.ArrayLike,
    times: FloatArray,
    level: float = 0.95,
    clusters: npt.ArrayLike | None = None,
) -> AucOverTime:
    """:func:`auc_at` for each of ``times`` (T,); limits of whole patients where ``clusters`` (n,) name them."""
    found = [auc_at(outcome, risk, float(time), level) for time in times]
    if clusters is not None:
        found = [clustered(item, clusters) for item in found]
    value, lower, upper = np.array([(item.value, item.lower, item.upper) for item in found]).T
    return AucOverTime(times, value, lower, upper)


def brier(outcome: Survival, survival: npt.ArrayLike, time: float, level: float = 0.95) -> Estimate:
    """Mean squared error of the predicted ``survival`` (n,) at ``time``; 0.25 is that of a coin (Graf et al. 1999).

    R: riskRegression ``Score``. Raise InputError when nobody was followed beyond ``time``.
    """
    predicted = numbers(survival, "the predicted survival", len(outcome))
    if time >= outcome.time.max():
        raise InputError(f"Nobody was followed beyond time {time:g}, so no prediction can be checked there.")
    censoring = Censoring(outcome)
    died = outcome.event & (outcome.time <= time)
    spared = (outcome.time > time) | _competed_by(outcome, time)
    uncensored = np.where(outcome.time > time, censoring.after(time), censoring.before(outcome.time))
    error = (died * predicted**2 + spared * (1 - predicted) ** 2) / uncensored
    value = float(error.mean())
    influence = (error - value + censoring.influence(-error, _until(outcome, time))) / len(outcome)
    return estimate_share(value, _sample(influence), level)


def integrated_brier(outcome: Survival, survival: FloatArray, times: npt.ArrayLike) -> float:
    """Brier score averaged over ``times`` (T,), increasing, by the trapezoidal rule; ``survival`` is (n, T)."""
    grid = numbers(times, "the times")
    if len(grid) < 2 or (np.diff(grid) <= 0).any():
        raise UsageError("The integrated Brier score needs at least two times in increasing order.")
    scores = np.array([brier(outcome, survival[:, k], float(time)).value for k, time in enumerate(grid)])
    return float(np.sum((scores[1:] + scores[:-1]) / 2 * np.diff(grid)) / (grid[-1] - grid[0]))


def _competed_by(outcome: Survival, time: float) -> BoolArray:
    """Who had a competing event up to ``time`` (n,)."""
    none = np.zeros(len(outcome), dtype=np.bool_)
    return none if outcome.competed is None else outcome.competed & (outcome.time <= time)


def _until(outcome: Survival, time: float) -> FloatArray:
    """Before which time (n,) the weight's G is read: G(time) of those beyond is G just before anything later."""
    return np.where(outcome.time > time, np.nextafter(time, np.inf), outcome.time)


def _concordance(
    outcome: Survival, risk: npt.ArrayLike, weight: FloatArray, uncensored: FloatArray, level: float
) -> Estimate:
    """``weight`` (n,) belongs to the pairs in which the patient is the one with the event; ``uncensored`` is G (n,)."""
    marker = numbers(risk, "the risk", len(outcome))
    concordant, pairs = np.zeros(len(outcome)), np.zeros(len(outcome))
    cases = np.flatnonzero(weight)
    for some in np.array_split(cases, len(cases) * len(outcome) // _PAIRS_AT_ONCE + 1):
        time = outcome.time[some, None]
        comparable = weight[some, None] * ((outcome.time > time) | ((outcome.time == time) & ~outcome.event))
        if outcome.competed is not None:
            before = weight[some, None] * uncensored[some, None] / uncensored
            comparable = np.where(outcome.competed & (outcome.time <= time), before, comparable)
        agree = comparable * (0.5 + 0.5 * np.sign(marker[some, None] - marker))
        for total, part in ((concordant, agree), (pairs, comparable)):
            total += part.sum(axis=0)
            total[some] += part.sum(axis=1)
    total = pairs.sum() / 2
    if total == 0:
        raise InputError("No two patients can be compared: nobody was followed beyond another patient's event.")
    value = float(concordant.sum() / 2 / total)
    return estimate_share(value, (concordant - value * pairs) / total, level)


def _sample(influence: FloatArray) -> FloatArray:
    """riskRegression divides by n − 1 where the jackknife divides by n."""
    return influence * np.sqrt(len(influence) / (len(influence) - 1))
